"""When a brief is due, on the clock of whoever gets it. Pure: the time is an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from energy.preferences import Preferences

USUAL = time(7, 30)
LATE_AT_MOST = timedelta(hours=3)  # a brief that comes later than that is no morning's brief any more
_USUAL_ROLES = ("owner", "operator")
Span = Literal["weekly", "monthly"]


def brief_time_of(preferences: Preferences, role: str) -> time | None:
    """The local time at which somebody wants the brief; None is not at all."""
    if preferences.brief_time == "usual":
        return USUAL if role in _USUAL_ROLES else None
    return parsed(preferences.brief_time)


def parsed(kept: str | None) -> time | None:
    """A kept time (`07:30`); None for `off`, nothing, and what is no time."""
    if kept is None or kept == "off":
        return None
    try:
        return time.fromisoformat(kept)
    except ValueError:
        return None


def due_day(at: time, zone: ZoneInfo, now: datetime) -> date | None:
    """The local day whose brief is due at `now`: its time has come, less than three hours ago. None when none is.

    A time that the clock shows twice is the first of the two; one that it skips is just as long after midnight.
    """
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        moment = datetime.combine(day, at, zone).astimezone(UTC)
        if moment <= now < moment + LATE_AT_MOST:
            return day
    return None


def also_due(day: date) -> tuple[Span, ...]:
    """The summaries that come with the brief of that morning: of the week on Mondays, of the month on the 1st."""
    spans: list[Span] = []
    if day.weekday() == 0:
        spans.append("weekly")
    if day.day == 1:
        spans.append("monthly")
    return tuple(spans)
