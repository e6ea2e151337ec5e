"""Where ticks go: local wall-clock times that are right on 23 and 25 h days, and round values. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from energy.units import DEFAULT_UNITS, UnitPreferences, day_name, month_name

HOUR_S = 3600
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its label; `day` marks a midnight."""

    at: float
    label: str
    day: bool = False


# Longest period (h) -> minutes between ticks.
_MINUTE_STEPS = ((1.6, 15), (3.1, 30), (6.2, 60), (12.5, 120), (25.5, 240), (74.0, 720))


def time_ticks(start_s: int, end_s: int, zone: ZoneInfo, units: UnitPreferences = DEFAULT_UNITS) -> list[Tick]:
    """Ticks of a time axis, at round local times: hours for up to three days, else days (labelled at noon)."""
    hours = (end_s - start_s) / HOUR_S
    step = next((minutes for longest, minutes in _MINUTE_STEPS if hours <= longest), None)
    if step is None:
        return _day_ticks(start_s, end_s, zone, units)
    ticks = [
        Tick(at_s, _clock_label(moment, step, hour_24=units.hour_24), day=moment.time() == time())
        for moment, at_s in _wall_clock(start_s, end_s, zone, step)
    ]
    days = (datetime.fromtimestamp(at, UTC).astimezone(zone).date() for at in (start_s, end_s - 1))
    if len(set(days)) > 1:
        return [Tick(t.at, f"{t.label}\n{_day_name(t.at, zone, units)}" if t.day else t.label, t.day) for t in ticks]
    last = datetime.fromtimestamp(end_s, UTC).astimezone(zone)
    if ticks and units.hour_24 and ticks[-1].at == end_s and last.time() == time():
        ticks[-1] = Tick(end_s, "24:00", day=True)
    return ticks


def midnights(start_s: int, end_s: int, zone: ZoneInfo) -> list[int]:
    """Local midnights strictly inside the period, epoch seconds."""
    return [at_s for _, at_s in _wall_clock(start_s, end_s, zone, 24 * 60) if start_s < at_s < end_s]


def value_ticks(lowest: float, highest: float, *, count: int = 5) -> list[float]:
    """Round values from at or under `lowest` to at or over `highest`, evenly spaced, 0 among them."""
    lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    span = highest - lowest or 1.0
    magnitude = 10 ** math.floor(math.log10(span / count))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if span / (m * magnitude) <= count)
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    return [round(index * step, 9) for index in range(first, max(last, first + 1) + 1)]


def level_ticks(lowest: float, highest: float, *, count: int = 5) -> list[float]:
    """Round values around a level (a percentage, volts, degrees): as close as they fit, whether or not 0 is near."""
    span = max(highest - lowest, abs(highest) * 0.01, 0.1)
    magnitude = 10 ** math.floor(math.log10(span / count))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if span / (m * magnitude) <= count)
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    if first == last:
        first, last = first - 1, last + 1
    return [round(index * step, 9) for index in range(first, last + 1)]


def value_label(value: float) -> str:
    """`5`, `2.5`, `1,200`, with a true minus sign."""
    text = f"{abs(value):,.3f}".rstrip("0").rstrip(".")
    return f"−{text}" if value < 0 else text


def _day_ticks(start_s: int, end_s: int, zone: ZoneInfo, units: UnitPreferences) -> list[Tick]:
    noons = [at_s for moment, at_s in _wall_clock(start_s, end_s, zone, 12 * 60) if moment.hour == 12]
    every = 1 if len(noons) <= 8 else math.ceil(len(noons) / 6)
    return [Tick(at_s, _day_name(at_s, zone, units, weekday=every == 1)) for at_s in noons[::every]]


def _day_name(at_s: float, zone: ZoneInfo, units: UnitPreferences, *, weekday: bool = True) -> str:
    moment = datetime.fromtimestamp(at_s, UTC).astimezone(zone)
    if weekday:
        return f"{day_name(moment, units)} {moment.day}"
    return f"{moment.day} {month_name(moment, units)}"


def _clock_label(moment: datetime, step_minutes: int, *, hour_24: bool) -> str:
    if hour_24:
        return f"{moment:%H:%M}"
    hour = f"{moment:%I}".lstrip("0")
    return f"{hour} {moment:%p}" if step_minutes >= 60 else f"{hour}:{moment:%M}"


def _wall_clock(start_s: int, end_s: int, zone: ZoneInfo, step_minutes: int) -> Iterator[tuple[datetime, int]]:
    """Local times at multiples of the step since midnight; those that a clock change skips are left out."""
    current: date = datetime.fromtimestamp(start_s, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(end_s, UTC).astimezone(zone).date()
    while current <= last:
        for minute in range(0, 24 * 60, step_minutes):
            moment = datetime.combine(current, time(minute // 60, minute % 60), zone)
            at_s = round(moment.timestamp())
            exists = datetime.fromtimestamp(at_s, UTC).astimezone(zone).replace(tzinfo=None) == moment.replace(
                tzinfo=None
            )
            if exists and start_s <= at_s <= end_s:
                yield moment, at_s
        current += timedelta(days=1)
