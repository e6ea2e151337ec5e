"""Maths on a measured series: time-weighted means, energy, extremes, threshold crossings; gaps stay unknown.

A reading stands for the time until the next one and is counted where it starts. Where the next one is more than two
cadences away there is a gap: the reading then stands for one cadence and the rest of the gap is unknown. On even rows
the time-weighted mean therefore equals the arithmetic mean of the rows, exactly as a spreadsheet has it. The cadence is
that of a row's surroundings (energy/cadence.py), since a series may change its pace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from energy.cadence import GAP_CADENCES, Times, Values, gaps_after, weights_s

JOULES_PER_KWH = 3_600_000.0
Part = Literal["net", "positive", "negative"]


@dataclass(frozen=True, slots=True)
class Series:
    """One field over time. `times` (n,) int64 epoch seconds UTC, rising; `values` (n,) float64 with NaN = unknown.

    `cadence_s` is the usual distance of rows and `cadences_s` (n,) that around each row, where the pace changes (None:
    it is the same everywhere); `source` names the devices, joined by "+".
    """

    times: Times
    values: Values
    cadence_s: float
    source: str
    cadences_s: Values | None = None

    def __post_init__(self) -> None:
        if self.times.shape != self.values.shape or self.times.ndim != 1:
            raise ValueError(f"Series: times {self.times.shape} and values {self.values.shape} must be equal, 1-D")
        if self.cadences_s is not None and self.cadences_s.shape != self.times.shape:
            raise ValueError(f"Series: cadences {self.cadences_s.shape} and times {self.times.shape} must be equal")
        if self.times.size > 1 and not bool(np.all(np.diff(self.times) > 0)):
            raise ValueError("Series: times must rise strictly; sort them and drop doubles first")

    @property
    def row_cadences_s(self) -> Values:
        """(n,) the cadence around each row (s)."""
        return np.full(self.times.size, self.cadence_s) if self.cadences_s is None else self.cadences_s

    def between(self, start_s: float, end_s: float) -> Series:
        """The rows with start <= time < end (epoch seconds)."""
        first, last = np.searchsorted(self.times, [start_s, end_s], side="left")
        return self._rows(slice(first, last))

    def known(self) -> Series:
        """The rows whose value is known."""
        keep = ~np.isnan(self.values)
        return self if bool(keep.all()) else self._rows(keep)

    def _rows(self, which: slice | NDArray[np.bool_]) -> Series:
        cadences_s = None if self.cadences_s is None else self.cadences_s[which]
        return Series(self.times[which], self.values[which], self.cadence_s, self.source, cadences_s)


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
    rows = series._rows(slice(first, last)).known()
    if rows.times.size < 2:
        return []
    above = rows.values >= threshold
    changed = np.flatnonzero((above[1:] != above[:-1]) & ~gaps_after(rows.times, rows.row_cadences_s)[:-1]) + 1
    return [
        Crossing(int(rows.times[i]), bool(above[i]), float(rows.values[i]))
        for i in changed.tolist()
        if rows.times[i] >= start_s
    ]


def seconds_above(series: Series, threshold: float, start_s: float, end_s: float) -> float:
    """How long (s) the known rows of [start, end) were at or above `threshold`."""
    values, weights = _weighted(series, start_s, end_s)
    return float(weights[values >= threshold].sum())


def prefer_series(candidates: list[Series]) -> Series:
    """One series out of several: the first one, its long gaps filled by the next ones where they have rows.

    A gap is filled when it is longer than two cadences of the filler too: shorter ones stay gaps, so that two sensors
    that differ a little do not take turns. The filler's value holds from the start of the gap.
    """
    usable = [known for known in (candidate.known() for candidate in candidates) if known.times.size]
    if not usable:
        return EMPTY
    merged = usable[0]
    for other in usable[1:]:
        merged = _filled(merged, other)
    return merged


def sum_series(parts: list[Series]) -> Series:
    """The sum of several sources on the rows of the coarsest; unknown where one of them has a gap."""
    known = [part.known() for part in parts]
    if not known or any(part.times.size == 0 for part in known):
        return EMPTY
    frame = max(known, key=lambda part: part.cadence_s)
    total = np.zeros(frame.times.size)
    for part in known:
        total += _held(part, frame.times)
    return Series(frame.times, total, frame.cadence_s, "+".join(part.source for part in parts), frame.cadences_s)


def with_gaps_marked(series: Series) -> Series:
    """The series with an unknown row in each gap, for those who draw it; its `cadence_s` is then the widest one."""
    rows = series.known()
    if rows.times.size == 0:
        return rows
    cadences = rows.row_cadences_s
    gaps = gaps_after(rows.times, cadences)
    times = np.concatenate([rows.times, (rows.times[gaps] + cadences[gaps]).astype(np.int64)])
    values = np.concatenate([rows.values, np.full(int(gaps.sum()), np.nan)])
    order = np.argsort(times, kind="stable")
    return Series(times[order], values[order], float(cadences.max()), series.source)


def _weighted(series: Series, start_s: float, end_s: float) -> tuple[Values, Values]:
    rows = series.between(start_s, end_s)
    weights = weights_s(rows.times, rows.row_cadences_s)
    known = ~np.isnan(rows.values)
    return rows.values[known], weights[known]


def _part(values: Values, part: Part) -> Values:
    if part == "positive":
        return np.maximum(values, 0.0)
    if part == "negative":
        return np.maximum(-values, 0.0)
    return values


def _row_before(series: Series, times: Times) -> NDArray[np.intp]:
    return np.searchsorted(series.times, times, side="right") - 1


def _held(series: Series, times: Times) -> Values:
    """The value that holds at each of `times`: the row's before it, unknown in a gap and before the first row."""
    before = _row_before(series, times)
    age = times - series.times[np.maximum(before, 0)]
    fresh = (before >= 0) & (age <= GAP_CADENCES * series.row_cadences_s[np.maximum(before, 0)])
    return np.asarray(np.where(fresh, series.values[before], np.nan), dtype=np.float64)


