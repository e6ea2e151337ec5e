"""What a plan may not do, what it may only do with a violation, and prices and outages that it looks ahead to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from energy.plan.limits import miner_bounds
from energy.plan.plan import Plan
from energy.plan.planner import make_plan
from energy.plan.problem import BatteryState, GridState, InverterState, Outage, Prices, Scenario, growing_steps
from tests.energy.plan.problems import MORNING_S, S19, S19_TWO, S21, flat, local_hours, problem


def codes(plan: Plan) -> set[str]:
    return {v.code for v in plan.violations}


def on(plan: Plan, miner_id: str) -> np.ndarray[Any, Any]:
    return np.array([miner_id in s.on for s in plan.steps])


def test_steps_grow_from_a_quarter_to_an_hour_and_the_first_is_what_is_left_of_its_quarter() -> None:
    for passed_s, left_min in ((0, 15), (59, 15), (400, 9), (899, 1)):
        steps = growing_steps(MORNING_S + passed_s)
        assert steps.starts_s[0] == MORNING_S + passed_s // 60 * 60
        assert steps.minutes[0] == left_min
        assert sorted(set(steps.minutes[1:].tolist())) == [15, 30, 60]
        assert np.all(np.diff(steps.minutes) >= 0)
        assert steps.end_s == MORNING_S + 36 * 3_600
        assert np.all(steps.starts_s[steps.minutes == 60] % 3_600 == 0)


def test_what_flowed_before_a_plan_was_made_within_a_quarter_is_not_counted_again() -> None:
    noon_s = MORNING_S + 4 * 3_600
    plan = make_plan(problem(now_s=noon_s + 13 * 60, battery=BatteryState(30.0, 50.0), miners=()))
    first = plan.steps[0]
    assert first.battery_charge_w > 8_000
    came_kwh = first.battery_charge_w / 1_000 * 0.96 * 2 / 60  # in the two minutes that are left
    assert first.soc_pct["p50"] == pytest.approx(50 + 100 * came_kwh / 30, abs=0.01)


def test_minimum_times_count_from_when_the_plan_is_made_within_a_quarter() -> None:
    stopped = replace(S21, changed_ago_min=5, min_off_min=10)
    bounds = miner_bounds(p := problem(now_s=MORNING_S + 14 * 60, miners=(stopped,)), stopped)
    may = dict(zip(((p.steps.starts_s - MORNING_S) // 60).tolist(), bounds.may.tolist(), strict=True))
    assert (may[14], may[15], may[30]) == (False, False, True)  # its ten minutes are over at 19 past


def test_every_step_balances_and_never_imports_and_exports() -> None:
    plan = make_plan(problem(miners=(S21, S19, S19_TWO)))
    assert plan.method == "milp"
    for s in plan.steps:
        used = s.base_load_w + s.miner_w + s.battery_charge_w + s.curtailed_w
        assert s.solar_w + s.grid_import_w == pytest.approx(used, abs=1)
        assert s.soc_pct["p50"] >= 20 - 1e-6
    assert plan.money == pytest.approx(
        sum(s.hash_value + s.export_revenue - s.import_cost - s.wear_cost for s in plan.steps)
    )


def test_the_reserve_holds_in_the_cautious_scenario() -> None:
    plan = make_plan(problem())
    assert min(s.soc_pct["p10"] for s in plan.steps) >= 30 - 0.1
    assert "reserve" not in codes(plan)


def test_a_miner_keeps_its_levels() -> None:
    low = make_plan(problem(battery=BatteryState(30.0, 45.0)))
    assert not low.steps[0].on
    for before, s in zip(low.steps, low.steps[1:], strict=False):
        if "s21" in s.on:
            assert s.soc_pct["p50"] >= 50 - 0.01
            assert "s21" in before.on or before.soc_pct["p50"] >= 60 - 0.01


def test_heat_hours_and_never_keep_a_miner_off_and_say_so() -> None:
    steps = growing_steps(MORNING_S)
    at = local_hours(steps)
    hot = np.where((at > 12) & (at < 15), 41.0, 25.0)
    miners = (replace(S21, max_temperature_c=38), replace(S19, allowed=(at >= 10) & (at < 14), hash_value_per_kwh=0.2))
    plan = make_plan(problem(miners=miners, temperature_c=hot))
    assert not on(plan, "s21")[hot > 38].any()
    assert on(plan, "s21")[hot <= 38].any()
    assert not on(plan, "s19")[(at < 10) | (at >= 14)].any()
    hottest = next(s for s, warm in zip(plan.steps, hot, strict=True) if warm > 38)
    assert hottest.miner_reasons["s21"].code == "hot"
    assert "41 °C" in hottest.miner_reasons["s21"].text
    never = make_plan(problem(miners=(replace(S21, preference="never"),)))
    assert not on(never, "s21").any()


def test_the_minimum_on_time_that_is_left_is_carried_in() -> None:
    running = replace(S21, on=True, changed_ago_min=20, min_on_min=60, preference="never")
    plan = make_plan(problem(miners=(running,)))
    assert on(plan, "s21")[:3].all()
    assert not on(plan, "s21")[3:].any()
    assert "never" in codes(plan)
    hot = make_plan(
        problem(miners=(replace(running, max_temperature_c=20.0),), temperature_c=np.full(problem().steps.count, 30.0))
    )
    assert not on(hot, "s21").any()
    assert "min_on" in codes(hot)
    resting = make_plan(problem(miners=(replace(S21, changed_ago_min=2, min_off_min=30),)))
    assert not on(resting, "s21")[:2].any()
    assert resting.steps[0].miner_reasons["s21"].code == "min_off"


def test_starts_a_day_are_kept_even_when_a_miner_is_wanted() -> None:
    steps = growing_steps(MORNING_S)
    today = steps.starts_s < problem().day_starts_s[0]
    plan = make_plan(problem(miners=(replace(S21, starts_left_today=0, preference="always"),)))
    assert not on(plan, "s21")[today].any()
    assert "wanted" in codes(plan)
    assert plan.steps[0].miner_reasons["s21"].code == "starts"


def test_identical_miners_start_in_order_and_one_at_a_time() -> None:
    worn = replace(S19, run_hours=900.0, hash_value_per_kwh=0.11)
    plan = make_plan(problem(miners=(S21, worn, replace(S19_TWO, hash_value_per_kwh=0.11))))
    assert on(plan, "s19-2").any()
    assert not (on(plan, "s19") & ~on(plan, "s19-2")).any()
    for before, s in zip(plan.steps, plan.steps[1:], strict=False):
        assert len(s.on - before.on) <= 1


def test_excess_solar_runs_on_surplus_only() -> None:
    plan = make_plan(problem(miners=(replace(S21, preference="excess_solar", hash_value_per_kwh=0.6),)))
    assert on(plan, "s21").any()
    assert all(s.solar_w - s.base_load_w >= s.miner_w for s in plan.steps if s.on)
    assert not plan.violations


def test_the_inverter_binds_when_islanded() -> None:
    dear = (replace(S21, hash_value_per_kwh=0.5), replace(S19, hash_value_per_kwh=0.5))
    alone = problem(miners=dear, grid=GridState(present=False), inverter=InverterState(15_000, 7_000))
    plan = make_plan(alone)
    assert all(s.base_load_w + s.miner_w <= 7_000 for s in plan.steps)
    assert any(r.code == "inverter" for s in plan.steps for r in s.miner_reasons.values())


def test_an_empty_battery_off_grid_still_gets_a_plan_and_says_what_is_missing() -> None:
    p = flat(8, 0.0, 3_000.0, grid=GridState(present=False), battery=BatteryState(10.0, 25.0))
    plan = make_plan(p)
    assert not any(s.on for s in plan.steps)
    assert {"hard_floor", "reserve", "short"} <= codes(plan)
    assert all(v.text for v in plan.violations)


def test_an_announced_outage_is_prepared_for() -> None:
    evening = MORNING_S + 12 * 3_600
    p = problem(peak_w=3_500.0, miners=(), battery=BatteryState(10.0, 30.0, reserve_pct=20))
    p = replace(p, grid=GridState(charge_allowed=True, outages=(Outage(evening, evening + 8 * 3_600),)))
    plan = make_plan(p)
    dark = [s for s in plan.steps if evening <= s.start_s < evening + 8 * 3_600]
    assert dark
    assert all(abs(s.grid_import_w) < 1 for s in dark)
    before = plan.step_at(evening - 1)
    assert before is not None
    assert before.soc_pct["p50"] > 90


def test_the_grid_charges_before_the_peak_but_not_before_a_sunny_day() -> None:
    night = MORNING_S - 6 * 3_600
    common: dict[str, Any] = {"miners": (), "grid": GridState(charge_allowed=True)}
    battery = BatteryState(10.0, 30.0, reserve_pct=20, wear_per_kwh=0.01)
    steps = growing_steps(night, 24)
    at = local_hours(steps)
    prices = Prices(np.where((at >= 16) & (at < 21), 0.60, 0.10), np.full(steps.count, 0.05))
    dark = make_plan(problem(night, 24, peak_w=0.0, battery=battery, prices=prices, **common))
    charged = [s for s in dark.steps if s.battery_mode == "grid_charge"]
    assert charged
    assert "grid" in charged[0].battery_reason.text
    sun = make_plan(problem(night, 24, battery=battery, prices=prices, **common))
    assert not any(s.battery_mode == "grid_charge" for s in sun.steps[:20])


def test_without_leave_the_grid_never_charges_the_battery() -> None:
    steps = growing_steps(MORNING_S)
    cheap = Prices(np.where(np.arange(steps.count) < 10, 0.01, 0.60), np.full(steps.count, 0.05))
    plan = make_plan(problem(prices=cheap, miners=(S21,), battery=BatteryState(30.0, 55.0)))
    for s in plan.steps:
        assert s.battery_charge_w <= max(s.solar_w - s.base_load_w - s.miner_w, 0.0) + 1


def test_negative_prices_do_not_make_energy_from_nothing() -> None:
    p = flat(6, 2_000.0, 1_000.0, prices=Prices(np.full(6, -0.10), np.full(6, 0.05)), miners=())
    plan = make_plan(replace(p, grid=GridState(charge_allowed=True, max_import_w=5_000)))
    assert all(s.grid_import_w <= 5_000 + 1 for s in plan.steps)
    assert plan.steps[-1].soc_pct["p50"] <= 100 + 1e-6


def test_a_demand_charge_keeps_the_peak_down() -> None:
    base = np.array([500, 500, 6_000, 500, 500, 500.0])
    prices = Prices(np.full(6, 0.28), np.full(6, 0.05), demand_per_kw=10.0, peak_so_far_w=2_000.0)
    p = flat(6, 0.0, base, prices=prices, miners=(), battery=BatteryState(10.0, 70.0, reserve_pct=20))
    assert max(s.grid_import_w for s in make_plan(p).steps) <= 2_000 + 1


def test_charging_slows_near_full() -> None:
    p = flat(4, 12_000.0, 500.0, miners=(), battery=BatteryState(30.0, 92.0))
    first = make_plan(p).steps[0]
    assert first.battery_charge_w <= 1_000 + 8_000 * 8 / 10 + 1


def test_unknown_prices_are_replaced_and_named() -> None:
    steps = growing_steps(MORNING_S)
    known = problem().prices.import_per_kwh.copy()
    tomorrow = np.where(steps.starts_s >= problem().day_starts_s[0], np.nan, known)
    plan = make_plan(problem(prices=Prices(tomorrow, np.full(steps.count, np.nan))))
    assert plan.method == "milp"
    assert any("a day before" in note for note in plan.notes)
    assert any("export price" in note for note in plan.notes)
    none = make_plan(problem(prices=Prices(np.full(steps.count, np.nan), np.zeros(steps.count))))
    assert any("fallback price, 0.30" in note for note in none.notes)


def test_a_problem_that_makes_no_sense_is_refused() -> None:
    p = problem()
    with pytest.raises(ValueError, match="p50"):
        replace(p, scenarios=(Scenario("p10", 1.0, p.middle.solar_w, p.middle.base_load_w),))
    with pytest.raises(ValueError, match="must be known"):
        replace(p, scenarios=(replace(p.middle, solar_w=p.middle.solar_w * np.nan),))
    with pytest.raises(ValueError, match="once"):
        replace(p, miners=(S21, S21))
    with pytest.raises(ValueError, match="temperature_c must have one value"):
        replace(p, temperature_c=np.zeros(3))


def test_nothing_is_said_of_unknown_prices_where_nothing_can_be_bought_or_sold() -> None:
    count = growing_steps(MORNING_S).count
    unknown = Prices(np.full(count, np.nan), np.full(count, np.nan))
    assert any("No import price is known" in note for note in make_plan(problem(prices=unknown)).notes)
    for grid in (
        GridState(present=False),
        GridState(import_allowed=False, export_allowed=False),
        GridState(outages=(Outage(MORNING_S, MORNING_S + 48 * 3_600),)),
    ):
        assert make_plan(problem(prices=unknown, grid=grid)).notes == ()
