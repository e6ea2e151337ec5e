"""Hourly bands as people ask for them: a local day's energy with its range, what is left over, the best hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import HOUR_S, Band, Floats, Ints
from energy.periods import local_midnight
from services.outlook_values import DayView, Quantiles, Window

# How far the errors of the hours of a day go together. Added up as they stand, the hours' P10 would make a day that is
# as dull as that one time in fifty.
TOGETHER: Mapping[str, float] = {"solar": 0.6, "load": 0.3}
_BEST_SHARE = 0.7  # of the day's highest hour
_LEAST_BEST_W = 100.0


@dataclass(frozen=True, slots=True)
class _Part:
    """The hours of a day that are still to come; `hours` is how much of each (h)."""

    starts_s: Ints
    hours: Floats
    low: Floats
    middle: Floats
    high: Floats

    @property
    def kwh(self) -> Quantiles:
        sums = (float((values * self.hours).sum()) / 1_000.0 for values in (self.low, self.middle, self.high))
        return Quantiles(*sums)


def days_of(solar: Band | None, load: Band | None, now: datetime, zone: ZoneInfo) -> tuple[DayView, ...]:
    """The local days that the bands reach into, from `now` on."""
    now_s = now.timestamp()
    dates = sorted({day for band in (solar, load) if band is not None for day in _dates(band, now_s, zone)})
    return tuple(_day(solar, load, day, now_s, zone) for day in dates)


def ahead(band: Band, now_s: float) -> Band:
    """The band without the hours that are over."""
    kept = band.starts_s + HOUR_S > now_s
    return replace(band, starts_s=band.starts_s[kept], p10=band.p10[kept], p50=band.p50[kept], p90=band.p90[kept])


def _dates(band: Band, now_s: float, zone: ZoneInfo) -> set[date]:
    return {_local(start_s, zone).date() for start_s in band.starts_s.tolist() if start_s + HOUR_S > now_s}


def _day(solar: Band | None, load: Band | None, day: date, now_s: float, zone: ZoneInfo) -> DayView:
    start, end = local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)
    sun, house = _part(solar, start, end, now_s), _part(load, start, end, now_s)
    known = [part for part in (sun, house) if part is not None]
    first_s = max(start.timestamp(), now_s)
    whole = all(p.starts_s[0] <= first_s and p.starts_s[-1] + HOUR_S >= end.timestamp() for p in known)
    surplus, sure = _surplus(sun, house)
    return DayView(
        day=day,
        start=start,
        end=end,
        solar_kwh=None if sun is None else sun.kwh,
        load_kwh=None if house is None else house.kwh,
        surplus_kwh=surplus,
        sure_surplus_kwh=sure,
        best_solar=None if sun is None else _best(sun, now_s),
        whole=whole,
    )


def _part(band: Band | None, start: datetime, end: datetime, now_s: float) -> _Part | None:
    if band is None:
        return None
    starts_s = band.starts_s
    here = (starts_s >= start.timestamp()) & (starts_s < end.timestamp()) & (starts_s + HOUR_S > now_s)
    here &= np.isfinite(band.p50)
    if not here.any():
        return None
    hours = np.minimum((starts_s[here] + HOUR_S - now_s) / HOUR_S, 1.0)
    middle = band.p50[here]
    below, above = middle - band.p10[here], band.p90[here] - middle
    together = TOGETHER.get(band.target, 1.0)
    low = middle - below * _narrowed(below * hours, together)
    high = middle + above * _narrowed(above * hours, together)
    return _Part(starts_s[here], hours, low, middle, high)


def _narrowed(spread: Floats, together: float) -> float:
    """How much narrower the sum's range is than the sum of the ranges, where errors go together so far."""
    total = float(spread.sum())
    if total <= 0:
        return 1.0
    return float(np.sqrt(together * total**2 + (1 - together) * float((spread**2).sum()))) / total


def _surplus(sun: _Part | None, house: _Part | None) -> tuple[float | None, float | None]:
    if sun is None or house is None:
        return None, None
    _, at_sun, at_house = np.intersect1d(sun.starts_s, house.starts_s, return_indices=True)
    if not at_sun.size:
        return None, None
    hours = sun.hours[at_sun]
    left = np.maximum(sun.middle[at_sun] - house.middle[at_house], 0.0)
    sure = np.maximum(sun.low[at_sun] - house.high[at_house], 0.0)
    return float((left * hours).sum()) / 1_000.0, float((sure * hours).sum()) / 1_000.0


def _best(sun: _Part, now_s: float) -> Window | None:
    """The hours around the day's highest one in which it is nearly as sunny."""
    top = int(np.argmax(sun.middle))
    if sun.middle[top] < _LEAST_BEST_W:
        return None
    good = sun.middle >= _BEST_SHARE * sun.middle[top]
    first = last = top
    while first > 0 and good[first - 1]:
        first -= 1
    while last + 1 < good.size and good[last + 1]:
        last += 1
    start_s = max(float(sun.starts_s[first]), now_s)
    return Window(datetime.fromtimestamp(start_s, UTC), datetime.fromtimestamp(int(sun.starts_s[last]) + HOUR_S, UTC))


def _local(moment_s: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment_s, UTC).astimezone(zone)
