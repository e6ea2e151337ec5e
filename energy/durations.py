"""How long something shall hold, in the words of people: "for 2h", "until 18:00", "until Friday"."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from energy.periods import MONTHS

_EXAMPLES = 'write "2h", "90 min", "until 18:00", "until Friday" or "until 2026-12-01 08:00"'
_WORDS = {
    "a": 1.0,
    "an": 1.0,
    "half an": 0.5,
    **{word: float(n) for n, word in enumerate(("one", "two", "three", "four", "five", "six"), start=1)},
    **{word: float(n) for n, word in enumerate(("seven", "eight", "nine", "ten", "eleven", "twelve"), start=7)},
}
_UNIT_MINUTES = {"m": 1.0, "h": 60.0, "d": 1_440.0, "w": 10_080.0}
_PART = re.compile(
    r"([1-9]\d{0,2}(?:,\d{3})+(?![\d,.])|\d+(?:[.,]\d+)?|half an|[a-z]+)\s*"
    r"(minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w)(?![a-z])(?:\s*(?:and|,)?\s*)"
)
_CLOCK = re.compile(r"(?:at )?(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?")
_CLOCK_WORDS = {"noon": time(12), "midnight": time(0), "morning": time(8), "evening": time(18), "night": time(21)}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = re.compile(r"(?:next |this |on )?(mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:[a-z]*)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_NAMED_DATES = (re.compile(rf"\b{_MONTH} {_DAY}(?![\d:])"), re.compile(rf"\b{_DAY}\.? (?:of )?{_MONTH}(?![a-z])"))
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_CLOCK_OR_SPAN = re.compile(r"\d{1,6}(?:[:.]\d{2})?")  # after "for", or alone: hours, minutes or a clock time?
_HOURS_AND_MINUTES = re.compile(r"(\d+)h(\d{2})m?")
LONGEST = timedelta(days=366)


class UnknownDuration(ValueError):
    """The words tell no time to come; the message shows some that do."""


def parse_until(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The end of a span that begins `now` (aware), as an aware UTC instant after it.

    A day alone ends at its beginning ("until Friday" is over when Friday comes). A clock time is the next one in
    `zone`, and on a day whose clocks change it is that day's. Raises UnknownDuration; for a bare number ("for 8") with
    the question which was meant.
    """
    words = " ".join(text.lower().replace("’", "'").split()).strip(" .!")
    _ask_back(words, text)
    words = re.sub(r"^(?:for|until|till|til)\s+(?:the\s+next\s+|the\s+)?", "", words)
    together = _HOURS_AND_MINUTES.fullmatch(words)
    if together is not None and not re.match(
        r"\s*(?:until|til)", text.lower()
    ):  # "1h30" is a span, "until 18h30" is not
        words = f"{together[1]}h {together[2]}m"
    end = _stamp(words) or _after_span(words, now) or _at_moment(words, now.astimezone(zone), zone)
    if end is None:
        raise UnknownDuration(f'"{text.strip()[:60]}" is no time that I understand; {_EXAMPLES}')
    if end <= now:
        raise UnknownDuration(f'"{text.strip()[:60]}" is over already; {_EXAMPLES}')
    if end - now > LONGEST:
        raise UnknownDuration(f'"{text.strip()[:60]}" is more than a year away; {_EXAMPLES}')
    return end.astimezone(UTC)


def _ask_back(words: str, text: str) -> None:
    """A number without a unit is a clock time only behind "until" or "at": a wrong guess acts for hours."""
    spanned = re.match(r"for\s+(?:the\s+next\s+|the\s+)?", words)
    number = words[spanned.end() :] if spanned is not None else words
    if not (_CLOCK_OR_SPAN.fullmatch(number) if spanned is not None else number.isdecimal()):
        return
    hours, colon, minutes = number.replace(".", ":").partition(":")
    asks = f"until {number}, or {hours} h {minutes} min?" if colon else f"{number} h or {number} min?"
    raise UnknownDuration(f'"{text.strip()[:60]}": {asks} {_EXAMPLES[0].upper()}{_EXAMPLES[1:]}')


