"""Periods in plain words, in the site's local time, right on days of 23 and 25 hours.

"yesterday" is the local calendar day, "last night" is sunset to sunrise, "over 7 days" is the last 168 hours.
A period that would reach into the future ends at `now`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from energy.period_clocks import clock_phrase
from energy.period_dates import DAY_MONTH, MONTH_DAY, OF_MONTH, dated
from energy.period_words import find_phrases
from energy.sun import sunrise_sunset

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_UNIT_HOURS = {
    "minute": 1 / 60,
    "min": 1 / 60,
    "hour": 1,
    "hr": 1,
    "h": 1,
    "day": 24,
    "d": 24,
    "week": 168,
    "month": 30 * 24,
    "year": 365 * 24,
}
LONGEST = timedelta(days=3 * 366)


class UnknownPeriod(ValueError):
    """The words name no period; the message lists examples that work."""


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span [start, end) of aware UTC instants, with the words that people use for it."""

    start: datetime
    end: datetime
    label: str

    @property
    def start_s(self) -> int:
        """Start as epoch seconds."""
        return int(self.start.timestamp())

    @property
    def end_s(self) -> int:
        """End as epoch seconds."""
        return int(self.end.timestamp())

    @property
    def duration(self) -> timedelta:
        """The real elapsed time, so a day in spring may have 23 hours."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a phrase is read: the instant, the zone, and the coordinates when known (for the sun)."""

    now: datetime
    zone: ZoneInfo
    latitude: float | None = None
    longitude: float | None = None

    @property
    def today(self) -> date:
        """The local calendar day."""
        return self.now.astimezone(self.zone).date()


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a local calendar day starts."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def parse_period(
    text: str, *, now: datetime, zone: ZoneInfo, latitude: float | None = None, longitude: float | None = None
) -> Period:
    """The first period that `text` names ("yesterday", "last 6 hours", "since Monday", "nov 20", "2026-11-20").

    Raises `UnknownPeriod`, which says what would be understood.
    """
    today = now.astimezone(zone).date()
    low = " ".join(text.lower().split())
    phrases = find_phrases(low)
    wording = phrases[0].wording if phrases else clock_phrase(low) or text
    hours = _DAY_AND_HOURS.fullmatch(wording)
    if hours is not None and hours["day"] in WEEKDAYS and WEEKDAYS.index(hours["day"]) == today.weekday():
        # "monday morning", said on a Monday: this one when it is over, else last week's.
        span = find_period(f"{today.isoformat()} {hours['hours']}", now=now + timedelta(days=1), zone=zone)
        over = span is not None and span.end <= now
        wording = f"{today.isoformat() if over else (today - timedelta(days=7)).isoformat()} {hours['hours']}"
    else:
        wording = dated(wording, today)
    hours = _DAY_AND_HOURS.fullmatch(wording)
    if hours is not None and hours["day"] not in ("today", "yesterday") and _date(hours["day"]) is None:
        day = find_period(hours["day"], now=now, zone=zone, latitude=latitude, longitude=longitude)
        wording = f"{day.start.astimezone(zone).date().isoformat()} {hours['hours']}" if day else text
    found = find_period(wording, now=now, zone=zone, latitude=latitude, longitude=longitude)
    if found is None:
        raise UnknownPeriod(
            f'"{text[:60]}" is not a period that I know; try "today", "yesterday", "last night", "last 6 hours", '
            '"this week", "last week", "last Tuesday", "last 30 days", "November" or "2026-11-20"'
        )
    return found


_DAY_AND_HOURS = re.compile(r"(?P<day>.+?),? (?P<hours>(?:from|between) \d{1,2}:\d\d (?:to|and) \d{1,2}:\d\d)")


def find_period(
    text: str, *, now: datetime, zone: ZoneInfo, latitude: float | None = None, longitude: float | None = None
) -> Period | None:
    """The period that plain wording names, or None. More specific phrases win over shorter ones in them.

    Raises `UnknownPeriod` where the named period is still to come or does not exist (2:30 on a spring day).
    """
    place = Place(now.astimezone(UTC), zone, latitude, longitude)
    words = re.sub(r"[^\w\s:.+/-]", "", text.lower().replace("’", "'").replace("'s ", " "))
    words = re.sub(r"\s+", " ", words).strip()
    for pattern, build in _PHRASES:
        match = pattern.search(words)
        if match is not None:  # the first one decides: a shorter phrase in it would be another period
            period = build(match, place)
            if build is _no_such_day:
                raise UnknownPeriod(f'There is no such day as "{match[0].strip()}"; its date would do, like 2026-11-20')
            if period is None or period.start >= period.end:
                raise UnknownPeriod(
                    f'"{match[0].strip()}" has not happened yet, or does not exist; I can look up what was'
                )
            return period
    return None