def _filled(preferred: Series, filler: Series) -> Series:
    """`preferred` with its gaps filled, and what lies before its first and after its last row added."""
    starts, ends = _long_gaps(preferred, filler)
    before = _row_before(filler, starts)
    inside = np.searchsorted(starts, filler.times, side="right") - 1
    taken = (inside >= 0) & (filler.times < ends[np.maximum(inside, 0)])
    if not taken.any():
        return preferred
    values = _held(filler, starts)
    opening = np.isin(np.arange(starts.size), inside[taken]) & ~np.isnan(values) & ~np.isin(starts, filler.times)
    opened = starts[opening]
    times = np.concatenate([preferred.times, filler.times[taken], opened])
    order = np.argsort(times, kind="stable")
    everything = np.concatenate([preferred.values, filler.values[taken], values[opening]])[order]
    cadences = np.concatenate(
        [preferred.row_cadences_s, filler.row_cadences_s[taken], filler.row_cadences_s[before[opening]]]
    )[order]
    rising, unique = np.unique(times[order], return_index=True)
    source = f"{preferred.source}+{filler.source}"
    return Series(rising, everything[unique], preferred.cadence_s, source, cadences[unique])


def _long_gaps(preferred: Series, filler: Series) -> tuple[Times, Times]:
    """Start and end (s) of each stretch in which the filler speaks: long gaps, and all before and after `preferred`."""
    cadences = preferred.row_cadences_s
    steps = np.diff(preferred.times)
    patience = GAP_CADENCES * np.maximum(cadences[:-1], filler.cadence_s)
    long = np.flatnonzero(steps > patience)
    stands_until = (preferred.times + cadences).astype(np.int64)
    first = np.array([np.iinfo(np.int64).min // 2])
    last = np.array([np.iinfo(np.int64).max // 2])
    starts = np.concatenate([first, stands_until[long], stands_until[-1:]])
    ends = np.concatenate([preferred.times[:1], preferred.times[long + 1], last])
    return starts, ends
