"""The rule-based plan, for when the solver finds nothing or is late: always an answer, never the best one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from energy.plan.dispatch import Flow, dispatch
from energy.plan.limits import miner_bounds, ordered, start_days
from energy.plan.milp import Course
from energy.plan.plan import Plan, PlanStep, Reason
from energy.plan.problem import Floats, Problem, Scenario
from energy.plan.worth import worth_per_kwh

_KEEP_SHARE = 0.8  # a running miner goes on down to this share of its power in surplus
_WEIGHED = {"stored", "battery_first", "unsure", "start_cost", "too_dear", "reserve"}  # what a rule does not look at
_WEIGHED_ON = {"battery", "keeps_running", "cheap_import"}


def rule_schedule(problem: Problem) -> dict[str, NDArray[np.bool_]]:
    """Miners on per step: as the last plan has it (`problem.last_on`), and where there is none, in order of priority
    while the sun of the middle scenario covers them after the house.

    Everything that is hard for the optimised plan holds here: minimum times, starts per day, one start per step,
    allowed hours, heat, battery levels, the inverter's limit. Wanted miners run without surplus too. The battery's way
    is followed in the cautious scenario, so that its levels hold in it.
    """
    steps, miners = problem.steps, ordered(problem.miners)
    bounds = {m.id: miner_bounds(problem, m) for m in miners}
    on = {m.id: np.zeros(steps.count, dtype=bool) for m in miners}
    days = start_days(problem)
    starts = {m.id: [0] * len(days) for m in miners}
    changed_s = {m.id: float(steps.starts_s[0]) - m.changed_ago_min * 60.0 for m in miners}
    running = {m.id: m.on for m in miners}
    there = problem.grid_there()
    last = problem.last_on or {}
    battery, soc_kwh = problem.battery, 0.0 if problem.battery is None else problem.battery.kwh(problem.battery.soc_pct)
    for t in range(steps.count):
        now_s, hours = float(steps.starts_s[t]), float(steps.hours[t])
        day = next(i for i, (mask, _) in enumerate(days) if mask[t])
        solar_w, base_w = float(problem.middle.solar_w[t]), float(problem.middle.base_load_w[t])
        room_w = problem.inverter.limit_w(bool(there[t])) - base_w
        surplus_w, started, miner_w = solar_w - base_w, False, 0.0
        soc_pct = 100.0 if battery is None else battery.pct(soc_kwh)
        for m in miners:
            b, was = bounds[m.id], running[m.id]
            dwell_min = m.min_on_min if was else m.min_off_min
            held = now_s - changed_s[m.id] < dwell_min * 60.0
            sunny = surplus_w >= m.power_w * (_KEEP_SHARE if was else 1.0)
            worth = sunny and worth_per_kwh(problem, m, t) >= float(np.nan_to_num(problem.prices.export_per_kwh[t]))
            planned = float(last[m.id][t]) if m.id in last else math.nan
            as_planned = planned > 0.5 and (sunny or m.preference != "excess_solar")
            good = as_planned if math.isfinite(planned) else worth
            wish = bool(b.wanted[t]) or (good and m.preference != "never")
            level = battery is None or soc_pct >= (m.stop_soc_pct if was else m.start_soc_pct)
            go = bool(b.may[t]) and wish and level and m.power_w <= room_w
            if not was and go:
                left = (m.starts_left_today if days[day][1] else m.max_starts_per_day) - starts[m.id][day]
                go = not started and left > 0
            if b.must[t] or (held and was and level and b.may[t]):
                go = True
            elif held and not was:
                go = False
            if go and not was:
                started = True
                starts[m.id][day] += 1
            if go != was:
                changed_s[m.id], running[m.id] = now_s, go
            on[m.id][t] = go
            if go:
                surplus_w, room_w, miner_w = surplus_w - m.power_w, room_w - m.power_w, miner_w + m.power_w
        if battery is not None:
            low = problem.low
            flow = dispatch(
                battery,
                problem.grid,
                problem.inverter,
                grid_there=bool(there[t]),
                soc_kwh=soc_kwh,
                hours=hours,
                solar_w=float(low.solar_w[t]),
                load_w=float(low.base_load_w[t]) + miner_w,
            )
            soc_kwh = flow.soc_kwh
    return on


def with_own_reasons(problem: Problem, steps: Sequence[PlanStep], last: Plan | None) -> tuple[PlanStep, ...]:
    """The steps of a rule-based plan with what really decided: the last plan's reason where that was followed, else
    the simple rule, where a reason speaks of what only a solver weighs. Rules that bind keep their own."""
    return tuple(
        _with_own_reasons(problem, step, None if last is None else last.step_at(step.start_s)) for step in steps
    )


def _with_own_reasons(problem: Problem, step: PlanStep, before: PlanStep | None) -> PlanStep:
    reasons = dict(step.miner_reasons)
    surplus_w = step.solar_w - step.base_load_w - step.miner_w
    for m in problem.miners:
        reason, on = reasons[m.id], m.id in step.on
        if reason.code not in (_WEIGHED_ON if on else _WEIGHED):
            continue
        if before is not None and m.id in before.miner_reasons and on == (m.id in before.on):
            reasons[m.id] = before.miner_reasons[m.id]
        elif on:
            reasons[m.id] = Reason(
                "rule",
                f"Runs on: the simple rule keeps it on from {_KEEP_SHARE:.0%} of its power in spare sun.",
                reason.figures,
            )
        else:
            text = "Off: the simple rule runs it on spare sun alone"
            if surplus_w < m.power_w:
                text += f", and {max(surplus_w, 0) / 1_000:.1f} of its {m.power_w / 1_000:.1f} kW are there."
            elif problem.battery is not None:
                text += f", with the battery at {m.start_soc_pct:.0f} % even with little sun."
            else:
                text += "."
            reasons[m.id] = Reason("rule", text, reason.figures)
    return replace(step, miner_reasons=reasons)


def courses_of(problem: Problem, power_w: Mapping[str, Floats]) -> dict[str, Course]:
    """What battery and grid do of themselves under what these miners draw, in each scenario."""
    return {s.name: _course(problem, _flows(problem, s, power_w)) for s in problem.scenarios}


def _flows(problem: Problem, scenario: Scenario, power_w: Mapping[str, Floats]) -> list[Flow]:
    there = problem.grid_there()
    soc_kwh = 0.0 if problem.battery is None else problem.battery.kwh(problem.battery.soc_pct)
    flows = []
    for t in range(problem.steps.count):
        load_w = float(scenario.base_load_w[t]) + sum(float(power[t]) for power in power_w.values())
        flow = dispatch(
            problem.battery,
            problem.grid,
            problem.inverter,
            grid_there=bool(there[t]),
            soc_kwh=soc_kwh,
            hours=float(problem.steps.hours[t]),
            solar_w=max(float(scenario.solar_w[t]), 0.0),
            load_w=max(load_w, 0.0),
        )
        soc_kwh = flow.soc_kwh
        flows.append(flow)
    return flows


def _course(problem: Problem, flows: Sequence[Flow]) -> Course:
    b = problem.battery
    soc = np.array([f.soc_kwh for f in flows])
    reserve, floor = (0.0, 0.0) if b is None else (b.kwh(b.reserve_pct), b.kwh(b.hard_floor_pct))
    return Course(
        charge=np.array([f.charge_w for f in flows]) / 1_000.0,
        discharge=np.array([f.discharge_w for f in flows]) / 1_000.0,
        imported=np.array([f.import_w for f in flows]) / 1_000.0,
        exported=np.array([f.export_w for f in flows]) / 1_000.0,
        curtailed=np.array([f.curtailed_w for f in flows]) / 1_000.0,
        soc_kwh=soc,
        below_reserve_kwh=np.maximum(reserve - soc, 0.0),
        below_floor_kwh=np.maximum(floor - soc, 0.0),
        short=np.array([f.short_w for f in flows]) / 1_000.0,
    )
