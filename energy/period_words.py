"""Where a question names periods, and each one's plain wording, without knowing what time it is.

`energy.periods` turns the wording into instants. This finds every phrase of a sentence, in order, so that
"solar today versus last Tuesday" gives two; and it knows which words speak of the future.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

_NUMBERS = {
    "a": "1",
    "an": "1",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "twelve": "12",
    "fourteen": "14",
    "thirty": "30",
    "half an": "0.5",
    "few": "3",
    "a few": "3",
    "couple of": "2",
    "a couple of": "2",
    "couple": "2",
    "a couple": "2",
}
_UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}
_WEEKDAYS = r"(?:mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?)"
_SHORT_DAYS = r"(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)"
_MONTHS = (
    "january|february|march|april|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|may"
)
_DATE = (
    rf"(?:{_MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?(?:,? 20\d\d)?|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTHS})|\d{{4}}-\d\d-\d\d"
)
_NUMBER = r"\d+(?:\.\d+)?|" + "|".join(sorted(_NUMBERS, key=len, reverse=True))
_UNIT = r"minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?"
_CLOCK = r"\d{1,2}(?::\d{2})?|noon|midnight"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A period named in a text: characters [start, end) of it, and the wording that `energy.periods` understands."""

    start: int
    end: int
    wording: str


def find_phrases(text: str) -> list[Phrase]:
    """The periods that a lower-case text names, in order, without overlaps; the more specific phrase wins."""
    taken: list[Phrase] = []
    for pattern, wording in _PATTERNS:
        for match in pattern.finditer(text):
            free = all(match.end() <= p.start or match.start() >= p.end for p in taken)
            words = wording(match) if free else None
            if words:
                taken.append(Phrase(match.start(), match.end(), words))
    if len(taken) > 1:
        taken = [p for p in taken if text[p.start : p.end] != "so far"]  # "so far this month" is one period
    return _with_hours(text, sorted(taken, key=lambda phrase: phrase.start))


_PARTS = {
    "morning": "0:00 to 12:00",
    "afternoon": "12:00 to 18:00",
    "evening": "18:00 to 0:00",
    "night": "18:00 to 6:00",
}


def _with_hours(text: str, phrases: list[Phrase]) -> list[Phrase]:
    """A day and the hours or the part of it that are named beside it are one period: "monday morning"."""
    joined: list[Phrase] = []
    for phrase in phrases:
        before = joined[-1] if joined else None
        between = text[before.end : phrase.start].strip(" ,") if before else None
        if before and between in ("", "on") and _is_hours(phrase) and _is_day(before):
            joined[-1] = Phrase(before.start, phrase.end, f"{before.wording} {phrase.wording}")
        elif before and between in ("", "on") and _is_hours(before) and _is_day(phrase):
            joined[-1] = Phrase(before.start, phrase.end, f"{phrase.wording} {before.wording}")
        elif _is_day(phrase) and (part := _PART.match(text, phrase.end)) is not None:
            joined.append(Phrase(phrase.start, part.end(), f"{phrase.wording} from {_PARTS[part[1]]}"))
        else:
            joined.append(phrase)
    return joined


def names_one_day(wording: str) -> bool:
    """Whether a wording of this module names a single past day: "yesterday", "last tuesday", "nov 17"."""
    return wording == "yesterday" or _is_day(Phrase(0, 0, wording))


def _is_hours(phrase: Phrase) -> bool:
    return phrase.wording.startswith("from ")


def _is_day(phrase: Phrase) -> bool:
    return any(kind.fullmatch(phrase.wording) for kind in (_A_WEEKDAY, _AN_ISO_DAY, _MONTH_DAY, _DAY_MONTH))


def find_future(text: str) -> str | None:
    """The words of a lower-case text that speak of a time to come ("tomorrow", "next 6 hours"), or None."""
    match = _FUTURE.search(text)
    return match[0].strip() if match else None


def _last_n(match: re.Match[str]) -> str | None:
    number = _NUMBERS.get(match["n"] or "", match["n"] or "1")
    unit = _UNITS["m" if match["unit"].startswith("min") else match["unit"][0]]
    if match["unit"].startswith("month"):
        number, unit = f"{float(number) * 30:g}", "day"
    return f"last {number} {unit}{'' if number == '1' else 's'}"


def _ago(match: re.Match[str]) -> str:
    return f"{_NUMBERS.get(match['n'], match['n'])} {match['unit']} ago"


def _span(match: re.Match[str]) -> str:
    day = match["day"] or match["day_after"]
    start, end = _clock(match["from"], match["from_half"] or match["to_half"]), _clock(match["to"], match["to_half"])
    if match["from_half"] is None and match["to_half"] == "pm" and _minutes(start) > _minutes(end):
        start = _clock(match["from"], "am")  # "from 9 to 2 pm"
    return f"{day} from {start} to {end}" if day else f"from {start} to {end}"


def _clock(text: str, half: str | None) -> str:
    if text in ("noon", "midnight"):
        return "12:00" if text == "noon" else "0:00"
    hour, _, minute = text.partition(":")
    number = int(hour) % 12 + (12 if half == "pm" else 0) if half else int(hour)
    return f"{number}:{minute or '00'}"


