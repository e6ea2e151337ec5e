"""`bot.outgoing.Outgoing` over what the services keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.clock import REAL
from bot.alert_reply import notice_reply
from bot.message import Address
from bot.outgoing import Composed, Entry, Posting, Stale
from bot.ports import Places
from bot.reply import Reply, say
from energy.site import Site
from services import notices
from store.database import Database


@dataclass(frozen=True, slots=True)
class StoredOutgoing:
    """What the worker has to tell, and results that came too late for their reply."""

    database: Database
    site: Site
    places: Places
    now: Callable[[], datetime] = REAL.now

    async def due(self, limit: int) -> Sequence[Entry]:
        now = self.now()
        await notices.add_late_results(self.database, self.site, now)
        found = await notices.due(self.database, self.site, now, limit=limit)
        return [
            Entry(
                each.notice_id,
                each.level,
                [Address(way["platform"], way["chat_id"], way.get("thread")) for way in each.addresses],
                each.tries,
                each,
            )
            for each in found
        ]

    async def reply(self, entry: Entry, address: Address, *, buttons: bool, charts: bool) -> Composed:
        return Composed(notice_reply(entry.level, entry.content.text))

    async def sent(self, outbox_id: int, posting: Posting | None) -> None:
        await notices.sent(self.database, outbox_id, self.now())

    async def failed(self, outbox_id: int, reason: str, *, again_in_s: float | None) -> None:
        again_at = None if again_in_s is None else self.now() + timedelta(seconds=again_in_s)
        await notices.failed(self.database, outbox_id, reason, next_try_at=again_at)

    async def dead(self, entry: Entry, address: Address, reason: str) -> None:
        await self.places.dead(address, reason)

    async def later(self, outbox_id: int, reason: str, *, in_s: float) -> None:
        await self.failed(outbox_id, reason, again_in_s=in_s)

    async def stale(self) -> Sequence[Stale]:
        return ()

    async def stale_reply(self, stale: Stale) -> Reply:
        return say("")

    async def shown(self, posting_id: int, version: int) -> None:
        return None

    async def unchangeable(self, posting_id: int) -> None:
        return None

    async def beat(self) -> None:
        return None
