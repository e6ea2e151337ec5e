"""`commandcenter demo` told to end by a signal: as a process manager, `timeout` or a closed terminal does it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("when", ["Starting", "Ready after"])
async def test_sigterm_ends_the_demo_and_all_that_it_started(tmp_path: Path, when: str) -> None:
    data = tmp_path / "data"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "demo", "--data", str(data)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,  # it stays open: not the end of the input ends it
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while when.encode() not in (line := await process.stdout.readline()):
                assert line, "it ended by itself"
            if when == "Starting":
                while not (data / "redis" / "redis.sock").exists():
                    await asyncio.sleep(0.02)
        assert _using(data)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(45):
            rest, _ = await process.communicate()
        assert process.returncode == 0, rest
        assert _using(data) == {}
    finally:
        if process.returncode is None:
            process.kill()


def _using(data: Path) -> dict[int, str]:
    """The processes that name the folder in their command line or environment (Linux)."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            named = words + (folder / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is somebody else's
        if os.fsencode(data) in named and int(folder.name) != os.getpid():
            found[int(folder.name)] = os.fsdecode(words)
    return found
