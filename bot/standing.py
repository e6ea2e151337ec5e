"""Progress lines that stand in chats, so that none stays for ever: not beside an answer, not after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.message import Address
from bot.ports import ProgressRefs

log = structlog.get_logger()

DONE, INTERRUPTED = "(done)", "(interrupted)"  # where a line cannot be deleted
_LAST_REMOVALS_WITHIN_S = 3.0

# Deletes the message `ref`, or puts the words in its place. False: the platform was not reached, try again later.
Remove = Callable[[Address, str, str], Awaitable[bool]]


class RefsInMemory:
    """`bot.ports.ProgressRefs` for as long as the process lives."""

    def __init__(self) -> None:
        self.lines: list[tuple[Address, str]] = []

    async def keep(self, address: Address, ref: str) -> None:
        """See `ProgressRefs.keep`."""
        self.lines.append((address, ref))

    async def forget(self, address: Address, ref: str) -> None:
        """See `ProgressRefs.forget`."""
        self.lines = [line for line in self.lines if line != (address, ref)]

    async def all(self, platform: str) -> list[tuple[Address, str]]:
        """See `ProgressRefs.all`."""
        return [line for line in self.lines if line[0].platform == platform]


class StandingLines:
    """The lines of one outlet. A line that could not be removed is tried again with the next reply to its place."""

    def __init__(self, platform: str, refs: ProgressRefs | None, remove: Remove) -> None:
        self._platform = platform
        self._refs: ProgressRefs = refs if refs is not None else RefsInMemory()
        self._remove = remove
        self._ours: dict[str, tuple[Address, bool]] = {}  # ref -> where it stands, and whether it is left over

    async def appeared(self, address: Address, ref: str) -> None:
        """A line stands there now."""
        self._ours[ref] = (address, False)
        try:
            await self._refs.keep(address, ref)
        except Exception:  # the answer matters, not the line
            log.exception("progress_line_not_kept", platform=self._platform)

    async def gone(self, address: Address, ref: str) -> None:
        """The line is none any more: it was deleted, or the answer takes its place."""
        self._ours.pop(ref, None)
        try:
            await self._refs.forget(address, ref)
        except Exception:  # the next start looks for it in vain
            log.exception("progress_line_not_forgotten", platform=self._platform)

    async def remove(self, address: Address, ref: str) -> None:
        """Take a line away; its answer stands there."""
        await self._removed(address, ref, DONE)

    async def clear_left_over(self, address: Address) -> None:
        """Take away what an earlier run, or an earlier failure, left at this place."""
        for ref, (where, left_over) in list(self._ours.items()):
            if left_over and where.key == address.key:
                await self._removed(where, ref, INTERRUPTED)

    async def begin(self) -> None:
        """Take away what an earlier run left; what the platform does not let go now goes with the next reply there."""
        try:
            found = await self._refs.all(self._platform)
        except Exception:  # a start must not fail for it
            log.exception("progress_lines_not_read", platform=self._platform)
            return
        left = {ref: where for where, ref in found if ref not in self._ours}
        self._ours |= {ref: (where, True) for ref, where in left.items()}
        for ref, where in left.items():
            if not await self._removed(where, ref, INTERRUPTED):
                return
        if left:
            log.info("progress_lines_of_an_earlier_run_removed", platform=self._platform, count=len(left))

    async def close(self) -> None:
        """Take away every line: who worked on those answers was stopped."""
        try:
            async with asyncio.timeout(_LAST_REMOVALS_WITHIN_S):
                for ref, (where, _) in list(self._ours.items()):
                    await self._removed(where, ref, INTERRUPTED)
        except TimeoutError:
            log.warning("progress_lines_left_for_next_start", platform=self._platform, count=len(self._ours))

    async def _removed(self, address: Address, ref: str, words: str) -> bool:
        try:
            removed = await self._remove(address, ref, words)
        except Exception:  # whatever a platform's library raises; the answer matters, not the line
            log.exception("progress_line_not_removed", platform=self._platform)
            removed = False
        if removed:
            await self.gone(address, ref)
        elif ref in self._ours:
            self._ours[ref] = (address, True)
        return removed
