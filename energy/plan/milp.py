"""The plan as a mixed-integer linear program, solved by HiGHS (`scipy.optimize.milp`).

Miners are decided once for all scenarios; battery and grid follow each scenario by themselves. A run on the sun is
given up by a later plan when the sun does not come, so the cautious scenario may leave it out, for what it would have
earned; a run on the battery is not undone by stopping it, and binds in every scenario. Objective and
constraints are those of facts on rolling-horizon planners (EMHASS, evcc, Predbat): see docs/decisions.md. Import and
charging are never at the same time where the grid may not charge the battery, and import and export never at all; the
binaries for it exist only in steps where a price or a limit could make both attractive, and in the middle scenario.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy.plan.limits import MinerBounds, in_order, miner_bounds, ordered, start_days
from energy.plan.model import Model
from energy.plan.prices import stored_value_per_kwh
from energy.plan.problem import Floats, Ints, MinerState, Problem, Scenario
from energy.plan.worth import gain_per_h, ramp_cost

_TIE_PER_KWH = 1e-4  # so that a battery without wear does not cycle for nothing
_BIG_W = 1e5


@dataclass(frozen=True)
class Course:
    """What battery and grid do in one scenario: kW per step, `soc_kwh` at each step's end."""

    charge: Floats
    discharge: Floats
    imported: Floats
    exported: Floats
    curtailed: Floats
    soc_kwh: Floats
    below_reserve_kwh: Floats
    below_floor_kwh: Floats
    short: Floats


@dataclass(frozen=True)
class Solution:
    """Miners on per step (by id), their powers (W), and a course per scenario; `words` where time ran out."""

    on: Mapping[str, NDArray[np.bool_]]
    power_w: Mapping[str, Floats]
    courses: Mapping[str, Course]
    objective: float
    words: str


@dataclass(frozen=True)
class NoSolution:
    """Nothing was found, and why."""

    words: str


