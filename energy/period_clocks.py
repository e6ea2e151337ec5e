"""Clocks and parts of a day in words, joined with the day beside them: "at noon on sunday", "yesterday 3pm".

A clock alone is ten minutes, so that there are readings in it. Nothing here knows what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from energy.period_dates import A_WEEKDAY, AN_ISO_DAY, DAY_MONTH, MONTH_DAY, OF_MONTH

_MOMENT_MIN = 10
_DAY_MIN = 24 * 60
_PARTS = {
    "morning": (0, 12 * 60),
    "afternoon": (12 * 60, 18 * 60),
    "evening": (18 * 60, 0),
    "night": (18 * 60, 6 * 60),
}
_NOT_A_CLOCK = (
    r"(?! ?(?:%|percent|[km]?wh?|kwh|v|a|c|f|volts?|watts?|amps?|degrees?|hours?|hrs?|h|days?|d|weeks?|months?|years?|"
    r"minutes?|mins?|miners?|times?)\b)(?! ?%)(?![.:,]?\d)(?!st|nd|rd|th)"
)
_END = r"noon|midday|midnight|\d{1,2}(?::\d\d)?"
_CLOCK = r"noon|midday|midnight|(?<![\d.:-])\d{1,2}(?::\d\d)?"
_HALF = r"(?: ?(?P<{}>[ap])\.?m\b\.?)?"
_MOMENT = re.compile(
    r"\b(?:(?P<how>at|around|about|after|since|before|until|till|by|up to) )?(?:about |around |exactly )?"
    rf"(?P<from>{_CLOCK}){_HALF.format('half')}(?P<sure> ?o'?clock)?\b{_NOT_A_CLOCK}"
)
_BARE_SPAN = re.compile(
    rf"(?<!\S)(?P<from>{_CLOCK}){_HALF.format('from_half')} ?(?:-|to|until|till) ?"
    rf"(?P<to>{_END}){_HALF.format('half')}\b{_NOT_A_CLOCK}"
)
_SPAN = re.compile(r"from (\d{1,2}):(\d\d) to (\d{1,2}):(\d\d)")
_PART = re.compile(r",? (?:in the )?(morning|afternoon|evening|night)\b")
_DAY_WITH_PART = re.compile(r"(?P<day>yesterday|this|last) (?P<part>morning|afternoon|evening|night)")
_DAYS_AGO = re.compile(r"\d+ (?:days?|weeks?) ago|the day before yesterday|today|yesterday")
_WITH_NUMBERS = (None, "by", "about", "up to")  # "it fell by 5 today" is no clock
_BESIDE = ("", "on", "at", "around", "about", "of")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A period named in a text: characters [start, end) of it, and the wording that `energy.periods` understands."""

    start: int
    end: int
    wording: str


@dataclass(frozen=True, slots=True)
class _Clock:
    """A clock of a text: minutes of the day, and what is meant: that moment, before or after it, or a span."""

    start: int
    end: int
    how: str
    first: int
    last: int
    certain: bool


def clock_phrase(text: str) -> str | None:
    """The wording of a text that is a clock and nothing else ("at 3pm", "since 6am"): one of today."""
    clocks = _clocks(text, [])
    if len(clocks) != 1 or not clocks[0].certain or text[: clocks[0].start].strip() or text[clocks[0].end :].strip():
        return None
    return _hours("today", None, clocks[0])


