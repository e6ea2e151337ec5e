"""What modes, ramps, heat, wishes, demand and a solver without an answer do to a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from energy.plan.plan import Plan
from energy.plan.planner import make_plan
from energy.plan.problem import BatteryState, GridState, MinerPower, Prices, growing_steps
from tests.energy.plan.problems import MORNING_S, S19, S19_TWO, S21, flat, local_hours, problem

ALONE: dict[str, Any] = {"battery": None, "grid": GridState(present=False)}


def on(plan: Plan, miner_id: str) -> np.ndarray[Any, Any]:
    return np.array([miner_id in s.on for s in plan.steps])


def test_a_miner_runs_in_the_mode_that_the_sun_covers() -> None:
    modes = (MinerPower(2_500.0, 170.0), MinerPower(1_500.0, 110.0))
    sun = np.array([1_900, 3_200, 3_200, 5_200, 5_200, 600.0])
    plan = make_plan(flat(6, sun, 500.0, miners=(replace(S21, modes=modes, hash_value_per_kwh=0.2),), **ALONE))
    assert [s.power_w.get("s21", 0.0) for s in plan.steps] == [0.0, 2_500.0, 2_500.0, 3_878.0, 3_878.0, 0.0]
    low = plan.steps[1]
    assert low.miner_w == 2_500
    assert low.hash_ph_days == pytest.approx(0.170 / 24)
    assert low.hash_value == pytest.approx(0.2 * 3.878 * 170 / 235)
    assert "at 2.5 of its 3.9 kW" in low.miner_reasons["s21"].text
    full = make_plan(flat(6, sun, 500.0, miners=(replace(S21, hash_value_per_kwh=0.2),), **ALONE))
    assert on(full, "s21").sum() == 2


def test_a_ramp_takes_power_before_it_hashes_and_short_runs_no_longer_pay() -> None:
    sun = np.array([500, 5_000, 5_000, 500.0])
    quick = make_plan(flat(4, sun, 500.0, miners=(S21,), **ALONE))
    slow = make_plan(flat(4, sun, 500.0, miners=(replace(S21, ramp_min=30.0),), **ALONE))
    assert on(slow, "s21").tolist() == on(quick, "s21").tolist() == [False, True, True, False]
    assert slow.steps[1].miner_w == quick.steps[1].miner_w
    assert slow.steps[1].hash_value == pytest.approx(quick.steps[1].hash_value / 2)
    assert slow.steps[2].hash_value == pytest.approx(quick.steps[2].hash_value)
    sold = Prices(np.full(4, 0.28), np.full(4, 0.09))
    grid = {"battery": None, "prices": sold}
    assert on(make_plan(flat(4, sun, 500.0, miners=(S21,), **grid)), "s21").any()
    assert not on(make_plan(flat(4, sun, 500.0, miners=(replace(S21, ramp_min=45.0),), **grid)), "s21").any()


def test_heat_is_worth_something_only_while_it_is_cold() -> None:
    cold = np.array([5.0, 5.0, 5.0, 20.0, 20.0, 20.0])
    prices = Prices(np.full(6, 0.15), np.full(6, 0.05))
    warm = replace(S21, heat_value_per_kwh=0.10, heat_below_c=12)
    plan = make_plan(flat(6, 0.0, 500.0, prices=prices, miners=(warm,), battery=None, temperature_c=cold))
    assert on(plan, "s21").tolist() == [True] * 3 + [False] * 3
    assert plan.steps[0].heat_value == pytest.approx(0.3878)
    assert "0.10 of it as heat" in plan.steps[0].miner_reasons["s21"].text
    assert plan.money == pytest.approx(sum(s.hash_value + s.heat_value - s.import_cost for s in plan.steps))
    bare = make_plan(flat(6, 0.0, 500.0, prices=prices, miners=(S21,), battery=None, temperature_c=cold))
    assert not on(bare, "s21").any()


def test_always_runs_at_a_loss_until_it_is_hot() -> None:
    steps = growing_steps(MORNING_S)
    hot = np.where(local_hours(steps) > 14, 45.0, 20.0)
    always = replace(S19, preference="always", max_temperature_c=40)
    plan = make_plan(problem(peak_w=2_000.0, miners=(always,), battery=None, temperature_c=hot))
    assert on(plan, "s19")[hot < 40].all()
    assert not on(plan, "s19")[hot > 40].any()
    assert plan.steps[0].miner_reasons["s19"].text == "Runs because it is set to always."


def test_who_was_stopped_by_hand_stays_off_until_then() -> None:
    until = MORNING_S + 5 * 3_600
    plan = make_plan(problem(miners=(replace(S21, off_until_s=until),)))
    early = np.array([s.start_s < until for s in plan.steps])
    assert not on(plan, "s21")[early].any()
    assert on(plan, "s21")[~early].any()
    assert plan.steps[0].miner_reasons["s21"].text == "Off: somebody wants it off until 13:00."


def test_the_least_worn_of_two_identical_miners_takes_its_turn() -> None:
    dear = replace(S19, hash_value_per_kwh=0.11)
    for worn, fresh in ((dear, "s19-2"), (replace(dear, run_hours=-9.0), "s19")):
        other = replace(S19_TWO, hash_value_per_kwh=0.11)
        plan = make_plan(problem(peak_w=6_000.0, miners=(replace(worn, run_hours=worn.run_hours + 5), other)))
        first = next(s for s in plan.steps if s.on)
        assert first.on == {fresh}


def test_an_absence_leaves_more_sun_for_mining() -> None:
    here = problem(peak_w=5_500.0, miners=(S21,))
    away = replace(here, scenarios=tuple(replace(s, base_load_w=s.base_load_w * 0.2) for s in here.scenarios))
    assert make_plan(away).miner_kwh > make_plan(here).miner_kwh + 1


def test_a_demand_charge_keeps_miners_from_raising_the_peak() -> None:
    prices = Prices(np.full(6, 0.05), np.full(6, 0.01))
    cheap = flat(6, 0.0, 500.0, prices=prices, miners=(S21,), battery=None)
    assert on(make_plan(cheap), "s21").all()
    charged = replace(cheap, prices=replace(prices, demand_per_kw=10.0, peak_so_far_w=1_000.0))
    assert not on(make_plan(charged), "s21").any()


def test_a_contradiction_ends_in_the_rule_based_plan_that_says_so() -> None:
    below = flat(4, 0.0, 500.0, miners=(S21,), battery=BatteryState(10.0, -5.0), grid=GridState(present=False))
    plan = make_plan(replace(below, notes=("The level is odd.",)))
    assert plan.method == "fallback"
    assert plan.notes[0] == "The level is odd."
    assert "the limits contradict each other" in plan.notes[-1]
    assert not any(s.on for s in plan.steps)


def test_a_late_solver_says_that_the_plan_may_not_be_the_best_or_falls_back() -> None:
    many = tuple(
        replace(m, id=f"{m.id}{n}", name=f"{m.name} {n}", power_w=m.power_w * (1 - n / 50), kind="")
        for n in range(4)
        for m in (S21, S19)
    )
    plan = make_plan(problem(miners=many), time_limit_s=0.02, gap=1e-6)
    assert plan.notes
    assert "0.02 s" in plan.notes[-1]
    assert len(plan.steps) == problem().steps.count
