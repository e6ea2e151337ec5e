"""The table of the forecasts' figures, with targets and verdicts, on any folder with `meta.json` and one CSV per site.

    CC_DATA=FOLDER python -m benchmarks.forecast_bench [--out TABLE.md] [--made FOLDER] [--sites a,b] [--quick]

Per site (see app/backtest.py for the format): solar with the forecast of the sky (`k_fc`) and with the sky that came
(`k_obs`), as a house without history and with one day of it, load by a pooled model that never saw the home beside
the simple rules; then the share of battery ageing foretold (where the folder has `battery_soh.csv`), and times, which
are taken last and alone. `--quick` leaves out load and the perfect sky. `--made` keeps the forecasts, and a table that
was broken off goes on from there. What is missing is said, and counts as missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.forecast_runs import Found, Run, is_clean, measured, runs_of
from benchmarks.forecast_verdicts import (
    GOALS,
    Verdict,
    ageing_verdicts,
    coverage_verdicts,
    first_day_verdicts,
    load_verdicts,
    solar_verdicts,
    time_verdicts,
)

LINES_HEAD = ("site", "figure", "acc_hour", "acc_day", "coverage")
VERDICTS_HEAD = ("figure", "measured", "target", "verdict", "of")
ELSEWHERE = "the planner's figures come from `python -m benchmarks.plan_bench`"


def all_measured(runs: Sequence[Run], meta: dict[str, Any], jobs: int) -> tuple[list[Found], list[str]]:
    """The lines of all runs in the order of sites, and what could not be had."""
    found: list[Found] = []
    missing: list[str] = []
    began = time.perf_counter()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[list[Found]], Run] = {
            pool.submit(measured, run, _file(run.folder, meta, run.site)): run for run in runs
        }
        for count, future in enumerate(as_completed(waiting), start=1):
            run = waiting[future]
            error = future.exception()
            if error is None:
                found += future.result()
                says = ", ".join(f"{value:.3f}" for value in (future.result()[0].by_hour, future.result()[0].by_day))
            else:
                says = f"{type(error).__name__}: {error}"
                missing.append(f"{run.site}, {run.figure}: {says}")
            print(
                f"[{time.perf_counter() - began:5.0f} s, {count}/{len(runs)}] {run.site}, {run.figure}: {says}",
                file=sys.stderr,
                flush=True,
            )
    order = {site: number for number, site in enumerate(meta)}
    return sorted(found, key=lambda line: (order[line.site], _kind(line))), missing


def ageing(folder: Path) -> dict[float, tuple[float, int]]:
    """Per horizon the share of the loss foretold and how many forecasts were judged; nothing without the file."""
    file = folder / "battery_soh.csv"
    if not file.exists():
        return {}
    from app.backtest_degradation import backtest_degradation

    rows = backtest_degradation(file, lambda note: print(f"    {note}", file=sys.stderr))
    return {row.ahead: (row.share, row.issued) for row in rows if row.issued}


def as_markdown(lines: Sequence[Found], verdicts: Sequence[Verdict], missing: Sequence[str]) -> str:
    """Both tables, and what is missing."""
    parts = ["\n".join(f"| {' | '.join(cells)} |" for cells in _with_rule(VERDICTS_HEAD, _cells_of(verdicts)))]
    parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in _with_rule(LINES_HEAD, map(_cells, lines))))
    parts.append("\n".join(["Missing:", "", *(f"- {each}" for each in missing)]) if missing else "Nothing is missing.")
    parts.append(f"{ELSEWHERE[0].upper()}{ELSEWHERE[1:]}.")
    return "\n\n".join(parts) + "\n"


def _with_rule(head: Sequence[str], rows: Any) -> Iterator[Sequence[str]]:
    yield head
    yield ["---"] * len(head)
    yield from rows


def _cells_of(verdicts: Sequence[Verdict]) -> list[Sequence[str]]:
    return [(each.name, each.figure, each.target, each.says, each.about) for each in verdicts]


def _cells(line: Found) -> Sequence[str]:
    shares = ("-" if math.isnan(value) else f"{value:.4f}" for value in (line.by_hour, line.by_day, line.coverage))
    lead = "" if math.isnan(line.lead) else f" (beyond the best rule {line.lead:+.3f})"
    return (line.site, line.figure + lead, *shares)


def _kind(line: Found) -> tuple[bool, str]:
    return (not line.figure.startswith("solar"), line.figure)


def _file(folder: Path, meta: dict[str, Any], site: str) -> Path:
    return folder / str(meta[site].get("file", f"{site}.csv"))


def _print(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _chosen() -> argparse.Namespace:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    flags.add_argument("--sites", help="names from meta.json, with commas between (default: all)")
    flags.add_argument("--quick", action="store_true", help="without load and without the perfect sky")
    flags.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    flags.add_argument("--made", type=Path, help="keep the forecasts here, and use those that are here")
    flags.add_argument("--out", type=Path, help="write the tables as Markdown too")
    return flags.parse_args()


def main() -> int:
    """1 when a target is missed or something could not be measured."""
    chosen = _chosen()
    if "CC_DATA" not in os.environ:
        sys.exit("CC_DATA is not set: it names the folder with meta.json and the sites' CSV files")
    folder = Path(os.environ["CC_DATA"])
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    sites = chosen.sites.split(",") if chosen.sites else list(meta)
    unknown = [site for site in sites if site not in meta]
    if unknown:
        sys.exit(f"--sites {','.join(unknown)}: meta.json knows {', '.join(meta)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each process one core: two with two threads each hinder each other
    with tempfile.TemporaryDirectory() as scratch:
        made = chosen.made or Path(scratch)
        made.mkdir(parents=True, exist_ok=True)
        runs = runs_of(folder, made, meta, sites, quick=chosen.quick)
        lines, missing = all_measured(runs, meta, chosen.jobs)
    if chosen.quick:
        missing.append("load and the perfect sky: left out by --quick")
    if chosen.sites:
        missing.append(f"sites other than {chosen.sites}: left out by --sites")
    untold = [site for site in sites if is_clean(meta[site]) and meta[site]["tz"] not in GOALS]
    if untold:
        missing.append(f"targets for the solar power of {', '.join(untold)}: none is set for their climate")
    shares = ageing(folder)
    if not shares:
        missing.append("ageing: the folder has no battery_soh.csv that can be judged")
    from benchmarks.forecast_times import times

    verdicts = [
        *solar_verdicts(lines, meta),
        *first_day_verdicts(lines),
        *load_verdicts(lines),
        *coverage_verdicts(lines),
        *ageing_verdicts(shares),
        *time_verdicts(times()),
    ]
    _print(LINES_HEAD, [_cells(line) for line in lines])
    print()
    _print(VERDICTS_HEAD, _cells_of(verdicts))
    for each in missing:
        print(f"  missing: {each}")
    print(f"  {ELSEWHERE}")
    if chosen.out:
        chosen.out.write_text(as_markdown(lines, verdicts, missing), encoding="utf-8")
    return int(bool(missing) or any(each.says != "ok" for each in verdicts))


if __name__ == "__main__":
    sys.exit(main())
