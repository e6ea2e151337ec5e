"""Where a question names periods, and each one's plain wording, without knowing what time it is.

`energy.periods` turns the wording into instants. This finds every phrase of a sentence, in order, so that
"solar today versus last Tuesday" gives two; and it knows which words speak of the future.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from energy.period_clocks import Phrase, clock_phrase, names_one_day, span_wording, with_hours
from energy.period_dates import DATE, MONTH, SHORT_DAY, WEEKDAY

__all__ = ["Phrase", "find_future", "find_phrases", "names_one_day"]

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
    "twenty-four": "24",
    "half an": "0.5",
    "few": "3",
    "a few": "3",
    "couple of": "2",
    "a couple of": "2",
    "couple": "2",
    "a couple": "2",
}
_UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}
_NUMBER = r"\d+(?:\.\d+)?|" + "|".join(sorted(_NUMBERS, key=len, reverse=True))
_CLOCK = r"\d{1,2}(?::\d{2})?|noon|midday|midnight"
_ORDINAL = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)"
# What may follow "the 15th" when it is a date: "the 2nd miner" and "the 1st time" are none.
_DATE_ENDS = (
    r"(?= *(?:$|[?.!,;])| (?:at|from|between|and|or|vs|versus|than|with|compared|morning|afternoon|evening|night|was|"
    r"were|did|to|until|through|till|before|after|around|noon|midday|midnight|by|per|hourly|in|\d))"
)
_NTH = {"1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth"}
_TO = "(?:to|-|and|through|until)"
_NTHS = "first|second|third|fourth|1st|2nd|3rd|4th"
_UNIT = r"minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?"


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
    return with_hours(text, sorted(taken, key=lambda phrase: phrase.start))


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


def _fixed(wording: str) -> Callable[[re.Match[str]], str | None]:
    return lambda _: wording


_ROLLING = {"week": "last 7 days", "month": "last 30 days", "year": "last 365 days"}


def _calendar(match: re.Match[str]) -> str:
    if match["which"] in ("past", "the past"):
        return _ROLLING[match["unit"]]
    return f"{'this' if match['which'] in ('this', 'the current', 'current') else 'last'} {match['unit']}"


def _weekday(match: re.Match[str]) -> str:
    return f"last {match['day'].removesuffix('s') if match['day'].endswith('days') else match['day']}"


def _dates(match: re.Match[str]) -> str:
    year = f" {match['year']}" if match["year"] else ""
    return f"{match['month']} {match['first']}{year} to {match['month']} {match['last']}{year}"


def _since(match: re.Match[str]) -> str | None:
    day = match["day"].removeprefix("last ") if match["day"] != "last night" else match["day"]
    at = clock_phrase(f"at {match['clock']}")
    return f"since {day} {at.split()[2]}" if at else None


def _part_of_month(match: re.Match[str]) -> str:
    month = {"the month": "this month", "the last month": "last month"}.get(match["month"], match["month"])
    year = f" {match['year']}" if match["year"] else ""
    return f"{_NTH.get(match['nth'], match['nth'])} {match['unit']} of {month}{year}"


def _quarter(match: re.Match[str]) -> str:
    nth = match["nth"] or match["q"]
    number = nth if nth.isdigit() else str(tuple(_NTH.values()).index(_NTH.get(nth, nth)) + 1)
    return f"q{number}{' ' + match['year'] if match['year'] else ''}"


def _in_month(match: re.Match[str]) -> str:
    last = match["which"] == "last" and not match["year"]
    return f"{'last' if last else 'in'} {match['month']}{' ' + match['year'] if match['year'] else ''}"


_PATTERNS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]] = [
    (
        re.compile(
            rf"\bsince (?P<day>last night|yesterday|(?:last )?(?:{WEEKDAY})|{DATE}|today),?(?: at)? "
            r"(?P<clock>\d{1,2}(?::\d\d)?(?: ?[ap]\.?m\b\.?)?|noon|midday|midnight)\b(?! ?%)"
        ),
        _since,
    ),
    (re.compile(r"\bsince last night\b"), lambda _: "since last night"),
    (
        re.compile(
            rf"\b(?:from |between )?(?P<month>{MONTH}) (?P<first>\d{{1,2}})(?:st|nd|rd|th)? ?{_TO} ?"
            r"(?:the )?(?P<last>\d{1,2})(?:st|nd|rd|th)?\b(?! ?[ap]\.?m\b|:)(?:,? (?P<year>20\d\d))?"
        ),
        _dates,
    ),
    (
        re.compile(
            rf"\b(?:from |between )?(?:the )?(?P<first>\d{{1,2}})(?:st|nd|rd|th)? ?{_TO} ?(?:the )?"
            rf"(?P<last>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH})\b(?:,? (?P<year>20\d\d))?"
        ),
        _dates,
    ),
    (
        re.compile(
            rf"\b(?:from |between )?(?:the )?(?P<first>{_ORDINAL}) (?:to|and|through|until|till) (?:the )?"
            rf"(?P<last>{_ORDINAL}){_DATE_ENDS}"
        ),
        lambda m: f"{m['first']} to {m['last']}",
    ),
    (
        re.compile(
            rf"\b(?:in |during |over )?(?:the )?(?P<nth>{_NTHS}|last) (?P<unit>week|half) (?:of|in) "
            rf"(?P<month>{MONTH}|this month|last month|the last month|the month)\b(?: (?P<year>20\d\d))?"
        ),
        _part_of_month,
    ),
    (
        re.compile(
            rf"\b(?:in |during |over )?(?:(?:the )?(?P<nth>{_NTHS}) quarter|q(?P<q>[1-4]))\b"
            r"(?:(?: of| in)? (?P<year>20\d\d))?"
        ),
        _quarter,
    ),
    (
        re.compile(r"\b(?P<which>last|previous|past|this|current) quarter\b(?! (?:of an )?hour)"),
        lambda m: f"{'this' if m['which'] in ('this', 'current') else 'last'} quarter",
    ),
    (
        re.compile(r"\b(?:over |on )?(?:the )?(?P<unit>weekend|week|month|year) before last\b"),
        lambda m: f"the {m['unit']} before last",
    ),
    (
        re.compile(r"\b(?:in|over|during|for|within) the (?P<which>last|past) (?P<unit>week|month|year)\b"),
        lambda m: _ROLLING[m["unit"]],
    ),
    (
        re.compile(
            rf"\b(?:between|from) (?:last )?(?P<first>{WEEKDAY}) (?:and|to|until|through) (?P<last>{WEEKDAY})\b"
        ),
        lambda m: f"{m['first']} to {m['last']}",
    ),
    (re.compile(rf"\bsince (?:last )?(?P<first>{WEEKDAY})\b"), lambda m: f"{m['first']} to today"),
    (
        re.compile(rf"\b(?P<first>{WEEKDAY}) (?:to|until|through) (?P<last>{WEEKDAY})\b"),
        lambda m: m[0].replace("until", "to").replace("through", "to"),
    ),
    (
        re.compile(rf"\b(?:from|between) (?P<first>{DATE}) (?:to|and|until|through) (?P<last>{DATE})\b"),
        lambda m: f"{m['first']} to {m['last']}",
    ),
    (
        re.compile(rf"\b(?P<first>{DATE}) ?(?:to|-|until|through) ?(?P<last>{DATE})\b"),
        lambda m: f"{m['first']} to {m['last']}",
    ),
    (
        re.compile(rf"\bsince (?:the )?(?P<first>{DATE}|\d{{1,2}}(?:st|nd|rd|th))\b"),
        lambda m: f"{m['first']} to today",
    ),
    (re.compile(rf"\b(?:{DATE}|{_ORDINAL}|{WEEKDAY}) to today\b"), lambda m: m[0]),
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
        span_wording,
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
    (re.compile(rf"\b(?:{MONTH}) \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? 20\d\d)?"), lambda m: m[0]),
    (re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{MONTH})\b(?:,? 20\d\d)?"), lambda m: m[0]),
    (
        re.compile(rf"\b(?P<which>in|during|last|for|since) (?P<month>{MONTH})(?: (?P<year>20\d\d))?\b"),
        _in_month,
    ),
    (
        re.compile(
            rf"\b(?P<month>{MONTH.replace('|may', '').replace('|mar|', '|').replace('march|', '')})"
            r"(?: (?P<year>20\d\d))?\b"
        ),
        lambda m: f"in {m['month']}{' ' + m['year'] if m['year'] else ''}",
    ),
    (
        re.compile(rf"\b(?:on |last )?(?P<day>(?:(?:{WEEKDAY}|{SHORT_DAY}),? )?the {_ORDINAL}){_DATE_ENDS}"),
        lambda m: m["day"].replace(",", ""),
    ),
    (re.compile(rf"\b(?:on |last |this past |this |past )?(?P<day>{WEEKDAY})\b"), _weekday),
    (re.compile(rf"\b(?:on|last|this past|past) (?P<day>{SHORT_DAY})\b"), _weekday),
    (re.compile(r"\b(?:today|todays|so far)\b"), _fixed("today")),
]

_FUTURE = re.compile(
    rf"\b(?:tomorrow(?: morning| afternoon| evening| night)?|tonight|"
    rf"(?:the )?next (?:(?:{_NUMBER}) )?(?:{_UNIT}|{WEEKDAY})|"
    rf"(?:the )?coming (?:(?:{_NUMBER}) )?(?:{_UNIT})|(?:in|within) (?:{_NUMBER}) (?:{_UNIT})|"
    r"(?:by|until|before) (?:morning|sunrise|sunset|dawn|midnight|noon|evening)|later today|this evening)\b"
)
