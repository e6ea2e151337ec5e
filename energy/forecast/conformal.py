"""Bands around a forecast from its own recent errors: rolling split conformal prediction by groups of hours.

Method: split conformal quantiles of past errors (Vovk, Gammerman and Shafer 2005; Romano, Patterson and Candes 2019,
each side by itself) over a rolling window, the errors divided by a scale that says where errors are large (Lei and
others 2018), and recent errors weighing more (Barber and others 2023, for data that drift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.forecast.hours import Floats, Ints

WINDOW_DAYS = 60.0
HALF_LIFE_DAYS = 30.0
ENOUGH = 12  # past errors in a group before it speaks for itself
LOW, HIGH = 0.10, 0.90


@dataclass(frozen=True)
class PastErrors:
    """Scored hours: `errors` is actual minus forecast (W, NaN unknown), `scale` what an error there is measured by (W,
    above 0), `groups` the group of hours (of the day, say), `age_days` how long ago."""

    errors: Floats
    scale: Floats
    groups: Ints
    age_days: Floats


def band(
    p50: Floats,
    scale: Floats,
    groups: Ints,
    past: PastErrors,
    *,
    default: tuple[float, float],
    window_days: float = WINDOW_DAYS,
    near: int = 0,
    cyclic: int | None = None,
) -> tuple[Floats, Floats]:
    """(p10, p90) of a forecast: each hour's group of past errors, scaled back to that hour; never crossing p50.

    `near` takes in the groups so many numbers beside it (`cyclic` their count, where the last is beside the first). A
    group with fewer than `ENOUGH` errors falls back to all hours, and those to `default`: the two ends in scales.
    """
    usable = np.isfinite(past.errors) & (past.scale > 0) & (past.age_days <= window_days)
    ratio = past.errors[usable] / past.scale[usable]
    weight = 0.5 ** (past.age_days[usable] / HALF_LIFE_DAYS)
    group = past.groups[usable]
    everywhere = _ends(ratio, weight) if ratio.size >= ENOUGH else default
    p10, p90 = np.empty(p50.shape), np.empty(p50.shape)
    for own in np.unique(groups):
        apart = np.abs(group - own)
        if cyclic is not None:
            apart = np.minimum(apart, cyclic - apart)
        chosen = apart <= near
        low, high = _ends(ratio[chosen], weight[chosen]) if chosen.sum() >= ENOUGH else everywhere
        here = groups == own
        p10[here] = p50[here] + min(low, 0.0) * scale[here]
        p90[here] = p50[here] + max(high, 0.0) * scale[here]
    return p10, p90


def _ends(ratio: Floats, weight: Floats) -> tuple[float, float]:
    return _quantile(ratio, weight, LOW, outward=-1), _quantile(ratio, weight, HIGH, outward=1)


def _quantile(ratio: Floats, weight: Floats, share: float, *, outward: int) -> float:
    """A weighted quantile, with the unseen hour itself counted at the outer end as conformal prediction demands."""
    order = np.argsort(ratio)
    ratio, weight = ratio[order], weight[order]
    total = float(weight.sum()) + 1.0
    if outward > 0:
        reached = np.searchsorted(np.cumsum(weight), share * total)
        return float(ratio[min(int(reached), ratio.size - 1)])
    reached = np.searchsorted(np.cumsum(weight[::-1]), (1 - share) * total)
    return float(ratio[::-1][min(int(reached), ratio.size - 1)])
