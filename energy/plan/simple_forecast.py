"""Forecasts for a replay where no others are at hand: profiles of the last two weeks, and no look ahead.

Solar: for each hour of the day the median yield per unit of clearness seen in 14 days, times the clearness that was
forecast for the target hour (1, so that the profile is the mean, where no such forecast exists), corrected near now by
the last hour. Load: the median of that hour in 14 days, near now leaning to the last hour. The band is the spread of
the same days' ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.plan.problem import DAY_S, HIGH, HOUR_S, LOW, MIDDLE, Floats, Scenario, Steps

_DAYS = 14
_NEAR_H = 2.0
_WEIGHTS = {LOW: 0.2, MIDDLE: 0.6, HIGH: 0.2}


@dataclass(frozen=True)
class HourlySeries:
    """Hourly means (W) from `start_s` on, without gaps. Clearness is the share of clear sky."""

    start_s: int
    solar_w: Floats
    load_w: Floats
    clearness_seen: Floats | None = None
    clearness_forecast: Floats | None = None

    def index(self, moment_s: int) -> int:
        return (moment_s - self.start_s) // HOUR_S


def perfect_scenarios(series: HourlySeries, steps: Steps) -> tuple[Scenario, ...]:
    """What really came, as the only scenario."""
    at = np.minimum((steps.starts_s - series.start_s) // HOUR_S, series.solar_w.size - 1)
    return (Scenario(MIDDLE, 1.0, series.solar_w[at], series.load_w[at]),)


def profile_scenarios(series: HourlySeries, steps: Steps) -> tuple[Scenario, ...]:
    """P10, P50 and P90 as they could be issued when the first step begins; needs two days of history at least."""
    now = series.index(int(steps.starts_s[0]))
    if now < 2 * DAY_S // HOUR_S:
        raise ValueError("profile forecast: two days of history are needed")
    at = (steps.starts_s - series.start_s) // HOUR_S
    solar = {name: np.zeros(steps.count) for name in _WEIGHTS}
    load = {name: np.zeros(steps.count) for name in _WEIGHTS}
    near = np.exp(-((steps.starts_s - steps.starts_s[0]) / HOUR_S) / _NEAR_H)
    clear_now = _ratio_now(series, now)
    load_now = float(series.load_w[now - 1]) - float(np.median(_same_hour(series.load_w, now - 1, now - 1)))
    for t, hour in enumerate(at.tolist()):
        past_load = _same_hour(series.load_w, hour, now)
        middle = float(np.median(past_load)) + float(near[t]) * load_now
        spread = np.quantile(past_load, [0.1, 0.9]) - np.median(past_load)
        load[MIDDLE][t] = max(middle, 0.0)
        load[LOW][t] = max(middle + float(spread[1]) * (1 - 0.5 * float(near[t])), 0.0)
        load[HIGH][t] = max(middle + float(spread[0]) * (1 - 0.5 * float(near[t])), 0.0)
        expected, low, high = _solar(series, hour, now)
        factor = 1.0 + float(near[t]) * (clear_now - 1.0)
        solar[MIDDLE][t] = expected * factor
        solar[LOW][t] = expected * factor * (low + (1 - low) * 0.5 * float(near[t]))
        solar[HIGH][t] = expected * factor * (high + (1 - high) * 0.5 * float(near[t]))
    return tuple(Scenario(name, weight, solar[name], load[name]) for name, weight in _WEIGHTS.items())


def _same_hour(values: Floats, hour: int, now: int) -> Floats:
    """The values of that hour of the day on the last days that were over at `now`."""
    first = now - 1 - (now - 1 - hour) % 24
    indexes = np.array([i for i in range(first, max(first - 24 * _DAYS, -1), -24) if i >= 0], dtype=np.int64)
    found: Floats = values[indexes]
    return found


def _solar(series: HourlySeries, hour: int, now: int) -> tuple[float, float, float]:
    """The expected power (W), and the P10 and P90 as shares of it."""
    past = _same_hour(series.solar_w, hour, now)
    if series.clearness_seen is None or series.clearness_forecast is None:
        expected = float(np.mean(past))
        shares = past / expected if expected > 1 else np.ones_like(past)
    else:
        seen = np.maximum(_same_hour(series.clearness_seen, hour, now), 0.05)
        per_clear = float(np.median(past / seen))
        target = float(series.clearness_forecast[min(hour, series.clearness_forecast.size - 1)])
        expected = per_clear * target
        forecast = per_clear * np.maximum(_same_hour(series.clearness_forecast, hour, now), 0.05)
        shares = past / forecast if per_clear > 1 else np.ones_like(past)
    low, high = np.quantile(shares, [0.1, 0.9])
    return expected, float(np.clip(low, 0.0, 1.0)), float(np.clip(high, 1.0, 2.0))


def _ratio_now(series: HourlySeries, now: int) -> float:
    """How the last hour compares with what was expected of it: 0.5 to 1.5."""
    expected, _, _ = _solar(series, now - 1, now - 1)
    return float(np.clip(series.solar_w[now - 1] / expected, 0.5, 1.5)) if expected > 300 else 1.0
