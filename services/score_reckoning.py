"""A day's scores reckoned in a process of its own: what goes in, and the figures per target that come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from energy.clear_sky import clear_sky_w
from energy.forecast.hours import HOUR_S, NO_HOURS, Band, Hours
from energy.scorecard.day import hours_of_day, level_at_ends, score_day
from energy.scorecard.worth import DayFacts, NotTold, plan_worth
from energy.site import Site
from services.outlook_inputs import Measured


@dataclass(frozen=True)
class ScoreTask:
    """A local day of a site, with the forecasts that stood when it began.

    `targets` are of "solar", "load", "soc" and "plan"; each but the plan has its band.
    `measured` reaches 15 days back; `soc_pct`, `charge_w`, `import_w` and `miner_w` (hourly means) at least one.
    `mode` is the plan's when the day began; the battery's forecast is the one for that mode.
    """

    site: Site
    day: date
    targets: tuple[str, ...]
    bands: Mapping[str, Band]
    measured: Measured
    soc_pct: Hours = NO_HOURS
    charge_w: Hours = NO_HOURS
    import_w: Hours = NO_HOURS
    miner_w: Hours = NO_HOURS
    on_at_start: tuple[str, ...] = ()
    starts: int = 0
    mode: str | None = None


def reckon_scores(task: ScoreTask) -> dict[str, dict[str, Any]]:
    """The figures of each target of the task; what cannot be scored says why under "notes"."""
    return {target: _plan(task) if target == "plan" else _forecast(task, target) for target in task.targets}


def _forecast(task: ScoreTask, target: str) -> dict[str, Any]:
    band, measured = task.bands[target], task.measured
    if target == "soc":
        ends = level_at_ends(task.soc_pct)
        return score_day(ends, band, ends, task.site.zone, task.day).values() | {"judged": band.target}
    if target == "load":
        actual = measured.base_load_w
        return score_day(actual, band, actual, task.site.zone, task.day).values()
    scored = score_day(
        measured.solar_w,
        band,
        measured.solar_w,
        task.site.zone,
        task.day,
        clear_w=_clear_w(task.site, task.day),
        left_out_s=measured.curtailed_s,
    )
    return scored.values()


def _plan(task: ScoreTask) -> dict[str, Any]:
    site, starts_s = task.site, hours_of_day(task.day, task.site.zone)
    measured = task.measured
    solar_w = measured.solar_w.at(starts_s)
    held = np.isin(starts_s, measured.curtailed_s)
    notes = []
    if held.any() and "solar" in task.bands:
        band = task.bands["solar"]
        promised = Hours(band.starts_s, band.p50).at(starts_s)
        solar_w = np.where(held & np.isfinite(promised), np.fmax(promised, solar_w), solar_w)
        notes.append(f"in {int(held.sum())} hours with panels held back, the sun is as it was forecast")
    ends = level_at_ends(task.soc_pct)
    levels = ends.at(np.array([starts_s[0] - HOUR_S, starts_s[-1]]))
    import_w = task.import_w.at(starts_s)
    found = plan_worth(
        site,
        DayFacts(
            starts_s=starts_s,
            solar_w=solar_w,
            base_load_w=measured.base_load_w.at(starts_s),
            miner_w=task.miner_w.at(starts_s),
            charge_w=task.charge_w.at(starts_s),
            import_w=import_w if np.isfinite(import_w).any() else None,
            soc_from_pct=float(levels[0]),
            soc_to_pct=float(levels[1]),
            on_at_start=task.on_at_start,
            starts=task.starts,
        ),
    )
    if isinstance(found, NotTold):
        return {"scored": False, "notes": [found.because]}
    values = found.values()
    return values | {"mode": task.mode, "notes": [*values["notes"], *notes]}


def _clear_w(site: Site, day: date) -> Hours:
    """The power of the panels under a clear sky in each hour of the day; NaN where they are not described."""
    starts_s = hours_of_day(day, site.zone)
    found = []
    for start_s in starts_s.tolist():
        # Each call is the mean of the half hour before its moment.
        halves = [clear_sky_w(site, datetime.fromtimestamp(start_s, UTC) + timedelta(minutes=m)) for m in (30, 60)]
        known = [watts for watts in halves if watts is not None]
        found.append(sum(known) / 2.0 if len(known) == 2 else np.nan)
    return Hours(starts_s, np.array(found, dtype=np.float64))
