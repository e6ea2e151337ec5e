"""`backtest plan`: what our plans would have brought on a file of measurements, beside other ways to run the miners.

A week of each season, or the whole year, is replayed in steps of 15 minutes: a plan each hour, from the forecasts that
could be issued then. Perfect foresight is the same planner on what really came. The file's panels are scaled to the
rating of the site's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.backtest import KW, BacktestRefused, column_names, read_columns

if TYPE_CHECKING:
    from app.backtest_forecasts import IssuedForecasts
    from energy.forecast.hours import Floats, Hours
    from energy.plan.replay import Replayed
    from energy.plan.simple_forecast import HourlySeries
    from energy.site import Site

WEEK_DAYS = 7
HISTORY_DAYS = 28  # before the first week, for the models
SEASON_DAYS = ((1, 15), (4, 15), (7, 15), (10, 15))
_USUAL_PEAK = 0.85  # of the rating: what panels reach at their best
Say = Callable[[str], None]


@dataclass(frozen=True)
class PlanFlags:
    """The flags of `backtest plan`."""

    file: Path
    config: Path
    meta: Path | None = None
    site: str | None = None
    full: bool = False
    days: int = WEEK_DAYS
    pooled: Path | None = None


@dataclass(frozen=True)
class Ground:
    """What a replay needs of a file: the true course, the forecaster, and what was done to the figures."""

    series: HourlySeries
    forecasts: IssuedForecasts
    notes: tuple[str, ...]


def backtest_plan(flags: PlanFlags, say: Say, show: Say) -> Mapping[str, Replayed]:
    """Replay all strategies; `say` gets what is odd, `show` the table. Returns the sums by strategy."""
    from app.site_file import load_site

    if not 1 <= flags.days <= WEEK_DAYS:
        raise BacktestRefused(f"--days {flags.days}: must be 1 to {WEEK_DAYS}, the days of each week that are replayed")
    site = load_site(flags.config)
    for table, there in (("battery", site.battery), ("array", site.array), ("miner", site.miner)):
        if not there:
            raise BacktestRefused(f"{flags.config.name}: a plan back-test needs [{table}]; describe it there")
    ground = ground_of(flags, site, say)
    starts = week_starts(ground.series, site, full=flags.full)
    if not starts:
        days = ground.series.solar_w.size // 24
        raise BacktestRefused(
            f"{flags.file.name}: holds {days} days; {HISTORY_DAYS} of history and a week after them are needed"
        )
    for note in ground.notes:
        say(note)
    found = replay_weeks(site, ground, starts, flags.days, show)
    for note in ground.forecasts.notes:
        say(note)
    for line in summary(found, site):
        show(line)
    return found


def ground_of(flags: PlanFlags, site: Site, say: Say) -> Ground:
    """The file as a replay needs it, its panels scaled to the site's rating."""
    import numpy as np

    from app.backtest_forecasts import IssuedForecasts
    from energy.forecast.hours import NO_HOURS, Hours
    from energy.forecast.load_pooled import NoPooledModel, read
    from energy.plan.simple_forecast import HourlySeries

    about = _about(flags)
    has = column_names(flags.file)
    also = tuple(name for name in ("k_fc",) if name in has)
    columns = read_columns(flags.file, ("pv_kw", "load_kw"), also, say)
    kwp, own = site.solar_kwp or 0.0, about.get("kwp")
    best_kw = float(np.nanmax(columns["pv_kw"].values, initial=0.0))
    if not own and best_kw <= 0:
        raise BacktestRefused(f"{flags.file.name}: pv_kw holds no sun; a plan back-test needs a home with panels")
    own_kwp = float(own) if own else best_kw / _USUAL_PEAK
    scale = kwp / own_kwp
    zone = about.get("tz", site.timezone)
    notes = [] if zone == site.timezone else [f"Days and prices are those of {site.timezone}, the file is of {zone}."]
    notes += [f"The file's panels ({own_kwp:.1f} kWp) are scaled by {scale:.2f} to the {kwp:.1f} kWp of the site."]
    power = Hours(columns["pv_kw"].starts_s, np.maximum(columns["pv_kw"].values, 0.0) * KW * scale)
    load = Hours(columns["load_kw"].starts_s, np.maximum(columns["load_kw"].values, 0.0) * KW)
    clearness = columns.get("k_fc", NO_HOURS)
    if not clearness.starts_s.size:
        notes.append("There is no column k_fc: the sun is forecast without a weather forecast.")
    first, last = int(power.starts_s[0]), int(power.starts_s[-1])
    every = np.arange(first, last + 3_600, 3_600, dtype=np.int64)
    sun, base = _filled(power, every), _filled(load, every)
    missing = int(np.sum(~np.isfinite(power.at(every)) | ~np.isfinite(load.at(every))))
    if missing:
        notes.append(f"{missing} hours are not known; in the replay they are as the same hour of the day before.")
    try:
        pooled = None if flags.pooled is None else read(flags.pooled)
    except NoPooledModel as error:
        raise BacktestRefused(str(error)) from error
    forecasts = IssuedForecasts(power, load, clearness, _place(about, site, kwp), site.zone, pooled)
    return Ground(HourlySeries(first, sun, base), forecasts, tuple(notes))


