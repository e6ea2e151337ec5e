"""`bot.outgoing.Outgoing` over what the services keep."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.clock import REAL
from app.outside_ways import keyed
from bot.alert_reply import alert_reply, notice_reply
from bot.brief_reply import brief_reply
from bot.message import Address
from bot.outgoing import Composed, Entry, Posting, Stale
from bot.plan_reply import plan_reply
from bot.ports import Places
from bot.reply import Reply
from energy.site import Site
from services import contacts, outbox
from services.outbox import Due, StalePosting
from services.scope import DEFAULT_ORG_ID
from store import heartbeats
from store.database import Database
from store.messages import Place

BEAT = "deliver"
_CONTACTS = ("webhook", "apprise")
_OUTSIDE = ("email", "sms", *_CONTACTS)


@dataclass(frozen=True, slots=True)
class StoredOutgoing:
    """The outbox with what stands in the chats; late results of orders are put into it here."""

    database: Database
    site: Site
    places: Places
    now: Callable[[], datetime] = REAL.now

    async def due(self, limit: int, in_hand: Collection[int]) -> Sequence[Entry]:
        now = self.now()
        await outbox.add_late_results(self.database, self.site, now)
        found = await outbox.due(self.database, self.site, now, limit=limit, in_hand=in_hand)
        return [_entry(each) for each in found]

    async def reply(self, entry: Entry, address: Address, *, buttons: bool, charts: bool) -> Composed:
        due: Due = entry.content
        if due.message is not None:
            reply = await alert_reply(due.scope, due.message, address.key, buttons=buttons, chart=charts)
            return Composed(reply, due.message.version)
        if due.kind == "brief":
            return Composed(await brief_reply(due.scope, due.data))
        if due.kind == "plan":
            return Composed(await plan_reply(due.scope, due.data, address.key, buttons=buttons))
        return Composed(notice_reply(due.level, due.text))

    async def sent(self, outbox_id: int, posting: Posting | None) -> None:
        at = () if posting is None else (_place(posting),)
        await outbox.sent(self.database, outbox_id, self.now(), at=at)

    async def failed(self, outbox_id: int, reason: str, *, again_in_s: float | None) -> None:
        now = self.now()
        again_at = None if again_in_s is None else now + timedelta(seconds=again_in_s)
        await outbox.failed(self.database, outbox_id, reason, now, next_try_at=again_at)

    async def dead(self, entry: Entry, address: Address, reason: str) -> None:
        if address.platform not in _OUTSIDE:
            await self.places.dead(address, reason)
        elif address.platform in _CONTACTS and entry.content.person_id is not None:
            person_id = entry.content.person_id
            await contacts.mark_dead(self.database, DEFAULT_ORG_ID, person_id, address.chat_id, reason)

    async def later(self, outbox_id: int, reason: str, *, in_s: float) -> None:
        now = self.now()
        await outbox.later(self.database, outbox_id, reason, now, until=now + timedelta(seconds=in_s))

    async def stale(self) -> Sequence[Stale]:
        found = await outbox.stale_postings(self.database, self.site, self.now())
        return [Stale(each.posting_id, _address(each.address), each.ref, each.content.version, each) for each in found]

    async def stale_reply(self, stale: Stale) -> Reply:
        posting: StalePosting = stale.content
        return await alert_reply(posting.scope, posting.content, stale.address.key)

    async def shown(self, posting_id: int, version: int) -> None:
        await outbox.shown(self.database, posting_id, version)

    async def unchangeable(self, posting_id: int) -> None:
        await outbox.unchangeable(self.database, posting_id, self.now())

    async def change_later(self, posting_id: int, *, in_s: float) -> None:
        now = self.now()
        await outbox.change_later(self.database, posting_id, now, until=now + timedelta(seconds=in_s))

    async def beat(self) -> None:
        await heartbeats.beat(self.database, DEFAULT_ORG_ID, f"{BEAT}:{self.site.id}", self.now())


def _entry(due: Due) -> Entry:
    ways = [_address(way) for way in due.ways]
    ways = [keyed(way, due.outbox_id, due.level) if way.platform in _OUTSIDE else way for way in ways]
    return Entry(due.outbox_id, due.level, ways, due.tries, due)


def _address(way: Mapping[str, Any]) -> Address:
    return Address(way["platform"], way["chat_id"], way.get("thread"))


def _place(posting: Posting) -> Place:
    address = posting.address
    return Place(address.platform, address.chat_id, address.thread, posting.ref, posting.version)
