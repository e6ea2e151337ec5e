"""Miners that were moved to another channel in the settings since they were looked at last.

What is known and wanted of a miner belongs to the channel that it hung on. That one is switched off, as nobody would
look after it any more, and the miner begins as one that was never seen.
"""

from __future__ import annotations

import asyncio

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
    """Leave the old channels of moved miners switched off. Call it after `Relays.load`, before the first look."""
    moved = []
    for miner in work.site.miner:
        known = relays.states.get(miner.id)
        if known is not None and known.device is not None and _place(known) != (miner.device, miner.channel):
            moved.append(_Moved(work, relays, telling, miner, known))
    await asyncio.gather(*(each.settle() for each in moved))


class _Moved:
    def __init__(self, work: Work, relays: Relays, telling: Telling, miner: Miner, known: RelayState) -> None:
        self._work = work
        self._relays = relays
        self._telling = telling
        self._miner = miner
        self._known = known
        self._old = miner.model_copy(update={"device": known.device, "channel": known.channel})

    async def settle(self) -> None:
        miner, known = self._miner, self._known
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
