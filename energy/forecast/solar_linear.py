"""The share of a clear sky's power that a forecast of the sky really brings: a short linear rule, known from day one.

A clearness forecast is noisy: what comes lies nearer to the hours beside it and to the usual sky, and the darker it
says the more so. The rule's coefficients hardly differ from place to place (California and Colorado, see `USUAL`), so a
new site starts with them; its own history moves them, as iterated least squares with a pull towards the usual ones.
"""

from __future__ import annotations

import numpy as np

from energy.forecast.hours import DAY_S, HOUR_S, Floats
from energy.forecast.solar_rows import NAMES, Grid, Rows

HALF_LIFE_DAYS = 60.0
LEAST_SHARE = 0.03  # of the peak: below it a share of the clear sky says more about noise than about the sky
PULL_HOURS = 20.0  # the usual rule weighs as so many hours of full sun
NEAREST = 0.02  # residuals, in shares of the clear sky, that count alike
_ROUNDS = 8
# Of: by_hour, planes, 1, clearness, before, after, of the day, (off 0.75)^2, (off the day)^2, spread, and what lately
# came over what was expected (7 and 3 days). The mean of fits to two Californian homes and one Colorado array.
USUAL = np.array([0.98, 0.0, 0.35, -0.59, 0.14, 0.21, -0.08, -0.66, 0.05, -0.13, 0.0, 0.0])


def fit_linear(grid: Grid, rows: Rows, until_s: int) -> Floats:
    """The site's own coefficients from the rows whose hours were over at `until_s`; the usual ones without any."""
    actual = grid.actual_w[rows.index]
    used = np.isfinite(actual) & (grid.starts_s[rows.index] + HOUR_S <= until_s)
    used &= np.isfinite(grid.clearness[rows.index])
    if not used.any():
        return USUAL.copy()
    terms, clear_w = _terms(rows, grid.peak_w)
    terms, clear_w = terms[used], clear_w[used]
    wanted = np.clip(actual[used] / clear_w, 0.0, 3.0)
    first_day = grid.starts_s[rows.index[used]] - rows.issued_s[used] < DAY_S
    age_days = (until_s - rows.issued_s[used]) / DAY_S
    weight = clear_w / grid.peak_w * 0.5 ** (age_days / HALF_LIFE_DAYS) * np.where(first_day, 1.0, 0.5)
    pull = PULL_HOURS * np.eye(USUAL.size)
    found = USUAL.copy()
    for _ in range(_ROUNDS):
        each = weight / np.maximum(np.abs(wanted - terms @ found), NEAREST)
        turned = terms.T * each
        found = USUAL + np.linalg.solve(turned @ terms + pull, turned @ (wanted - terms @ USUAL))
    return found


def linear_w(rows: Rows, clearness: Floats, coefficients: Floats, peak_w: float) -> Floats:
    """W per row by the rule; without a forecast of the sky (NaN `clearness`) what the planes say."""
    terms, clear_w = _terms(rows, peak_w)
    said = np.where(np.isfinite(clearness), (terms @ coefficients) * clear_w, rows.by_hour_w)
    return np.clip(said, 0.0, peak_w)


def _terms(rows: Rows, peak_w: float) -> tuple[Floats, Floats]:
    """(the terms of the rule per row, the clear sky's power that they are shares of)."""
    clear_w = np.maximum(rows.clear_w, LEAST_SHARE * peak_w)

    def feature(name: str, unknown: Floats | float) -> Floats:
        values = rows.features[:, NAMES.index(name)]
        found: Floats = np.where(np.isfinite(values), values, unknown)
        return found

    sky = feature("clearness", 0.75)
    day = feature("clearness_day", sky)
    by_hour = rows.by_hour_w / clear_w
    terms = np.column_stack(
        [
            by_hour,
            rows.physics_w / clear_w,
            np.ones(sky.shape),
            sky,
            feature("clearness_before", sky),
            feature("clearness_after", sky),
            day,
            (sky - 0.75) ** 2,
            (sky - day) ** 2,
            feature("clearness_spread", 0.0),
            by_hour * (feature("ratio_7_days", 1.0) - 1.0),
            by_hour * (feature("ratio_3_days", 1.0) - 1.0),
        ]
    )
    return terms, clear_w
