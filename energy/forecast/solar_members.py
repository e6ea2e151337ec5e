"""The two boosting members of the solar forecast: power itself, and power over what the planes say of the hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from energy.forecast.boosting import boosted
from energy.forecast.hours import DAY_S, HOUR_S, Floats
from energy.forecast.solar_rows import NAMES, Grid, Rows

MEMBERS = ("boosted", "boosted_ratio")
ENOUGH_HOURS = 180  # daylight hours with known power before boosting starts
HALF_LIFE_DAYS = 180.0
SEASON_DAYS = 300  # of history before the day of the year counts: until then it only says what came last
RATIO_SEEDS = (1, 2)  # each split looks at some of the features: the mean of two fits errs less than one
LEAST_SHARE = 0.03  # of the peak: below it a ratio says more about noise than about the sky
_SETTINGS: dict[str, Any] = {
    "trees": 100,
    "rate": 0.07,
    "leaves": 15,
    "rows_per_leaf": 40,
    "share_of_features": 0.4,
}
_SCALED = [NAMES.index(name) for name in ("physics", "clear", "by_hour", "clear_by_hour", "same_hour_1", "same_hour_2")]


@dataclass(frozen=True)
class Boosted:
    """The fitted members; `peak_w` is the rating they were fitted with."""

    power: Any  # scikit-learn's estimators have no types
    ratios: tuple[Any, ...]
    peak_w: float
    season: bool

    def forecast(self, rows: Rows) -> dict[str, Floats]:
        """Each member's W per row, within 0 and the rating."""
        if not rows.index.size:  # the polar night; scikit-learn wants a row at the least
            return {name: np.empty(0) for name in MEMBERS}
        base, features = _base(rows, self.peak_w), _features(rows, season=self.season)
        power = self.power.predict(features) * self.peak_w
        scaled = _scaled(features, base)
        ratio = np.mean([each.predict(scaled) for each in self.ratios], axis=0) * base
        return {name: np.clip(said, 0.0, self.peak_w) for name, said in zip(MEMBERS, (power, ratio), strict=True)}


def fit_boosted(grid: Grid, rows: Rows, until_s: int) -> Boosted | None:
    """The members fitted on the rows whose hours were over at `until_s`; None with too few of them."""
    actual = grid.actual_w[rows.index]
    used = np.isfinite(actual) & (grid.starts_s[rows.index] + HOUR_S <= until_s)
    if np.unique(rows.index[used]).size < ENOUGH_HOURS or np.nanmax(actual[used]) <= 0.01 * grid.peak_w:
        return None
    season = until_s - int(grid.starts_s[0]) >= SEASON_DAYS * DAY_S
    base, features = _base(rows, grid.peak_w)[used], _splittable(_features(rows, season=season)[used])
    actual = actual[used]
    recent = 0.5 ** ((until_s - rows.issued_s[used]) / DAY_S / HALF_LIFE_DAYS)
    scaled, share = _scaled(features, base), np.clip(actual / base, 0.0, 3.0)
    weight = recent * base / grid.peak_w
    power = boosted(features, actual / grid.peak_w, recent, **_SETTINGS)
    ratios = tuple(boosted(scaled, share, weight, seed=seed, **_SETTINGS) for seed in RATIO_SEEDS)
    return Boosted(power, ratios, grid.peak_w, season)


def _features(rows: Rows, *, season: bool) -> Floats:
    if season:
        return rows.features
    features = rows.features.copy()
    features[:, NAMES.index("day_of_year")] = 0.0
    return features


def _splittable(features: Floats) -> Floats:
    """The features with those that are never known (no weather was ever forecast) as 0: boosting needs a value."""
    found: Floats = np.where(np.isfinite(features).any(axis=0), features, 0.0)
    return found


def _base(rows: Rows, peak_w: float) -> Floats:
    return np.maximum(rows.by_hour_w, LEAST_SHARE * peak_w)


def _scaled(features: Floats, base: Floats) -> Floats:
    scaled = features.copy()
    scaled[:, _SCALED] /= base[:, None]
    return scaled
