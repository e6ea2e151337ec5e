"""Maths on a measured series: time-weighted means, energy, extremes, threshold crossings; gaps stay unknown.

A reading stands for the time until the next one and is counted where it starts. Where the next one is more than two
cadences away there is a gap: the reading then stands for one cadence and the rest of the gap is unknown. On even rows
the time-weighted mean therefore equals the arithmetic mean of the rows, exactly as a spreadsheet has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

GAP_CADENCES = 2.0
JOULES_PER_KWH = 3_600_000.0

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Part = Literal["net", "positive", "negative"]


@dataclass(frozen=True, slots=True)
class Series:
    """One field over time. `times` (n,) int64 epoch seconds UTC, rising; `values` (n,) float64 with NaN = unknown.

    `cadence_s` is the usual distance of rows; `source` names the devices, joined by "+".
    """

    times: Times
    values: Values
    cadence_s: float
    source: str

    def __post_init__(self) -> None:
        if self.times.shape != self.values.shape or self.times.ndim != 1:
            raise ValueError(f"Series: times {self.times.shape} and values {self.values.shape} must be equal, 1-D")
        if self.times.size > 1 and not bool(np.all(np.diff(self.times) > 0)):
            raise ValueError("Series: times must rise strictly; sort them and drop doubles first")

    def between(self, start_s: float, end_s: float) -> Series:
        """The rows with start <= time < end (epoch seconds)."""
        first, last = np.searchsorted(self.times, [start_s, end_s], side="left")
        return Series(self.times[first:last], self.values[first:last], self.cadence_s, self.source)

    def known(self) -> Series:
        """The rows whose value is known."""
        keep = ~np.isnan(self.values)
        return self if bool(keep.all()) else Series(self.times[keep], self.values[keep], self.cadence_s, self.source)


@dataclass(frozen=True, slots=True)
class Extreme:
    """A highest or lowest value and when it was reached first (epoch seconds UTC)."""

    value: float
    at_s: int


@dataclass(frozen=True, slots=True)
class Crossing:
    """The first row on the other side of a threshold: when (epoch seconds), in which direction, its value."""

    at_s: int
    rising: bool
    value: float


EMPTY = Series(np.empty(0, np.int64), np.empty(0, np.float64), 300.0, "")


def median_cadence_s(times: Times, default: float = 300.0) -> float:
    """The usual distance of rows in seconds; `default` for fewer than two rows."""
    return float(np.median(np.diff(times))) if times.size > 1 else default


def weights_s(times: Times, cadence_s: float) -> Values:
    """(n,) seconds that each row stands for: until the next row, or one cadence before a gap and at the end."""
    if times.size == 0:
        return np.empty(0, np.float64)
    steps = np.empty(times.size, np.float64)
    steps[:-1] = np.diff(times)
    steps[-1] = cadence_s
    steps[steps > GAP_CADENCES * cadence_s] = cadence_s
    return steps


def time_weighted_mean(series: Series, start_s: float, end_s: float) -> float | None:
    """The mean of the rows in [start, end), each weighted by the time it stands for; None without known rows."""
    values, weights = _weighted(series, start_s, end_s)
    total_s = weights.sum()
    return float((values * weights).sum() / total_s) if total_s > 0 else None


def covered_s(series: Series, start_s: float, end_s: float) -> float:
    """Seconds of [start, end) for which the value is known."""
    return float(_weighted(series, start_s, end_s)[1].sum())


def energy_kwh(series: Series, start_s: float, end_s: float, part: Part = "net") -> float | None:
    """Energy of a power series (W) over [start, end) in kWh; gaps add nothing. None without known rows.

    `positive` counts only values above zero (charge, import), `negative` only those below, as a positive amount.
    """
    values, weights = _weighted(series, start_s, end_s)
    if values.size == 0:
        return None
    return float((_part(values, part) * weights).sum() / JOULES_PER_KWH)


def extreme(series: Series, start_s: float, end_s: float, which: Literal["max", "min"]) -> Extreme | None:
    """The highest or lowest known row of [start, end), the first of equals; None without known rows."""
    rows = series.between(start_s, end_s).known()
    if rows.times.size == 0:
        return None
    at = int(rows.values.argmax() if which == "max" else rows.values.argmin())
    return Extreme(float(rows.values[at]), int(rows.times[at]))


def crossings(series: Series, threshold: float, start_s: float, end_s: float) -> list[Crossing]:
    """Every passage of `threshold` between two neighbouring rows; none is claimed across a gap.

    At or above the threshold counts as above. The row before `start` is looked at, so that a passage right at the
    start is seen; the time given is that of the first row on the new side.
    """
    first = max(int(np.searchsorted(series.times, start_s, side="left")) - 1, 0)
    last = int(np.searchsorted(series.times, end_s, side="left"))
    times, values = series.times[first:last], series.values[first:last]
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    if times.size < 2:
        return []
    above = values >= threshold
    changed = np.flatnonzero(above[1:] != above[:-1]) + 1
    near = np.diff(times)[changed - 1] <= GAP_CADENCES * series.cadence_s
    return [
        Crossing(int(times[i]), bool(above[i]), float(values[i])) for i in changed[near].tolist() if times[i] >= start_s
    ]


def seconds_above(series: Series, threshold: float, start_s: float, end_s: float) -> float:
    """How long (s) the known rows of [start, end) were at or above `threshold`."""
    values, weights = _weighted(series, start_s, end_s)
    return float(weights[values >= threshold].sum())


def prefer_series(candidates: list[Series]) -> Series:
    """One series out of several: the first one, its gaps filled by the next ones where they have rows."""
    usable = [s.known() for s in candidates if s.known().times.size]
    if not usable:
        return EMPTY
    merged = usable[0]
    for other in usable[1:]:
        missing = _outside(other.times, merged)
        if not missing.any():
            continue
        times = np.concatenate([merged.times, other.times[missing]])
        values = np.concatenate([merged.values, other.values[missing]])
        order = np.argsort(times, kind="stable")
        times, unique = np.unique(times[order], return_index=True)
        merged = Series(times, values[order][unique], merged.cadence_s, f"{merged.source}+{other.source}")
    return merged


def sum_series(parts: list[Series]) -> Series:
    """The sum of several sources on the rows of the coarsest; unknown where one of them has a gap."""
    known = [s.known() for s in parts]
    if not known or any(s.times.size == 0 for s in known):
        return EMPTY
    frame = max(known, key=lambda s: s.cadence_s)
    total = np.zeros(frame.times.size)
    for part in known:
        total += _held(part, frame.times)
    return Series(frame.times, total, frame.cadence_s, "+".join(s.source for s in parts))


def thinned(series: Series, max_points: int) -> Series:
    """At most `max_points` rows for drawing: means of equal time bins, a bin without rows stays out (a gap)."""
    if series.times.size <= max_points:
        return series
    start, end = int(series.times[0]), int(series.times[-1])
    width = max((end - start) / max_points, series.cadence_s)
    rows = series.known()
    bins = ((rows.times - start) // width).astype(np.int64)
    counts = np.bincount(bins)
    filled = np.flatnonzero(counts)
    means = np.bincount(bins, weights=rows.values)[filled] / counts[filled]
    centres = (start + (filled + 0.5) * width).astype(np.int64)
    return Series(centres, means, width, series.source)


def _weighted(series: Series, start_s: float, end_s: float) -> tuple[Values, Values]:
    rows = series.between(start_s, end_s)
    weights = weights_s(rows.times, series.cadence_s)
    known = ~np.isnan(rows.values)
    return rows.values[known], weights[known]


def _part(values: Values, part: Part) -> Values:
    if part == "positive":
        return np.maximum(values, 0.0)
    if part == "negative":
        return np.maximum(-values, 0.0)
    return values


def _nearest_before(series: Series, times: Times) -> NDArray[np.intp]:
    return np.searchsorted(series.times, times, side="right") - 1


def _outside(times: Times, series: Series) -> NDArray[np.bool_]:
    """Which of `times` lie in a gap of `series` (further than two cadences from the row before them)."""
    before = _nearest_before(series, times)
    age = times - series.times[np.maximum(before, 0)]
    ahead = series.times[np.minimum(before + 1, series.times.size - 1)] - times
    far_from_next = (before == series.times.size - 1) | (ahead >= series.cadence_s)
    early = (before < 0) & (ahead >= series.cadence_s)
    late = (before >= 0) & (age > GAP_CADENCES * series.cadence_s) & far_from_next
    return np.asarray(early | late, dtype=np.bool_)


def _held(series: Series, times: Times) -> Values:
    before = _nearest_before(series, times)
    age = times - series.times[np.maximum(before, 0)]
    held = np.where((before >= 0) & (age <= GAP_CADENCES * series.cadence_s), series.values[before], np.nan)
    return np.asarray(held, dtype=np.float64)
