"""The planner on the ranch: what plans bring beside the threshold rule and perfect foresight, and how long they take.

`CC_DATA=<data folder> python -m benchmarks.plan_bench [--home citylearn_b02] [--full] [--days N] [--pooled X.npz]`. A
week of each season (`--full`: all weeks; `--days 2`: their first two days, for a quick look) of one home's panels and
load, as `commandcenter backtest plan` replays them: a plan each hour from the forecasts that could be issued then. The
weather forecast is the data's `k_fc`, simulated by its makers. The shipped load model saw the homes of the data;
`--pooled` names one that did not see this one (benchmarks/train_pooled_load.py).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.backtest_plan import PlanFlags, ground_of, replay_weeks, summary, week_starts
from app.site_file import load_site
from benchmarks.table import Row, print_table
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.planner import make_plan
from energy.plan.problem import HOUR_S, Problem, growing_steps
from energy.plan.replay import value_share
from energy.plan.simple_forecast import HourlySeries, profile_scenarios
from energy.site import Site

RANCH = Path(__file__).with_name("ranch.toml")
FIRST_DAY = 15  # two weeks of history come first
SOLVES = 40


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
    parser.add_argument("--pooled", type=Path, help="a pooled load model that never saw the home")
    arguments = parser.parse_args()
    folder = os.environ.get("CC_DATA")
    if not folder:
        print("plan_bench: set CC_DATA to the folder that holds the measured sites (citylearn_b02.csv and others)")
        return 2
    data, site = Path(folder), load_site(RANCH)
    flags = PlanFlags(
        data / f"{arguments.home}.csv",
        RANCH,
        data / "meta.json",
        arguments.home,
        arguments.full,
        arguments.days,
        arguments.pooled,
    )
    ground = ground_of(flags, site, print)
    times = {miners: solve_times_s(site, ground.series, miners) for miners in (4, 8)}
    starts = week_starts(ground.series, site, full=arguments.full)
    found = replay_weeks(site, ground, starts, arguments.days, print)
    for line in (*ground.notes, f"{arguments.home}, {len(starts)} times {arguments.days} days", *summary(found, site)):
        print(line)
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
