"""Quiet hours in a person's own time zone, and what they do to an alert."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from energy.alerts.rule import Level
from energy.preferences import Preferences, QuietHours

Telling = Literal["now", "digest", "never"]


def telling(level: Level, preferences: Preferences, site_zone: ZoneInfo, now: datetime) -> Telling:
    """Whether a person hears of an alert of that level at `now`: at once, in the digest after their quiet hours, or not
    at all. Critical passes quiet hours."""
    if not preferences.alerts or (preferences.critical_only and level is not Level.CRITICAL):
        return "never"
    if level is Level.CRITICAL or preferences.quiet_hours is None:
        return "now"
    until = quiet_until(preferences.quiet_hours, preferences.zone or site_zone, now)
    return "now" if until is None else "digest"


def quiet_until(hours: QuietHours, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours that `now` lies in end (aware UTC), or None outside of them.

    They may pass midnight. On a day whose clocks change they are one span from its first to its last clock time: an
    hour that comes twice counts from its first time, one that is left out ends when the clocks have jumped.
    """
    start, end = hours
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        begins = _instant(day, start, zone)
        ends = _instant(day if start < end else day + timedelta(days=1), end, zone)
        if begins <= now < ends:
            return ends
    return None


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
