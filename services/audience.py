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
LAST_STEP = 3


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


def hears(
    level: Level, preferences: Preferences, site_zone: ZoneInfo, now: datetime
) -> datetime | None | Literal[False]:
    """When somebody hears of what has that level, by their preferences: `now`, the end of their quiet hours, or never
    (False). What is critical passes quiet hours."""
    raise NotImplementedError


def audience(
    level: Level,
    rule_id: str,
    step: int,
    listeners: Sequence[Listener],
    *,
    own: Mapping[str, Collection[str]],
    muted_for: Collection[str],
    site_zone: ZoneInfo,
    now: datetime,
) -> list[Told]:
    """Who hears of an alert at escalation step `step` (0: when it fires).

    `own` has the people of each rule that people made for themselves (rule id -> person ids); `muted_for` the people
    who muted this rule for themselves.
    """
    raise NotImplementedError
