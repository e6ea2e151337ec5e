"""A plan from a problem: prices made known, solved, held steady against the last one, explained; never nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy.plan.fallback import courses_of, rule_schedule, with_own_reasons
from energy.plan.hysteresis import kept, last_on
from energy.plan.limits import miner_bounds
from energy.plan.milp import Course, NoSolution, Solution, solve
from energy.plan.plan import BatteryMode, Change, Method, Plan, PlanStep, Reason, Violation
from energy.plan.prices import with_known_prices
from energy.plan.problem import HIGH, LOW, MIDDLE, Floats, Problem
from energy.plan.reasons import Reasons
from energy.plan.worth import hashing_share, heat_per_kwh

_SMALL_KW = 0.05
_WORTH_SAYING_PCT = 0.5  # a reserve that is missed by less is kept, to people
_CASES = {MIDDLE: "", LOW: " with little sun", HIGH: " with much sun"}


def make_plan(problem: Problem, *, last: Plan | None = None, time_limit_s: float = 3.0, gap: float = 0.03) -> Plan:
    """The plan, its reasons, and every step that differs from `last` with why. Always feasible.

    Where the solver fails or is late without an answer, the plan is that of `energy/plan/fallback.py`: the last one
    moved on as far as it reaches and fits, else rules. Its notes say so and why.
    """
    known, notes = _known(problem, last)
    found = solve(known, time_limit_s=time_limit_s, gap=gap)
    if isinstance(found, NoSolution):
        return _fallback(known, notes, found.words, last)
    why = ""
    if last is not None:
        found, why = _steady(known, found)
    if found.words:
        notes = (*notes, f"The plan may not be the best one: {found.words}.")
    return _explained(known, "milp", found, notes, last, why)


def fallback_plan(problem: Problem, why: str, *, last: Plan | None = None) -> Plan:
    """The last plan moved on, or rules without one, for a caller whose solver did not come back; its notes say why."""
    known, notes = _known(problem, last)
    return _fallback(known, notes, why, last)


def _known(problem: Problem, last: Plan | None) -> tuple[Problem, tuple[str, ...]]:
    known, notes = with_known_prices(problem)
    if last is not None:
        known = replace(known, last_on=last_on(last, known.steps, tuple(m.id for m in known.miners)))
    return known, (*problem.notes, *notes)


def _fallback(problem: Problem, notes: tuple[str, ...], why: str, last: Plan | None) -> Plan:
    on = rule_schedule(problem)
    start_s = int(problem.steps.starts_s[0])
    words = f"This is the simple rule-based plan (miners run on surplus sun), because the planner has no better: {why}."
    if last is not None and last.step_at(start_s) is not None:
        words = f"This is the last plan moved on, because the planner has no better: {why}."
    power_w: dict[str, Floats] = {m.id: np.where(on[m.id], m.power_w, 0.0) for m in problem.miners}
    done = Solution(on, power_w, courses_of(problem, power_w), float("nan"), "")
    return _explained(problem, "fallback", done, (*notes, words), last, why)


def _steady(problem: Problem, new: Solution) -> tuple[Solution, str]:
    """The last plan's miners where they still fit and the new ones gain too little; else the new, and why."""
    on, misfit = kept(problem, new.on)
    if all(np.array_equal(on[m.id], new.on[m.id]) for m in problem.miners):
        return new, ""
    if misfit:
        return new, misfit
    held = solve(problem, time_limit_s=2.0, fixed=on)
    if isinstance(held, NoSolution):
        return new, f"the last plan no longer fits: {held.words}"
    broken = _level_broken(problem, held)
    if broken:
        return new, broken
    gain = held.objective - new.objective
    if gain < problem.weights.change_gain:
        return replace(held, words=new.words), ""
    return new, f"the new plan is better by {gain:.2f} {problem.currency}"


