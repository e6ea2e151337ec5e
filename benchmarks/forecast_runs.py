"""The runs behind the table of the forecasts' figures: one back-test each, in a process of its own.

A run's forecasts are a file of the folder `made`. What is there already is not made anew, so a table that was broken
off goes on where it stopped; after a change of the code the folder must be a new one.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.backtest import ForecastFlags, backtest_forecast
from benchmarks.forecast_score import (
    RULES,
    read_actual,
    read_forecasts,
    score,
    simple_forecasts,
    worst_lead,
)

SOLAR, PERFECT, NO_WEATHER = "solar, forecast weather", "solar, perfect weather", "solar, no weather"
FIRST_DAY, SECOND_DAY = "solar, no history", "solar, one day of history"
DESCRIBED = "solar, described panels, no history"
LOAD = "load, pooled model without this home"
LOAD_SHIPPED = "load, shipped model (there is no other home to train on)"
BEHIND_OVER_DAYS = 180
CLEAN_TO = 0.05  # of the solar hours may be missing in a home that counts as clean
_SOLAR_RUNS = {
    SOLAR: ("forecast", None),
    PERFECT: ("perfect", None),
    NO_WEATHER: ("none", None),
    FIRST_DAY: ("forecast", 0),
    SECOND_DAY: ("forecast", 1),
    DESCRIBED: ("forecast", 0),
}


@dataclass(frozen=True)
class Run:
    """What is to be measured: a figure of a site of the folder, with the forecasts kept in `made`."""

    folder: Path
    made: Path
    site: str
    figure: str


@dataclass(frozen=True)
class Found:
    """A line of the table: shares, NaN where there is none. `lead` is acc_hour beyond a load's best simple rule, over
    the same hours, and `worst_lead` that beyond persistence in the worst 180 days."""

    site: str
    figure: str
    by_hour: float = math.nan
    by_day: float = math.nan
    coverage: float = math.nan
    lead: float = math.nan
    worst_lead: float = math.nan


def runs_of(folder: Path, made: Path, meta: dict[str, Any], sites: list[str], *, quick: bool) -> list[Run]:
    """All runs, those that take longest first. Clean solar sites are looked at in every way, others by forecast."""
    load, solar, young = [], [], []
    clean = [site for site in sites if is_clean(meta[site])]
    for site in sites:
        if "load" in meta[site]["has"] and not quick:
            load.append(Run(folder, made, site, LOAD))
        if "pv" not in meta[site]["has"] or not meta[site].get("kwp"):
            continue
        solar.append(Run(folder, made, site, SOLAR))
        if site in clean:
            young += [Run(folder, made, site, figure) for figure in (FIRST_DAY, DESCRIBED, SECOND_DAY)]
            if not quick:
                solar.append(Run(folder, made, site, PERFECT))
    if clean and not quick:
        solar.append(Run(folder, made, clean[0], NO_WEATHER))
    return load + solar + young


def is_clean(about: dict[str, Any]) -> bool:
    """Whether a site has solar power with at most a twentieth of it missing."""
    missing = about.get("missing") or {}
    return "pv" in about["has"] and missing.get("pv_kw", 0) <= CLEAN_TO * about.get("rows", math.inf)


def measured(run: Run, file: Path) -> list[Found]:
    """The lines of a run: one for a solar figure, four for a load (ours and the simple rules)."""
    out = run.made / f"{run.site}-{'-'.join(run.figure.replace(',', '').split()[:3])}.csv"
    if run.figure == LOAD:
        return _load(run, file, out)
    weather, days = _SOLAR_RUNS[run.figure]
    meta = _described(run, file) if run.figure == DESCRIBED else run.folder / "meta.json"
    _back_test(ForecastFlags(file, "solar", meta, run.site, weather, out, history_days=days), run.figure)
    found = score(read_forecasts(out), read_actual(file, "pv_kw"))
    return [Found(run.site, run.figure, found.by_hour, found.by_day, found.coverage)]


def _described(run: Run, file: Path) -> Path:
    """The meta file with the panels described as their owner would: where it does not say how they look, the one plane
    that comes nearest to the file (in steps of 10 and 15 degrees) stands in for what the owner sees on the roof."""
    import numpy as np

    from app.backtest import KW, read_columns
    from energy.forecast.sky import Panel, prior_w, sky_over

    about = json.loads((run.folder / "meta.json").read_text(encoding="utf-8"))[run.site]
    if about.get("arrays") or about.get("tilt_deg") is not None:
        return run.folder / "meta.json"
    columns = read_columns(file, ("pv_kw",), ("k_obs",), lambda _: None)
    power_w, clearness = columns["pv_kw"].values * KW, columns["k_obs"].values
    known = np.flatnonzero(np.isfinite(power_w) & np.isfinite(clearness) & (power_w > 0))[::3]
    sky = sky_over(columns["pv_kw"].starts_s[known], about["lat"], about["lon"])
    off = {
        (tilt, azimuth): float(
            np.abs(
                prior_w(sky, (Panel(about["kwp"], float(tilt), float(azimuth)),), clearness[known]) - power_w[known]
            ).sum()
        )
        for tilt in range(5, 56, 10)
        for azimuth in range(75, 286, 15)
    }
    about["tilt_deg"], about["azimuth_deg"] = min(off, key=lambda each: off[each])
    meta = run.made / f"{run.site}-described.json"
    meta.write_text(json.dumps({run.site: about}), encoding="utf-8")
    return meta


def _load(run: Run, file: Path, out: Path) -> list[Found]:
    pooled = run.made / f"{run.site}-pooled.npz"
    alone = not pooled.exists() and not _trained_without(run, pooled)
    flags = ForecastFlags(
        file, "load", run.folder / "meta.json", run.site, "none", out, pooled=None if alone else pooled
    )
    _back_test(flags, run.figure)
    actual, ours = read_actual(file, "load_kw"), read_forecasts(out)
    rules = {rule: simple_forecasts(ours, actual, rule) for rule in RULES}
    both = {hour for issue in rules["persistence"].values() for hour in issue}
    same = score(ours, actual, both).by_hour
    best = max(score(said, actual, both).by_hour for said in rules.values())
    whole, behind = score(ours, actual), worst_lead(ours, rules["persistence"], actual, BEHIND_OVER_DAYS)
    figure = LOAD_SHIPPED if alone else LOAD
    lines = [Found(run.site, figure, whole.by_hour, whole.by_day, whole.coverage, same - best, behind)]
    for rule, said in rules.items():
        found = score(said, actual)
        lines.append(Found(run.site, f"load, {rule}", found.by_hour, found.by_day))
    return lines


def _trained_without(run: Run, out: Path) -> bool:
    """Write the pooled model of the folder's other homes; False where there is none."""
    import numpy as np

    from benchmarks.train_pooled_load import homes_of, trained_on

    others = [home for home in homes_of(run.folder) if home.name != run.site]
    if not others:
        return False
    arrays: dict[str, Any] = dict(trained_on(others).arrays())
    half = out.with_suffix(".half.npz")
    np.savez_compressed(half, **arrays)
    half.replace(out)
    return True


def _back_test(flags: ForecastFlags, figure: str) -> None:
    """Write the forecasts, unless they are there."""
    if flags.out.exists():
        return
    said: dict[str, None] = {}
    half = flags.out.with_suffix(".half")
    whole = flags.out
    backtest_forecast(
        ForecastFlags(
            flags.file, flags.target, flags.meta, flags.site, flags.weather, half, flags.pooled, flags.history_days
        ),
        said.setdefault,
    )
    half.replace(whole)
    for note in list(said)[:3]:
        print(f"    {flags.site}, {figure}: {note}", file=sys.stderr, flush=True)
