"""Who hears of an alert, and when: at once, in the digest after their quiet hours, or not at all. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from energy.alerts.rule import Level
from energy.preferences import Preferences
from energy.quiet_hours import quiet_until
from store.people import Role

When = Literal["now", "digest"]
OTHER_WAYS = 1  # the step at which viewers hear too, and those already told on another of their ways
EVERY_WAY = 2  # and from which everybody hears on every way, SMS included


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody with a role on the site."""

    person_id: str
    name: str
    role: Role
    preferences: Preferences


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who hears of it: now, or in the digest at `until` (aware UTC), when their quiet hours end."""

    person_id: str
    when: When
    until: datetime | None = None


def is_own(rule_id: str) -> bool:
    """Whether people made this rule for themselves."""
    return rule_id.startswith("custom:")


def hears_at(level: Level, preferences: Preferences, site_zone: ZoneInfo, now: datetime) -> datetime | None:
    """When somebody hears of what has that level, by their preferences: `now`, when their quiet hours end, or never
    (None). What is critical passes quiet hours."""
    if not preferences.alerts or (preferences.critical_only and level is not Level.CRITICAL):
        return None
    if level is Level.CRITICAL:
        return now
    return quiet_until(preferences.quiet_hours, preferences.zone or site_zone, now) or now


def audience(
    level: Level,
    rule_id: str,
    step: int,
    listeners: Sequence[Listener],
    *,
    own: Mapping[str, Collection[str]],
    muted_for: Mapping[str, datetime],
    site_zone: ZoneInfo,
    now: datetime,
) -> list[Told]:
    """Who hears of an alert at escalation step `step` (0: when it fires).

    Owners and operators, and viewers too once it is passed on; of a rule that people made for themselves only they.
    `own` has the people of each such rule (rule id -> person ids); `muted_for` those who muted this rule for
    themselves, and until when. A critical alert that no owner and no operator would hear goes to the owners all the
    same, at every step; on a site without either it goes to everybody with a role.
    """
    if is_own(rule_id):
        asked = own.get(rule_id, ())
        people = [each for each in listeners if each.person_id in asked]
    else:
        people = [each for each in listeners if each.role != "viewer" or step >= OTHER_WAYS]
    told: list[Told] = []
    for each in people:
        muted = each.person_id in muted_for and now < muted_for[each.person_id]
        at = None if muted else hears_at(level, each.preferences, site_zone, now)
        if at is not None:
            told.append(Told(each.person_id, "now") if at <= now else Told(each.person_id, "digest", at))
    if level is Level.CRITICAL and not is_own(rule_id):
        told = [*_last_resort(listeners, {each.person_id for each in told}), *told]
    return told


def _last_resort(listeners: Sequence[Listener], hearing: Collection[str]) -> list[Told]:
    """Whoever hears of what is critical whatever they prefer: a viewer who hears is nobody who can act on it."""
    in_charge = [each for each in listeners if each.role != "viewer"]
    if any(each.person_id in hearing for each in in_charge):
        return []
    last = [each for each in in_charge if each.role == "owner"] or in_charge or listeners
    return [Told(each.person_id, "now") for each in last if each.person_id not in hearing]
