"""Dates in plain words, written out, given the local day: which one "the 15th", "nov 20" or "last weekend" is."""

from __future__ import annotations

import re
from datetime import date, timedelta

WEEKDAY = r"(?:mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?)"
SHORT_DAY = r"(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)"
MONTH = (
    "january|february|march|april|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|may"
)
DATE = (
    rf"(?:{MONTH}) \d{{1,2}}(?:st|nd|rd|th)?(?:,? 20\d\d)?|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{MONTH})|\d{{4}}-\d\d-\d\d"
)


def dated(wording: str, today: date) -> str:
    """The wording with words that need a date written out: "nov 20" is the latest one, "last weekend" its two days.

    Anything else comes back as it is, days that are in no calendar ("february 31") too.
    """
    hours = _HOURS_OF_DAY.fullmatch(wording)
    if hours is not None:
        return f"{dated(hours['day'], today)} {hours['hours']}"
    since = _SINCE.fullmatch(wording)
    if since is not None:
        day = since["day"]
        day = (
            _weekday_before(today, day.removeprefix("last ")).isoformat()
            if A_WEEKDAY.fullmatch(day)
            else dated(day, today)
        )
        return f"since {day}{since['clock'] or ''}"
    span = _DAY_TO_DAY.fullmatch(wording)
    if span is not None:
        last = today if span["last"] == "today" else _weekday_before(today, span["last"])
        first = _weekday_before(last, span["first"])
        return f"{first.isoformat()} to {last.isoformat()}"
    days = _several_days(wording, today)
    if days is not None:
        return f"{days[0].isoformat()} to {days[1].isoformat()}"
    first_text, to, last_text = wording.partition(" to ")
    if to:
        begin = _date_of(first_text, today)
        end = today if last_text == "today" else _next_date_of(last_text, begin) if begin else None
        return f"{begin or first_text} to {end or last_text}"
    month = re.fullmatch(rf"(in|last) ({MONTH})( 20\d\d)?", wording)
    if month is not None:
        number = _month_number(month[2])
        year = f" {today.year - (number >= today.month)}" if month[1] == "last" else ""
        return f"in {_full_month(month[2])}{month[3] or year}"
    day_named = _date_of(wording, today)
    return day_named.isoformat() if day_named is not None else wording


def _several_days(wording: str, today: date) -> tuple[date, date] | None:
    """First and last day of a weekend, a week or half of a month, a quarter, and "the week before last"."""
    if wording in ("last weekend", "the weekend before last"):
        back = 7 if wording != "last weekend" else 0
        saturday = today - timedelta(days=(today.weekday() - 5) % 7 + back)
        return saturday, saturday + timedelta(days=1)
    before = _BEFORE_LAST.fullmatch(wording)
    if before is not None:
        if before["unit"] == "week":
            monday = today - timedelta(days=today.weekday() + 14)
            return monday, monday + timedelta(days=6)
        if before["unit"] == "year":
            return date(today.year - 2, 1, 1), date(today.year - 2, 12, 31)
        return _months(today.year, today.month - 2, 1)
    part = _PART_OF_MONTH.fullmatch(wording)
    if part is not None:
        first, last = _month_meant(part, today)
        if part["unit"] == "half":
            return (first, first + timedelta(days=14)) if part["nth"] == "first" else (first + timedelta(days=15), last)
        if part["nth"] == "last":
            return last - timedelta(days=6), last
        begin = first + timedelta(days=7 * _NTH.index(part["nth"]))
        return begin, begin + timedelta(days=6)
    quarter = _QUARTER.fullmatch(wording)
    if quarter is None:
        return None
    number = (today.month - 1) // 3 + 1
    if quarter["which"] is not None:
        return _months(today.year, 3 * (number - (quarter["which"] == "last")) - 2, 3)
    asked = int(quarter["n"])
    return _months(int(quarter["year"] or today.year - (asked > number)), 3 * asked - 2, 3)


