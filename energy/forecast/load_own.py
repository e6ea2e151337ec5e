"""The home's own load model: boosting on its history, with the calendar and the temperature that was forecast.

It learns how this home differs from what the pooled model says of it; alone it would need years to know as much.
It is kept as plain trees, so that forecasting needs no scikit-learn.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.boosting import boosted
from energy.forecast.hours import DAY_S, HOUR_S, Hours
from energy.forecast.load_rows import LEAST_LEVEL_W, OWN_NAMES, Clock, own_features, rows_of
from energy.forecast.load_trees import Trees, trees_of

ENOUGH_DAYS = 35
FITTED_OVER_DAYS = 380
HALF_LIFE_DAYS = 150.0
MOST_OF_LEVEL = 8.0
NAMES = (*OWN_NAMES, "pooled")


def fit_own(power: Hours, clock: Clock, zone: ZoneInfo, until_s: int, hours: int, pooled: Trees) -> Trees | None:
    """The model of what was over at `until_s`; None with less than five weeks of it.

    Learned from one forecast a day, issued at `until_s`'s hour, and every other day one issued at an hour that moves
    through the day.
    """
    known = power.starts_s[np.isfinite(power.values)]
    if known.size < ENOUGH_DAYS * 24:
        return None
    first_s = max(int(known[0]) + 2 * DAY_S, until_s - FITTED_OVER_DAYS * DAY_S)
    days = np.arange((until_s - first_s) // DAY_S, 0, -1, dtype=np.int64)
    at_hour_s = until_s - DAY_S * days
    moving_s = (at_hour_s + HOUR_S * (days * 7 % 24))[::2]
    issues_s = np.sort(np.concatenate([at_hour_s, moving_s[moving_s < until_s - HOUR_S]]))
    rows = rows_of(clock, zone, issues_s, hours)
    shares = power.at(rows.starts_s) / np.maximum(rows.level_w, LEAST_LEVEL_W)
    used = np.isfinite(shares) & (rows.starts_s + HOUR_S <= until_s)
    if used.sum() < ENOUGH_DAYS * 24:
        return None
    age_days = (until_s - issues_s[rows.issue[used]]) / DAY_S
    said = pooled.predict(rows.features[used])
    features = np.column_stack([own_features(rows, clock, zone)[used], said])
    features[:, ~np.isfinite(features).any(axis=0)] = 0.0  # the library refuses a column of which nothing is known
    estimator = boosted(
        features,
        np.clip(shares[used], 0.0, MOST_OF_LEVEL) - said,
        0.5 ** (age_days / HALF_LIFE_DAYS),
        trees=40,
        rate=0.05,
        leaves=8,
        rows_per_leaf=150,
        share_of_features=0.3,
    )
    return trees_of(estimator, NAMES)
