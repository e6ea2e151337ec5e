"""The battery's way when nobody plans: each miner goes on as it is set, the inverter does what it does.

Per quarter of an hour a miner does what the keeping of wishes would do with it: what holds it off, its wish, and in
auto mode its own levels and the sun beyond need. What nobody can foresee (faults, stale figures, a hand) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from energy.interlocks import EXCESS_KEPT_SHARE
from energy.plan.dispatch import Flow, dispatch
from energy.plan.limits import start_days
from energy.plan.problem import HOUR_S, QUARTER_S, AsSet, Floats, MinerState, Problem, Scenario

_BACK_ABOVE_PCT = 5.0  # what a miner that the limits stopped needs above them, lest it be stopped again at once


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
    as_set: AsSet
    on: bool
    changed_s: float
    starts: list[int]
    stopped_by_limits: bool = False

    def decide(self, t: int, now_s: float, soc_pct: float | None, excess_w: float) -> bool:
        """Whether it is wanted on now; a start must also be permitted."""
        s = self.as_set
        mode = s.mode if s.until_s is None or now_s < s.until_s else s.then
        if mode == "off":
            return False
        if soc_pct is None or soc_pct < s.hold_soc_pct:
            self.stopped_by_limits = self.stopped_by_limits or self.on
            return False
        if mode == "left_on":
            return self.on
        if mode == "on":
            back_pct = min(max(s.hold_soc_pct + _BACK_ABOVE_PCT, s.start_soc_pct), 100.0)
            return self.on or not self.stopped_by_limits or soc_pct >= back_pct
        return self._auto(t, now_s, soc_pct, excess_w)

    def _auto(self, t: int, now_s: float, soc_pct: float, excess_w: float) -> bool:
        s = self.as_set
        if self.on and now_s - self.changed_s < self.miner.min_on_min * 60.0:
            return True
        if s.allowed is not None and not s.allowed[t]:
            return False
        if not (soc_pct >= s.start_soc_pct or (self.on and soc_pct > s.stop_soc_pct)):
            return False
        return s.needs_excess_w <= 0 or excess_w >= s.needs_excess_w * (EXCESS_KEPT_SHARE if self.on else 1.0)

    def may_start(self, now_s: float, day: int, today: bool, soc_pct: float | None) -> bool:
        """What stands before a start: its own stop level, its minimum off time and the starts of the day."""
        if soc_pct is not None and soc_pct < self.as_set.stop_soc_pct:
            return False
        left = (self.miner.starts_left_today if today else self.miner.max_starts_per_day) - self.starts[day]
        return left > 0 and now_s - self.changed_s >= self.miner.min_off_min * 60.0

    def turn(self, on: bool, now_s: float, day: int) -> None:
        if on != self.on:
            self.starts[day] += on
            self.on, self.changed_s = on, now_s
            self.stopped_by_limits = self.stopped_by_limits and not on


def walk(problem: Problem, scenario: Scenario) -> Walk:
    """One scenario, step by step."""
    steps, battery = problem.steps, problem.battery
    days, there, now_s = start_days(problem), problem.grid_there(), float(steps.starts_s[0])
    miners = [
        _Running(m, m.as_set or as_preferred(m), m.on, now_s - m.changed_ago_min * 60.0, [0] * len(days))
        for m in sorted(problem.miners, key=lambda m: m.priority)  # equals in the settings' order
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
            limit_w = problem.inverter.limit_w(bool(there[t]))
            running_w = _switch(miners, t, at_s, (day, days[day][1]), level, solar_w, base_w, limit_w)
            flow = _flow(problem, bool(there[t]), soc_kwh, piece_s / HOUR_S, solar_w, base_w + running_w)
            soc_kwh = flow.soc_kwh
            miner_w[t] += running_w * piece_s / length_s
            import_w[t] += flow.import_w * piece_s / length_s
        soc_pct[t] = 0.0 if battery is None else battery.pct(soc_kwh)
    return Walk(soc_pct, miner_w, import_w)


def as_preferred(m: MinerState) -> AsSet:
    """How a miner of which nobody said how it is set goes on: as it is preferred, by its own levels."""
    mode = AsSet(
        mode="on" if m.preference == "always" else "off" if m.preference == "never" else "auto",
        hold_soc_pct=m.stop_soc_pct,
        start_soc_pct=m.start_soc_pct,
        stop_soc_pct=m.stop_soc_pct,
        needs_excess_w=m.power_w if m.preference == "excess_solar" else 0.0,
        allowed=m.allowed,
    )
    if m.run_until_s is not None:
        return replace(mode, mode="on", until_s=m.run_until_s, then="auto")
    return mode if m.off_until_s is None else replace(mode, mode="off", until_s=m.off_until_s, then="auto")


def _switch(
    miners: list[_Running],
    t: int,
    now_s: float,
    day: tuple[int, bool],
    soc_pct: float | None,
    solar_w: float,
    base_w: float,
    limit_w: float,
) -> float:
    """Turn each miner; what they draw then (W). At most one starts at a time, and within the inverter's limit."""
    running_w, started = 0.0, False
    for n, each in enumerate(miners):
        go = each.decide(t, now_s, soc_pct, solar_w - base_w - running_w)
        if go and not each.on:
            later_w = sum(other.miner.power_w for other in miners[n + 1 :] if other.on)
            fits = base_w + running_w + later_w + each.miner.power_w <= limit_w
            go = fits and not started and each.may_start(now_s, *day, soc_pct)
            started = started or go
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
