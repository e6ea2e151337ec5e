"""`backtest forecast`: what our forecasts would have said, issued day by day over a file of measurements.

The file has one line per hour: `ts` (UTC hour start, ISO-8601), `pv_kw`, `load_kw`, `k_fc` (day-ahead clearness) and
`k_obs` (the clearness that came: `--weather perfect`). The meta file has per site `tz`, `lat`, `lon`, `kwp`, and may
have `tilt_deg` and `azimuth_deg`. Each local midnight a forecast for 48 hours is issued from what was known then; the
models are trained anew every 28 days, and more often while the history is short. With `--weather forecast`, `k_obs` of
hours that are over by then (never of those to come) says what the panels give under which sky, where the file has it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from energy.forecast.hours import Band, Hours, Ints
    from energy.forecast.solar_site import SolarSite

REFIT_DAYS = 28
TARGETS = ("solar", "load")
WEATHERS = {"forecast": "k_fc", "perfect": "k_obs", "none": None}
SKY_THAT_CAME = "k_obs"
KW = 1_000.0
Say = Callable[[str], None]


class BacktestRefused(ValueError):
    """The file or the settings cannot be used; the text says what to mend."""


@dataclass(frozen=True)
class ForecastFlags:
    """The flags of `backtest forecast`."""

    file: Path
    target: str
    meta: Path
    site: str
    weather: str
    out: Path
    pooled: Path | None = None
    history_days: int | None = None  # solar: each issue knows so many days alone, as a new house would


def backtest_forecast(flags: ForecastFlags, say: Say) -> int:
    """Write `issue_time,target_time,yhat,q10,q90` (UTC, kW); returns how many forecasts were issued."""
    if flags.target not in TARGETS:
        raise BacktestRefused(f"--target {flags.target}: must be one of {', '.join(TARGETS)}")
    if flags.weather not in WEATHERS:
        raise BacktestRefused(f"--weather {flags.weather}: must be one of {', '.join(WEATHERS)}")
    about = _about(flags.meta, flags.site)
    if flags.target == "load":
        from app.backtest_load import load_bands

        return _written(flags.out, load_bands(flags, _zone(about), say))
    return _written(flags.out, _solar_bands(flags, about, say))


def _solar_bands(flags: ForecastFlags, about: dict[str, Any], say: Say) -> Iterator[Band]:
    """One band per local midnight. The past is cut off for each anew, so nothing later can reach it."""
    import numpy as np

    from energy.forecast.hours import DAY_S, NO_HOURS, Hours
    from energy.forecast.member_log import MemberLog
    from energy.forecast.solar import HORIZON_HOURS, forecast_on, train_on
    from energy.forecast.solar_site import NoSolar, SolarPast, checked_past, checked_site, grid_for

    weather = WEATHERS[flags.weather]
    came = SKY_THAT_CAME if flags.weather == "forecast" and SKY_THAT_CAME in column_names(flags.file) else None
    columns = read_columns(flags.file, ("pv_kw",), tuple(name for name in (weather, came) if name), say)
    power = Hours(columns["pv_kw"].starts_s, columns["pv_kw"].values * KW)
    try:
        site, notes = checked_site(_solar_site(about))
    except NoSolar as error:
        raise BacktestRefused(str(error)) from error
    clearness = NO_HOURS if weather is None else columns[weather]
    seen = NO_HOURS if came is None else columns[came]  # a grid tells what came of hours before an issue alone
    past, more = checked_past(SolarPast(power, clearness, seen=seen), KW * sum(panel.kwp for panel in site.panels))
    for note in (*notes, *more):
        say(note)
    issues_s = local_midnights(power.starts_s, _zone(about))
    end_s = int(power.starts_s[-1]) + 2 * DAY_S
    from_s = int(issues_s[0]) + 4 * DAY_S if issues_s.size else None  # a grid begins 4 days before it at the latest
    whole = grid_for(site, past, end_s, issued_s=from_s, days=10_000)
    first_s = int(power.starts_s[0])
    model, trained_s, log = None, None, MemberLog()
    for issued_s in issues_s.tolist():
        end = int(np.searchsorted(whole.starts_s, issued_s + HORIZON_HOURS * 3_600))
        grid = whole.first(end)
        if flags.history_days is not None:
            young = grid.starts_s >= issued_s - flags.history_days * DAY_S
            new_house = replace(grid, actual_w=np.where(young, grid.actual_w, np.nan))
            yield forecast_on(new_house, issued_s, None, MemberLog()).band
            continue
        if trained_s is None or issued_s - trained_s >= _refit_after_s(issued_s - first_s) or _learns_more(model):
            model, trained_s = train_on(grid, issued_s), issued_s
        said = forecast_on(grid, issued_s, model, log)
        log = said.log
        if said.persistent is not None:
            say(f"{_iso(issued_s)}: {said.notes[-1]}")
        yield said.band


def _refit_after_s(history_s: int) -> int:
    """A third of the history, but at most 28 days (less two hours, for days of 23): our house trains every night."""
    return min(history_s // 3, REFIT_DAYS * 86_400) - 2 * 3_600


def _learns_more(model: Any) -> bool:
    """Without members that learn yet, each day may be the one that suffices."""
    return model.boosted is None


def local_midnights(starts_s: Ints, zone: ZoneInfo) -> Ints:
    """The hours of a file in which a local day begins."""
    from energy.forecast.hours import local_hour

    found: Ints = starts_s[local_hour(starts_s, zone) == 0]
    return found


def column_names(file: Path) -> tuple[str, ...]:
    """The names in the file's first line."""
    with file.open(newline="", encoding="utf-8") as lines:
        return tuple(next(csv.reader(lines), ()))


