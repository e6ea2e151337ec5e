"""Miners that were moved to another channel in the settings since they were looked at last.

What is known and wanted of a miner belongs to the channel that it hung on. That one is switched off, as nobody would
look after it any more, and the miner begins as one that was never seen.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from connectors.errors import ConnectorError
from energy.site import Miner
from jobs.relays import Relays
from jobs.telling import Level, Telling
from jobs.work import Work
from store.relays import RelayState

log = structlog.get_logger()
TRIES = 2


async def settle_moved(work: Work, relays: Relays, telling: Telling) -> None:
    """Leave the old channels of moved miners switched off. Begin it after `Relays.load`, before the first look.

    The moved miners wait for it, and those that hang on the old channels now; the others do not.
    """
    if moved := _moved(work, relays, telling):
        left = {each.left for each in moved}
        ids = {each.miner.id for each in moved}
        ids |= {miner.id for miner in work.site.miner if (miner.device, miner.channel) in left}
        relays.moving |= ids
        async with contextlib.AsyncExitStack() as stack:
            for miner_id in sorted(ids):
                await stack.enter_async_context(relays.locks[miner_id])
            while moved:
                await asyncio.gather(*(each.settle_safely() for each in moved))
                if moved := _moved(work, relays, telling):
                    await asyncio.sleep(work.pace.last_retry_s)
            relays.moving -= ids  # not where this was cancelled: then they are still to be settled


def _moved(work: Work, relays: Relays, telling: Telling) -> list[_Moved]:
    known = relays.states
    return [
        _Moved(work, relays, telling, miner, known[miner.id])
        for miner in work.site.miner
        if miner.id in known
        and known[miner.id].device is not None
        and _place(known[miner.id]) != (miner.device, miner.channel)
    ]


class _Moved:
    def __init__(self, work: Work, relays: Relays, telling: Telling, miner: Miner, known: RelayState) -> None:
        self._work = work
        self._relays = relays
        self._telling = telling
        self.miner = miner
        self.left = _place(known)
        self._known = known
        self._old = miner.model_copy(update={"device": known.device, "channel": known.channel})

    async def settle_safely(self) -> None:
        """One miner's trouble does not reach the others."""
        try:
            await self._settle()
        except Exception as error:  # noqa: BLE001  tried again, and it is logged
            self._work.surprises.failed("miner_move_not_settled", self.miner.id, error)
        else:
            self._work.surprises.succeeded("miner_move_not_settled", self.miner.id)

    async def _settle(self) -> None:
        miner, known = self.miner, self._known
        wish = self._relays.wishes.get(miner.id)
        said = (
            f"{miner.id} was moved from {known.device} channel {known.channel} to {miner.device} channel "
            f"{miner.channel} in the settings: nothing is wanted of it until somebody commands it."
        )
        trouble = None
        if known.on is not False:
            trouble = await self._switched_off()
            off = "The old channel is off, read back from the relay." if trouble is None else trouble
            said = f"{said} {off}"
        await self._relays.forget(miner)
        await self._telling.note("miner_moved", miner.id, said, device=known.device, channel=known.channel)
        log.warning("miner_moved", miner=miner.id, device=known.device, channel=known.channel)
        level: Level = "warning" if trouble is None else "critical"
        await self._telling.tell(level, said, also=[wish.set_by if wish is not None else None])

    async def _switched_off(self) -> str | None:
        """What is wrong, None when the old channel is off. It is tried twice: then its own timer must do."""
        old = self._old
        if old.device not in self._work.switched:
            return self._not_off(f"{old.device} does not stand in the settings any more")
        reason = "it is still on"
        for number in range(TRIES):
            if number:
                await asyncio.sleep(self._work.pace.first_retry_s)
            try:
                await self._relays.switch_off(old)
            except ConnectorError as error:
                reason = str(error)
            back = await self._relays.read_back(old, False)
            if back is not None and back.on is False:
                return None
        return self._not_off(reason)

    def _not_off(self, reason: str) -> str:
        until = self._known.timer_until
        ends = (
            "It has no timer that we know of." if until is None else f"Its timer ends it by {self._telling.at(until)}."
        )
        return f"The old channel may still be on: {reason}. {ends} Switch it off at the relay."


def _place(known: RelayState) -> tuple[str | None, int | None]:
    return known.device, known.channel
