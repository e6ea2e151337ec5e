"""Writing the record without letting it hold up a switch.

A database that is locked, full or away makes a relay wait for a second, not for a minute: the writing goes on behind,
in order, and a failure is logged. What must not be lost is written later, when the database takes it again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from jobs.work import Work

log = structlog.get_logger()
CLOSE_WITHIN_S = 2.0
STUCK_AFTER_S = 5.0
MOST_WAITING = 1_000
ALONE_AFTER_S = 15.0  # nothing was written meanwhile, though relays are looked at more often
MOST_TRIES = 5  # while other things can be written


@dataclass(slots=True)
class _Entry:
    event: str
    name: str
    run: Callable[[], Awaitable[None]]
    keep: str | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    tries: int = 0
    writes_before: int = 0

    @property
    def key(self) -> str:
        """What it is about: the same for each of its tries."""
        return self.keep or f"{self.event}:{self.name}"


class Recorder:
    """Writes one thing after the other."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[_Entry] = deque()
        self._kept: dict[str, _Entry] = {}  # refused so far, oldest first
        self._more = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._busy_since_s: float | None = None
        self._refusals: set[str] = set()  # what was refused since the last write, by key
        self._refused_since_s: float | None = None
        self._writes = 0

    @property
    def trouble(self) -> bool:
        """Whether the database takes no writes now: it refuses whatever it is, or takes very long over it.

        One row alone that is refused has a fault of its own, as a rule.
        """
        now_s, busy_s, refused_s = self._work.monotonic(), self._busy_since_s, self._refused_since_s
        speed = self._work.speed  # a database takes real time
        return (
            len(self._refusals) > 1
            or (busy_s is not None and now_s - busy_s > STUCK_AFTER_S * speed)
            or (refused_s is not None and now_s - refused_s > ALONE_AFTER_S * speed)
        )

    async def write(
        self, event: str, name: str, run: Callable[[], Awaitable[None]], *, keep: str | None = None
    ) -> None:
        """Write in turn, and wait for the end, but not for long. A failure is logged as `event`.

        With `keep` it is tried again until it is written, or until something newer of the same name replaces it.
        """
        entry = _Entry(event, name, run, keep, writes_before=self._writes)
        if keep is not None:
            self._kept.pop(keep, None)
            self._waiting = deque(each for each in self._waiting if each.keep != keep)
        self._writer = self._writer or asyncio.create_task(self._write_all())
        self._more.set()
        if keep is not None and self._kept:  # behind what was refused before it
            self._keep(keep, entry)
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lose(self._waiting.popleft())
        self._waiting.append(entry)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._work.pace.record_s):
                await entry.ended.wait()

    async def close(self) -> None:
        """Let what waits be written, within limits of time."""
        if self._writer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                while (self._waiting or self._busy_since_s is not None) and not self._writer.done():
                    await asyncio.sleep(0.01)
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        for entry in (*self._kept.values(), *self._waiting):
            self._lose(entry)

    async def _write_all(self) -> None:
        while True:
            entry = await self._next()
            self._busy_since_s = self._work.monotonic()
            try:
                await entry.run()
            except Exception as error:  # noqa: BLE001  whatever the database has, a relay is switched; it is logged
                self._work.surprises.failed(entry.event, entry.name, error)
                self._refused(entry)
            else:
                self._work.surprises.succeeded(entry.event, entry.name)
                self._written(entry)
            finally:
                self._busy_since_s = None
                entry.ended.set()

    async def _next(self) -> _Entry:
        while not self._waiting:
            self._more.clear()
            if not self._kept:
                await self._more.wait()
                continue
            if self._refusals:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._work.pace.tick_s):
                        await self._more.wait()
            if not self._waiting and self._kept:
                return self._next_kept()
        return self._waiting.popleft()

    def _next_kept(self) -> _Entry:
        """The oldest; the one behind it, where that alone was refused twice and may have a fault of its own."""
        oldest = next(iter(self._kept.values()))
        if len(self._refusals) > 1 or oldest.tries < 2:
            return oldest
        return next((entry for entry in self._kept.values() if entry.key not in self._refusals), oldest)

    def _refused(self, entry: _Entry) -> None:
        self._refusals.add(entry.key)
        if self._refused_since_s is None:
            self._refused_since_s = self._work.monotonic()
        entry.tries += 1
        if entry.keep is None or self._newer(entry):
            return
        if entry.tries >= MOST_TRIES and self._writes > entry.writes_before:
            self._kept.pop(entry.keep, None)
            self._lose(entry)
            return
        self._keep(entry.keep, entry)

    def _written(self, entry: _Entry) -> None:
        self._refusals.clear()
        self._refused_since_s = None
        self._writes += 1
        if entry.keep is not None and self._kept.get(entry.keep) is entry:
            del self._kept[entry.keep]

    def _newer(self, entry: _Entry) -> bool:
        """Whether something newer of the same name came while this one was being written."""
        kept = self._kept.get(entry.keep or "")
        return (kept is not None and kept is not entry) or any(each.keep == entry.keep for each in self._waiting)

    def _keep(self, name: str, entry: _Entry) -> None:
        self._kept.setdefault(name, entry)
        if len(self._kept) > MOST_WAITING:
            self._lose(self._kept.pop(next(iter(self._kept))))

    def _lose(self, entry: _Entry) -> None:
        log.error("record_lost", event_lost=entry.event, name=entry.name, tries=entry.tries)
