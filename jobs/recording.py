"""Writing the record without letting it hold up a switch.

A database that is locked, full or away makes a relay wait for a second, not for a minute: the writing goes on behind,
in order, and a failure is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from jobs.work import Work

CLOSE_WITHIN_S = 2.0


class Recorder:
    """Writes one thing after the other."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._writing: set[asyncio.Task[None]] = set()

    async def write(self, event: str, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Begin to write, and wait for the end, but not for long. A failure is logged as `event`."""

        async def guarded() -> None:
            try:
                await run()
            except Exception as error:  # noqa: BLE001  whatever the database has, a relay is switched; it is logged
                self._work.surprises.failed(event, name, error)
            else:
                self._work.surprises.succeeded(event, name)

        task = asyncio.create_task(guarded())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        await asyncio.wait({task}, timeout=self._work.pace.record_s)

    async def close(self) -> None:
        """Let what is being written end."""
        writing = set(self._writing)
        if writing:
            _, late = await asyncio.wait(writing, timeout=CLOSE_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
