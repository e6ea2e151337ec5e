"""Several members' forecasts become one: each weighs by how small its recent error was.

The weights are those of exponentially weighted forecasters (Cesa-Bianchi and Lugosi, Prediction, Learning, and Games,
2006), with absolute loss, older errors forgotten by a half-life, and the losses measured against the best member's, so
that the same sharpness suits a cabin and a farm.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from energy.forecast.hours import Floats

HALF_LIFE_DAYS = 21.0
SHARPNESS = 8.0  # a member whose recent error is 10 % above the best one's weighs exp(-0.8) = 0.45 of it
ENOUGH = 24  # scored hours; with fewer, members weigh alike


def recent_error(errors: Floats, age_days: Floats, *, half_life_days: float = HALF_LIFE_DAYS) -> float:
    """The mean absolute error, younger hours weighing more; NaN where fewer than `ENOUGH` hours are known."""
    known = np.isfinite(errors)
    if known.sum() < ENOUGH:
        return float("nan")
    weight = 0.5 ** (age_days[known] / half_life_days)
    return float(np.sum(weight * np.abs(errors[known])) / np.sum(weight))


def weights(
    errors: Mapping[str, Floats],
    age_days: Floats,
    *,
    half_life_days: float = HALF_LIFE_DAYS,
    sharpness: float = SHARPNESS,
) -> dict[str, float]:
    """The members' weights, adding up to 1, from their past errors (forecast minus actual, NaN unknown) per hour.

    A member whose errors are not known yet weighs as the median of the others: neither trusted nor shut out.
    """
    losses = {name: recent_error(past, age_days, half_life_days=half_life_days) for name, past in errors.items()}
    known = [loss for loss in losses.values() if np.isfinite(loss)]
    if not known:
        return {name: 1 / len(losses) for name in losses}
    best, middle = max(min(known), 1e-9), float(np.median(known))
    shares = {
        name: float(np.exp(-sharpness * ((loss if np.isfinite(loss) else middle) / best - 1)))
        for name, loss in losses.items()
    }
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def blended(members: Mapping[str, Floats], weight: Mapping[str, float]) -> Floats:
    """The weighted mean per hour; where a member is NaN the others share its weight. NaN where none says anything."""
    names = [name for name in members if weight.get(name, 0.0) > 0.0]
    if not names:
        raise ValueError("a blend needs at least one member with a weight")
    values = np.vstack([members[name] for name in names])
    shares = np.where(np.isfinite(values), np.array([[weight[name]] for name in names]), 0.0)
    total = shares.sum(axis=0)
    mixed: Floats = np.full(total.shape, np.nan)
    np.divide((shares * np.nan_to_num(values)).sum(axis=0), total, out=mixed, where=total > 0)
    return mixed
