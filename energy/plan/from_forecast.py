"""A plan's scenarios from forecasts: hourly bands of solar and base load on the plan's steps."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import Band
from energy.plan.problem import HIGH, HOUR_S, LOW, MIDDLE, QUARTER_S, Floats, Ints, Scenario, Steps

_DAY_H = 24
_NEAR_H = 1.5  # how fast what is measured now loses its say
_LEAST_W = 200.0  # below this forecast, how much sun there is says nothing about later
_WEIGHTS = {LOW: 0.2, MIDDLE: 0.6, HIGH: 0.2}


def scenarios_of(
    steps: Steps,
    solar: Band,
    load: Band,
    *,
    now_solar_w: float | None = None,
    now_base_w: float | None = None,
) -> tuple[Scenario, ...]:
    """P10, P50 and P90 on these steps; p10 is the cautious one: little sun and much load.

    The running step is what is measured now, and the steps after it lean to it less and less: the sun by its ratio to
    the forecast, the load by its difference. An hour that a band does not know is that of the last day it knows
    (`beyond_forecast` says so). Raises ValueError for a band that knows nothing.
    """
    sun = {name: _on_steps(steps, solar, values) for name, values in _quantiles(solar).items()}
    base = {name: _on_steps(steps, load, values) for name, values in _quantiles(load).items()}
    near = np.exp(-((steps.starts_s - steps.starts_s[0]) / HOUR_S) / _NEAR_H)
    if now_solar_w is not None and np.isfinite(now_solar_w):
        sun = _leaning_sun(sun, max(now_solar_w, 0.0), near)
    if now_base_w is not None and np.isfinite(now_base_w):
        change = near * (max(now_base_w, 0.0) - base[MIDDLE][0])
        middle = base[MIDDLE] + change
        base = {name: middle + (values - base[MIDDLE]) * (1 - near) for name, values in base.items()}
    opposite = {LOW: HIGH, MIDDLE: MIDDLE, HIGH: LOW}
    return tuple(
        Scenario(name, weight, np.maximum(sun[name], 0.0), np.maximum(base[opposite[name]], 0.0))
        for name, weight in _WEIGHTS.items()
    )


def beyond_forecast(steps: Steps, band: Band, zone: ZoneInfo) -> str:
    """A sentence where steps lie beyond what a band knows; "" where none does."""
    known = band.starts_s[np.isfinite(band.p50)]
    if not known.size or steps.end_s <= known[-1] + HOUR_S:
        return ""
    ends = datetime.fromtimestamp(int(known[-1]) + HOUR_S, UTC).astimezone(zone)
    what = "solar" if band.target == "solar" else "load"
    return f"The {what} forecast ends {ends:%a %H:%M}; after that the plan takes the same hours of the day before."


def _quantiles(band: Band) -> dict[str, Floats]:
    return {LOW: band.p10, MIDDLE: band.p50, HIGH: band.p90}


def _on_steps(steps: Steps, band: Band, values: Floats) -> Floats:
    """The mean of each step, from the hours that its quarters lie in."""
    known = np.isfinite(values)
    if not known.any():
        raise ValueError(f"plan: the {band.target} forecast knows no hour; make a new one")
    begun_s = steps.starts_s // QUARTER_S * QUARTER_S  # the first step may begin within its quarter
    quarters = np.arange(int(begun_s[0]), steps.end_s, QUARTER_S, dtype=np.int64)
    found = _of_hours(quarters // HOUR_S * HOUR_S, band.starts_s[known], values[known])
    firsts = np.searchsorted(quarters, begun_s)
    counts = np.diff(np.append(firsts, quarters.size))
    means: Floats = np.add.reduceat(found, firsts) / counts
    return means


def _of_hours(wanted: Ints, starts_s: Ints, values: Floats) -> Floats:
    """The value of each hour; where unknown that of the day before it, else of a day after it, else the nearest."""

    def at(hours: Ints) -> Floats:
        place = np.minimum(np.searchsorted(starts_s, hours), starts_s.size - 1)
        return np.where(starts_s[place] == hours, values[place], np.nan)

    found = at(wanted)
    begins = (found != found) & (wanted < starts_s[0]) & (wanted >= starts_s[0] - 2 * HOUR_S)
    found = np.where(begins, values[0], found)  # the hour in which it was issued
    for days in (-1, -2, -3, -4, 1, 2):
        found = np.where(np.isnan(found), at(wanted + days * _DAY_H * HOUR_S), found)
    nearest = np.abs(wanted[:, None] - starts_s[None, :]).argmin(axis=1)
    filled: Floats = np.where(np.isnan(found), values[nearest], found)
    return filled


def _leaning_sun(sun: dict[str, Floats], now_w: float, near: Floats) -> dict[str, Floats]:
    middle = sun[MIDDLE]
    ratio = float(np.clip(now_w / middle[0], 0.2, 2.5)) if middle[0] >= _LEAST_W else 1.0
    leaned = middle * (1 + near * (ratio - 1))
    leaned[0] = now_w
    scale = np.divide(leaned, middle, out=np.ones_like(middle), where=middle > 0)
    return {name: leaned + (values - middle) * scale * (1 - near) for name, values in sun.items()}