def read_columns(file: Path, needed: tuple[str, ...], also: tuple[str, ...], say: Say) -> dict[str, Hours]:
    """The columns by hour, unknown where empty. Hours that come twice are one; what is odd is said."""
    from energy.forecast.hours import HOUR_S, hours_from

    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in ("ts", *needed, *also) if name not in (reader.fieldnames or ())]
        if missing:
            raise BacktestRefused(f"{file.name}: no column {', '.join(missing)}")
        rows = list(reader)
    pairs: dict[str, list[tuple[int, float]]] = {name: [] for name in (*needed, *also)}
    seen: set[int] = set()
    repeated = 0
    for number, row in enumerate(rows, start=2):
        start_s = int(_moment(row["ts"], f"{file.name}, line {number}").timestamp()) // HOUR_S * HOUR_S
        repeated += start_s in seen
        seen.add(start_s)
        for name, values in pairs.items():
            values.append((start_s, _number(row[name], f"{file.name}, line {number}, {name}")))
    if not seen:
        raise BacktestRefused(f"{file.name}: no lines")
    if repeated:
        say(f"{file.name}: {repeated} hours come twice (a clock set back?); each counts once, with the mean")
    gaps = (max(seen) - min(seen)) // HOUR_S + 1 - len(seen)
    if gaps:
        say(f"{file.name}: {gaps} hours are missing; they are unknown, not 0")
    return {name: hours_from(values) for name, values in pairs.items()}


def _solar_site(about: dict[str, Any]) -> SolarSite:
    from energy.forecast.sky import Panel
    from energy.forecast.solar_site import SolarSite

    panels = tuple(
        Panel(float(each.get("kwp") or 0.0), each.get("tilt_deg"), each.get("azimuth_deg"), each.get("name", "array"))
        for each in about.get("arrays") or [about]
    )
    return SolarSite(float(about["lat"]), float(about["lon"]), panels)


def _about(meta: Path, site: str) -> dict[str, Any]:
    sites = json.loads(meta.read_text(encoding="utf-8"))
    if site not in sites:
        raise BacktestRefused(f"--site {site}: {meta.name} knows {', '.join(sorted(sites))}")
    about: dict[str, Any] = sites[site]
    missing = [name for name in ("tz", "lat", "lon") if about.get(name) is None]
    if missing:
        raise BacktestRefused(f"{meta.name}: {site} has no {', '.join(missing)}")
    return about


def _zone(about: dict[str, Any]) -> ZoneInfo:
    try:
        return ZoneInfo(about["tz"])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BacktestRefused(f"tz {about['tz']}: not a time zone such as America/Los_Angeles") from error


def _moment(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BacktestRefused(f"{where}: ts {text!r} is not an ISO-8601 time") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _number(text: str | None, where: str) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError as error:
        raise BacktestRefused(f"{where}: {text!r} is not a number") from error


def _iso(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(out: Path, bands: Iterator[Band]) -> int:
    count = 0
    with out.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(("issue_time", "target_time", "yhat", "q10", "q90"))
        for band in bands:
            count += 1
            issued = _iso(band.issued_s)
            for start_s, low, middle, high in zip(
                band.starts_s.tolist(), band.p10.tolist(), band.p50.tolist(), band.p90.tolist(), strict=True
            ):
                writer.writerow((issued, _iso(start_s), *(f"{watts / KW:.4f}" for watts in (middle, low, high))))
    return count
