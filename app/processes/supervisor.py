"""Child processes that are started again when they end, and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger()
EXIT_SETTINGS = 2  # starting again would not help
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STEADY_AFTER_S = 60.0
DRAIN_S = 12.0


@dataclass(frozen=True, slots=True)
class Child:
    """A command of ours to keep running. Its log goes to our stderr, or to `log_file`."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path | None = None


class ChildGaveUp(Exception):
    """A child ended because of its settings; its own message on stderr says which."""


async def supervise(children: Sequence[Child], stop: asyncio.Event) -> None:
    """Keep all children running until `stop` is set, then end them; raises `ChildGaveUp`."""
    tasks = [asyncio.create_task(_keep(child, stop)) for child in children]
    try:
        await asyncio.gather(*tasks)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def start(child: Child, *, capture: bool = False) -> asyncio.subprocess.Process:
    """Start a child in a session of its own, so that Ctrl-C reaches it through us and in order."""
    with contextlib.ExitStack() as stack:
        log_to = stack.enter_context(child.log_file.open("ab")) if child.log_file else None
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app",
            *child.arguments,
            env={**os.environ, **child.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if capture else None,
            stderr=log_to,
            start_new_session=True,
        )


async def end(process: asyncio.subprocess.Process, name: str) -> None:
    """Ask a child to end; kill it when it does not within 12 s."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), DRAIN_S)
    except TimeoutError:
        log.warning("child_killed", child=name, after_s=DRAIN_S)
        process.kill()
        await process.wait()


async def _keep(child: Child, stop: asyncio.Event) -> None:
    pause_s = FIRST_PAUSE_S
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        started = loop.time()
        process = await start(child)
        log.info("child_started", child=child.name, pid=process.pid)
        ending = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            await end(process, child.name)
            return
        if process.returncode == EXIT_SETTINGS:
            stop.set()
            raise ChildGaveUp(f"the {child.name} cannot run with these settings; see its message above")
        log.error("child_ended", child=child.name, code=process.returncode)
        pause_s = FIRST_PAUSE_S if loop.time() - started > STEADY_AFTER_S else min(pause_s * 2, LONGEST_PAUSE_S)
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue
