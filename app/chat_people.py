"""The person behind an account, and what the commands offer them: as the platforms' adapters and the live board ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.clock import REAL
from bot.commands.command import Command
from bot.commands.dispatch import Commands
from bot.commands.live import live_reply
from bot.forms import Form
from bot.live import LiveMessage
from bot.message import Sender
from bot.ports import Person, Places
from bot.reply import Reply
from energy.site import Site
from services import routes
from services.people import actor_of, admit
from services.preferences import as_preferred, preferences_of
from services.scope import Refused, Scope, Wake
from store.database import Database


@dataclass(frozen=True, slots=True)
class PeopleHere:
    """The people of one site, with the scope of each as of now."""

    database: Database
    site: Site
    wake: Wake
    now: Callable[[], datetime] = REAL.now

    async def scope_for(self, person: Person) -> Scope:
        """What the person may see and do now, in their units and time zone; `Refused` without a role."""
        actor = await actor_of(self.database, self.site, person.person_id, person.name)
        scope = Scope(
            database=self.database,
            site=self.site,
            as_of=self.now(),
            actor=actor,
            wake=self.wake,
            clock=self.now,
        )
        return as_preferred(scope, await preferences_of(scope))

    async def scope_of(self, sender: Sender) -> Scope | None:
        """The same by account; None for a stranger."""
        person = await admit(self.database, self.site, sender.platform, sender.external_id)
        return None if person is None else await self.scope_for(person)


@dataclass(frozen=True, slots=True)
class OfferedCommands:
    """`app.platforms.CommandSide`."""

    commands: Commands
    people: PeopleHere

    def menu(self) -> Sequence[Command]:
        return self.commands.menu()

    async def complete(self, kind: str, typed: str, sender: Sender) -> list[str]:
        scope = await self.people.scope_of(sender)
        return [] if scope is None else await self.commands.complete(kind, typed, scope)

    async def form(self, sender: Sender, name: str) -> Form | None:
        scope = await self.people.scope_of(sender)
        return None if scope is None else await self.commands.form(name, scope)


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """`bot.live.Compose`: the figures for whoever asked for the live message, while they may see them there."""

    people: PeopleHere
    places: Places

    async def __call__(self, message: LiveMessage) -> Reply | None:
        try:
            scope = await self.people.scope_of(message.sender)
        except Refused:
            return None
        if scope is None or not await self._may_be_told_there(scope, message):
            return None
        reply = await live_reply(scope)
        return replace(reply, charts=())

    async def _may_be_told_there(self, scope: Scope, message: LiveMessage) -> bool:
        """In the person's own direct chats, and in groups that are (still) open."""
        person_id, address = scope.actor.person_id, message.address
        known = [] if person_id is None else await routes.of_person(scope.database, person_id)
        direct = any((way.platform, way.chat_id) == (address.platform, address.chat_id) for way in known)
        return direct or await self.places.is_open(address)
