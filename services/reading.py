"""Who reads what is about to be delivered: the scope in their units and zone, and the ways to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from energy.preferences import Preferences
from energy.quiet_hours import quiet_until
from energy.site import Site
from services.alert_telling import OTHER_WAYS_FIRST, THIS_WAY_ALONE
from services.preferences import as_preferred, preferences_in
from services.scope import DEFAULT_ORG_ID, Actor, Scope
from services.ways import Way, unique, ways_of
from store import group_alerts, groups, messages, people
from store.database import Database
from store.outbox import Entry


@dataclass(frozen=True, slots=True)
class Reader:
    """A person, or a group (`preferences` None)."""

    scope: Scope
    preferences: Preferences | None

    def quiet_end(self, moment: datetime) -> datetime | None:
        """When the quiet hours end that hold at `moment`; None outside of them."""
        if self.preferences is None:
            return None
        return quiet_until(self.preferences.quiet_hours, self.preferences.zone or self.scope.site.zone, moment)


@dataclass(slots=True)
class Readers:
    """Readers and ways, each looked up once per round."""

    database: Database
    site: Site
    now: datetime
    org_id: str = DEFAULT_ORG_ID
    _people: dict[str, Reader | None] = field(default_factory=dict)
    _ways: dict[tuple[str, bool], tuple[Way, ...]] = field(default_factory=dict)

    async def of(
        self, person_id: str | None, address: Mapping[str, Any] | None, *, alerts: bool = False
    ) -> Reader | None:
        """Who reads it; None for somebody without a role on the site (any more), and for a group that is not open, or
        does not hear `alerts`, any more."""
        if person_id is None:
            return await self._group(address, alerts=alerts)
        if person_id not in self._people:
            self._people[person_id] = await self._person(person_id)
        return self._people[person_id]

    async def _person(self, person_id: str) -> Reader | None:
        person = await people.get(self.database, self.org_id, person_id)
        if person is None or self.site.id not in person.roles:
            return None
        preferences = preferences_in(person.preferences)
        actor = Actor(person.person_id, person.name, person.roles[self.site.id])
        return Reader(as_preferred(self._scope(actor), preferences), preferences)

    async def _group(self, address: Mapping[str, Any] | None, *, alerts: bool) -> Reader | None:
        if address is None:
            return None
        place = (address["platform"], address["chat_id"])
        if alerts:
            known = place in await group_alerts.listening(self.database, self.org_id, self.site.id)
        else:
            known = await groups.is_open(self.database, self.org_id, self.site.id, *place)
        return Reader(self._scope(Actor(None, "the group", "viewer")), None) if known else None

    def _scope(self, actor: Actor) -> Scope:
        return Scope(self.database, self.site, self.now, actor, org_id=self.org_id)

    async def ways(self, entry: Entry, reader: Reader) -> tuple[Way, ...]:
        """Where it may be told, best first; () where the one way that it is for is not the person's any more."""
        preferences = reader.preferences
        if entry.person_id is None or preferences is None:
            return () if entry.address is None else (entry.address,)
        key = (entry.person_id, entry.level == "critical")
        if key not in self._ways:
            self._ways[key] = await ways_of(self.database, self.org_id, key[0], preferences, critical=key[1])
        theirs = self._ways[key]
        if entry.address is not None:
            return await self._with_address(entry, entry.address, theirs)
        if entry.data.get(OTHER_WAYS_FIRST) and entry.message_id is not None:
            reached = {
                (each.platform, each.chat_id)
                for each in await messages.posted(self.database, self.org_id, entry.message_id)
                if each.person_id == entry.person_id
            }
            theirs = tuple(sorted(theirs, key=lambda way: (way["platform"], way["chat_id"]) in reached))
        return theirs

    async def _with_address(self, entry: Entry, address: Way, theirs: Sequence[Way]) -> tuple[Way, ...]:
        """At the place first, while that is one of theirs or an open group."""
        platform, chat_id = address["platform"], address["chat_id"]
        allowed = any((way["platform"], way["chat_id"]) == (platform, chat_id) for way in theirs)
        if not allowed:
            allowed = await groups.is_open(self.database, self.org_id, self.site.id, platform, chat_id)
        if entry.data.get(THIS_WAY_ALONE):
            return (address,) if allowed else ()
        return unique((address, *theirs)) if allowed else tuple(theirs)
