"""The ranch's alerts from what is judged to what arrives, with a clock that tests set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from energy.alerts.episode import Event
from energy.alerts.evaluate import Judged
from energy.alerts.rule import Rule, Signal
from energy.alerts.table import BY_ID
from services import outbox, routes
from services.outbox import Due
from services.scope import Scope
from services.watching import Watching
from store import alerts, messages
from store import outbox as stored_outbox
from store.alerts import StoredEpisode
from store.database import Database
from store.outbox import Entry, Place
from tests.services.ranch import Ranch
from tests.store.alert_stage import transitions

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def rule(rule_id: str, **changes: Any) -> Rule:
    """A built-in rule without its delays."""
    known = BY_ID[rule_id]
    return replace(known, **({"for_s": 0.0, "keep_firing_s": 0.0, "cooldown_s": 0.0} | changes))


def saw(rule_id: str, active: bool | None = True, subject: str = "", **parts: Any) -> Judged:
    """What such a rule saw."""
    usual: dict[str, Any] = {
        "what": f"{rule_id} {subject} is wrong at {{value}}.".replace("  ", " "),
        "why": "It matters.",
        "do": "Look at it.",
        "value": 28.0,
        "threshold": 30.0,
        "unit": "%",
        "lower_is_worse": True,
        "chart": "soc_pct",
        "devices": ("cerbo",),
    }
    signal = Signal(rule_id=rule_id, active=active, subject=subject, **(usual | parts))
    return rule(rule_id), signal


@dataclass
class Desk:
    """The ranch's watch and its outbox."""

    ranch: Ranch
    _watching: Watching | None = None
    _refs: int = 0
    arrived: list[Due] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.ranch.database

    @property
    def watching(self) -> Watching:
        self._watching = self._watching or self.another()
        return self._watching

    def another(self) -> Watching:
        """The watch of another worker, or of this one after a restart."""
        return Watching(self.database, "home", self.ranch.site, wake=self.ranch.wake)

    def restart(self) -> None:
        self._watching = None

    def pass_by(self, step: timedelta) -> None:
        self.ranch.now += step

    async def look(self, *judged: Judged) -> tuple[Event, ...]:
        """One look at what is judged."""
        return await self.watching.carry_on(judged, self.ranch.now)

    async def scope(self, name: str | None = "Ann") -> Scope:
        return await self.ranch.scope(name)

    async def reach(self, name: str, platform: str = "telegram", chat_id: str | None = None) -> None:
        """A direct chat with somebody."""
        person = self.ranch.people[name]
        await routes.seen(self.database, person, platform, chat_id or f"{platform}-{name}", self.ranch.now)

    async def waiting(self) -> list[Entry]:
        """What waits in the outbox, whenever it is due; it stays there, a moment later than now."""
        now = self.ranch.now
        found = await stored_outbox.claim_due(
            self.database, "home", now + timedelta(days=400), lease_s=0.0, limit=5_000
        )
        for entry in found:  # back to where it was
            until = entry.data.get("quiet_until")
            at = now if until is None else max(now, type(now).fromisoformat(until))
            await stored_outbox.put_off(self.database, "home", entry.outbox_id, "looked at", now=now, until=at)
        return sorted(found, key=lambda entry: entry.outbox_id)

    async def due(self, limit: int = 50) -> list[Due]:
        return list(await outbox.due(self.database, self.ranch.site, self.ranch.now, limit=limit))

    async def deliver(self, *, editable: bool = True, limit: int = 50) -> list[str]:
        """Let what is due arrive on its first way; "Name: text" of each."""
        told = await self.due(limit)
        for each in told:
            self._refs += 1
            way = each.ways[0]
            ref = f"m{self._refs}" if editable and way["platform"] in ("telegram", "slack", "discord") else None
            places = (
                ()
                if each.message is None
                else (Place(way["platform"], way["chat_id"], way.get("thread"), ref, each.message.version),)
            )
            assert await outbox.sent(self.database, each.outbox_id, self.ranch.now, at=places)
        self.arrived += told
        return [f"{self.name_of(each)}: {each.text}" for each in told]

    def name_of(self, due: Due) -> str:
        names = {person_id: name for name, person_id in self.ranch.people.items()}
        return names.get(due.person_id or "", "group")

    async def edits(self) -> list[str]:
        """What stands somewhere and is changed in its place; "ref: text" of each."""
        found = await outbox.stale_postings(self.database, self.ranch.site, self.ranch.now)
        for each in found:
            await outbox.shown(self.database, each.posting_id, each.content.version)
        return [f"{each.ref}: {each.content.text}" for each in found]

    async def episode(self, rule_id: str, subject: str = "") -> StoredEpisode:
        return (await alerts.newest(self.database, "home", "ranch"))[rule_id, subject]

    async def transitions(self, rule_id: str, subject: str = "") -> list[str]:
        number = (await self.episode(rule_id, subject)).episode_id
        return [each.kind for each in await transitions(self.database, number)]

    async def message(self, number: int) -> messages.AlertMessage:
        found = await messages.get(self.database, "home", number)
        assert found is not None
        return found


def people_of(told: Sequence[str]) -> list[str]:
    """Whom "Name: text" went to."""
    return [each.partition(":")[0] for each in told]
