"""Quiet hours in a person's own time zone, and what they do to an alert."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from energy.alerts.rule import Level
from energy.preferences import Preferences
from energy.quiet_hours import quiet_until

Telling = Literal["now", "digest", "never"]


def telling(level: Level, preferences: Preferences, site_zone: ZoneInfo, now: datetime) -> Telling:
    """Whether a person hears of an alert of that level at `now`: at once, in the digest after their quiet hours, or not
    at all. Critical passes quiet hours."""
    if not preferences.alerts or (preferences.critical_only and level is not Level.CRITICAL):
        return "never"
    if level is Level.CRITICAL:
        return "now"
    until = quiet_until(preferences.quiet_hours, preferences.zone or site_zone, now)
    return "now" if until is None else "digest"