def with_hours(text: str, phrases: list[Phrase]) -> list[Phrase]:
    """A day and the hours or the part of it that are named beside it are one period: "monday morning"."""
    days = [_with_part(text, phrase) for phrase in phrases if not _SPAN.fullmatch(phrase.wording)]
    spans = [_span(phrase) for phrase in phrases if _SPAN.fullmatch(phrase.wording)]
    clocks = [*spans, *_clocks(text, [*days, *spans])]
    joined: list[Phrase] = []
    for day in days:
        split = _day_and_part(text, day)
        clock = _beside(text, day, clocks) if split else None
        if clock is None and split and len(days) == len(clocks) == 1 and clocks[0].how == "at" and clocks[0].certain:
            clock = clocks[0]  # "what was the battery at noon, and I mean on sunday"
        wording = _hours(*split, clock) if split and clock else None
        if wording is None or clock is None:
            wording = (
                _part_wording(*split) if split and split[1] and _DAY_WITH_PART.fullmatch(day.wording) is None else ""
            )
            joined.append(Phrase(day.start, day.end, wording or day.wording))
            continue
        clocks.remove(clock)
        near = _gap(text, day, clock) in _BESIDE
        start, end = (min(day.start, clock.start), max(day.end, clock.end)) if near else (day.start, day.end)
        joined.append(Phrase(start, end, wording))
    left = {(clock.start, clock.end) for clock in clocks}
    joined += [p for p in phrases if _SPAN.fullmatch(p.wording) and (p.start, p.end) in left]
    if not joined:
        since = [clock for clock in clocks if clock.how == "since"]
        joined = [Phrase(c.start, c.end, _hours("today", None, c) or "") for c in since[:1] if c.certain]
    return sorted(joined, key=lambda phrase: phrase.start)


def names_one_day(wording: str) -> bool:
    """Whether a wording names a single past day: "yesterday", "last tuesday", "nov 17"."""
    return wording != "today" and is_day(wording)


def moment_clock(wording: str) -> str | None:
    """The clock ("15:00") of a wording that is one moment of a day, else None."""
    _, found, hours = wording.rpartition(" from ")
    match = _SPAN.fullmatch(f"from {hours}") if found else None
    if match is None:
        return None
    first, first_minute, last, last_minute = (int(text) for text in match.groups())
    long = (last * 60 + last_minute - first * 60 - first_minute) % _DAY_MIN
    return f"{first}:{first_minute:02d}" if long == _MOMENT_MIN else None


def is_day(wording: str) -> bool:
    """Whether a wording names one day."""
    kinds = (A_WEEKDAY, AN_ISO_DAY, MONTH_DAY, DAY_MONTH, OF_MONTH, _DAYS_AGO)
    return any(kind.fullmatch(wording) for kind in kinds)


def span_wording(match: re.Match[str]) -> str:
    """The wording of "between 2 and 5 pm yesterday", a match with day, day_after, from, to and their halves."""
    day = match["day"] or match["day_after"]
    hours = _said_span(match["from"], match["from_half"], match["to"], match["to_half"])
    text = f"from {_clock(hours[0])} to {_clock(hours[1])}" if hours else "from 24:00 to 24:00"  # no such time
    return f"{day} {text}" if day else text


def _said_span(first: str, first_half: str | None, last: str, last_half: str | None) -> tuple[int, int] | None:
    start, end = _minutes(first, first_half or last_half), _minutes(last, last_half)
    if start is None or end is None:
        return None
    if first_half is None and last_half and last_half[0] == "p" and start > end:
        start = _minutes(first, "am")  # "from 9 to 2 pm"
    return None if start is None else (start, end)


def _minutes(text: str, half: str | None) -> int | None:
    if text in ("noon", "midday", "midnight"):
        return 0 if text == "midnight" else 12 * 60
    hour_text, _, minute_text = text.partition(":")
    hour, minute = int(hour_text), int(minute_text or 0)
    if half is not None:
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    return hour * 60 + minute if hour < 24 and minute < 60 else None


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"


def _clocks(text: str, taken: Sequence[Phrase | _Clock]) -> list[_Clock]:
    found: list[_Clock] = []
    for pattern in (_BARE_SPAN, _MOMENT):
        for match in pattern.finditer(text):
            clock = _read_span(match) if pattern is _BARE_SPAN else _read_moment(match)
            if clock and all(clock.end <= other.start or clock.start >= other.end for other in (*taken, *found)):
                found.append(clock)
    return found


def _read_span(match: re.Match[str]) -> _Clock | None:
    hours = _said_span(match["from"], match["from_half"], match["to"], match["half"])
    certain = any(mark in match[0] for mark in (":", "noon", "midnight", "midday")) or bool(match["half"])
    return _Clock(match.start(), match.end(), "span", *hours, certain) if hours else None


