"""The planner on the ranch: what plans bring beside the threshold rule and perfect foresight, and how long they take.

`CC_DATA=<data folder> python -m benchmarks.plan_bench [--home citylearn_b02] [--full] [--days N]`. Four sample weeks,
one of each season (`--full`: all weeks of the year; `--days 2`: their first two days, for a quick look), of one home's
panels and load, replayed in 15-minute steps with a plan each hour. Solar forecasts are the profile of the last 14 days
times the clearness that was forecast the day before (`k_fc` of the data, simulated by its makers), load forecasts the
profile alone: nothing that came later is used.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from app.site_file import load_site
from benchmarks.table import Row, print_table
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.planner import make_plan
from energy.plan.problem import HOUR_S, Floats, Problem, growing_steps
from energy.plan.replay import STRATEGIES, Replayed, replay, value_share
from energy.plan.simple_forecast import HourlySeries, profile_scenarios
from energy.site import Site

RANCH = Path(__file__).with_name("ranch.toml")
WEEK_S = 7 * 24 * HOUR_S
SAMPLE_DAYS = (60, 165, 255, 330)  # after the first of August: autumn, winter, spring, summer
FIRST_DAY = 15  # two weeks of history come first
SOLVES = 40


def read_home(path: Path, kwp: float) -> HourlySeries:
    """A home of the data's folder, its panels scaled to `kwp`; a missing hour takes the one before it."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    start = datetime.fromisoformat(rows[0]["ts"])

    def column(name: str) -> Floats:
        last, found = 0.0, []
        for row in rows:
            last = float(row[name]) if row[name] else last
            found.append(last)
        return np.array(found)

    pv_kw = column("pv_kw")
    own_kwp = {"b02": 4.0, "b04": 5.0, "b06": 4.0, "b09": 4.0}.get(path.stem[-3:], float(pv_kw.max()) / 0.85)
    return HourlySeries(
        int(start.timestamp()),
        pv_kw * 1_000.0 * kwp / own_kwp,
        column("load_kw") * 1_000.0,
        column("k_obs"),
        column("k_fc"),
    )


def replay_weeks(site: Site, series: HourlySeries, days: tuple[int, ...], long_s: int = WEEK_S) -> dict[str, Replayed]:
    """Each strategy over the weeks that begin on these days."""
    found: dict[str, Replayed] = {}
    first = datetime.fromtimestamp(series.start_s, UTC).astimezone(site.zone)
    for day in days:
        from_s = int((first + timedelta(days=day)).timestamp())
        for strategy in STRATEGIES:
            week = replay(site, series, strategy, from_s=from_s, until_s=from_s + long_s, forecaster=profile_scenarios)
            found[strategy] = found[strategy] + week if strategy in found else week
            print(
                f"  {first + timedelta(days=day):%Y-%m-%d} {strategy:<9} {week.money:8.2f} {site.economics.currency}"
                f"  hash {week.hash_value:7.2f}  import {week.import_kwh:6.0f} kWh  export {week.export_kwh:6.0f} kWh"
                f"  mined {week.miner_kwh:6.0f} kWh, {week.hash_ph_days:5.2f} PH·d  starts {week.starts:3d}"
                f"  below reserve {week.steps_below_reserve:3d}, floor {week.steps_below_floor}",
                flush=True,
            )
    return found


def solve_times_s(site: Site, series: HourlySeries, miners: int) -> list[float]:
    """How long plans of 36 hours take, from a miner count on, over many starts of day and levels."""
    four = [*site.miner, site.miner[-1].model_copy(update={"id": "s19-3", "name": "S19 three", "channel": 3})]
    four = [m.model_copy(update={"channel": 0}) for m in four]
    many = (
        four
        if miners == 4
        else four
        + [
            m.model_copy(
                update={"id": f"{m.id}-b", "name": f"{m.name} b", "model": f"{m.model}b", "power_w": m.power_w * 0.93}
            )
            for m in four
        ]
    )
    big = site.model_copy(update={"miner": tuple(many)})
    rng = np.random.default_rng(5)
    times: list[float] = []
    cpu_times: list[float] = []
    for _ in range(SOLVES):
        at_s = series.start_s + int(rng.integers(FIRST_DAY * 24, 350 * 24)) * HOUR_S
        steps = growing_steps(at_s, 36)
        now = {m.id: MinerNow(on=bool(rng.integers(2)), changed_ago_min=float(rng.integers(60))) for m in big.miner}
        problem: Problem = problem_of(
            big, steps, profile_scenarios(series, steps), soc_pct=float(rng.uniform(35, 98)), miners=now
        )
        began, cpu = time.perf_counter(), time.process_time()
        make_plan(problem)
        times.append(time.perf_counter() - began)
        cpu_times.append(time.process_time() - cpu)
    print(
        f"  {miners} miners: median {statistics.median(times):.2f} s, p95 {p95(times):.2f} s;"
        f" of the processor median {statistics.median(cpu_times):.2f} s, p95 {p95(cpu_times):.2f} s",
        flush=True,
    )
    return times


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    """Run all; 1 when a target is missed, 2 without the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", default="citylearn_b02")
    parser.add_argument("--full", action="store_true", help="all weeks of the year")
    parser.add_argument("--days", type=int, default=7, help="how many days of each week (default 7)")
    arguments = parser.parse_args()
    folder = os.environ.get("CC_DATA")
    if not folder:
        print("plan_bench: set CC_DATA to the folder that holds the measured sites (citylearn_b02.csv and others)")
        return 2
    site = load_site(RANCH)
    series = read_home(Path(folder) / f"{arguments.home}.csv", site.solar_kwp or 0.0)
    times = {miners: solve_times_s(site, series, miners) for miners in (4, 8)}
    days = tuple(range(FIRST_DAY, 355, 7)) if arguments.full else SAMPLE_DAYS
    found = replay_weeks(site, series, days, arguments.days * 24 * HOUR_S)
    print(f"{arguments.home}, {len(days)} times {arguments.days} days:")
    for strategy, sums in found.items():
        print(
            f"  {strategy:<9} {sums.money:9.2f} {site.economics.currency}  mined {sums.miner_kwh:7.0f} kWh"
            f"  {sums.hash_ph_days:6.2f} PH·d  below reserve {sums.steps_below_reserve} of {sums.steps} quarters"
            f"  rule-based plans {sums.fallback_plans}"
        )
    share = value_share(found["ours"], found["threshold"], found["perfect"])
    rows = [
        Row("(ours - threshold) / (perfect - threshold)", share, "", 0.6, at_least=True),
        Row("steps of ours below the hard floor", found["ours"].steps_below_floor, "", 0),
        Row("36 h, 4 miners, p95", p95(times[4]), "s", 2.0),
        Row("36 h, 8 miners, p95", p95(times[8]), "s", 5.0),
    ]
    return print_table("Plans", [replace(row, measured=round(row.measured, 2)) for row in rows])


if __name__ == "__main__":
    sys.exit(main())
