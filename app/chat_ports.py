"""The chat's ports bound to the services and the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.message import Address
from bot.ports import Pending
from energy.site import Site
from services import conversations, people
from services.conversations import Place
from services.scope import DEFAULT_ORG_ID
from store import inbox, offsets
from store.conversations import StoredTurn
from store.database import Database
from store.people import Person


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """`bot.ports.People`."""

    database: Database
    site: Site

    async def admit(self, platform: str, external_id: str) -> Person | None:
        return await people.admit(self.database, self.site, platform, external_id)

    async def pair(self, platform: str, external_id: str, name: str, code: str) -> Person | None:
        return await people.pair(self.database, self.site, platform, external_id, name, code)

    async def note_stranger(self, platform: str, external_id: str, name: str, reason: str) -> None:
        await people.note_stranger(self.database, platform, external_id, name, reason)


@dataclass(frozen=True, slots=True)
class StoredInbox:
    """`bot.ports.Inbox`."""

    database: Database

    async def receive(self, platform: str, key: str, message: dict[str, Any]) -> bool:
        return await inbox.receive(self.database, DEFAULT_ORG_ID, platform, key, message)

    async def answered(self, platform: str, key: str, delivery: dict[str, Any]) -> None:
        await inbox.answered(self.database, DEFAULT_ORG_ID, platform, key, delivery)

    async def settled(self, platform: str, key: str) -> None:
        await inbox.settled(self.database, DEFAULT_ORG_ID, platform, key)

    async def pending(self, platform: str) -> Sequence[Pending]:
        found = await inbox.pending(self.database, DEFAULT_ORG_ID, platform)
        return [Pending(each.key, each.message or {}, each.reply) for each in found]


@dataclass(frozen=True, slots=True)
class StoredConversations:
    """`bot.ports.Conversations`."""

    database: Database
    site: Site

    async def recent(self, address: Address) -> Sequence[StoredTurn]:
        return await conversations.recent_turns(self.database, self.site, _place(address))

    async def remember(self, address: Address, person_id: str, turn: dict[str, Any]) -> None:
        await conversations.remember_turn(self.database, self.site, _place(address), person_id=person_id, **turn)


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """`bot.platforms.telegram.ingress.Offset`."""

    database: Database
    platform: str

    async def load(self) -> int | None:
        return await offsets.load(self.database, DEFAULT_ORG_ID, self.platform, "updates")

    async def save(self, offset: int) -> None:
        await offsets.save(self.database, DEFAULT_ORG_ID, self.platform, "updates", offset)


def _place(address: Address) -> Place:
    return Place(address.platform, address.chat_id, address.thread)