def _stamp(words: str) -> datetime | None:
    """A date and time that carries its own offset."""
    try:
        moment = datetime.fromisoformat(words.upper())
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _after_span(words: str, now: datetime) -> datetime | None:
    position, minutes = 0, 0.0
    while position < len(words):
        match = _PART.match(words, position)
        if match is None:
            return None
        amount = _amount(match[1])
        if amount is None:
            return None
        minutes += amount * _UNIT_MINUTES[match[2][0]]
        position = match.end()
    # Elapsed time, whatever the clocks do meanwhile.
    return now.astimezone(UTC) + timedelta(minutes=minutes) if 0 < minutes < 600_000 else None


def _amount(text: str) -> float | None:
    if _THOUSANDS.fullmatch(text):
        return float(text.replace(",", ""))
    if text[0].isdigit():
        if len(text.partition(",")[2]) > 2:
            return None  # neither thousands nor a decimal that people write
        return float(text.replace(",", "."))
    return _WORDS.get(text)


def _at_moment(words: str, local: datetime, zone: ZoneInfo) -> datetime | None:
    """A day, a clock time, or both in either order."""
    day, rest = _take_day(words, local)
    clock = _clock(rest) if rest else None
    if rest and clock is None:
        return None
    if day is None and clock is None:
        return None
    if day is not None:
        moment = datetime.combine(day, clock or time(0), zone)
        if day - local.date() == timedelta(days=7) and clock is not None and re.search(_WEEKDAY, words):
            today = datetime.combine(local.date(), clock, zone)  # "Tuesday 18:00", said on a Tuesday at noon
            return today if today > local and "next" not in words else moment
        return moment
    assert clock is not None
    today = datetime.combine(local.date(), clock, zone)
    return today if today > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)


def _take_day(words: str, local: datetime) -> tuple[date | None, str]:
    today = local.date()
    for name, day in (("today", today), ("tomorrow", today + timedelta(days=1))):
        if re.search(rf"\b{name}\b", words):
            return day, _without(words, rf"\b{name}\b")
    if re.search(r"\btonight\b", words):
        left = _without(words, r"\btonight\b")
        return today, left or "night"
    dated = _DATE.search(words)
    if dated is not None:
        try:
            return date(int(dated[1]), int(dated[2]), int(dated[3])), _without(words, _DATE.pattern)
        except ValueError:
            return None, words
    for pattern in _NAMED_DATES:
        found = pattern.search(words)
        if found is not None:
            return _named_date(found, today), _without(words, pattern.pattern)
    named = _WEEKDAY.search(words)
    if named is not None:
        ahead = (_DAYS.index(named[1][:3]) - today.weekday()) % 7 or 7
        return today + timedelta(days=ahead), _without(words, _WEEKDAY.pattern)
    return None, words


def _named_date(found: re.Match[str], today: date) -> date | None:
    month = next(i for i, name in enumerate(MONTHS, start=1) if name.startswith(found["month"][:3]))
    for year in (today.year, today.year + 1):
        try:
            day = date(year, month, int(found["day"]))
        except ValueError:
            continue
        if day > today:
            return day
    return None


def _without(words: str, pattern: str) -> str:
    return re.sub(r"\s+", " ", re.sub(pattern, " ", words, count=1)).strip(" ,t")


def _clock(words: str) -> time | None:
    words = words.removeprefix("at ").strip()
    if words in _CLOCK_WORDS:
        return _CLOCK_WORDS[words]
    match = _CLOCK.fullmatch(words)
    if match is None or (match[2] is None and match[3] is None and not words.isdigit()):
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    return time(hour % 24, minute) if hour <= 24 and minute < 60 and not (hour == 24 and minute) else None
