"""A bank's own fade: its measured capacities blended with what banks of its kind usually lose.

The usual course (energy/cells/ageing.py) is stretched by a factor k of the loss and by a first capacity s: remaining =
s (1 - k usual loss). Before anything is measured k is 1, off by a factor e^0.5 or more in one bank of three (the
scatter between makes and between lab and field), and s is 1 within 5 %. Each measured month narrows both (Bayes on a
grid), so few months leave the fleet's curve in charge and many make the curve the bank's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy.cells.ageing import Kind, Use, usual_loss
from energy.cells.capacity import SCALE_ERROR
from energy.cells.estimate import Estimate
from energy.forecast.hours import Floats

_SCATTER_LOG, _SCATTER_FIRST = 0.5, 0.05
_WIDTH_80 = 1.2816
_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class OwnFade:
    """Remaining capacity (share of the rating) after those years: quantiles 10, 50 and 90 %, and the fleet's course.

    `known_share` is how much narrower than the fleet's the bounds of today are: 0 is nothing learned, 1 is certain.
    """

    low: Floats
    middle: Floats
    high: Floats
    fleet: Floats
    now: Estimate
    known_share: float


def own_fade(
    points: Sequence[tuple[float, Estimate]], kind: Kind, use: Use, years: Floats, now_years: float
) -> OwnFade:
    """The course over `years` of age from points (age in years, share of the rating with bounds of 8 in 10)."""
    factors, firsts = np.exp(np.linspace(-1.6, 1.6, 65)), np.linspace(0.8, 1.2, 41)
    k, s = (grid.ravel() for grid in np.meshgrid(factors, firsts))
    log_prior = -0.5 * ((np.log(k) / _SCATTER_LOG) ** 2 + ((s - 1.0) / _SCATTER_FIRST) ** 2)
    log_post = log_prior.copy()
    for age, measured in points:
        wide = max((measured.high - measured.low) / (2 * _WIDTH_80), 0.005)
        said = s * (1.0 - k * float(usual_loss(kind, use, np.array([age])).total[0]))
        log_post -= 0.5 * ((measured.value - said) / wide) ** 2
    prior, posterior = (np.exp(each - each.max()) for each in (log_prior, log_post))
    usual = usual_loss(kind, use, years).total
    course = np.array([_quantiles(s * (1.0 - k * loss), posterior) for loss in usual.tolist()])
    today = s * (1.0 - k * float(usual_loss(kind, use, np.array([now_years])).total[0]))
    low, middle, high = _quantiles(today, posterior)
    before = _quantiles(today, prior)
    narrowed = 1.0 - (high - low) / (before[2] - before[0])
    course[:, 0], course[:, 2] = _widened(course[:, 1], course[:, 0], course[:, 2])
    (low,), (high,) = _widened(np.array([middle]), np.array([low]), np.array([high]))
    now = Estimate(middle, float(low), float(high), sum(measured.count for _, measured in points))
    return OwnFade(course[:, 0], course[:, 1], course[:, 2], 1.0 - usual, now, max(float(narrowed), 0.0))


def _widened(middle: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The bounds with what the meters are off by: it is the same in every month, so that months do not narrow it."""
    scale = _WIDTH_80 * SCALE_ERROR * middle
    return middle - np.hypot(middle - low, scale), middle + np.hypot(high - middle, scale)


def _quantiles(values: Floats, weights: NDArray[np.float64]) -> tuple[float, float, float]:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    sums /= sums[-1]
    low, middle, high = (max(float(np.interp(q, sums, values[order])), 0.0) for q in _QUANTILES)
    return low, middle, high
