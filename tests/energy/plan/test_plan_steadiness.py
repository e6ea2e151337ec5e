"""Plans that stay, reasons that are there, and the rule-based plan when the solver has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.plan.limits import miner_bounds
from energy.plan.planner import fallback_plan, make_plan
from energy.plan.problem import BatteryState, Problem, growing_steps
from tests.energy.plan.problems import MORNING_S, S19, S19_TWO, S21, problem


def jittered(p: Problem, rng: np.random.Generator, size: float) -> Problem:
    """The same site with forecasts and level a little different."""
    scenarios = tuple(
        replace(
            s,
            solar_w=s.solar_w * (1 + rng.normal(0, size, p.steps.count)),
            base_load_w=s.base_load_w * (1 + rng.normal(0, size, p.steps.count)),
        )
        for s in p.scenarios
    )
    assert p.battery is not None
    return replace(
        p, scenarios=scenarios, battery=replace(p.battery, soc_pct=p.battery.soc_pct + float(rng.normal(0, 20 * size)))
    )


@pytest.mark.parametrize("plans", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_jittered_plans_flip_no_step_without_a_stated_reason(plans: int) -> None:
    rng, base = np.random.default_rng(7), problem(miners=(S21, S19, S19_TWO))
    plan, flips = make_plan(base), 0
    for _ in range(plans):
        new = make_plan(jittered(base, rng, 0.01), last=plan)
        for step in new.steps:
            before = plan.step_at(step.start_s)
            assert before is not None
            for miner_id in step.on ^ before.on:
                flips += 1
                change = next(c for c in new.changes if (c.miner_id, c.start_s) == (miner_id, step.start_s))
                assert "(changed: " in change.reason.text
        plan = new
    assert flips <= 0.4 * plans  # of about 150 miner steps in each plan


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


@settings(max_examples=40, deadline=None)
@given(
    soc=st.floats(5, 100),
    peak_w=st.sampled_from([0.0, 3_000.0, 7_000.0, 14_000.0]),
    on=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    ago=st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(0, 90)),
    starts=st.integers(0, 3),
)
def test_the_rule_based_plan_keeps_every_hard_limit(
    soc: float, peak_w: float, on: tuple[bool, ...], ago: tuple[int, ...], starts: int
) -> None:
    miners = tuple(
        replace(m, on=was, changed_ago_min=float(min_ago), starts_left_today=starts, min_on_min=30.0)
        for m, was, min_ago in zip((S21, S19, S19_TWO), on, ago, strict=True)
    )
    p = problem(miners=miners, peak_w=peak_w, battery=BatteryState(30.0, soc))
    plan = fallback_plan(p, "the solver did not come back in time")
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
