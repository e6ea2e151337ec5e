"""Two controls over the blend of the load: the day's total, and a guard against falling behind the day before.

A forecast that aims at each hour's median says too little in sum, since load is skewed: a kettle adds much for a short
time. A small common factor mends the total and costs the hours little, because the error is flat near the median.
"""

from __future__ import annotations

import numpy as np

from energy.forecast.blend import recent_error
from energy.forecast.hours import DAY_S, Floats, Ints

TOTAL_HALF_LIFE_DAYS = 21.0
SHARES = (0.5, 0.25)  # of what was missing in sum; the greatest that the hours bear is made good
BORNE = 1.0  # times the hours' recent error: so great may it become by the factor
LEAST_FACTOR, MOST_FACTOR = 0.85, 1.2
ENOUGH_HOURS = 72
GUARD_HALF_LIFE_DAYS = 10.0
GUARD_MARGIN = 0.02  # ours must lately be so much better than persistence, or it begins to replace them


def total_factor(said_w: Floats, actual_w: Floats, age_days: Floats) -> float:
    """What to multiply the blend by, from what it said lately (first days of issues) and what came; 1 with too little
    known."""
    known = np.isfinite(said_w) & np.isfinite(actual_w)
    if known.sum() < ENOUGH_HOURS:
        return 1.0
    weight = 0.5 ** (age_days[known] / TOTAL_HALF_LIFE_DAYS)
    said = float(np.sum(weight * said_w[known]))
    if said <= 0:
        return 1.0
    ratio = float(np.sum(weight * actual_w[known])) / said

    def error(factor: float) -> float:
        return float(np.sum(weight * np.abs(factor * said_w[known] - actual_w[known])))

    unchanged = error(1.0)
    for share in SHARES:
        factor = min(max(1 + share * (ratio - 1), LEAST_FACTOR), MOST_FACTOR)
        if error(factor) <= BORNE * unchanged:
            return factor
    return 1.0


def guard_share(ours: Floats, persistence: Floats, age_days: Floats) -> float:
    """Persistence's share of the answer, from both's recent errors on the same hours.

    0 while ours are clearly the smaller, 1 where they are not smaller at all.
    """
    both = np.isfinite(ours) & np.isfinite(persistence)
    mine, theirs = (
        recent_error(errors[both], age_days[both], half_life_days=GUARD_HALF_LIFE_DAYS)
        for errors in (ours, persistence)
    )
    if not (np.isfinite(mine) and np.isfinite(theirs)) or mine == theirs == 0:
        return 0.0
    ahead = 1 - mine / theirs if theirs > 0 else 0.0
    return min(max(1 - ahead / GUARD_MARGIN, 0.0), 1.0)


def first_day(issued_s: Ints, starts_s: Ints) -> Ints:
    """Which lines of a log are of the first 24 hours of their issue."""
    return np.flatnonzero(starts_s - issued_s < DAY_S)
