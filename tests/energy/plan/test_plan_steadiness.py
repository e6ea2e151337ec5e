"""Plans that stay, reasons that are there, and the rule-based plan when the solver has none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.plan.limits import miner_bounds
from energy.plan.plan import Plan
from energy.plan.planner import fallback_plan, make_plan
from energy.plan.problem import BatteryState, GridState, MinerState, Problem, growing_steps
from tests.energy.plan.problems import MORNING_S, S19, S19_TWO, S21, problem


def jittered(p: Problem, rng: np.random.Generator, soc_pct: float) -> Problem:
    """The same site with each course of sun and load up to 5 % off, and the level up to 1 %."""
    scenarios = tuple(
        replace(
            s,
            solar_w=s.solar_w * (1 + rng.uniform(-0.05, 0.05, p.steps.count)),
            base_load_w=s.base_load_w * (1 + rng.uniform(-0.05, 0.05, p.steps.count)),
        )
        for s in p.scenarios
    )
    assert p.battery is not None
    level = min(soc_pct + float(rng.uniform(-1, 1)), 100.0)
    return replace(p, scenarios=scenarios, battery=replace(p.battery, soc_pct=level))


@pytest.mark.parametrize("plans", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_jittered_plans_flip_no_step_without_a_stated_reason(plans: int) -> None:
    """Each quarter of an hour a new plan, from figures that jitter; miners do what the newest plan says."""
    rng, now_s = np.random.default_rng(7), MORNING_S
    miners: tuple[MinerState, ...] = (S21, S19, S19_TWO)
    plan, flips, switches, steps = make_plan(problem(miners=miners)), 0, 0, 0
    for _ in range(plans):
        done = plan.steps[0]
        switches += sum((m.id in done.on) != m.on for m in miners)
        miners = tuple(followed(m, on=m.id in done.on, minutes=done.minutes) for m in miners)
        now_s += done.minutes * 60
        base = problem(now_s, miners=miners)
        new = make_plan(jittered(base, rng, done.soc_pct["p50"]), last=plan)
        for step in new.steps:
            before = plan.step_at(step.start_s)
            steps += 0 if before is None else len(miners)
            for miner_id in step.on ^ (step.on if before is None else before.on):
                flips += 1
                change = next(c for c in new.changes if (c.miner_id, c.start_s) == (miner_id, step.start_s))
                assert "(changed: " in change.reason.text
                assert any(c.isdigit() for c in change.reason.text)
        plan = new
    assert flips <= 0.02 * steps
    assert switches <= 6 + 12 * plans / 96  # a start and a stop of each miner per day, and some


def followed(m: MinerState, *, on: bool, minutes: int) -> MinerState:
    """The miner after a step in which it did that."""
    changed = 0.0 if on != m.on else m.changed_ago_min
    return replace(m, on=on, changed_ago_min=changed + minutes)


def test_a_plan_that_is_clearly_better_is_taken_and_says_by_how_much() -> None:
    first = make_plan(problem(peak_w=3_000.0))
    second = make_plan(problem(), last=first)
    assert second.changes
    assert all("changed: " in c.reason.text for c in second.changes)
    assert any("better by" in c.reason.text for c in second.changes)


def test_the_last_plan_stays_while_time_goes_on() -> None:
    plan = make_plan(problem())
    later = make_plan(problem(MORNING_S + 900), last=plan)
    for step in later.steps:
        before = plan.step_at(step.start_s)
        assert before is None or before.on == step.on or any(c.start_s == step.start_s for c in later.changes)


def test_every_step_has_a_reason_with_a_figure_for_each_miner_and_the_battery() -> None:
    plan = make_plan(problem(miners=(S21, S19, S19_TWO)))
    texts = set()
    for step in plan.steps:
        assert set(step.miner_reasons) == {"s21", "s19", "s19-2"}
        for miner_id, reason in step.miner_reasons.items():
            assert reason.text.startswith("Runs" if miner_id in step.on else "Off")
            assert any(c.isdigit() for c in reason.text)
            texts.add(reason.text)
        assert step.battery_reason.text.endswith(".")
    assert len(texts) > 5


def test_a_solver_without_time_falls_back_to_rules_and_says_so() -> None:
    plan = make_plan(problem(), time_limit_s=0.0)
    assert plan.method == "fallback"
    assert "rule-based" in plan.notes[-1]
    assert any(s.on for s in plan.steps)


def at_night(minutes: int = 0, soc_pct: float = 75.0) -> Problem:
    """After sunset, off the grid, while the miner runs on the battery."""
    off_grid = GridState(present=False, import_allowed=False, export_allowed=False)
    running = replace(S21, on=True, changed_ago_min=60.0 + minutes)
    battery = BatteryState(30.0, soc_pct, hard_floor_pct=20, reserve_pct=30)
    now_s = MORNING_S + 13 * 3_600 + 60 * minutes
    return problem(now_s=now_s, battery=battery, miners=(running,), peak_w=20_000.0, grid=off_grid)


def test_a_solver_that_is_late_once_switches_nothing_as_the_last_plan_goes_on() -> None:
    last = make_plan(at_night())
    assert "s21" in last.steps[0].on
    assert last.steps[0].miner_reasons["s21"].code == "battery"
    late = fallback_plan(at_night(15, 72.0), "it took longer than 30 s", last=last)
    assert "s21" in late.steps[0].on
    assert late.steps[0].miner_reasons["s21"] == last.steps[1].miner_reasons["s21"]
    assert (
        late.notes[-1] == "This is the last plan moved on, because the planner has no better: it took longer than 30 s."
    )
    lower = fallback_plan(at_night(15, 49.0), "it took longer than 30 s", last=last)
    assert "s21" not in lower.steps[0].on  # below the level at which it stops


def test_a_rule_based_plan_names_the_rule_and_no_price_that_it_did_not_weigh() -> None:
    rules = fallback_plan(at_night(), "it took longer than 30 s")
    assert "s21" not in rules.steps[0].on
    reason = rules.steps[0].miner_reasons["s21"]
    assert reason.text == "Off: the simple rule runs it on spare sun alone, and 0.0 of its 3.9 kW are there."
    assert not any(r.code == "stored" for step in rules.steps for r in step.miner_reasons.values())


@cache
def sunny_plan() -> Plan:
    return make_plan(problem(miners=(S21, S19, S19_TWO)))


@settings(max_examples=40, deadline=None)
@given(
    soc=st.floats(5, 100),
    peak_w=st.sampled_from([0.0, 3_000.0, 7_000.0, 14_000.0]),
    on=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    ago=st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(0, 90)),
    starts=st.integers(0, 3),
    moved_on=st.booleans(),
)
def test_the_rule_based_plan_keeps_every_hard_limit(
    soc: float, peak_w: float, on: tuple[bool, ...], ago: tuple[int, ...], starts: int, moved_on: bool
) -> None:
    miners = tuple(
        replace(m, on=was, changed_ago_min=float(min_ago), starts_left_today=starts, min_on_min=30.0)
        for m, was, min_ago in zip((S21, S19, S19_TWO), on, ago, strict=True)
    )
    p = problem(miners=miners, peak_w=peak_w, battery=BatteryState(30.0, soc))
    last = sunny_plan() if moved_on else None
    plan = fallback_plan(p, "the solver did not come back in time", last=last)
    before = {m.id for m in miners if m.on}
    began = dict.fromkeys(before, 0)
    for t, step in enumerate(plan.steps):
        assert len(step.on - before) <= 1
        for m in miners:
            bounds = miner_bounds(p, m)
            running = m.id in step.on
            assert not (running and not bounds.may[t])
            assert running or not bounds.must[t]
            if running and m.id not in before:
                began[m.id] = began.get(m.id, 0) + 1
        before = set(step.on)
        assert 0 <= step.soc_pct["p50"] <= 100
    today = growing_steps(MORNING_S).starts_s < p.day_starts_s[0]
    for m in miners:
        was = [m.on, *(m.id in s.on for s in plan.steps)]
        assert sum(b and not a for a, b, now in zip(was, was[1:], today, strict=False) if now) <= starts
