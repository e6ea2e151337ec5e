"""Cycles of a battery by rainflow counting (ASTM E1049-85, library `rainflow`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.cadence import gaps_after, weights_s
from energy.cells.turning import turning_points
from energy.series import Series
from energy.units import format_duration

DEPTH_EDGES_PCT = (0.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
_SMALLEST_PCT = 1.0  # smaller turns are the resolution of the level, not cycles


@dataclass(frozen=True)
class Cycle:
    """One cycle, or half of one (`count` 0.5): depth and mean level in %, rate in C, mean temperature where known."""

    start_s: int
    end_s: int
    depth_pct: float
    mean_pct: float
    count: float
    c_rate: float
    temperature_c: float | None


@dataclass(frozen=True)
class Cycles:
    """All cycles of a history. `full` is equivalent full cycles, `seen_days` the days in which the level was known.

    `depth_counts` counts cycles between neighbouring `depth_edges_pct`; means of depth and rate go by energy.
    """

    cycles: tuple[Cycle, ...]
    full: float
    seen_days: float
    depth_edges_pct: tuple[float, ...]
    depth_counts: tuple[float, ...]
    mean_depth_pct: float | None
    mean_c_rate: float | None
    mean_temperature_c: float | None
    mean_soc_pct: float | None
    notes: tuple[str, ...]

    @property
    def full_per_year(self) -> float | None:
        """Full cycles a year at this pace; None where less than a day was seen."""
        return self.full / self.seen_days * 365.25 if self.seen_days >= 1 else None


def count_cycles(soc: Series, temperature_c: Series | None = None) -> Cycles:
    """The cycles in a course of levels (%). What happened within gaps is not counted, and the gaps are stated."""
    from rainflow import extract_cycles  # type: ignore[import-untyped]  # it ships no types

    rows = soc.known()
    if rows.times.size < 2:
        none = (0.0,) * (len(DEPTH_EDGES_PCT) - 1)
        note = "The battery's level is not known, so no cycles are counted."
        return Cycles((), 0.0, 0.0, DEPTH_EDGES_PCT, none, None, None, None, None, (note,))
    weights = weights_s(rows.times, rows.row_cadences_s)
    heat = None if temperature_c is None else temperature_c.known()
    turns = turning_points(rows.values, _SMALLEST_PCT)
    if turns.size == 2:  # rainflow counts nothing in two points: the last one again changes nothing else
        turns = turns[[0, 1, 1]]
    times = rows.times[turns]
    cycles = [
        Cycle(
            start_s=int(times[first]),
            end_s=int(times[last]),
            depth_pct=float(depth),
            mean_pct=float(mean),
            count=float(count),
            c_rate=float(depth) / 100.0 / max((times[last] - times[first]) / 3_600.0, 1 / 60.0),
            temperature_c=_mean_between(heat, int(times[first]), int(times[last])),
        )
        for depth, mean, count, first, last in extract_cycles(rows.values[turns])
        if depth >= _SMALLEST_PCT
    ]
    size = np.array([c.depth_pct * c.count for c in cycles])
    depths = np.array([min(c.depth_pct, 100.0) for c in cycles])
    counts, _ = np.histogram(depths, bins=DEPTH_EDGES_PCT, weights=np.array([c.count for c in cycles]))
    return Cycles(
        cycles=tuple(cycles),
        full=float(size.sum()) / 100.0,
        seen_days=float(weights.sum()) / 86_400.0,
        depth_edges_pct=DEPTH_EDGES_PCT,
        depth_counts=tuple(float(c) for c in counts),
        mean_depth_pct=float(np.average(depths, weights=size)) if cycles else None,
        mean_c_rate=float(np.average([c.c_rate for c in cycles], weights=size)) if cycles else None,
        mean_temperature_c=None if heat is None or not heat.times.size else float(np.mean(heat.values)),
        mean_soc_pct=float(np.average(rows.values, weights=weights)),
        notes=_gaps(rows),
    )


def _gaps(rows: Series) -> tuple[str, ...]:
    from datetime import timedelta

    gaps = gaps_after(rows.times, rows.row_cadences_s)
    unseen_s = float(np.sum(np.diff(rows.times)[gaps[:-1]]))
    if not unseen_s:
        return ()
    spoken = format_duration(timedelta(seconds=unseen_s))
    return (f"The level is unknown for {spoken} in {int(gaps.sum())} gaps; cycles within them are not counted.",)


def _mean_between(series: Series | None, start_s: int, end_s: int) -> float | None:
    if series is None:
        return None
    values = series.between(start_s, end_s + 1).values
    return float(values.mean()) if values.size else None
