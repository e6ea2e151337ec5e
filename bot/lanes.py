"""Work in order within a lane, lanes side by side."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()
Item = TypeVar("Item")


class Lanes(Generic[Item]):
    """One worker per lane that has work; a lane holds at most `bound` waiting items."""

    def __init__(self, do: Callable[[Item], Awaitable[None]], bound: int) -> None:
        self._do = do
        self._bound = bound
        self._waiting: dict[str, deque[Item]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def put(self, lane: str, item: Item, *, force: bool = False) -> bool:
        """Queue an item; False when the lane is full. `force` takes it on all the same.

        After `close` items are taken and left lying: they are in the inbox, for the next start.
        """
        if self._closed:
            return True
        waiting = self._waiting.setdefault(lane, deque())
        if len(waiting) >= self._bound and not force:
            return False
        waiting.append(item)
        if lane not in self._workers:
            self._workers[lane] = asyncio.create_task(self._work(lane), name=f"conversation {lane}")
        return True

    @property
    def closed(self) -> bool:
        """Whether nothing is begun any more."""
        return self._closed

    async def idle(self) -> None:
        """Wait until nothing is waiting or being worked on."""
        while self._workers:
            await asyncio.wait(tuple(self._workers.values()))

    async def close(self, drain_s: float) -> int:
        """Let the items at work end within `drain_s`, start none; returns how many were left unfinished."""
        self._closed = True
        left = sum(len(waiting) for waiting in self._waiting.values())
        for waiting in self._waiting.values():
            waiting.clear()
        workers = tuple(self._workers.values())
        if workers:
            _, running = await asyncio.wait(workers, timeout=drain_s)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            left += len(running)
        return left

    async def _work(self, lane: str) -> None:
        waiting = self._waiting[lane]
        try:
            while waiting:
                item = waiting.popleft()
                try:
                    await self._do(item)
                except Exception:  # the next message of the conversation must still be answered
                    log.exception("message_failed", conversation=lane)
        finally:
            del self._workers[lane]
            if not waiting:
                del self._waiting[lane]
