"""The hours of a time that is past, as a replay needs them: solar and the house's load without gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from energy.periods import local_midnight
from services.merging import merged_hours
from services.outlook_values import Nothing
from services.scope import Scope

if TYPE_CHECKING:
    from energy.forecast.hours import Floats, Ints
    from energy.plan.simple_forecast import HourlySeries

_LEAST_KNOWN = 0.9
_LEAST_HOURS = 48
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Past:
    """Whole hours from `start_s` to `end_s`, and the battery's level (%) where they begin."""

    series: HourlySeries
    start_s: int
    end_s: int
    soc_pct: float
    notes: tuple[str, ...]


async def past_hours(scope: Scope, days: int) -> Past | Nothing:
    """The last whole local days, fewer where less was measured. A gap is filled with the same hour of a day before."""
    from energy.plan.simple_forecast import HourlySeries

    today = scope.as_of.astimezone(scope.zone).date()
    end = local_midnight(today, scope.zone)
    start = local_midnight(today - timedelta(days=days), scope.zone)
    found = {}
    for field in ("solar_w", "load_w", "miner_w", "soc_pct"):
        hours, _ = await merged_hours(scope, field, start, end)
        found[field] = {hour.start_s: hour.mean for hour in hours}
    known = sorted(found["solar_w"].keys() & found["load_w"].keys())
    if len(known) < _LEAST_HOURS:
        return Nothing("Too little was measured for that: solar and load of two whole days are needed.")
    first_s, end_s = known[0] // _HOUR_S * _HOUR_S, int(end.timestamp()) // _HOUR_S * _HOUR_S
    grid = np.arange(first_s, end_s, _HOUR_S, dtype=np.int64)
    share = sum(first_s <= s < end_s for s in known) / max(grid.size, 1)
    if share < _LEAST_KNOWN:
        return Nothing(f"Only {share:.0%} of those hours were measured; that is too little to work with.")
    solar = _filled(grid, found["solar_w"])
    load = _filled(grid, found["load_w"])
    miners = np.array([found["miner_w"].get(int(s), 0.0) for s in grid])
    base = np.maximum(load - miners, 0.0) if scope.site.miner else load
    levels = found["soc_pct"]
    soc = levels[min(levels)] if levels else 60.0
    notes = [] if levels else ["The battery is taken to have begun at 60 %, as its level was not measured."]
    if grid.size < (days - 1) * 24:
        notes.append(f"Only {grid.size / 24:.0f} days were measured.")
    if not scope.site.grid.present or not scope.site.grid.export_allowed:
        notes.append("Sun that was held back by a full battery was not measured, so it counts as none.")
    return Past(HourlySeries(first_s, np.maximum(solar, 0.0), base), first_s, end_s, soc, tuple(notes))


def _filled(grid: Ints, known: dict[int, float]) -> Floats:
    """The values of each hour; an unknown one as the same hour of a day before, else of a day after, else 0."""
    values = np.array([known.get(int(start_s), np.nan) for start_s in grid], dtype=np.float64)
    for step in (24, -24):
        for index in np.flatnonzero(np.isnan(values)).tolist():
            other = index - step
            while 0 <= other < values.size and np.isnan(values[other]):
                other -= step
            if 0 <= other < values.size:
                values[index] = values[other]
    filled: Floats = np.nan_to_num(values)
    return filled
