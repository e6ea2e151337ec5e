"""Child processes: started again with growing pauses, ended together, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.processes.supervisor import Child, ChildGaveUp, Pace, supervise

ROOT = Path(__file__).resolve().parents[2]
QUICK = Pace(first_pause_s=0.05, longest_pause_s=0.2, steady_after_s=30, drain_s=0.5)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('{}', 'w').close(); time.sleep(60)"
OBEYS = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
open('{}', 'w').close()
time.sleep(60)
"""
PARENT = """
import asyncio, sys
from app.processes.supervisor import Child, supervise

code = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
child = Child("child", ["-c", code], {}, None, [sys.executable])
asyncio.run(supervise([child], asyncio.Event()))
"""


def python(name: str, code: str) -> Child:
    return Child(name, ["-c", code], {"GREETING": "hello"}, program=[sys.executable])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


async def _appears(*files: Path) -> None:
    async with asyncio.timeout(10):
        while not all(file.exists() for file in files):
            await asyncio.sleep(0.02)


async def test_a_child_that_crashes_is_started_again_with_growing_pauses():
    stop = asyncio.Event()
    with capture_logs() as logs:
        running = asyncio.create_task(supervise([python("bot", "raise SystemExit(1)")], stop, pace=QUICK))
        async with asyncio.timeout(10):
            while len([entry for entry in logs if entry["event"] == "child_ended"]) < 4:
                await asyncio.sleep(0.02)
        stop.set()
        await running
    ends = [entry for entry in logs if entry["event"] == "child_ended"]
    assert [entry["again_in_s"] for entry in ends[:4]] == [0.05, 0.1, 0.2, 0.2]
    assert {entry["code"] for entry in ends} == {1}


async def test_a_child_that_was_steady_is_started_again_soon():
    stop = asyncio.Event()
    steady = Pace(first_pause_s=0.01, longest_pause_s=5, steady_after_s=0.0, drain_s=1)
    with capture_logs() as logs:
        running = asyncio.create_task(supervise([python("bot", "raise SystemExit(1)")], stop, pace=steady))
        async with asyncio.timeout(10):
            while len([entry for entry in logs if entry["event"] == "child_ended"]) < 3:
                await asyncio.sleep(0.02)
        stop.set()
        await running
    assert {entry["again_in_s"] for entry in logs if entry["event"] == "child_ended"} == {0.01}


async def test_a_child_that_refuses_its_settings_ends_everything(tmp_path):
    up = tmp_path / "up"
    children = [
        python("bot", OBEYS.format(up)),
        python(
            "worker",
            f"import os, sys, time\nwhile not os.path.exists('{up}'): time.sleep(0.02)\nsys.exit(2)",
        ),
    ]
    with capture_logs() as logs, pytest.raises(ChildGaveUp, match="the worker cannot run with these settings"):
        await supervise(children, asyncio.Event(), pace=QUICK)
    started = [entry["pid"] for entry in logs if entry["event"] == "child_started"]
    assert len(started) == 2
    assert not any(_alive(pid) for pid in started)


async def test_stopping_ends_children_that_obey_and_kills_those_that_do_not(tmp_path):
    stop = asyncio.Event()
    up = [tmp_path / "a", tmp_path / "b"]
    children = [python("bot", OBEYS.format(up[0])), python("worker", STUBBORN.format(up[1]))]
    with capture_logs() as logs:
        running = asyncio.create_task(supervise(children, stop, pace=QUICK))
        await _appears(*up)
        began = time.monotonic()
        stop.set()
        await running
        assert 0.4 < time.monotonic() - began < 3
    assert [entry["child"] for entry in logs if entry["event"] == "child_killed"] == ["worker"]
    assert not any(_alive(entry["pid"]) for entry in logs if entry["event"] == "child_started")


async def test_cancelling_the_supervisor_leaves_no_child_behind(tmp_path):
    up = tmp_path / "up"
    with capture_logs() as logs:
        running = asyncio.create_task(supervise([python("bot", OBEYS.format(up))], asyncio.Event(), pace=QUICK))
        await _appears(up)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    (pid,) = [entry["pid"] for entry in logs if entry["event"] == "child_started"]
    assert not _alive(pid)


async def test_a_child_that_cannot_be_started_is_tried_again():
    stop = asyncio.Event()
    with capture_logs() as logs:
        missing = Child("bot", [], {}, program=["/nowhere/at/all"])
        running = asyncio.create_task(supervise([missing], stop, pace=QUICK))
        await asyncio.sleep(0.3)
        assert not running.done()
        stop.set()
        await running
    assert len([entry for entry in logs if entry["event"] == "child_not_started"]) >= 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no signal for a parent's death")
async def test_children_end_when_the_supervisor_is_killed():
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(10):
        while not (line := await parent.stdout.readline()).startswith(b"pid"):
            assert line
    pid = int(line.split()[1])
    parent.kill()
    await parent.communicate()
    async with asyncio.timeout(5):
        while _alive(pid):
            await asyncio.sleep(0.02)