def _minutes(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def _fixed(wording: str) -> Callable[[re.Match[str]], str | None]:
    return lambda _: wording


def _calendar(match: re.Match[str]) -> str:
    rolling = {"week": "last 7 days", "month": "last 30 days", "year": "last 365 days"}
    if match["which"] in ("past", "the past"):
        return rolling[match["unit"]]
    return f"{'this' if match['which'] in ('this', 'the current', 'current') else 'last'} {match['unit']}"


def _weekday(match: re.Match[str]) -> str:
    return f"last {match['day'].removesuffix('s') if match['day'].endswith('days') else match['day']}"


_PATTERNS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]] = [
    (
        re.compile(
            rf"\b(?:between|from) (?:last )?(?P<first>{_WEEKDAYS}) (?:and|to|until|through) (?P<last>{_WEEKDAYS})\b"
        ),
        lambda m: f"{m['first']} to {m['last']}",
    ),
    (re.compile(rf"\bsince (?:last )?(?P<first>{_WEEKDAYS})\b"), lambda m: f"{m['first']} to today"),
    (
        re.compile(rf"\b(?P<first>{_WEEKDAYS}) (?:to|until|through) (?P<last>{_WEEKDAYS})\b"),
        lambda m: m[0].replace("until", "to").replace("through", "to"),
    ),
    (
        re.compile(rf"\b(?:from|between) (?P<first>{_DATE}) (?:to|and|until|through) (?P<last>{_DATE})\b"),
        lambda m: f"{m['first']} to {m['last']}",
    ),
    (
        re.compile(rf"\bsince (?:the )?(?P<first>{_DATE}|\d{{1,2}}(?:st|nd|rd|th))\b"),
        lambda m: f"{m['first']} to today",
    ),
    (re.compile(r"\b(?:in|during|for) (?P<year>20\d\d)\b"), lambda m: f"{m['year']}-01-01 to {m['year']}-12-31"),
    (re.compile(r"\b(?:ever|all time|all-time|of all times|since the beginning)\b"), lambda _: "last 1095 days"),
    (
        re.compile(r"\b(\d{4}-\d\d-\d\d)(?: ?(?:to|until|through|-) ?(\d{4}-\d\d-\d\d))?\b"),
        lambda m: f"{m[1]} to {m[2]}" if m[2] else m[1],
    ),
    (
        re.compile(
            rf"\b(?:(?P<day>yesterday|today),? )?(?:between|from) (?P<from>{_CLOCK}) ?(?P<from_half>am|pm)? "
            rf"?(?:and|to|until|till|-) ?(?P<to>{_CLOCK}) ?(?P<to_half>am|pm)?\b(?! ?(?:%|w|kw|v|kwh)\b)(?! ?%)"
            r"(?: (?P<day_after>yesterday|today))?"
        ),
        _span,
    ),
    (re.compile(rf"\b(?P<n>{_NUMBER}) (?P<unit>days?|weeks?|hours?|minutes?) ago\b"), _ago),
    (
        re.compile(
            rf"\b(?:(?:in|over|during|for|within|since) )?(?:the )?(?:last|past|previous) (?P<n>{_NUMBER})[ -]?"
            rf"(?P<unit>{_UNIT}|h|d)\b"
        ),
        _last_n,
    ),
    (re.compile(rf"\b(?:over|during|within|for)(?: the)? (?P<n>{_NUMBER})[ -]?(?P<unit>{_UNIT}|h|d)\b"), _last_n),
    (
        re.compile(
            r"\b(?:(?:in|over|during|for|within) )?(?:the )?(?:last|past) (?P<n>)(?P<unit>hour|"
            r"minute)\b"
        ),
        _last_n,
    ),
    (
        re.compile(
            rf"(?<!\bin )(?<![\d.])\b(?P<n>\d+(?:\.\d+)?)[ -]?(?P<unit>{_UNIT}|h|d)\b(?! (?:from|ahead|ago|later))"
        ),
        _last_n,
    ),
    (re.compile(r"\b(?:the )?(?:last|past) day\b"), _fixed("last 24 hours")),
    (re.compile(r"\b(?:the )?night before(?: last)?\b"), _fixed("the night before last")),
    (re.compile(r"\b(?:the )?day before yesterday\b"), _fixed("the day before yesterday")),
    (re.compile(r"\byesterday (morning|afternoon)\b"), lambda m: f"yesterday {m[1]}"),
    (re.compile(r"\byesterday evening\b"), _fixed("yesterday evening")),
    (re.compile(r"\bthis (morning|afternoon)\b"), lambda m: f"this {m[1]}"),
    (re.compile(r"\b(?:since|from) (?:this morning|midnight|sunrise|sunup)\b"), _fixed("today")),
    (
        re.compile(r"\b(?:last night|overnight|(?:during|in|through) the night|yesterday night)\b"),
        _fixed("last night"),
    ),
    (re.compile(r"\bsince yesterday\b"), _fixed("last 24 hours")),
    (re.compile(r"\byesterday\b"), _fixed("yesterday")),
    (
        re.compile(
            r"\b(?P<which>this|the current|current|last|previous|the previous|past|the past) "
            r"(?P<unit>week|month|year)\b"
        ),
        _calendar,
    ),
    (re.compile(r"\b(?P<which>this) (?P<unit>week|month|year)\b"), _calendar),
    (re.compile(r"\b(?:over |last |this |the )?(?:past )?weekend\b"), _fixed("last weekend")),
    (re.compile(rf"\b(?:{_MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? 20\d\d)?"), lambda m: m[0]),
    (re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTHS})\b(?:,? 20\d\d)?"), lambda m: m[0]),
    (
        re.compile(rf"\b(?:in|during|last|for|since) (?P<month>{_MONTHS})(?: (?P<year>20\d\d))?\b"),
        lambda m: f"in {m['month']}{' ' + m['year'] if m['year'] else ''}",
    ),
    (
        re.compile(
            rf"\b(?P<month>{_MONTHS.replace('|may', '').replace('|mar|', '|').replace('march|', '')})"
            r"(?: (?P<year>20\d\d))?\b"
        ),
        lambda m: f"in {m['month']}{' ' + m['year'] if m['year'] else ''}",
    ),
    (re.compile(rf"\b(?:on |last |this past |this |past )?(?P<day>{_WEEKDAYS})\b"), _weekday),
    (re.compile(rf"\b(?:on|last|this past|past) (?P<day>{_SHORT_DAYS})\b"), _weekday),
    (re.compile(r"\b(?:today|todays|so far)\b"), _fixed("today")),
]

