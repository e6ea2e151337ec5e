"""The table of the forecasts' figures, on any folder with `meta.json` and one CSV per site (see app/backtest.py).

    CC_DATA=FOLDER python -m benchmarks.forecast_bench [--sites a,b] [--quick] [--out TABLE.md]

Per site: solar with the forecast of the sky (`k_fc`) and with the sky that came (`k_obs`), without any history (the
first day), load by a pooled model that never saw the home beside the best simple rule; then the share of battery ageing
foretold (where the folder has `battery_soh.csv`), and times. `--quick` leaves out load and the perfect sky.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.backtest import BacktestRefused, ForecastFlags, backtest_forecast
from benchmarks.forecast_score import Accuracy, issues_of, read_actual, score, score_simple
from benchmarks.forecast_times import times

Cells = tuple[str, ...]
HEAD: Cells = ("site", "figure", "acc_hour", "acc_day", "coverage")
RULES = ("persistence", "7-day mean", "14-day median")


def solar_lines(folder: Path, site: str, file: Path, weathers: tuple[str, ...], scratch: Path) -> list[Cells]:
    """The solar figures of a site."""
    actual = read_actual(file, "pv_kw")
    lines: list[Cells] = []
    runs: list[tuple[str, int | None, str]] = [(weather, None, f"solar, {weather} weather") for weather in weathers]
    runs += [("forecast", 0, "solar, no history"), ("forecast", 1, "solar, one day of history")]
    for weather, days, figure in runs:
        out = scratch / f"{site}_{weather}.csv"
        flags = ForecastFlags(file, "solar", folder / "meta.json", site, weather, out, history_days=days)
        try:
            backtest_forecast(flags, _quiet)
        except BacktestRefused as error:
            lines.append((site, f"{figure}: {error}", "-", "-", "-"))
            continue
        lines.append(_line(site, figure, score(out, actual)))
    return lines


def load_lines(folder: Path, site: str, file: Path, scratch: Path) -> list[Cells]:
    """The load figures of a home, with a pooled model trained on the other homes of the folder."""
    import numpy as np

    from benchmarks.train_pooled_load import homes_of, trained_on

    others = [home for home in homes_of(folder) if home.name != site]
    pooled = None
    if others:
        pooled = scratch / f"{site}_pooled.npz"
        arrays: dict[str, Any] = dict(trained_on(others).arrays())
        np.savez_compressed(pooled, **arrays)
    out = scratch / f"{site}_load.csv"
    backtest_forecast(ForecastFlags(file, "load", folder / "meta.json", site, "none", out, pooled), _quiet)
    actual, issues_s = read_actual(file, "load_kw"), issues_of(out)
    said = "left-out pooled model" if others else "shipped model (no other home to train on)"
    simple = [_line(site, f"load, {rule}", score_simple(issues_s, actual, rule)) for rule in RULES]
    return [_line(site, f"load, ours, {said}", score(out, actual)), *simple]


def ageing_lines(file: Path) -> list[Cells]:
    """The share of the loss foretold, per horizon."""
    from app.backtest_degradation import backtest_degradation

    return [
        (file.stem, f"loss foretold at +{row.ahead:g} cycles", f"{row.share:.3f}", "", f"{row.coverage:.3f}")
        for row in backtest_degradation(file, _quiet)
    ]


def _line(site: str, figure: str, found: Accuracy) -> Cells:
    return (
        site,
        figure,
        *("-" if math.isnan(v) else f"{v:.3f}" for v in (found.by_hour, found.by_day, found.coverage)),
    )


def _quiet(note: str) -> None:
    """What a back-test says of its file is not part of the table."""
    print(f"    {note}", file=sys.stderr)


def _markdown(lines: list[Cells]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (HEAD, ("---",) * len(HEAD), *lines)) + "\n"


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    flags.add_argument("--sites", help="names from meta.json, with commas between (default: all)")
    flags.add_argument("--quick", action="store_true", help="without load and without the perfect sky")
    flags.add_argument("--out", type=Path, help="write the table as Markdown too")
    chosen = flags.parse_args()
    if "CC_DATA" not in os.environ:
        sys.exit("CC_DATA is not set: it names the folder with meta.json and the sites' CSV files")
    folder = Path(os.environ["CC_DATA"])
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    sites = chosen.sites.split(",") if chosen.sites else list(meta)
    unknown = [site for site in sites if site not in meta]
    if unknown:
        sys.exit(f"--sites {','.join(unknown)}: meta.json knows {', '.join(meta)}")
    lines: list[Cells] = []

    def add(found: list[Cells]) -> None:
        lines.extend(found)
        for cells in found:
            print(f"  {cells[0]:<22} {cells[1]:<44} {cells[2]:>8} {cells[3]:>8} {cells[4]:>8}", flush=True)

    add([HEAD])
    lines.clear()
    with tempfile.TemporaryDirectory() as scratch:
        for site in sites:
            file = folder / meta[site].get("file", f"{site}.csv")
            if "pv" in meta[site]["has"]:
                weathers = ("forecast",) if chosen.quick else ("forecast", "perfect", "none")
                add(solar_lines(folder, site, file, weathers, Path(scratch)))
            if "load" in meta[site]["has"] and not chosen.quick:
                add(load_lines(folder, site, file, Path(scratch)))
    if (folder / "battery_soh.csv").exists() and not chosen.sites:
        add(ageing_lines(folder / "battery_soh.csv"))
    started = time.perf_counter()
    for name, each_ms in times().items():
        p95 = sorted(each_ms)[int(0.95 * (len(each_ms) - 1))]
        add([("times", f"{name}: median, p95 (ms)", f"{statistics.median(each_ms):.0f}", f"{p95:.0f}", "")])
    print(f"  times took {time.perf_counter() - started:.0f} s")
    if chosen.out:
        chosen.out.write_text(_markdown(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
