"""Moments to come, in the words of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from energy.units import UnitPreferences, day_name, format_clock
from services.scope import Scope


def utc(moment_s: float) -> datetime:
    """The aware UTC moment of epoch seconds."""
    return datetime.fromtimestamp(moment_s, UTC)


def clock_of(moment: datetime, units: UnitPreferences) -> str:
    """`14:02` or `2:02 PM`; `moment` is local."""
    return moment.strftime("%H:%M") if units.hour_24 else moment.strftime("%I:%M %p").lstrip("0")


def moment_ahead(scope: Scope, moment: datetime) -> str:
    """Inside a sentence: "at 14:02", "tomorrow at 06:40", "on Fri at midnight"; a past one as `format_clock` has it.

    Midnight is the end of its day.
    """
    local, now = moment.astimezone(scope.zone), scope.as_of.astimezone(scope.zone)
    clock = clock_of(local, scope.units)
    if moment > scope.as_of and (local.hour, local.minute) == (0, 0):
        local, clock = local - timedelta(hours=1), "midnight"
    days = (local.date() - now.date()).days
    if days == 0:
        return f"at {clock}"
    if days == 1:
        return f"tomorrow at {clock}"
    if 1 < days < 7:
        return f"on {day_name(local, scope.units)} at {clock}"
    if days > 0:
        return f"on {local.date().isoformat()} at {clock}"
    day, _, time = format_clock(moment, scope.zone, now=scope.as_of, units=scope.units).partition(" ")
    return f"{day} at {time}" if day == "yesterday" else f"on {day} at {time}"


def bare(scope: Scope, moment: datetime) -> str:
    """The same after a word such as "until": "14:02", "tomorrow 06:40", "Fri 12:00"."""
    return moment_ahead(scope, moment).removeprefix("at ").removeprefix("on ").replace(" at ", " ")


def day_ahead(scope: Scope, moment: datetime) -> str:
    """ "today", "tomorrow", "Fri"."""
    local, now = moment.astimezone(scope.zone), scope.as_of.astimezone(scope.zone)
    days = (local.date() - now.date()).days
    if days in (0, 1):
        return ("today", "tomorrow")[days]
    return day_name(local, scope.units) if 1 < days < 7 else local.date().isoformat()


def span_ahead(scope: Scope, start: datetime, end: datetime) -> str:
    """ "until 15:15" where it runs, "09:30 to 15:15" today, "tomorrow 09:30 to 15:15", "Fri 22:00 to Sat 03:00"."""
    first, last = start.astimezone(scope.zone), end.astimezone(scope.zone)
    ends = clock_of(last, scope.units)
    if (last.hour, last.minute) == (0, 0):
        last, ends = last - timedelta(hours=1), "midnight"
    if last.date() != first.date():
        ends = f"{day_ahead(scope, last)} {ends}"
    if start <= scope.as_of:
        return f"now until {ends}"
    day = day_ahead(scope, start)
    begins = clock_of(first, scope.units)
    return f"{begins} to {ends}" if day == "today" else f"{day} {begins} to {ends}"
