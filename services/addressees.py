"""Everybody who may hear of a site's alerts: people with a role, groups, and who has which rule of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s

from energy.alerts.custom import CustomRule, from_preferences
from energy.alerts.episode import Episode
from energy.alerts.message import rule_of
from energy.site import Site
from services.audience import Listener, Told, audience, is_own
from services.preferences import preferences_in
from store import custom_alerts, group_alerts, mutes, people
from store.database import Database


@dataclass(frozen=True, slots=True)
class Addressees:
    """Who may hear. `own` has the people of each rule that people made for themselves, `muted` those who muted a rule
    for themselves and until when, `muted_for_all` until when a rule is muted for everybody; `groups` are (platform,
    chat id)."""

    site: Site
    listeners: tuple[Listener, ...]
    groups: tuple[tuple[str, str], ...]
    own_rules: tuple[CustomRule, ...]
    own: Mapping[str, frozenset[str]]
    muted: Mapping[str, Mapping[str, datetime]]
    muted_for_all: Mapping[str, datetime]

    def told(self, episode: Episode, step: int, now: datetime) -> list[Told]:
        """Who hears of the episode at that step of its escalation."""
        return audience(
            episode.level,
            episode.rule_id,
            step,
            self.listeners,
            own=self.own,
            muted_for=self.muted.get(episode.rule_id, {}),
            site_zone=self.site.zone,
            now=now,
        )

    def muted_until(self, rule_id: str, person_id: str | None) -> datetime | None:
        """Until when that person muted the rule for themselves."""
        return None if person_id is None else self.muted.get(rule_id, {}).get(person_id)

    def group_of(self, episode: Episode) -> str:
        """What makes one message together: the rule's group, or for people's own rules the people who have them."""
        if not is_own(episode.rule_id):
            return rule_of(episode).group
        whose = "+".join(sorted(self.own.get(episode.rule_id, ())))
        return f"own:{blake2s(whose.encode(), digest_size=8).hexdigest()}"


async def addressees_of(database: Database, org_id: str, site: Site, now: datetime) -> Addressees:
    """Everybody who may hear of the site's alerts now."""
    async with database.one_read():
        here = await people.on_site(database, org_id, site.id)
        stored = await custom_alerts.all_of(database, org_id, site.id)
        held = await mutes.mutes(database, org_id, site.id, now)
        groups = tuple(await group_alerts.listening(database, org_id, site.id))
    listeners = tuple(Listener(each.person_id, each.name, each.role, preferences_in(each.preferences)) for each in here)
    known = {each.person_id for each in listeners}
    owned = [(each.person_id, each.rule) for each in stored if each.person_id in known]
    owned += [
        (each.person_id, rule)
        for each in listeners
        for rule in from_preferences(each.preferences, site, each.person_id)
    ]
    own: dict[str, set[str]] = {}
    muted: dict[str, dict[str, datetime]] = {}
    for person_id, rule in owned:
        own.setdefault(rule.id, set()).add(person_id)
    for mute in held:
        if mute.person_id is not None:
            muted.setdefault(mute.rule_id, {})[mute.person_id] = mute.until
    return Addressees(
        site=site,
        listeners=listeners,
        groups=groups,
        own_rules=tuple({rule.id: rule for _, rule in owned}.values()),
        own={rule_id: frozenset(whose) for rule_id, whose in own.items()},
        muted=muted,
        muted_for_all={mute.rule_id: mute.until for mute in held if mute.person_id is None},
    )
