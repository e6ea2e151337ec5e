"""Replays with the interlocks in force, forecasts without a look ahead, and what-ifs."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.site_file import load_site
from energy.plan.dispatch import dispatch
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.plan import BatteryMode
from energy.plan.planner import make_plan
from energy.plan.prices import tariff_prices
from energy.plan.problem import (
    BatteryState,
    GridState,
    InverterState,
    Scenario,
    Steps,
    growing_steps,
    hash_value_per_kwh,
)
from energy.plan.replay import Replayed, replay, value_share
from energy.plan.simple_forecast import HourlySeries, perfect_scenarios, profile_scenarios
from energy.plan.threshold import threshold_count
from energy.plan.what_if import cloudy, more_battery, run_miners
from tests.energy.plan.problems import MORNING_S, problem

RANCH = Path(__file__).resolve().parents[3] / "benchmarks" / "ranch.toml"
FIRST_S = MORNING_S - 8 * 3_600 - 16 * 86_400
DAY_S = 86_400


def three_weeks() -> HourlySeries:
    """Sun and load of three weeks, bright and dull days in turn."""
    hours = np.arange(21 * 24)
    bright = np.array([1.0, 0.9, 0.35, 0.7, 1.0, 0.5, 0.95])[hours // 24 % 7]
    at = hours % 24
    sun = np.clip(np.sin((at + 0.5 - 6) / 13 * np.pi), 0, None) * ((at >= 6) & (at < 19)) * 11_000.0 * bright
    load = 700.0 + 1_100.0 * ((at >= 17) & (at < 23)) + 150.0 * np.sin(hours)
    return HourlySeries(FIRST_S, sun, load, bright, bright)


def day(strategy: Any, hours: int = 24, from_hour: int = 0) -> Replayed:
    from_s = FIRST_S + 15 * DAY_S + from_hour * 3_600
    return replay(
        load_site(RANCH),
        three_weeks(),
        strategy,
        from_s=from_s,
        until_s=from_s + hours * 3_600,
        forecaster=profile_scenarios,
        hours=24,
    )


def test_the_seeds_rule_counts_miners_by_surplus() -> None:
    assert [threshold_count(w, 3) for w in (5_001, 5_000, 1_001, 1_000, -400)] == [3, 2, 2, 0, 0]
    assert threshold_count(9_000, 1) == 1


def test_a_kwh_in_an_s21_earns_what_the_hash_price_says() -> None:
    assert hash_value_per_kwh(45.0, 235, 3_878, 2.0) == pytest.approx(45 * 0.235 / 24 / 3.878 * 0.98)


@pytest.mark.parametrize("hours", [8, pytest.param(48, marks=pytest.mark.slow)])
def test_ours_beats_the_threshold_rule_and_breaks_no_floor(hours: int) -> None:
    ours, rule, never = (day(strategy, hours, from_hour=9) for strategy in ("ours", "threshold", "never"))
    assert ours.money > rule.money
    assert ours.money > never.money - 0.05
    assert ours.steps == 4 * hours
    assert ours.steps_below_floor == 0
    assert ours.fallback_plans == 0
    assert 0 < ours.starts <= hours
    assert value_share(ours, rule, replace(rule, money=ours.money)) == 1.0
    assert (ours + rule).steps == 8 * hours


def test_interlocks_hold_in_a_replay_whatever_the_strategy_wants() -> None:
    always = day("always", 72)
    assert always.steps_below_floor == 0
    assert always.starts <= 3 * 3 * 8
    assert always.miner_kwh < 3 * 24 * 10.4  # they were stopped


def test_energy_is_kept_in_every_dispatched_step() -> None:
    battery, rng = BatteryState(30.0, 50.0), np.random.default_rng(3)
    modes: tuple[BatteryMode, ...] = ("self_use", "hold", "grid_charge")
    for _ in range(300):
        solar_w, load_w, soc = float(rng.uniform(0, 15_000)), float(rng.uniform(0, 13_000)), float(rng.uniform(0, 30))
        there = bool(rng.integers(2))
        flow = dispatch(
            battery,
            GridState(charge_allowed=True, max_import_w=8_000),
            InverterState(15_000, 9_000),
            grid_there=there,
            soc_kwh=soc,
            hours=0.25,
            solar_w=solar_w,
            load_w=load_w,
            mode=modes[int(rng.integers(3))],
            grid_charge_w=float(rng.uniform(0, 9_000)),
        )
        comes = solar_w + flow.import_w + flow.discharge_w + flow.short_w
        assert comes == pytest.approx(load_w + flow.charge_w + flow.export_w + flow.curtailed_w, abs=1e-6)
        assert min(flow.charge_w, flow.discharge_w, flow.import_w, flow.export_w, flow.curtailed_w) >= 0
        assert flow.soc_kwh <= 30 + 1e-9
        assert flow.import_w <= (8_000 if there else 0)
        if there and soc >= 6:
            assert flow.soc_kwh >= 6 - 1e-9  # the hard floor of 20 %


def test_a_profile_forecast_knows_nothing_of_what_comes() -> None:
    series, at_s = three_weeks(), FIRST_S + 15 * DAY_S + 9 * 3_600
    steps, now = growing_steps(at_s, 36), 15 * 24 + 9
    spoilt = replace(
        series,
        solar_w=np.where(np.arange(series.solar_w.size) >= now, 99_999.0, series.solar_w),
        load_w=np.where(np.arange(series.load_w.size) >= now, 99_999.0, series.load_w),
        clearness_seen=np.where(np.arange(series.load_w.size) >= now, 9.0, 0.5),
    )
    for a, b in zip(
        profile_scenarios(replace(series, clearness_seen=np.full(504, 0.5)), steps),
        profile_scenarios(spoilt, steps),
        strict=True,
    ):
        assert np.array_equal(a.solar_w, b.solar_w)
        assert np.array_equal(a.base_load_w, b.base_load_w)
    low, middle, high = profile_scenarios(series, steps)
    assert np.all(low.solar_w <= middle.solar_w + 1e-6)
    assert np.all(high.base_load_w <= middle.base_load_w + 1e-6)
    assert np.array_equal(perfect_scenarios(series, steps)[0].solar_w[:4], np.repeat(series.solar_w[now], 4))
    with pytest.raises(ValueError, match="two days"):
        profile_scenarios(series, growing_steps(FIRST_S + DAY_S))


def test_a_site_becomes_a_problem_with_its_own_limits_and_local_prices() -> None:
    site = load_site(RANCH)
    steps = growing_steps(MORNING_S, 36)
    course = (Scenario("p50", 1.0, np.zeros(steps.count), np.full(steps.count, 500.0)),)
    p = problem_of(
        site, steps, course, soc_pct=70, miners={"s21": MinerNow(on=True, changed_ago_min=5, starts_today=3)}
    )
    assert p.battery is not None
    assert (p.battery.hard_floor_pct, p.battery.reserve_pct) == (30, 40)
    assert p.miners[0].on
    assert p.miners[0].starts_left_today == 5
    assert p.miners[1].kind == p.miners[2].kind != p.miners[0].kind
    at_peak = p.steps.index_at(MORNING_S + 8 * 3_600)
    assert at_peak is not None
    assert p.prices.import_per_kwh[at_peak] == 0.42
    assert p.prices.import_per_kwh[0] == 0.28
    assert len(p.day_starts_s) >= 2
    one = Steps(np.array([MORNING_S]), np.array([15]))
    assert np.isnan(tariff_prices(site.tariff.model_copy(update={"period": ()}), one, site.zone).import_per_kwh[0])


def test_running_miners_until_a_time_says_what_it_costs() -> None:
    until = MORNING_S + 10 * 3_600
    found = run_miners(problem(), ["s19"], until)
    ran = [s for s in found.changed.steps if s.end_s <= until]
    assert all("s19" in s.on for s in ran[1:])
    assert found.money_change < 0
    assert "Running S19 until Mon 18:00 would cost" in found.text
    with pytest.raises(ValueError, match="the miners are s21, s19"):
        run_miners(problem(), ["s9"], until)
    with pytest.raises(ValueError, match="passed"):
        run_miners(problem(), ["s21"], MORNING_S)


def test_a_cloudy_day_costs_money_and_mining() -> None:
    found = cloudy(problem(), sun_share=0.3)
    assert found.money_change < 0
    assert found.changed.miner_kwh < found.as_it_is.miner_kwh
    assert "less sun would cost" in found.text
    assert cloudy(problem()).money_change < 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        cloudy(problem(), sun_share=3)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_more_battery_says_what_it_would_have_saved() -> None:
    from_s = FIRST_S + 15 * DAY_S
    found = more_battery(
        load_site(RANCH), three_weeks(), 5.0, from_s=from_s, until_s=from_s + 3 * DAY_S, forecaster=profile_scenarios
    )
    assert found.text.startswith("5 kWh more battery would have ")
    assert found.money_change == pytest.approx(found.bigger.money - found.as_it_was.money)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_days_of_a_real_home_come_near_to_perfect_foresight() -> None:
    folder = os.environ.get("CC_DATA")
    if not folder:
        pytest.skip("CC_DATA is not set: the measured homes are not here, so the real replay was NOT tested")
    with (Path(folder) / "citylearn_b02.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([float(r[name] or 0) for r in rows]) for name in ("pv_kw", "load_kw", "k_obs", "k_fc")}
    start_s = int(datetime.fromisoformat(rows[0]["ts"]).timestamp())
    series = HourlySeries(
        start_s, columns["pv_kw"] * 3_650, columns["load_kw"] * 1_000, columns["k_obs"], columns["k_fc"]
    )
    from_s = start_s + 60 * DAY_S
    ours, rule, perfect = (
        replay(
            load_site(RANCH), series, strategy, from_s=from_s, until_s=from_s + 2 * DAY_S, forecaster=profile_scenarios
        )
        for strategy in ("ours", "threshold", "perfect")
    )
    assert value_share(ours, rule, perfect) >= 0.6
    assert ours.steps_below_floor == 0


def test_a_plan_of_the_ranch_is_made_from_its_file() -> None:
    series, site = three_weeks(), load_site(RANCH)
    steps = growing_steps(FIRST_S + 15 * DAY_S + 10 * 3_600, 24)
    plan = make_plan(problem_of(site, steps, profile_scenarios(series, steps), soc_pct=80))
    assert plan.method == "milp"
    assert any("s21" in s.on for s in plan.steps)