def solve(
    problem: Problem,
    *,
    time_limit_s: float = 3.0,
    gap: float = 0.03,
    fixed: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Solution | NoSolution:
    """The best plan for a problem with known prices. With `fixed`, miners do that: modes and flows alone are decided.

    The objective is comparable between calls on the same problem. Shared soft limits: `Weights`.
    """
    build = _Build(problem, fixed)
    build.miner_rules()
    blocks = {scenario.name: build.scenario(scenario) for scenario in problem.scenarios}
    solved = build.model.solve(time_limit_s, gap)
    if solved.values is None:
        return NoSolution(solved.words)
    x = solved.values
    on = {m.id: x[build.on[m.id]] > 0.5 for m in problem.miners}
    courses = {name: Course(*(x[numbers] for numbers in block)) for name, block in blocks.items()}
    power_w = {
        miner_id: 1_000.0 * np.sum([kw * np.round(x[numbers]) for numbers, kw in draws], axis=0)
        for miner_id, draws in build.draws.items()
    }
    return Solution(on, power_w, courses, solved.objective + build.constant, solved.words)


class _Build:
    """The model of one problem while it is built."""

    def __init__(self, problem: Problem, fixed: Mapping[str, NDArray[np.bool_]] | None) -> None:
        self.problem, self.model = problem, Model()
        self.steps, self.hours = problem.steps, problem.steps.hours
        self.later_h = (problem.steps.starts_s - problem.steps.starts_s[0]) / 3_600.0
        self.grid_there = problem.grid_there()
        self.bounds: dict[str, MinerBounds] = {m.id: miner_bounds(problem, m) for m in problem.miners}
        self.fixed = fixed
        self.constant = 0.0
        self.on: dict[str, Ints] = {}
        self.start: dict[str, Ints] = {}
        self.draws: dict[str, list[tuple[Ints, float]]] = {}  # what is on in which mode, and its kW
        self.end_value = stored_value_per_kwh(problem)

    def miner_rules(self) -> None:
        """On, start and stop of each miner, and all rules that need no battery."""
        w, count = self.problem.weights, self.steps.count
        for m in self.problem.miners:
            b, kwh = self.bounds[m.id], m.power_w / 1_000.0 * self.hours
            cost = -w.wish_per_kwh * kwh * b.wanted
            self.constant += float(np.sum(w.wish_per_kwh * kwh * b.wanted))
            if self.problem.last_on is not None and m.id in self.problem.last_on:
                was = self.problem.last_on[m.id]
                stay = np.where(np.isnan(was), 0.0, w.leave_plan_per_kwh * kwh)
                cost = cost + stay * (1.0 - 2.0 * np.nan_to_num(was))
                self.constant += float(np.sum(stay * np.nan_to_num(was)))
            low, high = b.must.astype(float), b.may.astype(float)
            if self.fixed is not None:
                low = high = self.fixed[m.id].astype(float)
            if not m.modes:
                cost = cost + self._running_cost(m)[0]
            self.on[m.id] = on = self.model.block(count, low, high, cost, integer=self.fixed is None)
            self._modes(m, on)
            self.start[m.id] = start = self.model.block(count, 0.0, 1.0, m.start_cost + ramp_cost(m))
            stop = self.model.block(count, 0.0, 1.0)
            for t in range(count):
                if t:
                    self.model.row([start[t], stop[t], on[t], on[t - 1]], [1, -1, -1, 1], 0, 0)
                    self.model.row([start[t], on[t - 1]], [1, 1], high=1)
                else:
                    self.model.row([start[t], stop[t], on[t]], [1, -1, -1], -float(m.on), -float(m.on))
                    self.model.row([start[t]], [1], high=1 - float(m.on))
            if self.fixed is None:
                self._dwell(m.min_on_min, on, start, running=True)
                self._dwell(m.min_off_min, on, stop, running=False)
                for day, today in start_days(self.problem):
                    most = m.starts_left_today if today else m.max_starts_per_day
                    self.model.row(start[day].tolist(), [1.0] * int(day.sum()), high=max(most, 0))
        if self.fixed is None:
            self._between_miners()

    def _running_cost(self, m: MinerState) -> list[Floats]:
        """What each of its powers costs per step: less hash and heat, and a little more the later it is."""
        later = self.problem.weights.later_per_kwh_h * self.later_h
        return [
            self.hours * (later * power.power_w / 1_000.0 - gain_per_h(self.problem, m, power)) for power in m.powers
        ]

    def _modes(self, m: MinerState, on: Ints) -> None:
        """Where a miner has several powers, exactly one of them while it is on."""
        if not m.modes:
            self.draws[m.id] = [(on, m.power_w / 1_000.0)]
            return
        count = self.steps.count
        blocks = [self.model.block(count, 0.0, 1.0, cost, integer=True) for cost in self._running_cost(m)]
        for t in range(count):
            self.model.row([*(block[t] for block in blocks), on[t]], [*[1.0] * len(blocks), -1.0], 0, 0)
        self.draws[m.id] = [(block, p.power_w / 1_000.0) for block, p in zip(blocks, m.powers, strict=True)]

    def _drawn(self, t: int) -> tuple[list[int], list[float]]:
        """The variables that say what miners draw in a step, and their kW."""
        pairs = [(int(block[t]), kw) for m in self.problem.miners for block, kw in self.draws[m.id]]
        return [number for number, _ in pairs], [kw for _, kw in pairs]

    def _dwell(self, minutes: float, on: Ints, moved: Ints, *, running: bool) -> None:
        """After a start (or stop) in a step, on (or off) for its minimum time."""
        for t in range(self.steps.count):
            since_min = (self.steps.starts_s[t] - self.steps.starts_s) / 60.0
            window = np.flatnonzero((since_min >= 0) & (since_min < minutes))
            numbers = moved[window] if window.size else moved[t : t + 1]
            if running:
                self.model.row([on[t], *numbers], [1.0, *[-1.0] * len(numbers)], low=0)
            else:
                self.model.row([on[t], *numbers], [1.0, *[1.0] * len(numbers)], high=1)

    def _between_miners(self) -> None:
        miners = ordered(self.problem.miners)
        if len(miners) > 1:
            for t in range(self.steps.count):
                self.model.row([self.start[m.id][t] for m in miners], [1.0] * len(miners), high=1)
        for first, second in itertools.pairwise(miners):
            if in_order(first, second, self.problem):
                for t in range(self.steps.count):
                    self.model.row([self.on[first.id][t], self.on[second.id][t]], [1.0, -1.0], low=0)
        excess = [m for m in miners if m.preference == "excess_solar"]
        if excess:
            most = sum(m.power_w for m in miners) / 1_000.0
            bound = np.any([self.bounds[m.id].must | self.bounds[m.id].wanted for m in excess], axis=0)
            slack = self.model.block(
                self.steps.count, 0.0, np.where(bound, _BIG_W, 0.0), self.problem.weights.wish_per_kwh * self.hours
            )
            surplus = np.maximum(self.problem.middle.solar_w - self.problem.middle.base_load_w, 0.0) / 1_000.0
            for m in excess:
                for t in range(self.steps.count):
                    numbers, factors = self._drawn(t)  # `most`, so that the row binds only while this one is on
                    numbers += [int(self.on[m.id][t]), int(slack[t])]
                    self.model.row(numbers, [*factors, most, -1.0], high=float(surplus[t]) + most)

    def scenario(self, scenario: Scenario) -> tuple[Ints, ...]:
        """Battery, grid and balance of one scenario; returns its blocks in the order of `Course`."""
        p, w, count, weight = self.problem, self.problem.weights, self.steps.count, scenario.weight
        solar, base = np.maximum(scenario.solar_w, 0.0) / 1_000.0, np.maximum(scenario.base_load_w, 0.0) / 1_000.0
        spare = np.maximum(solar - base, 0.0)
        battery, hours = p.battery, self.hours
        wear = max(battery.wear_per_kwh, _TIE_PER_KWH) if battery is not None else 0.0
        may_import = self.grid_there & p.grid.import_allowed
        most_in = np.where(may_import, (p.grid.max_import_w or _BIG_W) / 1_000.0, 0.0)
        most_out = np.where(self.grid_there & p.grid.export_allowed, (p.grid.max_export_w or _BIG_W) / 1_000.0, 0.0)
        charge_most = np.zeros(count)
        if battery is not None:
            charge_most = np.full(count, battery.charge_w / 1_000.0)
            from_grid = self.grid_there & p.grid.charge_allowed & p.grid.import_allowed
            charge_most = np.where(from_grid, charge_most, np.minimum(charge_most, spare))
        block = self.model.block
        charge = block(count, 0.0, charge_most, weight * hours * (wear + w.later_per_kwh_h * self.later_h))
        gives = 0.0 if battery is None else battery.discharge_w / 1_000.0
        discharge = block(count, 0.0, gives, weight * hours * wear)
        imported = block(count, 0.0, most_in, weight * hours * p.prices.import_per_kwh)
        exported = block(count, 0.0, np.minimum(most_out, spare), -weight * hours * p.prices.export_per_kwh)
        curtailed = block(count, 0.0, solar)
        full = 0.0 if battery is None else battery.kwh(max(battery.max_soc_pct, battery.soc_pct))
        at_end = np.where(np.arange(count) == count - 1, -weight * self.end_value, 0.0)
        soc = block(count, 0.0, full, at_end)
        reserve = block(count, cost=weight * w.reserve_per_kwh_h * hours)
        floor = block(count, cost=weight * w.floor_per_kwh_h * hours)
        forced = sum((self.bounds[m.id].must * m.power_w / 1_000.0 for m in p.miners), np.zeros(count))
        short = block(count, 0.0, base + forced, weight * w.short_per_kwh * hours)
        spared = self._spared(scenario)
        for t in range(count):
            numbers, powers = self._drawn(t)
            flows = [imported[t], discharge[t], short[t], charge[t], exported[t], curtailed[t]]
            flows += [numbers_of[t] for numbers_of in spared]
            factors = [1, 1, 1, -1, -1, -1, *[1] * len(spared), *[-power for power in powers]]
            self.model.row([*flows, *numbers], factors, base[t] - solar[t], base[t] - solar[t])
            limit = p.inverter.limit_w(bool(self.grid_there[t])) / 1_000.0
            if math.isfinite(limit):
                self.model.row([discharge[t], charge[t], curtailed[t]], [1, -1, -1], high=limit - solar[t])
        if battery is not None:
            self._battery_rules(scenario, charge, discharge, soc, reserve, floor)
        if p.prices.demand_per_kw:
            so_far = p.prices.peak_so_far_w / 1_000.0
            peak = block(1, so_far, math.inf, weight * p.prices.demand_per_kw)
            self.constant -= weight * p.prices.demand_per_kw * so_far
            for t in range(count):
                self.model.row([peak[0], imported[t]], [1, -1], low=0)
        if scenario is p.middle:
            self._one_way(most_in, charge_most, spare, charge, discharge, imported, exported)
        return charge, discharge, imported, exported, curtailed, soc, reserve, floor, short

    def _spared(self, scenario: Scenario) -> list[Ints]:
        """Per miner the power (kW) of runs on the sun that it does not draw in the cautious scenario."""
        if scenario is not self.problem.low or scenario is self.problem.middle:
            return []
        found, middle = [], self.problem.middle
        spare = np.maximum(middle.solar_w - middle.base_load_w, 0.0) / 1_000.0
        for m in ordered(self.problem.miners):
            b, kw = self.bounds[m.id], m.power_w / 1_000.0
            free = (spare >= kw) & ~b.must & ~b.wanted
            spare = spare - kw * free  # what the next one may count on
            lost = np.maximum(gain_per_h(self.problem, m, m.powers[-1]) / kw, 0.0) + _TIE_PER_KWH
            spared = self.model.block(
                self.steps.count, 0.0, np.where(free, kw, 0.0), scenario.weight * self.hours * lost
            )
            for t in np.flatnonzero(free).tolist():
                drawn = self.draws[m.id]
                self.model.row(
                    [spared[t], *(int(block[t]) for block, _ in drawn)], [1.0, *(-draw for _, draw in drawn)], high=0
                )
            found.append(spared)
        return found

    def _battery_rules(
        self, scenario: Scenario, charge: Ints, discharge: Ints, soc: Ints, reserve: Ints, floor: Ints
    ) -> None:
        p, row = self.problem, self.model.row
        b = p.battery
        assert b is not None
        now, end_kw = b.kwh(b.soc_pct), min(b.taper_end_w, b.charge_w) / 1_000.0
        tapers = b.taper_from_pct < 100
        slope = (b.charge_w / 1_000.0 - end_kw) / (b.usable_kwh - b.kwh(b.taper_from_pct)) if tapers else 0.0
        for t in range(self.steps.count):
            h, before = float(self.hours[t]), [soc[t - 1]] if t else []
            gain, loss = b.charge_efficiency * h, h / b.discharge_efficiency
            start = 0.0 if t else now
            factors = [1.0, -gain, loss, *[-1.0] * len(before)]
            row([soc[t], charge[t], discharge[t], *before], factors, start, start)
            row([soc[t], reserve[t]], [1, 1], low=b.kwh(b.reserve_pct))
            row([soc[t], floor[t]], [1, 1], low=b.kwh(b.hard_floor_pct))
            if tapers:  # no faster than what it takes at its level when the step begins
                most = end_kw + slope * (b.usable_kwh - start)
                row([charge[t], *before], [1.0, *[slope] * len(before)], high=most)
            if scenario is p.middle and self.fixed is None:
                for m in p.miners:
                    if not self.bounds[m.id].must[t]:
                        row([soc[t], self.on[m.id][t]], [1, -b.kwh(m.stop_soc_pct)], low=0)
                    if t:
                        row([soc[t - 1], self.start[m.id][t]], [1, -b.kwh(m.start_soc_pct)], low=0)

    def _one_way(
        self,
        most_in: Floats,
        charge_most: Floats,
        spare: Floats,
        charge: Ints,
        discharge: Ints,
        imported: Ints,
        exported: Ints,
    ) -> None:
        """No import beside export, nor beside charging that the grid may not do, nor charging beside discharging."""
        p, row = self.problem, self.model.row
        total = sum(m.power_w for m in p.miners) / 1_000.0 + float(np.max(p.middle.base_load_w)) / 1_000.0
        bought, sold = p.prices.import_per_kwh, p.prices.export_per_kwh
        for t in np.flatnonzero(most_in > 0).tolist():
            from_grid = bool(p.grid.charge_allowed)
            odd = bought[t] <= sold[t] or bought[t] <= 0
            if not odd and (from_grid or charge_most[t] <= 0 or spare[t] >= total):
                continue
            z = self.model.block(1, 0.0, 1.0, integer=True)[0]  # 1: from the grid
            most = min(float(most_in[t]), total + float(charge_most[t]))
            row([imported[t], z], [1.0, -most], high=0)
            row([exported[t], z], [1.0, float(spare[t])], high=float(spare[t]))
            if not from_grid:
                row([charge[t], z], [1.0, float(charge_most[t])], high=float(charge_most[t]))
            if odd and p.battery is not None:
                y = self.model.block(1, 0.0, 1.0, integer=True)[0]  # 1: charging
                row([charge[t], y], [1.0, -float(charge_most[t])], high=0)
                gives = p.battery.discharge_w / 1_000.0
                row([discharge[t], y], [1.0, gives], high=gives)
