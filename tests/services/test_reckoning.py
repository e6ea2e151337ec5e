"""Reckonings in real child processes: late ones are killed, dead ones replaced, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.reckoning import InlineReckoner, Reckoner, ReckoningFailed, ReckoningLate
from tests.services import reckonings

QUICK_S = 20.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def reckoner() -> AsyncIterator[Reckoner]:
    made = Reckoner()
    try:
        yield made
    finally:
        await made.close()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid: int, within_s: float = 5.0) -> bool:
    began = time.monotonic()
    while lives(pid) and time.monotonic() - began < within_s:
        await asyncio.sleep(0.02)
    return not lives(pid)


async def test_the_kept_child_is_another_process_niced_and_stays(reckoner: Reckoner) -> None:
    pid, niceness, threads = await reckoner.warm(reckonings.about_me, timeout_s=QUICK_S)
    assert pid != os.getpid()
    assert niceness == min(os.nice(0) + 10, 19)
    assert threads == "1"
    assert await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S) == pid


async def test_calls_at_the_same_time_wait_for_each_other(reckoner: Reckoner) -> None:
    calls = [reckoner.warm(reckonings.double, n, timeout_s=QUICK_S) for n in range(8)]
    assert await asyncio.gather(*calls) == [2 * n for n in range(8)]
    assert len(reckoner.processes) == 1


async def test_what_is_printed_and_what_is_large_does_not_disturb(reckoner: Reckoner) -> None:
    assert await reckoner.warm(reckonings.talk, timeout_s=QUICK_S) == "heard"
    assert len(await reckoner.warm(reckonings.big, 5_000_000, timeout_s=QUICK_S)) == 5_000_000


async def test_a_late_one_is_killed_and_the_next_call_works(reckoner: Reckoner) -> None:
    pid = await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S)
    with pytest.raises(ReckoningLate, match=r"sleep took longer than 0\.2 s"):
        await reckoner.warm(reckonings.sleep, 60.0, timeout_s=0.2)
    assert not lives(pid)
    assert await reckoner.warm(reckonings.double, 4, timeout_s=QUICK_S) == 8


async def test_a_crash_is_told_and_the_next_call_works(reckoner: Reckoner) -> None:
    with pytest.raises(ReckoningFailed, match=r"die: its process died \(code 7\)"):
        await reckoner.warm(reckonings.die, 7, timeout_s=QUICK_S)
    assert await reckoner.warm(reckonings.double, 4, timeout_s=QUICK_S) == 8


async def test_an_error_is_told_and_the_child_goes_on(reckoner: Reckoner) -> None:
    pid = await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S)
    with pytest.raises(ReckoningFailed, match="fail: ValueError: no bread here"):
        await reckoner.warm(reckonings.fail, "bread", timeout_s=QUICK_S)
    assert await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S) == pid


async def test_a_child_that_was_killed_meanwhile_is_replaced(reckoner: Reckoner) -> None:
    pid = await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S)
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.2)  # until the loop has heard of it
    assert await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S) != pid


async def test_a_cancelled_call_leaves_no_answer_for_the_next_one(reckoner: Reckoner) -> None:
    slow = asyncio.create_task(reckoner.warm(reckonings.sleep, 60.0, timeout_s=QUICK_S))
    while not reckoner.processes:
        await asyncio.sleep(0.01)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await reckoner.warm(reckonings.double, 3, timeout_s=QUICK_S) == 6


async def test_once_takes_a_process_that_is_gone_afterwards(reckoner: Reckoner) -> None:
    kept = await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S)
    pid = await reckoner.once(reckonings.process_id, timeout_s=QUICK_S)
    assert pid != kept
    assert not lives(pid)
    with pytest.raises(ReckoningLate):
        await reckoner.once(reckonings.sleep, 60.0, timeout_s=0.2)
    assert reckoner.processes == (kept,)


async def test_an_idle_child_gives_its_memory_back() -> None:
    reckoner = Reckoner(idle_s=0.2)
    try:
        pid = await reckoner.warm(reckonings.process_id, timeout_s=QUICK_S)
        assert await gone(pid)
        assert await reckoner.warm(reckonings.double, 1, timeout_s=QUICK_S) == 2
    finally:
        await reckoner.close()


async def test_closing_ends_every_child_and_what_it_was_at(reckoner: Reckoner) -> None:
    calls = [
        asyncio.create_task(reckoner.warm(reckonings.sleep, 60.0, timeout_s=90.0)),
        asyncio.create_task(reckoner.once(reckonings.sleep, 60.0, timeout_s=90.0)),
    ]
    while len(reckoner.processes) < 2:
        await asyncio.sleep(0.01)
    pids = reckoner.processes
    await reckoner.close()
    for call in calls:
        with pytest.raises(ReckoningFailed, match="signal 9"):
            await call
    assert not any(lives(pid) for pid in pids)
    with pytest.raises(ReckoningFailed, match="is ending"):
        await reckoner.warm(reckonings.double, 1, timeout_s=QUICK_S)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_parent_that_is_killed_leaves_no_orphan_even_at_work(how: signal.Signals) -> None:
    code = (
        "import asyncio\nfrom services.reckoning import Reckoner\nfrom tests.services import reckonings\n"
        "async def main():\n"
        "    reckoner = Reckoner()\n"
        "    print(await reckoner.warm(reckonings.process_id, timeout_s=20), flush=True)\n"
        "    await reckoner.warm(reckonings.sleep, 60.0, timeout_s=90)\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert parent.stdout is not None
        pid = int(await parent.stdout.readline())
        os.kill(pid, signal.SIGTERM)  # as a signal to the whole group: the child waits for its parent
        await asyncio.sleep(0.1)
        assert lives(pid)
        parent.send_signal(how)
        assert await gone(pid)
    finally:
        if parent.returncode is None:
            parent.kill()
        await parent.wait()


async def test_in_a_thread_the_same_is_said_of_what_is_late_and_what_fails() -> None:
    inline = InlineReckoner()
    assert await inline.warm(reckonings.double, 4, timeout_s=QUICK_S) == 8
    with pytest.raises(ReckoningFailed, match="fail: ValueError: no bread here"):
        await inline.once(reckonings.fail, "bread", timeout_s=QUICK_S)
    with pytest.raises(ReckoningLate):
        await inline.warm(reckonings.sleep, 0.3, timeout_s=0.05)
    await inline.close()