def _read_moment(match: re.Match[str]) -> _Clock | None:
    word, certain = match["from"], bool(match["half"] or match["sure"])
    if not (certain or ":" in word or not word.isdigit()) and (match["how"] in _WITH_NUMBERS or int(word) > 12):
        return None  # a number alone
    minutes = _minutes(word, match["half"])
    if minutes is None:
        return None
    how = {"after": "after", "since": "since", "before": "before", "until": "before", "till": "before", "by": "before"}
    meant = "before" if match["how"] == "up to" else how.get(match["how"] or "", "at")
    return _Clock(match.start(), match.end(), meant, minutes, minutes, certain or not word.isdigit())


def _span(phrase: Phrase) -> _Clock:
    match = _SPAN.fullmatch(phrase.wording)
    first, first_minute, last, last_minute = (int(text) for text in match.groups()) if match else (0, 0, 0, 0)
    return _Clock(phrase.start, phrase.end, "span", first * 60 + first_minute, last * 60 + last_minute, certain=True)


def _with_part(text: str, phrase: Phrase) -> Phrase:
    part = _PART.match(text, phrase.end) if is_day(phrase.wording) else None
    return Phrase(phrase.start, part.end(), phrase.wording) if part else phrase


def _day_and_part(text: str, phrase: Phrase) -> tuple[str, str | None] | None:
    said = _DAY_WITH_PART.fullmatch(phrase.wording)
    if said is not None:
        return ("last night" if said["day"] == "last" else "today" if said["day"] == "this" else said["day"]), said[
            "part"
        ]
    if not is_day(phrase.wording):
        return None
    words = text[phrase.start : phrase.end]
    part = re.search(r"\b(morning|afternoon|evening|night)$", words)
    last = re.search(r"\b(?:last|past)\b", words)
    return (phrase.wording if last else phrase.wording.removeprefix("last ")), part[1] if part else None


def _part_wording(day: str, part: str | None) -> str:
    first, last = _PARTS[part or "morning"]
    return f"{day} from {_clock(first)} to {_clock(last)}"


def _beside(text: str, day: Phrase, clocks: list[_Clock]) -> _Clock | None:
    # "miners 1 to 2 today" is no span of hours, "today 1 to 2" is one.
    usable = [c for c in clocks if c.certain or c.how != "span" or c.start >= day.end]
    near = [clock for clock in usable if _gap(text, day, clock) in _BESIDE]
    return max(near, key=lambda clock: clock.start, default=None)


def _gap(text: str, day: Phrase, clock: _Clock) -> str:
    (_, end), (start, _) = sorted(((day.start, day.end), (clock.start, clock.end)))
    return text[end:start].strip(" ,")


def _hours(day: str, part: str | None, clock: _Clock) -> str | None:
    """The wording of a clock on a day; None where the part of the day and the clock do not go together."""
    first, last = (_in_part(minutes, part) for minutes in (clock.first, clock.last))
    begins, ends = _PARTS[part] if part else (0, 0)
    if clock.how == "at":
        last = (first + _MOMENT_MIN) % _DAY_MIN
    elif clock.how == "after":
        last = ends
    elif clock.how == "before":
        first, last = begins, first
    if part == "night":
        # The night that began the evening before: its small hours are of the next day.
        if day != "last night":
            return None
        day = "yesterday" if first >= 12 * 60 else "today"
    if clock.how == "since":
        return f"since {day} {_clock(first)}"
    return f"{day} from {_clock(first)} to {_clock(last)}"


def _in_part(minutes: int, part: str | None) -> int:
    hour = minutes // 60
    later = (part in ("afternoon", "evening") and 1 <= hour < 12) or (part == "night" and 6 <= hour < 12)
    if part == "night" and hour == 12:
        return minutes - 12 * 60  # "last night at 12" is midnight
    return minutes + 12 * 60 if later else minutes