def week_starts(series: HourlySeries, site: Site, *, full: bool) -> tuple[int, ...]:
    """The local midnights at which the weeks begin: one of each season, or all of them. A short file: its last week."""
    zone = site.zone
    begins, ends = (
        datetime.fromtimestamp(series.start_s + hours * 3_600, UTC).astimezone(zone)
        for hours in (0, series.solar_w.size)
    )
    day = begins.date() + timedelta(days=HISTORY_DAYS + 1)
    last = ends.date() - timedelta(days=WEEK_DAYS)
    if day > last:
        return ()
    if full:
        days = [day + timedelta(days=n) for n in range(0, (last - day).days + 1, WEEK_DAYS)]
    else:
        every = (day + timedelta(days=n) for n in range((last - day).days + 1))
        days = [each for each in every if (each.month, each.day) in SEASON_DAYS][:4] or [last]
    return tuple(int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) for d in days)


def replay_weeks(site: Site, ground: Ground, starts: tuple[int, ...], days: int, show: Say) -> dict[str, Replayed]:
    """Each strategy over the weeks that begin at these moments, a line for each."""
    from energy.plan.replay import STRATEGIES, replay

    found: dict[str, Replayed] = {}
    for from_s in starts:
        at = datetime.fromtimestamp(from_s, UTC).astimezone(site.zone)
        until_s = min(from_s + days * 86_400, ground.series.start_s + ground.series.solar_w.size * 3_600)
        for strategy in STRATEGIES:
            week = replay(
                site,
                ground.series,
                strategy,
                from_s=from_s,
                until_s=until_s,
                forecaster=ground.forecasts,
                hours=float(site.plan.hours),
            )
            found[strategy] = found[strategy] + week if strategy in found else week
            show(f"{at:%Y-%m-%d} {_line(week, site)}")
    return found


def summary(found: Mapping[str, Replayed], site: Site) -> list[str]:
    """The sums, and how much of what foresight could bring ours brought."""
    from energy.plan.replay import value_share

    lines = ["All weeks:", *(f"{'':10} {_line(sums, site)}" for sums in found.values())]
    share = value_share(found["ours"], found["threshold"], found["perfect"])
    lines.append(f"(ours - threshold) / (perfect - threshold): {share:.2f}")
    return lines


def _line(r: Replayed, site: Site) -> str:
    return (
        f"{r.strategy:<9} {r.money:9.2f} {site.economics.currency}  mined {r.miner_kwh:6.0f} kWh, "
        f"{r.hash_ph_days:6.2f} PH·d  import {r.import_kwh:5.0f} kWh  export {r.export_kwh:5.0f} kWh  "
        f"starts {r.starts:3d}  quarters below reserve {r.steps_below_reserve:4d}, floor {r.steps_below_floor}"
        f" of {r.steps}" + (f"  rule-based plans {r.fallback_plans}" if r.fallback_plans else "")
    )


def _about(flags: PlanFlags) -> dict[str, Any]:
    if flags.meta is None:
        return {}
    sites = json.loads(flags.meta.read_text(encoding="utf-8"))
    name = flags.site or flags.file.stem
    if name not in sites:
        raise BacktestRefused(f"--site {name}: {flags.meta.name} knows {', '.join(sorted(sites))}")
    about: dict[str, Any] = sites[name]
    return about


def _place(about: dict[str, Any], site: Site, kwp: float) -> Any:
    """Where the panels of the file stand, with the rating of the site's; None where no place is known."""
    from energy.forecast.sky import Panel
    from energy.forecast.solar_site import SolarSite

    if about.get("lat") is not None and about.get("lon") is not None:
        panel = Panel(kwp, about.get("tilt_deg"), about.get("azimuth_deg"), "file")
        return SolarSite(float(about["lat"]), float(about["lon"]), (panel,))
    if site.latitude is None or site.longitude is None:
        return None
    panels = tuple(Panel(array.kwp, array.tilt_deg, array.azimuth_deg, array.name) for array in site.array)
    return SolarSite(site.latitude, site.longitude, panels)


def _filled(hours: Hours, every: Any) -> Floats:
    import numpy as np

    values = hours.at(every)
    for index in np.flatnonzero(~np.isfinite(values)).tolist():
        values[index] = values[index - 24] if index >= 24 else 0.0
    return values
