"""A line of a chart: measurements over time with their gaps, thinned so that no peak is lost. Pure data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from statistics import median

from energy.reading import FIELDS, NUMERIC_FIELDS

GAP_CADENCES = 2.0
DEFAULT_CADENCE_S = 300.0
DEFAULT_MAX_POINTS = 800  # two per pixel column of a phone; a week of 5-minute rows as JSON stays under 20 kB


@dataclass(frozen=True, slots=True)
class Point:
    """A value (the line's unit) and when it was measured (epoch seconds)."""

    at_s: int
    value: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without measurements, epoch seconds: from the last one before it to the first one after it."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Line:
    """Values of one `Reading` field over time, in our signs and in the field's unit.

    `times` are epoch seconds, strictly ascending; `values` has the same length, None = unknown. Neighbours further
    apart than twice `cadence_s` have a gap between them, as has a None. Raises ValueError on anything else.
    """

    label: str
    field: str
    times: tuple[int, ...]
    values: tuple[float | None, ...]
    cadence_s: float = DEFAULT_CADENCE_S

    def __post_init__(self) -> None:
        if self.field not in NUMERIC_FIELDS:
            raise ValueError(f"Line.field {self.field!r} cannot be drawn; use one of {', '.join(NUMERIC_FIELDS)}")
        if len(self.times) != len(self.values):
            raise ValueError(f"Line {self.label!r} has {len(self.times)} times but {len(self.values)} values")
        if not self.cadence_s > 0:
            raise ValueError(f"Line {self.label!r} needs a cadence above 0 s, got {self.cadence_s}")
        if any(later <= earlier for earlier, later in pairwise(self.times)):
            raise ValueError(f"Line {self.label!r} needs strictly ascending times, each only once")
        if any(value is not None and not math.isfinite(value) for value in self.values):
            raise ValueError(f"Line {self.label!r} holds a value that is not finite; None is how unknown is written")

    @classmethod
    def of(
        cls,
        field: str,
        times: Iterable[float],
        values: Iterable[float | None],
        *,
        cadence_s: float | None = None,
        label: str | None = None,
        max_points: int = DEFAULT_MAX_POINTS,
    ) -> Line:
        """A line from rows or arrays (NaN = unknown), thinned to about `max_points`.

        Thinning keeps the lowest and highest reading of each slice of time and both edges of every gap: extremes stay
        true readings at their own times, so pass full rows rather than means. Without `cadence_s` the median step of
        the rows is taken.
        """
        label = FIELDS[field].label if label is None and field in FIELDS else label or field
        rows: list[tuple[int, float | None]] = []
        for time, value in zip_longest(times, values, fillvalue=_MISSING):
            if time is _MISSING or value is _MISSING:
                raise ValueError(f"Line {label!r} needs as many values as times")
            rows.append((round(float(time)), _known(value)))  # type: ignore[arg-type]  # zip_longest widens to object
        if cadence_s is None:
            steps = [later[0] - earlier[0] for earlier, later in pairwise(rows)]
            cadence_s = float(median(steps)) if steps else DEFAULT_CADENCE_S
        line = cls(label, field, tuple(row[0] for row in rows), tuple(row[1] for row in rows), cadence_s)
        return line if len(rows) <= max_points else _thinned(line, max_points)

    def segments(self) -> list[list[Point]]:
        """Runs of measurements without a gap inside; the only stretches that may be joined by a stroke."""
        runs: list[list[Point]] = []
        last_s = -math.inf
        for at_s, value in zip(self.times, self.values, strict=True):
            if value is None:
                last_s = -math.inf
                continue
            if at_s - last_s > GAP_CADENCES * self.cadence_s:
                runs.append([])
            runs[-1].append(Point(at_s, value))
            last_s = at_s
        return runs

    def within(self, start_s: float, end_s: float) -> Line:
        """The part of the line inside [start, end]."""
        kept = [(t, v) for t, v in zip(self.times, self.values, strict=True) if start_s <= t <= end_s]
        return Line(self.label, self.field, tuple(t for t, _ in kept), tuple(v for _, v in kept), self.cadence_s)

    def gaps(self, start_s: int, end_s: int) -> list[Gap]:
        """Stretches inside [start, end] without measurements, at the edges too when longer than twice the cadence."""
        runs = self.within(start_s, end_s).segments()
        if not runs:
            return [Gap(start_s, end_s)] if end_s > start_s else []
        allowed_s = GAP_CADENCES * self.cadence_s
        found = [Gap(earlier[-1].at_s, later[0].at_s) for earlier, later in pairwise(runs)]
        if runs[0][0].at_s - start_s > allowed_s:
            found.insert(0, Gap(start_s, runs[0][0].at_s))
        if end_s - runs[-1][-1].at_s > allowed_s:
            found.append(Gap(runs[-1][-1].at_s, end_s))
        return found

    @property
    def points(self) -> list[Point]:
        """The measurements, gaps left out."""
        return [Point(t, v) for t, v in zip(self.times, self.values, strict=True) if v is not None]

    @property
    def lowest(self) -> Point | None:
        """The first lowest measurement."""
        return min(self.points, key=lambda point: point.value, default=None)

    @property
    def highest(self) -> Point | None:
        """The first highest measurement."""
        return max(self.points, key=lambda point: point.value, default=None)

    @property
    def latest(self) -> Point | None:
        """The last measurement."""
        points = self.points
        return points[-1] if points else None


_MISSING = object()


def _known(value: float | None) -> float | None:
    """The value to two decimals (far under a pixel, and half the JSON), None for NaN and infinities."""
    return None if value is None or not math.isfinite(value) else round(float(value), 2)


def _thinned(line: Line, max_points: int) -> Line:
    slice_s = max(line.cadence_s, 2 * (line.times[-1] - line.times[0]) / max(max_points, 4))
    kept: dict[int, float | None] = {}
    runs = line.segments()
    for run in runs:
        slices: dict[int, list[Point]] = {}
        for point in run:
            slices.setdefault(int((point.at_s - line.times[0]) // slice_s), []).append(point)
        picked = [run[0], run[-1]]
        for points in slices.values():
            picked += [min(points, key=lambda p: p.value), max(points, key=lambda p: p.value)]
        kept |= {point.at_s: point.value for point in picked}
    # The thinned line is coarser than some gaps: each is written down as an unknown of its own.
    kept |= {run[-1].at_s + 1: None for run in runs[:-1]}
    times = tuple(sorted(kept))
    # Kept neighbours of one run can be almost three slices apart where a late row leaves a slice empty.
    return Line(line.label, line.field, times, tuple(kept[t] for t in times), 1.5 * slice_s)