_FUTURE = re.compile(
    rf"\b(?:tomorrow(?: morning| afternoon| evening| night)?|tonight|"
    rf"(?:the )?next (?:(?:{_NUMBER}) )?(?:{_UNIT}|{_WEEKDAYS})|"
    rf"(?:the )?coming (?:(?:{_NUMBER}) )?(?:{_UNIT})|(?:in|within) (?:{_NUMBER}) (?:{_UNIT})|"
    r"(?:by|until|before) (?:morning|sunrise|sunset|dawn|midnight|noon|evening)|later today|this evening)\b"
)


def dated(wording: str, today: date) -> str:
    """The wording with words that need a date written out: "nov 20" is the latest one, "last weekend" its two days.

    Anything else comes back as it is.
    """
    if wording == "last weekend":
        saturday = today - timedelta(days=(today.weekday() - 5) % 7)
        return f"{saturday.isoformat()} to {(saturday + timedelta(days=1)).isoformat()}"
    span = _DAY_TO_DAY.fullmatch(wording)
    if span is not None:
        last = today if span["last"] == "today" else _weekday_before(today, span["last"])
        first = _weekday_before(last, span["first"])
        return f"{first.isoformat()} to {last.isoformat()}"
    first_text, to, last_text = wording.partition(" to ")
    if to and (begin := _date_of(first_text, today)) is not None:
        end = today if last_text == "today" else _date_of(last_text, today)
        return f"{begin.isoformat()} to {end.isoformat()}" if end is not None and begin <= end else wording
    match = _MONTH_DAY.fullmatch(wording) or _DAY_MONTH.fullmatch(wording)
    hours = _HOURS_OF_DAY.fullmatch(wording)
    if hours is not None:
        return f"{dated(hours['day'], today)} {hours['hours']}"
    if match is None:
        month = re.fullmatch(rf"in ({_MONTHS})( 20\d\d)?", wording)
        return f"in {_full_month(month[1])}{month[2] or ''}" if month else wording
    number = _month_number(match["month"])
    year = int(match["year"]) if match["year"] else today.year
    try:
        day = date(year, number, int(match["day"]))
        if match["year"] is None and day > today:
            day = day.replace(year=year - 1)
    except ValueError:
        return wording
    return day.isoformat()


def _date_of(text: str, today: date) -> date | None:
    """The latest date that "nov 5", "5 november", "the 10th" or "2026-11-05" names; None for anything else."""
    of_month = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", text)
    try:
        if of_month is not None:
            day = today.replace(day=int(of_month[1]))
            return day if day <= today else (today.replace(day=1) - timedelta(days=1)).replace(day=int(of_month[1]))
        return date.fromisoformat(dated(text, today))
    except ValueError:
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
_MONTH_DAY = re.compile(rf"(?P<month>{_MONTHS}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?")
_DAY_MONTH = re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTHS})(?:,? (?P<year>20\d\d))?")
_HOURS_OF_DAY = re.compile(r"(?P<day>.+?) (?P<hours>from \d{1,2}:\d\d to \d{1,2}:\d\d)")
_PART = re.compile(r",? (?:in the )?(morning|afternoon|evening|night)\b")
_A_WEEKDAY = re.compile(rf"last (?:{_WEEKDAYS}|{_SHORT_DAYS})|the day before yesterday")
_AN_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_STARTS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_TO_DAY = re.compile(rf"(?P<first>{_WEEKDAYS}) to (?P<last>{_WEEKDAYS}|today)")
