"""Child processes that are started again when they end, and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import structlog

log = structlog.get_logger()
EXIT_SETTINGS = 2  # starting again would not help
US = (sys.executable, "-m", "app")


@dataclass(frozen=True, slots=True)
class Child:
    """A command of ours to keep running. Its log goes to our stderr, or to `log_file`."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path | None = None
    program: Sequence[str] = US


@dataclass(frozen=True, slots=True)
class Pace:
    """How children are treated (s): pauses before a new start, doubled after each quick end, and the time to end in."""

    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    steady_after_s: float = 60.0
    drain_s: float = 12.0


USUAL = Pace()


class ChildGaveUp(Exception):
    """A child ended because of its settings; its own message on stderr says which."""


async def supervise(children: Sequence[Child], stop: asyncio.Event, *, pace: Pace = USUAL) -> None:
    """Keep all children running until `stop` is set, then end them; raises `ChildGaveUp`."""
    tasks = [asyncio.create_task(_keep(child, stop, pace)) for child in children]
    try:
        await asyncio.gather(*tasks)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def start(child: Child, *, capture: bool = False) -> asyncio.subprocess.Process:
    """Start a child in a session of its own, so that Ctrl-C reaches it through us and in order.

    On Linux it gets SIGTERM when we die without a word: a second bot beside an orphan would fight over the messages.
    """
    with contextlib.ExitStack() as stack:
        log_to = stack.enter_context(child.log_file.open("ab")) if child.log_file else None
        return await asyncio.create_subprocess_exec(
            *child.program,
            *child.arguments,
            env={**os.environ, **child.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if capture else None,
            stderr=log_to,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


async def end(process: asyncio.subprocess.Process, name: str, *, drain_s: float = USUAL.drain_s) -> None:
    """Ask a child to end; kill it when it does not within `drain_s`."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), drain_s)
    except TimeoutError:
        log.warning("child_killed", child=name, after_s=drain_s)
        process.kill()
        await process.wait()


async def _keep(child: Child, stop: asyncio.Event, pace: Pace) -> None:
    loop = asyncio.get_running_loop()
    quick_ends = 0
    while not stop.is_set():
        started = loop.time()
        code = await _run_once(child, stop, pace)
        if stop.is_set():
            return
        if code == EXIT_SETTINGS:
            stop.set()
            raise ChildGaveUp(f"the {child.name} cannot run with these settings; see its message above")
        quick_ends = 0 if loop.time() - started > pace.steady_after_s else quick_ends + 1
        pause_s = min(pace.first_pause_s * 2 ** min(max(quick_ends - 1, 0), 20), pace.longest_pause_s)
        log.error("child_ended", child=child.name, code=code, again_in_s=pause_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)


async def _run_once(child: Child, stop: asyncio.Event, pace: Pace) -> int | None:
    """Run a child to its end, or end it with `stop`; its exit code, None when it could not be started."""
    try:
        process = await start(child)
    except OSError as error:  # no memory, no file handles: later perhaps
        log.error("child_not_started", child=child.name, reason=str(error))
        return None
    log.info("child_started", child=child.name, pid=process.pid)
    ending = asyncio.create_task(process.wait())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await end(process, child.name, drain_s=pace.drain_s)
    return process.returncode


def _prctl() -> Callable[..., int] | None:
    """Linux's prctl(2), looked up before any fork."""
    if sys.platform != "linux":
        return None
    try:
        return cast(Callable[..., int], ctypes.CDLL(None).prctl)
    except (OSError, AttributeError):
        return None


_PRCTL = _prctl()
_SET_PARENT_DEATH_SIGNAL = 1


def _die_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGTERM))
