"""Periods of follow-ups: "the day before" of what was asked last, and words that only a date keeps from drifting."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from agents.local_model.intents import Compare, Intent
from energy.period_dates import dated

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WITHIN = re.compile(r"(?P<day>.+?)(?P<clock> from \d{1,2}:\d\d to \d{1,2}:\d\d| morning| afternoon| evening)?")
_DAYS_AGO = re.compile(r"(?P<n>\d+) days? ago")
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d)")
_ONE_DAY = re.compile(r"today|yesterday|the day before yesterday|\d+ days? ago|\d{4}-\d\d-\d\d")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = re.compile(rf"in (?P<name>{'|'.join(_MONTHS)}) (?P<year>20\d\d)")
_NAMED = ("today", "yesterday", "the day before yesterday")
_BEFORE = {
    "night": ("last night", "the night before last"),
    "week": ("this week", "last week"),
    "month": ("this month", "last month"),
    "year": ("this year", "last year"),
}


def period_of(intent: Intent) -> str | None:
    """The period that an intent is about, if it is about one."""
    if isinstance(intent, Compare):
        return intent.a
    period = getattr(intent, "period", None)
    return period if isinstance(period, str) else None


def day_of(period: str | None) -> str | None:
    """The day of a period that lies within one ("yesterday from 14:00 to 14:10" is "yesterday"), else None."""
    if period is None:
        return "today"
    match = _WITHIN.fullmatch(period)
    day = match["day"] if match else period
    if day == "this":  # "this morning"
        return "today"
    return day if _ONE_DAY.fullmatch(day) else None


def shifted(period: str, unit: str, steps: int) -> str | None:
    """The period one `unit` (day, night, week, weekend, month, year) before (-1) or after (+1), None where unclear."""
    if unit == "day" and period == "last night":
        unit = "night"
    if unit in _BEFORE:
        named = _BEFORE[unit]
        if period in named:
            at = named.index(period) - steps
            return named[at] if 0 <= at < len(named) else None
        month = _MONTH.fullmatch(period)
        if month is not None and unit == "month":
            return _month(int(month["year"]), _MONTHS.index(month["name"]) + steps)
    span = _RANGE.fullmatch(period)
    if span is not None and unit in ("week", "weekend"):
        first, last = (date.fromisoformat(text) + timedelta(weeks=steps) for text in span.groups())
        return f"{first} to {last}"
    match = _WITHIN.fullmatch(period)
    if match is None or unit not in ("day", "week"):
        return None
    day = _day_shifted(match["day"], steps * (7 if unit == "week" else 1))
    return None if day is None else f"{day}{match['clock'] or ''}"


def _day_shifted(day: str, days: int) -> str | None:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    ago = _DAYS_AGO.fullmatch(day)
    back = int(ago["n"]) if ago else _NAMED.index(day) if day in _NAMED else None
    if back is None or back - days < 0:
        return None
    return _NAMED[back - days] if back - days < len(_NAMED) else f"{back - days} days ago"


def _month(year: int, index: int) -> str:
    return f"in {_MONTHS[index % 12]} {year + index // 12}"


def on_dates(intent: Intent, today: date | None, *, fully: bool = False) -> Intent:
    """The intent with weekdays, dates and weekends written out, so that "the day before" can be counted from them.

    `fully` writes out last week, last month and clock times of yesterday too; they keep their names otherwise.
    """
    if today is None:
        return intent
    changed: dict[str, Any] = {}
    for name in ("period", "a", "b"):
        period = getattr(intent, name, None)
        if isinstance(period, str):
            changed[name] = (_written_out(period, today) if fully else None) or _on_date(period, today)
    return replace(intent, **changed) if changed else intent


def _on_date(period: str, today: date) -> str:
    match = _WITHIN.fullmatch(period)
    day = match["day"] if match else period
    weekday = day.removeprefix("last ").removeprefix("on ")
    if weekday in _WEEKDAYS:
        back = (today.weekday() - _WEEKDAYS.index(weekday)) % 7
        if back == 0 and day == weekday and match is not None and match["clock"]:
            return period  # today's or last week's: the hour decides
        back = back or 7
        return f"{today - timedelta(days=back)}{(match['clock'] if match else None) or ''}"
    return dated(period, today)


def _written_out(period: str, today: date) -> str | None:
    match = _WITHIN.fullmatch(period)
    if match is not None and match["clock"] and " from " in match["clock"] and match["day"] in _NAMED:
        return f"{today - timedelta(days=_NAMED.index(match['day']))}{match['clock']}"
    monday = today - timedelta(days=today.weekday() + 7)
    if period == "last week":
        return f"{monday} to {monday + timedelta(days=6)}"
    return _month(today.year, today.month - 2) if period == "last month" else None
