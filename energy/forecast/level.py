"""The level that a system has lately, as a slowly wandering share of what was expected of it, day by day.

An unobserved-components model (Harvey 1989; statsmodels): the logarithm of the daily ratio is a level that wanders plus
a stationary rest of one day. What wanders is carried forward: soiling, snow, a string that is off.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from energy.forecast.hours import DAY_S, Floats, Ints

ENOUGH_DAYS = 21
_LEAST, _MOST = 0.05, 3.0


@dataclass(frozen=True)
class LevelModel:
    """Fitted parameters: variance of the rest, of the level's wandering."""

    parameters: tuple[float, ...]


def daily_ratio(starts_s: Ints, actual_w: Floats, expected_w: Floats, peak_w: float, end_s: int) -> tuple[Ints, Floats]:
    """(days before `end_s`, counted back from -1; ratio of the day, NaN unknown), oldest first and without a gap."""
    day = (starts_s - end_s) // DAY_S
    known = np.isfinite(actual_w) & np.isfinite(expected_w)
    if not known.any():
        return np.empty(0, dtype=np.int64), np.empty(0)
    days: Ints = np.arange(day[known].min(), 0, dtype=np.int64)
    place = day[known] - days[0]
    above = np.bincount(place, actual_w[known], days.size)
    below = np.bincount(place, expected_w[known], days.size)
    ratio = np.full(days.size, np.nan)
    np.divide(above, below, out=ratio, where=below > 0.5 * peak_w)  # half an hour of full sun, at the least
    return days, ratio


def fit_level(ratio: Floats) -> LevelModel | None:
    """The model of a history of daily ratios; None where it is too short or the fit finds nothing.

    Where the ratios hardly change, the search ends without having settled, at variances near nothing: that level is as
    good as another, so the member is kept, and judged by its errors like every one.
    """
    if np.isfinite(ratio).sum() < ENOUGH_DAYS:
        return None
    model = _model(ratio)  # first: its library sets warnings of its own to "always" when it is loaded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # starting values that it had to replace, and the like
        fitted = model.fit(disp=False, maxiter=50, warn_convergence=False)
    parameters = tuple(float(value) for value in fitted.params)
    return LevelModel(parameters) if all(np.isfinite(parameters)) else None


def level_now(model: LevelModel, ratio: Floats) -> float:
    """The ratio to expect next; 1 where nothing is known."""
    if np.isfinite(ratio).sum() < 2:
        return 1.0
    expected = _model(ratio)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ahead = expected.filter(list(model.parameters)).forecast(1)
    level = float(np.exp(np.asarray(ahead)[0]))
    return min(max(level, _LEAST), _MOST) if np.isfinite(level) else 1.0


def _model(ratio: Floats):  # type: ignore[no-untyped-def]  # statsmodels has no types
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    return UnobservedComponents(np.log(np.clip(ratio, _LEAST, _MOST)), level="local level")