def _no_such_day(_: re.Match[str], place: Place) -> Period | None:
    del place
    return None


def _since(match: re.Match[str], place: Place) -> Period | None:
    """From a day, a night's sunset or a clock of a day until now."""
    day = match["day"]
    if day == "last night" and match["clock"] is None:
        return Period(_sun(place.today - timedelta(days=1), place)[1], place.now, "since last night")
    named = _date(day)
    first = named or place.today - timedelta(days=0 if day == "today" else 1)
    at = _clock(match["clock"] or "0:00", None)
    if at is None:
        return None
    if day == "last night":
        first = place.today if at.hour < 12 else first
    said = day if named is None else named.isoformat()
    start = datetime.combine(first, at, tzinfo=place.zone).astimezone(UTC)
    return Period(start, place.now, f"since {said}{f' {at:%H:%M}' if match['clock'] else ''}")


def calendar_day(day: date, place: Place, label: str) -> Period | None:
    """The local calendar day, cut at `now` when it is today; None when it lies in the future."""
    return _days(day, day + timedelta(days=1), place, label)


def local_days(period: Period, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The local calendar days of a period as [start, end) in UTC, the first and last cut to it."""
    day = period.start.astimezone(zone).date()
    spans: list[tuple[datetime, datetime]] = []
    while (start := local_midnight(day, zone)) < period.end:
        day += timedelta(days=1)
        spans.append((max(start, period.start), min(local_midnight(day, zone), period.end)))
    return [span for span in spans if span[0] < span[1]]


def local_hours(period: Period) -> list[tuple[datetime, datetime]]:
    """The full clock hours of a period in UTC, cut to it; 23 or 25 of them on the days that DST changes."""
    start = period.start.replace(minute=0, second=0, microsecond=0)
    spans: list[tuple[datetime, datetime]] = []
    while start < period.end:
        end = start + timedelta(hours=1)
        spans.append((max(start, period.start), min(end, period.end)))
        start = end
    return spans


def _days(first: date, after: date, place: Place, label: str) -> Period | None:
    start = local_midnight(first, place.zone)
    end = min(local_midnight(after, place.zone), place.now)
    return Period(start, end, label) if start < end else None


def _night(nights_back: int, label: str) -> Callable[[re.Match[str], Place], Period | None]:
    def build(_: re.Match[str], place: Place) -> Period | None:
        morning_after = place.today - timedelta(days=nights_back)
        sunset = _sun(morning_after - timedelta(days=1), place)[1]
        return Period(sunset, min(_sun(morning_after, place)[0], place.now), label) if sunset < place.now else None

    return build


def _tonight(_: re.Match[str], place: Place) -> Period | None:
    sunset = _sun(place.today, place)[1]
    return Period(sunset, place.now, "tonight so far") if sunset < place.now else None


def _sun(day: date, place: Place) -> tuple[datetime, datetime]:
    if place.latitude is not None and place.longitude is not None:
        sun = sunrise_sunset(day, place.latitude, place.longitude)
        if sun is not None:
            return sun
    # Without coordinates, or in polar day and night, a night is 20:00 to 06:00.
    morning = datetime.combine(day, time(6), tzinfo=place.zone)
    evening = datetime.combine(day, time(20), tzinfo=place.zone)
    return morning.astimezone(UTC), evening.astimezone(UTC)


def _last_n(match: re.Match[str], place: Place) -> Period | None:
    count_text, unit = match["count"], match["unit"].rstrip("s") if len(match["unit"]) > 1 else match["unit"]
    count = float(count_text) if count_text else 1.0
    if not 0 < count * _UNIT_HOURS[unit] <= LONGEST / timedelta(hours=1):
        return None
    span = timedelta(hours=count * _UNIT_HOURS[unit])
    name = {"h": "hour", "hr": "hour", "d": "day", "min": "minute"}.get(unit, unit)
    shown = f"{count:g} {name}s" if count != 1 else name
    return Period(place.now - span, place.now, f"last {shown}")


def _weekday(match: re.Match[str], place: Place) -> Period | None:
    name = next(day for day in WEEKDAYS if day.startswith(match["weekday"][:3]))
    back = (place.today.weekday() - WEEKDAYS.index(name)) % 7 or 7
    day = place.today - timedelta(days=back)
    return calendar_day(day, place, f"{name.capitalize()} {day.isoformat()}")


def _iso_day(match: re.Match[str], place: Place) -> Period | None:
    first = _date(match["first"])
    last = _date(match["last"]) if match["last"] else first
    if first is None or last is None:
        return None
    label = first.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"
    return _days(first, last + timedelta(days=1), place, label)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _week(match: re.Match[str], place: Place) -> Period | None:
    monday = place.today - timedelta(days=place.today.weekday())
    if match["which"] == "this":
        return _days(monday, monday + timedelta(days=7), place, "this week")
    return _days(monday - timedelta(days=7), monday, place, "last week")


def _month(match: re.Match[str], place: Place) -> Period | None:
    first = place.today.replace(day=1)
    if match["which"] == "this":
        return _days(first, place.today + timedelta(days=1), place, "this month")
    return _days((first - timedelta(days=1)).replace(day=1), first, place, "last month")


def _year(match: re.Match[str], place: Place) -> Period | None:
    first = place.today.replace(month=1, day=1)
    if match["which"] == "this":
        return _days(first, place.today + timedelta(days=1), place, "this year")
    return _days(first.replace(year=first.year - 1), first, place, "last year")


def _named_month(match: re.Match[str], place: Place) -> Period | None:
    number = MONTHS.index(match["month"]) + 1
    year = int(match["year"]) if match["year"] else place.today.year - (number > place.today.month)
    after = date(year + (number == 12), number % 12 + 1, 1)
    return _days(date(year, number, 1), after, place, f"{match['month'].capitalize()} {year}")


def _clock_span(match: re.Match[str], place: Place) -> Period | None:
    day = place.today - timedelta(days=1 if "yesterday" in (match["day"], match["day_after"]) else 0)
    named = _date(match["day"]) if match["day"] else None
    day = named or day
    start, end = _clock(match["from"], match["from_half"] or match["to_half"]), _clock(match["to"], match["to_half"])
    if start is None or end is None:
        return None
    over_midnight = end <= start
    if over_midnight and named is None and "today" not in (match["day"], match["day_after"]) and day == place.today:
        day -= timedelta(days=1)  # "between 10 pm and 2 am" is the last such night
    begin = datetime.combine(day, start, tzinfo=place.zone).astimezone(UTC)
    finish = datetime.combine(day + timedelta(days=over_midnight), end, tzinfo=place.zone).astimezone(UTC)
    day_word = named.isoformat() if named else "yesterday" if day != place.today else "today"
    label = f"{day_word} {start:%H:%M} to {end:%H:%M}"
    return Period(begin, min(finish, place.now), label)


def _clock(text: str, half: str | None) -> time | None:
    hour_text, _, minute_text = text.partition(":")
    hour, minute = int(hour_text), int(minute_text or 0)
    if half == "pm" and hour < 12:
        hour += 12
    if half == "am" and hour == 12:
        hour = 0
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _part_of_day(match: re.Match[str], place: Place) -> Period | None:
    first, after = {"morning": (0, 12), "afternoon": (12, 18), "evening": (18, 24)}[match["part"]]
    day = place.today - timedelta(days=1 if match["which"] == "yesterday" else 0)
    start = local_midnight(day, place.zone) if first == 0 else _local(day, first, place)
    end = local_midnight(day + timedelta(days=1), place.zone) if after == 24 else _local(day, after, place)
    which = "yesterday" if match["which"] == "yesterday" else "this"
    return Period(start, min(end, place.now), f"{which} {match['part']}")


def _local(day: date, hour: int, place: Place) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=place.zone).astimezone(UTC)


def _ago(match: re.Match[str], place: Place) -> Period | None:
    days = round(float(match["count"]) * (7 if match["unit"].startswith("week") else 1))
    if days > LONGEST.days:
        return None
    day = place.today - timedelta(days=days)
    return calendar_day(day, place, day.isoformat())


def _moment_ago(match: re.Match[str], place: Place) -> Period | None:
    """Ten minutes around the moment: a figure "3 hours ago" needs rows on either side of it."""
    hours = float(match["count"]) * _UNIT_HOURS[match["unit"].rstrip("s")]
    if hours > LONGEST / timedelta(hours=1):
        return None
    back = timedelta(hours=hours)
    around = timedelta(minutes=5)
    label = f"{match['count']} {match['unit']} ago"
    return Period(place.now - back - around, min(place.now - back + around, place.now), label)


_COUNT = r"(?P<count>\d+(?:\.\d+)?)"
_UNIT = r"(?P<unit>minutes?|mins?|hours?|hrs?|h|days?|d|weeks?|months?|years?)"
_DAY = "(?P<weekday>" + "|".join(WEEKDAYS) + ")"
_DAY_SHORT = r"(?P<weekday>mon|tues?|weds?|thu(?:rs?)?|fri|sat|sun)"  # "sun" alone is the sun
_CLOCK = r"\d{1,2}(?::\d{2})?"
_BACK = r"\b(?:last|past|previous|over|in|for|within)(?: the)?(?: last| past)?"
_ISO = r"\d{4}-\d\d-\d\d"
_WHICH = r"\b(?P<which>this|last|past|previous)"
_MONTH = "|".join(name for name in MONTHS if name != "may")
_YEAR = r" ?(?P<year>20\d\d)?\b"
_SPAN = (
    rf"(?P<day>yesterday|today|{_ISO})?,? ?(?:between|from) (?P<from>{_CLOCK}) ?(?P<from_half>am|pm)? ?"
    rf"(?:and|to|until|-) ?(?P<to>{_CLOCK}) ?(?P<to_half>am|pm)?(?: (?P<day_after>yesterday|today))?"
)


def _days_back(days: int, label: str) -> Callable[[re.Match[str], Place], Period | None]:
    return lambda _, place: calendar_day(place.today - timedelta(days=days), place, label)


# In this order: the more specific phrase first.
_PHRASES: list[tuple[re.Pattern[str], Callable[[re.Match[str], Place], Period | None]]] = [
    # Dates that `dated` could not write out: no shorter phrase in them is what was meant.
    (MONTH_DAY, _no_such_day),
    (DAY_MONTH, _no_such_day),
    (OF_MONTH, _no_such_day),
    (re.compile(rf"\bsince (?P<day>{_ISO}|yesterday|today|last night)(?: (?P<clock>\d{{1,2}}:\d\d))?(?!\S)"), _since),
    (re.compile(rf"{_COUNT} (?P<unit>days?|weeks?) ago\b"), _ago),
    (re.compile(rf"{_COUNT} (?P<unit>hours?|minutes?) ago\b"), _moment_ago),
    (re.compile(rf"{_BACK} {_COUNT}[ -]?{_UNIT}\b"), _last_n),
    (re.compile(rf"(?<![\d.])(?P<count>\d+(?:\.\d+)?)[ -]?{_UNIT}\b(?! ago)"), _last_n),
    (re.compile(r"\b(?:last|past) (?P<count>)(?P<unit>hour|day)\b"), _last_n),
    (re.compile(_SPAN), _clock_span),
    (re.compile(rf"\b(?P<first>{_ISO})(?: ?(?:to|until|through|-|\.\.) ?(?P<last>{_ISO}))?"), _iso_day),
    (re.compile(r"\b(?P<which>yesterday|this|today) (?P<part>morning|afternoon|evening)\b"), _part_of_day),
    (re.compile(r"\bnight before last\b"), _night(1, "the night before last")),
    (re.compile(r"\b(?:last night|overnight|during the night|yesterday night)\b"), _night(0, "last night")),
    (re.compile(r"\bday before yesterday\b"), _days_back(2, "the day before yesterday")),
    (re.compile(r"\byesterday\b"), _days_back(1, "yesterday")),
    (re.compile(rf"{_WHICH} week\b"), _week),
    (re.compile(rf"{_WHICH} month\b"), _month),
    (re.compile(rf"{_WHICH} year\b"), _year),
    (re.compile(rf"\b{_DAY}\b"), _weekday),
    (re.compile(rf"\b(?:last|on|past) {_DAY_SHORT}\b"), _weekday),
    (re.compile(rf"\b(?:in |last |during )?(?P<month>{_MONTH}){_YEAR}"), _named_month),
    (re.compile(rf"\b(?:in|last|during) (?P<month>may){_YEAR}"), _named_month),
    (re.compile(r"\btonight\b"), _tonight),
    (re.compile(r"\b(?:today|so far|this day)\b"), _days_back(0, "today")),
]
