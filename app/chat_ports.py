"""The chat's ports bound to the services and the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.clock import REAL
from bot.chat import Chat, ChatLimits
from bot.live import LiveMessage
from bot.message import Address, Sender
from bot.ports import AlreadySomebody, Assistant, Commands, LiveMessages, Pending, Renderer, ScopeFor
from energy.site import Site
from services import buttons, conversations, live, people, progress, routes
from services.buttons import Redeemed
from services.conversations import Place
from services.scope import DEFAULT_ORG_ID
from store import groups, inbox, offsets, registrations
from store.conversations import StoredTurn
from store.database import Database
from store.people import Person

Now = Callable[[], datetime]
SEEN_AGAIN_AFTER_S = 600.0  # a chat that is written in all the time is not noted with each message


def stored_chat(
    database: Database,
    site: Site,
    *,
    commands: Commands,
    live: LiveMessages,
    assistant: Assistant,
    render: Renderer,
    scope_for: ScopeFor,
    limits: ChatLimits | None = None,
    now: Now = REAL.now,
) -> Chat:
    """A chat whose people, messages, buttons and conversations are in the database.

    `now` is the site's time; how old a message is, is told by the real one, which the platforms stamp it with.
    """
    return Chat(
        inbox=StoredInbox(database),
        people=StoredPeople(database, site),
        places=StoredPlaces(database, site, now),
        buttons=StoredButtons(database, site, now),
        commands=commands,
        live=live,
        conversations=StoredConversations(database, site),
        assistant=assistant,
        render=render,
        scope_for=scope_for,
        limits=limits,
    )


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """`bot.ports.People`."""

    database: Database
    site: Site

    async def admit(self, platform: str, external_id: str) -> Person | None:
        return await people.admit(self.database, self.site, platform, external_id)

    async def pair(self, platform: str, external_id: str, name: str, code: str) -> Person | None:
        try:
            return await people.pair(self.database, self.site, platform, external_id, name, code)
        except people.AccountTaken as error:
            raise AlreadySomebody(str(error)) from error

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


@dataclass(frozen=True, slots=True)
class StoredPlaces:
    """`bot.ports.Places`."""

    database: Database
    site: Site
    now: Now = REAL.now
    _noted: dict[tuple[str, str], float] = field(default_factory=dict)

    async def is_open(self, address: Address) -> bool:
        return await groups.is_open(self.database, DEFAULT_ORG_ID, self.site.id, address.platform, address.chat_id)

    async def seen(self, person_id: str, address: Address) -> None:
        known = (person_id, address.key)
        at_s = time.monotonic()
        if known in self._noted and at_s - self._noted[known] < SEEN_AGAIN_AFTER_S:
            return
        await routes.seen(self.database, person_id, address.platform, address.chat_id, self.now())
        self._noted[known] = at_s

    async def dead(self, address: Address, reason: str) -> None:
        self._noted.clear()
        await routes.mark_dead(self.database, address.platform, address.chat_id, reason)


@dataclass(frozen=True, slots=True)
class StoredButtons:
    """`bot.ports.Buttons`."""

    database: Database
    site: Site
    now: Now = REAL.now

    async def redeem(self, token: str, person_id: str, place: str, key: str) -> Redeemed:
        now = self.now()
        return await buttons.redeem(self.database, self.site, token, person_id=person_id, place=place, key=key, now=now)


@dataclass(frozen=True, slots=True)
class StoredLive:
    """`bot.live.LiveStore`."""

    database: Database
    site: Site
    now: Now = REAL.now

    async def put(self, message: LiveMessage) -> None:
        address, sender = message.address, message.sender
        stored = live.LiveMessage(
            address.platform,
            address.chat_id,
            address.thread,
            message.ref,
            sender.external_id,
            sender.name,
            self.now(),
        )
        await live.put(self.database, self.site, stored)

    async def remove(self, address: Address) -> None:
        await live.forget(self.database, self.site, address.platform, address.chat_id)

    async def all(self) -> Sequence[LiveMessage]:
        return [
            LiveMessage(
                Address(each.platform, each.chat_id, each.thread),
                Sender(each.platform, each.external_id, each.name),
                each.ref,
            )
            for each in await live.all_of(self.database, self.site)
        ]


@dataclass(frozen=True, slots=True)
class StoredProgress:
    """`bot.ports.ProgressRefs`."""

    database: Database

    async def keep(self, address: Address, ref: str) -> None:
        await progress.keep(self.database, _line(address, ref))

    async def forget(self, address: Address, ref: str) -> None:
        await progress.forget(self.database, _line(address, ref))

    async def all(self, platform: str) -> Sequence[tuple[Address, str]]:
        found = await progress.all_of(self.database, platform)
        return [(Address(line.platform, line.chat_id, line.thread), line.ref) for line in found]


@dataclass(frozen=True, slots=True)
class StoredRegistration:
    """What a platform was last told of the commands."""

    database: Database
    platform: str

    async def known(self) -> str | None:
        return await registrations.get(self.database, DEFAULT_ORG_ID, self.platform, "commands")

    async def keep(self, digest: str) -> None:
        await registrations.put(self.database, DEFAULT_ORG_ID, self.platform, "commands", digest)


def _line(address: Address, ref: str) -> progress.ProgressLine:
    return progress.ProgressLine(address.platform, address.chat_id, address.thread, ref)


def _place(address: Address) -> Place:
    return Place(address.platform, address.chat_id, address.thread)
