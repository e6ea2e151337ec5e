"""Cycles of a battery by rainflow counting (ASTM E1049-85, library `rainflow`)."""

from __future__ import annotations

from dataclasses import dataclass

from energy.series import Series

DEPTH_EDGES_PCT = (0.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)


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
    """All cycles of a history. `full` is equivalent full cycles, `seen_days` the days in which the level was known."""

    cycles: tuple[Cycle, ...]
    full: float
    seen_days: float
    depth_edges_pct: tuple[float, ...]
    depth_counts: tuple[float, ...]
    mean_c_rate: float | None
    mean_temperature_c: float | None
    mean_soc_pct: float | None
    notes: tuple[str, ...]


def count_cycles(soc: Series, temperature_c: Series | None = None) -> Cycles:
    """The cycles in a course of levels (%). Gaps are stated: what happened in them is not counted."""
    raise NotImplementedError