def _month_meant(match: re.Match[str], today: date) -> tuple[date, date]:
    name = match["month"]
    if name in ("this month", "last month"):
        return _months(today.year, today.month - (name == "last month"), 1)
    number = _month_number(name)
    return _months(int(match["year"] or today.year - (number > today.month)), number, 1)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    """First and last day of `count` months; a month of 0 or less is one of the year before."""
    first = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    index = month - 1 + count
    return first, date(year + index // 12, index % 12 + 1, 1) - timedelta(days=1)


def _next_date_of(text: str, begin: date) -> date | None:
    """The first date from `begin` on that the words name: "nov 20 to 28" may end in days to come."""
    of_month = OF_MONTH.fullmatch(f"the {text}")
    if of_month is None:
        return _date_of(text, begin + timedelta(days=364))
    day = int(of_month["day"])
    _, last = _months(begin.year, begin.month + (day < begin.day), 1)
    return last.replace(day=day) if 1 <= day <= last.day else None


def _date_of(text: str, today: date) -> date | None:
    """The latest date that "nov 5", "5 november", "the 10th" or "2026-11-05" names; None for anything else."""
    of_month = OF_MONTH.fullmatch(text if text.startswith("the ") or " the " in text else f"the {text}")
    try:
        if of_month is not None:
            return _of_month(int(of_month["day"]), of_month["weekday"], today)
        match = MONTH_DAY.fullmatch(text) or DAY_MONTH.fullmatch(text)
        if match is None:
            return date.fromisoformat(text)
        if match["year"] is not None:
            return date(int(match["year"]), _month_number(match["month"]), int(match["day"]))
    except ValueError:
        return None
    for year in range(today.year, today.year - 9, -1):  # the 29th of February may be eight years back
        try:
            day = date(year, _month_number(match["month"]), int(match["day"]))
        except ValueError:
            continue
        if day <= today:
            return day
    return None


def _of_month(number: int, weekday: str | None, today: date) -> date | None:
    """The latest such day of a month; None where it is another day of the week than was said."""
    for back in range(3):
        first, last = _months(today.year, today.month - back, 1)
        if 1 <= number <= last.day and (day := first.replace(day=number)) <= today:
            return day if weekday is None or day.weekday() == _DAY_STARTS.index(weekday[:3]) else None
    return None


def _weekday_before(day: date, name: str) -> date:
    back = (day.weekday() - _DAY_STARTS.index(name[:3])) % 7 or 7
    return day - timedelta(days=back)


def _month_number(name: str) -> int:
    return _MONTH_STARTS.index(name[:3]) + 1


def _full_month(name: str) -> str:
    return _MONTH_NAMES[_month_number(name) - 1]


_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_STARTS = tuple(name[:3] for name in _MONTH_NAMES)
MONTH_DAY = re.compile(rf"\b(?P<month>{MONTH}) (?P<day>\d{{1,2}})(?!\d)(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?")
DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH})(?:,? (?P<year>20\d\d))?")
_HOURS_OF_DAY = re.compile(r"(?P<day>.+?) (?P<hours>from \d{1,2}:\d\d to \d{1,2}:\d\d)")
A_WEEKDAY = re.compile(rf"(?:last )?(?:{WEEKDAY})|last (?:{SHORT_DAY})")
OF_MONTH = re.compile(rf"(?:(?P<weekday>{WEEKDAY}|{SHORT_DAY}) )?the (?P<day>\d{{1,2}})(?:st|nd|rd|th)")
AN_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_STARTS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_TO_DAY = re.compile(rf"(?P<first>{WEEKDAY}) to (?P<last>{WEEKDAY}|today)")
_SINCE = re.compile(r"since (?P<day>.+?)(?P<clock> \d{1,2}:\d\d)?")
_BEFORE_LAST = re.compile(r"the (?P<unit>week|month|year) before last")
_NTH = ("first", "second", "third", "fourth")
_PART_OF_MONTH = re.compile(
    rf"(?P<nth>{'|'.join(_NTH)}|last) (?P<unit>week|half) of "
    rf"(?P<month>this month|last month|{MONTH})(?: (?P<year>20\d\d))?"
)
_QUARTER = re.compile(r"q(?P<n>[1-4])(?: (?P<year>20\d\d))?|(?P<which>this|last) quarter")
