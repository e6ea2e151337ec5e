"""What a miner brings per step: hash from the end of its ramp on, and heat in heating weather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energy.plan.problem import Floats, MinerPower, MinerState, Problem


def heat_per_kwh(problem: Problem, m: MinerState) -> Floats:
    """What its heat is worth per kWh in each step; 0 where the temperature is not known."""
    if problem.temperature_c is None or not m.heat_value_per_kwh:
        return np.zeros(problem.steps.count)
    with np.errstate(invalid="ignore"):
        return np.where(problem.temperature_c < m.heat_below_c, m.heat_value_per_kwh, 0.0)


def gain_per_h(problem: Problem, m: MinerState, power: MinerPower) -> Floats:
    """What an hour at that power brings in each step, hash and heat, after the ramp."""
    return m.hash_value_per_h(power) + heat_per_kwh(problem, m) * power.power_w / 1_000.0


def worth_per_kwh(problem: Problem, m: MinerState, t: int) -> float:
    """What a kWh brings in it at full power in one step, hash and heat."""
    return m.hash_value_per_kwh + float(heat_per_kwh(problem, m)[t])


def ramp_cost(m: MinerState) -> float:
    """The hash that a start costs, because power flows before it hashes."""
    return m.hash_value_per_h(m.powers[0]) * m.ramp_min / 60.0


def hashing_share(problem: Problem, m: MinerState, on: NDArray[np.bool_]) -> Floats:
    """The share of each step in which it hashes: 0 while off and in the ramp after a start."""
    steps = problem.steps
    share = np.zeros(steps.count)
    since_s = float(steps.starts_s[0]) - m.changed_ago_min * 60.0
    was = m.on
    for t in range(steps.count):
        start_s, long_s = float(steps.starts_s[t]), float(steps.minutes[t]) * 60.0
        if on[t] and not was:
            since_s = start_s
        was = bool(on[t])
        if was:
            share[t] = min(max((start_s + long_s - since_s - m.ramp_min * 60.0) / long_s, 0.0), 1.0)
    return share
