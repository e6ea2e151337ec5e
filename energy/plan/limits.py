"""In which steps a miner must run and may run, before any money is weighed, and which rule says so."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy.plan.plan import Violation
from energy.plan.problem import MinerState, Problem

Bools = NDArray[np.bool_]
_WORDS = {
    "hours": "is outside its allowed hours",
    "never": "is set to never run",
    "off_until": "is to stay off",
    "hot": "is too warm to run",
    "low_soc": "is below its battery limit",
    "start_soc": "is below the battery level it starts at",
    "min_off": "must stay off a little longer",
}


@dataclass(frozen=True)
class MinerBounds:
    """Per step: must be on, may be on, is wanted on; `why` names the rule that decides ("" is none)."""

    must: Bools
    may: Bools
    wanted: Bools
    why: tuple[str, ...]
    violations: tuple[Violation, ...]


def miner_bounds(problem: Problem, miner: MinerState) -> MinerBounds:
    """The bounds of one miner. Heat and an empty battery stop it at once; hours and wishes wait for minimum times."""
    steps = problem.steps
    count, starts_s = steps.count, steps.starts_s
    must, may, why = np.zeros(count, dtype=bool), np.ones(count, dtype=bool), [""] * count
    soft_off = np.zeros(count, dtype=bool)

    def forbid(where: Bools, code: str, *, soft: bool = False) -> None:
        for index in np.flatnonzero(where & may).tolist():
            may[index], why[index], soft_off[index] = False, code, soft

    first = np.arange(count) == 0
    if miner.max_temperature_c is not None and problem.temperature_c is not None:
        forbid(problem.temperature_c > miner.max_temperature_c, "hot")
    if problem.battery is not None:
        soc_pct = problem.battery.soc_pct
        if soc_pct < miner.stop_soc_pct:
            forbid(first, "low_soc")
        elif not miner.on and soc_pct < miner.start_soc_pct:
            forbid(first, "start_soc")
    if miner.preference == "never":
        forbid(np.ones(count, dtype=bool), "never", soft=True)
    if miner.off_until_s is not None:
        forbid(starts_s < miner.off_until_s, "off_until", soft=True)
    if miner.allowed is not None:
        forbid(~miner.allowed, "hours", soft=True)
    violations: list[Violation] = []
    forced = True
    for index in range(count):
        held = miner.forced((starts_s[index] - starts_s[0]) / 60.0)
        if held is None or not forced:
            break
        if not held:
            if may[index]:
                may[index], why[index] = False, "min_off"
        elif may[index] or soft_off[index]:
            if soft_off[index]:
                text = f"{miner.name} {_WORDS[why[index]]}, and runs on until its minimum on time is over."
                violations.append(Violation(why[index], int(starts_s[index]), 1.0, text))
            must[index], may[index], why[index] = True, True, "min_on"
        else:
            forced = False
            text = f"{miner.name} {_WORDS[why[index]]}, so it stops before its minimum on time is over."
            violations.append(Violation("min_on", int(starts_s[index]), 1.0, text))
    wanted = np.full(count, miner.preference == "always")
    if miner.run_until_s is not None:
        wanted |= starts_s < miner.run_until_s
    return MinerBounds(must, may, wanted, tuple(why), tuple(violations))


def in_order(first: MinerState, second: MinerState, problem: Problem) -> bool:
    """Whether the two are identical, so that `second` need not run while `first` does not."""
    same: tuple[str, ...] = (
        "powers",
        "hash_value_per_kwh",
        "heat_value_per_kwh",
        "ramp_min",
        "min_on_min",
        "min_off_min",
        "starts_left_today",
        "max_starts_per_day",
    )
    same += ("start_soc_pct", "stop_soc_pct", "max_temperature_c", "preference", "run_until_s", "off_until_s")
    same += ("start_cost", "heat_below_c")
    if not first.kind or first.kind != second.kind or any(getattr(first, n) != getattr(second, n) for n in same):
        return False
    a, b = miner_bounds(problem, first), miner_bounds(problem, second)
    later = np.arange(problem.steps.count) > 0
    return bool(np.all(a.may | ~b.must) and np.all((a.may | ~b.may) | ~later))


def ordered(miners: tuple[MinerState, ...]) -> list[MinerState]:
    """Miners as they are started: by priority; among identical ones the running, the freer, the least worn first."""

    def key(m: MinerState) -> tuple[float, ...]:
        held_off = 0.0 if m.on else max(m.min_off_min - m.changed_ago_min, 0.0)
        held_on = max(m.min_on_min - m.changed_ago_min, 0.0) if m.on else 0.0
        return (m.priority, -m.hash_value_per_kwh, not m.on, held_off, -held_on, m.run_hours)

    return sorted(miners, key=key)


def start_days(problem: Problem) -> list[tuple[Bools, bool]]:
    """The steps of each local day, and whether that day is today."""
    edges = [int(problem.steps.starts_s[0]), *problem.day_starts_s, problem.steps.end_s]
    edges = sorted({e for e in edges if e >= edges[0]})
    days = [(problem.steps.starts_s >= a) & (problem.steps.starts_s < b) for a, b in itertools.pairwise(edges)]
    return [(day, index == 0) for index, day in enumerate(days) if day.any()]