def _level_broken(problem: Problem, held: Solution) -> str:
    b = problem.battery
    if b is None:
        return ""
    soc = held.courses[MIDDLE].soc_kwh
    before = np.concatenate([[b.kwh(b.soc_pct)], soc[:-1]])
    for m in problem.miners:
        on = held.on[m.id]
        starts = np.diff(on.astype(int), prepend=int(m.on)) > 0
        must = miner_bounds(problem, m).must
        if np.any(on & ~must & (soc < b.kwh(m.stop_soc_pct) - 1e-3)):
            return f"the battery would fall below the {m.stop_soc_pct:.0f} % at which {m.name} stops"
        if np.any(starts & (before < b.kwh(m.start_soc_pct) - 1e-3)):
            return f"the battery would be below the {m.start_soc_pct:.0f} % at which {m.name} starts"
    return ""


def _explained(
    problem: Problem,
    method: Method,
    found: Solution,
    notes: tuple[str, ...],
    last: Plan | None,
    why: str,
) -> Plan:
    reasons = Reasons(problem, found)
    hashes = {m.id: hashing_share(problem, m, found.on[m.id]) for m in problem.miners}
    heat = {m.id: heat_per_kwh(problem, m) for m in problem.miners}
    steps = tuple(_step(problem, t, found, hashes, heat, reasons) for t in range(problem.steps.count))
    if method == "fallback":
        steps = with_own_reasons(problem, steps, last)
    return Plan(
        method=method,
        steps=steps,
        objective=found.objective,
        violations=_violations(problem, found),
        notes=notes,
        changes=() if last is None else _changes(problem, steps, last, why),
    )


def _step(
    problem: Problem,
    t: int,
    found: Solution,
    hashes: Mapping[str, Floats],
    heat: Mapping[str, Floats],
    reasons: Reasons,
) -> PlanStep:
    c, hours, b = found.courses[MIDDLE], float(problem.steps.hours[t]), problem.battery
    running = [m for m in problem.miners if found.on[m.id][t]]
    power_w = {m.id: float(found.power_w[m.id][t]) for m in running}
    ways = [(m, m.at(power_w[m.id]), float(hashes[m.id][t]) * hours) for m in running]
    mode = _mode(problem, t, c, sum(power_w.values()) / 1_000.0)
    return PlanStep(
        start_s=int(problem.steps.starts_s[t]),
        minutes=int(problem.steps.minutes[t]),
        on=frozenset(m.id for m in running),
        solar_w=float(problem.middle.solar_w[t]),
        base_load_w=float(problem.middle.base_load_w[t]),
        miner_w=sum(power_w.values()),
        battery_charge_w=1_000.0 * float(c.charge[t] - c.discharge[t]),
        grid_import_w=1_000.0 * float(c.imported[t] - c.exported[t]),
        curtailed_w=1_000.0 * float(c.curtailed[t]),
        battery_mode=mode,
        soc_pct={} if b is None else {name: b.pct(float(course.soc_kwh[t])) for name, course in found.courses.items()},
        import_cost=float(c.imported[t] * problem.prices.import_per_kwh[t]) * hours,
        export_revenue=float(c.exported[t] * problem.prices.export_per_kwh[t]) * hours,
        hash_value=sum(m.hash_value_per_h(way) * hash_h for m, way, hash_h in ways),
        wear_cost=0.0 if b is None else float(c.charge[t] + c.discharge[t]) * hours * b.wear_per_kwh,
        hash_ph_days=sum(way.hashrate_ths * hash_h for _, way, hash_h in ways) / 1_000.0 / 24.0,
        battery_reason=reasons.battery(t, mode),
        miner_reasons={m.id: reasons.miner(m, t) for m in problem.miners},
        power_w=power_w,
        heat_value=sum(float(heat[m.id][t]) * power_w[m.id] / 1_000.0 * hours for m in running),
    )


def _mode(problem: Problem, t: int, c: Course, miner_kw: float) -> BatteryMode:
    """What the inverter must be told: nothing, to leave the battery alone, or to charge it from the grid."""
    b = problem.battery
    if b is None:
        return "self_use"
    need_kw = (float(problem.middle.base_load_w[t]) - float(problem.middle.solar_w[t])) / 1_000.0 + miner_kw
    if problem.grid.charge_allowed and c.charge[t] > max(-need_kw, 0.0) + _SMALL_KW and c.imported[t] > _SMALL_KW:
        return "grid_charge"
    before = b.kwh(b.soc_pct) if t == 0 else float(c.soc_kwh[t - 1])
    could_kw = min(b.discharge_w / 1_000.0, max(before - b.kwh(b.hard_floor_pct), 0.0) / float(problem.steps.hours[t]))
    if c.imported[t] > _SMALL_KW and min(need_kw, could_kw) > 0.2 and c.discharge[t] < _SMALL_KW:
        return "hold"
    return "self_use"


