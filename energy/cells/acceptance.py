"""Where charging slows near full, from history: rows in which the battery took less than there was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.cells.estimate import CannotTell
from energy.forecast.hours import Floats
from energy.series import Series

_LEAST_ROWS, _LEAST_DAYS = 30, 3
_NEAR_FULL_PCT = 90.0
_MARGIN_W, _MARGIN_SHARE = 200.0, 0.05  # so much more must be there than was taken, or the sun was the limit
_LEAST_GAIN = 0.2  # a bent line must fit by this share better than a level one


@dataclass(frozen=True)
class Acceptance:
    """Charging takes `charge_w` up to `taper_from_pct`, and from there ever less, down to `taper_end_w` at 100 %.

    `taper_from_pct` is 100 where it takes the same to the end. `count` is the rows that it rests on.
    """

    taper_from_pct: float
    taper_end_w: float
    charge_w: float
    count: int


def acceptance(soc: Series, charge_w: Series, surplus_w: Series | None = None) -> Acceptance | CannotTell:
    """What the battery takes by its level (%), from rows (W, + charging) in which more was to be had than it took.

    `surplus_w` is sun less load on about the same rows. A broken line is fitted by least absolute error: level, then
    falling to 100 %, as in `BatteryState.accepts_w`.
    """
    if surplus_w is None or not surplus_w.known().times.size:
        return CannotTell("Surplus is not known, so slow charging cannot be told from little sun.")
    rows = charge_w.known()
    levels, spare = _nearest(soc, rows), _nearest(surplus_w, rows)
    limited = rows.values > 0
    limited &= spare >= rows.values * (1 + _MARGIN_SHARE) + _MARGIN_W
    limited &= (levels >= 50.0) & (levels < 100.0)
    near = limited & (levels >= _NEAR_FULL_PCT)
    days = np.unique(rows.times[near] // 86_400).size
    if int(near.sum()) < _LEAST_ROWS or days < _LEAST_DAYS:
        return CannotTell(
            f"Charging above {_NEAR_FULL_PCT:.0f} % with sun to spare: {int(near.sum())} rows on {days} days; "
            f"{_LEAST_ROWS} rows on {_LEAST_DAYS} days are needed."
        )
    return _fitted(levels[limited], rows.values[limited])


def _fitted(levels: Floats, watts: Floats) -> Acceptance:
    level_w = float(np.median(watts))
    flat_error = float(np.mean(np.abs(watts - level_w)))
    best = (flat_error, 100.0, level_w, level_w)
    for knee in np.arange(70.0, 99.5, 0.5).tolist():
        below = watts[levels <= knee]
        if below.size < 10 or below.size == watts.size:
            continue
        full_w = float(np.median(below))
        share = np.clip((levels - knee) / (100.0 - knee), 0.0, 1.0)
        for end_w in np.linspace(0.02, 0.9, 45) * full_w:
            error = float(np.mean(np.abs(watts - (full_w - (full_w - end_w) * share))))
            if error < best[0]:
                best = (error, knee, float(end_w), full_w)
    error, knee, end_w, full_w = best
    if error > (1 - _LEAST_GAIN) * flat_error:
        return Acceptance(100.0, level_w, level_w, watts.size)
    return Acceptance(knee, round(end_w, 1), round(full_w, 1), watts.size)


def _nearest(series: Series, rows: Series) -> Floats:
    """The value that holds at each row; NaN where it is more than two cadences old."""
    known = series.known()
    if not known.times.size:
        return np.full(rows.times.size, np.nan)
    before = np.searchsorted(known.times, rows.times, side="right") - 1
    at = np.maximum(before, 0)
    fresh = (before >= 0) & (rows.times - known.times[at] <= 2 * known.row_cadences_s[at])
    return np.asarray(np.where(fresh, known.values[at], np.nan), dtype=np.float64)
