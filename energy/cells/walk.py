"""The battery's way when nobody plans: each miner goes on as it is set, the inverter does what it does.

Near full the battery takes less, and a miner follows the level, so long steps are walked through in quarter hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.plan.dispatch import Flow, dispatch
from energy.plan.limits import MinerBounds, miner_bounds, ordered, start_days
from energy.plan.problem import HOUR_S, QUARTER_S, Floats, MinerState, Problem, Scenario

_KEEP_SHARE = 0.8  # a miner on excess solar goes on down to this share of its power in surplus


@dataclass(frozen=True)
class Walk:
    """Per step: the level at its end (%), what the miners draw and what the grid gives (W, means)."""

    soc_pct: Floats
    miner_w: Floats
    import_w: Floats


@dataclass
class _Running:
    """A miner on its way through the steps."""

    miner: MinerState
    bounds: MinerBounds
    on: bool
    changed_s: float
    starts: list[int]

    def decide(self, t: int, now_s: float, day: int, today: bool, soc_pct: float | None, surplus_w: float) -> bool:
        m = self.miner
        held = now_s - self.changed_s < (m.min_on_min if self.on else m.min_off_min) * 60.0
        wanted = bool(self.bounds.wanted[t])
        from_pct = m.stop_soc_pct if self.on or wanted else m.start_soc_pct
        level = soc_pct is None or soc_pct >= from_pct
        go = bool(self.bounds.may[t]) and level
        if not wanted and m.preference == "excess_solar":
            go = go and surplus_w >= m.power_w * (_KEEP_SHARE if self.on else 1.0)
        if not self.on and go:
            left = (m.starts_left_today if today else m.max_starts_per_day) - self.starts[day]
            return not held and left > 0
        if self.on and not go:
            return held and level and bool(self.bounds.may[t])
        return go

    def turn(self, on: bool, now_s: float, day: int) -> None:
        if on != self.on:
            self.starts[day] += on
            self.on, self.changed_s = on, now_s


def walk(problem: Problem, scenario: Scenario) -> Walk:
    """One scenario, step by step."""
    steps, battery = problem.steps, problem.battery
    days, there, now_s = start_days(problem), problem.grid_there(), float(steps.starts_s[0])
    miners = [
        _Running(m, miner_bounds(problem, m), m.on, now_s - m.changed_ago_min * 60.0, [0] * len(days))
        for m in ordered(problem.miners)
    ]
    soc_kwh = 0.0 if battery is None else battery.kwh(battery.soc_pct)
    soc_pct, miner_w, import_w = (np.zeros(steps.count) for _ in range(3))
    for t in range(steps.count):
        day = next(i for i, (mask, _) in enumerate(days) if mask[t])
        length_s = int(steps.minutes[t]) * 60
        solar_w, base_w = max(float(scenario.solar_w[t]), 0.0), max(float(scenario.base_load_w[t]), 0.0)
        for from_s in range(0, length_s, QUARTER_S):
            piece_s = min(QUARTER_S, length_s - from_s)
            level = None if battery is None else battery.pct(soc_kwh)
            at_s = float(steps.starts_s[t]) + from_s
            running_w = _switch(miners, t, at_s, (day, days[day][1]), level, solar_w - base_w)
            flow = _flow(problem, bool(there[t]), soc_kwh, piece_s / HOUR_S, solar_w, base_w + running_w)
            soc_kwh = flow.soc_kwh
            miner_w[t] += running_w * piece_s / length_s
            import_w[t] += flow.import_w * piece_s / length_s
        soc_pct[t] = 0.0 if battery is None else battery.pct(soc_kwh)
    return Walk(soc_pct, miner_w, import_w)


def _switch(
    miners: list[_Running], t: int, now_s: float, day: tuple[int, bool], soc_pct: float | None, surplus_w: float
) -> float:
    """Turn each miner; what they draw then (W). At most one starts at a time."""
    running_w, started = 0.0, False
    for each in miners:
        was = each.on
        go = each.decide(t, now_s, day[0], day[1], soc_pct, surplus_w - running_w)
        go = go and (was or not started)
        started = started or (go and not was)
        each.turn(go, now_s, day[0])
        running_w += each.miner.power_w if each.on else 0.0
    return running_w


def _flow(problem: Problem, there: bool, soc_kwh: float, hours: float, solar_w: float, load_w: float) -> Flow:
    return dispatch(
        problem.battery,
        problem.grid,
        problem.inverter,
        grid_there=there,
        soc_kwh=soc_kwh,
        hours=hours,
        solar_w=solar_w,
        load_w=load_w,
    )