def _violations(problem: Problem, solution: Solution) -> tuple[Violation, ...]:
    on, courses, found = solution.on, solution.courses, list[Violation]()
    starts_s = problem.steps.starts_s
    for m in problem.miners:
        b = miner_bounds(problem, m)
        found.extend(b.violations)
        missed = np.flatnonzero(b.wanted & ~on[m.id])
        if missed.size:
            hours = float(problem.steps.hours[missed].sum())
            text = f"{m.name} is wanted on, but is off for {hours:.1f} h of the plan; the reason stands at each step."
            found.append(Violation("wanted", int(starts_s[missed[0]]), hours, text))
        if m.preference == "excess_solar":
            found.extend(_beyond_surplus(problem, solution, m.id, m.name))
    if problem.battery is None:
        return tuple(found)
    for name, c in courses.items():
        case = _CASES.get(name, f" in the {name} case")
        for code, below, limit_pct in (
            ("reserve", c.below_reserve_kwh, problem.battery.reserve_pct),
            ("hard_floor", c.below_floor_kwh, problem.battery.hard_floor_pct),
        ):
            seen_kwh = 0.03 if code == "hard_floor" else max(0.03, problem.battery.kwh(_WORTH_SAYING_PCT))
            where = np.flatnonzero(below > seen_kwh)
            if where.size:
                lowest = limit_pct - problem.battery.pct(float(below.max()))
                what = "reserve" if code == "reserve" else "hard floor"
                at = int(starts_s[int(np.argmax(below))] + problem.steps.minutes[int(np.argmax(below))] * 60)
                when = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(problem.zone))
                shown = f"{lowest:.0f}" if round(lowest) < round(limit_pct) else f"{lowest:.1f}"
                text = f"The battery is at {shown} % on {when:%a %H:%M}{case}, below the {what} of {limit_pct:.0f} %."
                found.append(Violation(code, int(starts_s[where[0]]), float(below.max()), text, name))
        where = np.flatnonzero(c.short > 0.01)
        if where.size:
            kwh = float((c.short * problem.steps.hours).sum())
            text = f"{kwh:.1f} kWh for the house come from neither sun, battery nor allowed import{case}."
            found.append(Violation("short", int(starts_s[where[0]]), kwh, text, name))
    return tuple(found)


def _beyond_surplus(problem: Problem, solution: Solution, miner_id: str, name: str) -> list[Violation]:
    used = np.sum(list(solution.power_w.values()), axis=0)
    beyond = solution.on[miner_id] * np.maximum(
        used - np.maximum(problem.middle.solar_w - problem.middle.base_load_w, 0.0), 0.0
    )
    where = np.flatnonzero(beyond > 50.0)
    if not where.size:
        return []
    text = f"{name} is to run on surplus only, but {beyond.max() / 1_000:.1f} kW of what runs are not surplus."
    return [Violation("excess_solar", int(problem.steps.starts_s[where[0]]), float(beyond.max()), text)]


def _changes(problem: Problem, steps: tuple[PlanStep, ...], last: Plan, why: str) -> tuple[Change, ...]:
    """A reason per changed step: what made the plan change, then the step's own."""
    changes: list[Change] = []
    for step in steps:
        before = last.step_at(step.start_s)
        if before is None:
            continue
        for m in problem.miners:
            on = m.id in step.on
            if on != (m.id in before.on):
                own = step.miner_reasons[m.id]
                text = f"{own.text.removesuffix('.')} (changed: {why})." if why else own.text
                changes.append(Change(m.id, step.start_s, on, Reason(own.code, text, own.figures)))
    return tuple(changes)
