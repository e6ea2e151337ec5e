from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from energy.cells.courses import Course, as_is, band_of, breach_s, of_plan, reserve_forecast
from energy.plan.planner import make_plan
from energy.plan.problem import BatteryState, GridState, InverterState
from energy.site import Battery, Limits, Site
from tests.energy.plan.problems import MORNING_S, S19, S21, flat, problem

EVENING_S = MORNING_S + 12 * 3_600
SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    battery=Battery(usable_kwh=30),
    limits=Limits(min_soc_pct=20, safe_min_soc_pct=30),
)
OFF_GRID = GridState(present=False, import_allowed=False, export_allowed=False)


def test_a_night_without_sun_takes_the_house_out_of_the_battery() -> None:
    course = as_is(flat(10, 0.0, 1_000.0, miners=(), inverter=InverterState(), grid=OFF_GRID))
    per_hour = 1.0 / 0.96 / 30 * 100
    assert course.soc_pct["p50"] == pytest.approx(60 - per_hour * np.arange(1, 11))
    assert course.start_pct == 60


def test_the_reserve_is_reached_at_the_moment_between_two_steps() -> None:
    course = as_is(flat(12, 0.0, 1_000.0, miners=(), inverter=InverterState(), grid=OFF_GRID))
    hours = 30 / (1.0 / 0.96 / 30 * 100)
    assert breach_s(course, "p50", 30) == pytest.approx(MORNING_S + hours * 3_600, abs=2)
    assert breach_s(course, "p50", 10) is None


def test_resting_on_the_reserve_is_no_breach() -> None:
    ends = MORNING_S + 3_600 * np.arange(1, 4)
    course = Course(ends, {"p50": np.array([31.0, 30.0, 29.97])}, start_s=MORNING_S, start_pct=32.0)
    assert breach_s(course, "p50", 30) is None


def test_a_level_below_the_reserve_from_the_start_is_a_breach_at_the_start() -> None:
    course = as_is(flat(4, 5_000.0, 100.0, miners=(), battery=BatteryState(30, 22, reserve_pct=30)))
    assert breach_s(course, "p50", 30) == MORNING_S


def test_near_full_the_battery_takes_less_and_never_passes_full() -> None:
    battery = BatteryState(30, 80, charge_w=9_000, taper_from_pct=85, taper_end_w=1_000)
    course = as_is(flat(8, 12_000.0, 0.0, miners=(), battery=battery))
    gained = np.diff(np.concatenate([[80], course.soc_pct["p50"]]))
    assert course.soc_pct["p50"].max() <= 100.0
    assert gained[0] < 9 * 0.96 / 30 * 100  # an hour at full power would overshoot the bend
    assert np.all(np.diff(gained) <= 1e-9)


def test_an_automatic_miner_runs_down_to_its_stop_level_and_waits_for_its_start_level() -> None:
    miner = replace(S21, on=True, stop_soc_pct=50, start_soc_pct=60)
    course = as_is(flat(12, 0.0, 500.0, miners=(miner,), inverter=InverterState(), grid=OFF_GRID))
    assert course.powers is not None
    ran = course.powers.miner_w > 0
    assert ran[0]
    assert not ran[2:].any()
    at_stop = 60 - float(course.soc_pct["p50"][1])
    assert 8 < at_stop < 16  # one quarter of an hour past 50 % at the most


def test_a_miner_that_people_want_on_stays_on_and_one_set_to_never_stays_off() -> None:
    wanted, never = replace(S19, preference="always", on=True), replace(S21, preference="never")
    course = as_is(flat(6, 9_000.0, 500.0, miners=(wanted, never)))
    assert course.powers is not None
    assert np.allclose(course.powers.miner_w, S19.power_w)


def test_a_miner_on_excess_solar_does_not_run_on_the_battery() -> None:
    miner = replace(S19, preference="excess_solar", start_soc_pct=55, stop_soc_pct=40)
    course = as_is(flat(6, np.array([0, 0, 6_000, 6_000, 0, 0]), 500.0, miners=(miner,)))
    assert course.powers is not None
    assert [w > 0 for w in course.powers.miner_w] == [False, False, True, True, False, False]


def test_the_band_has_the_level_at_the_end_of_each_full_hour_in_order() -> None:
    course = as_is(problem())
    band = band_of(course, MORNING_S, "soc_as_is")
    assert band is not None
    assert band.target == "soc_as_is"
    assert band.starts_s[0] == MORNING_S
    assert np.all(np.diff(band.starts_s) == 3_600)
    assert np.all(band.p10 <= band.p50)
    assert np.all(band.p50 <= band.p90)
    end = int(np.flatnonzero(course.ends_s == MORNING_S + 3_600)[0])
    assert band.p50[0] == pytest.approx(course.soc_pct["p50"][end])


def test_the_course_of_a_plan_is_the_plans() -> None:
    plan = make_plan(problem(hours=12))
    course = of_plan(plan, soc_pct=60, usable_kwh=30)
    assert course.soc_pct["p50"][-1] == plan.steps[-1].soc_pct["p50"]
    assert band_of(course, MORNING_S, "soc") is not None


def test_without_a_battery_there_is_no_band_and_no_forecast() -> None:
    course = as_is(problem(battery=None))
    assert band_of(course, MORNING_S, "soc") is None
    assert reserve_forecast(course, SITE, MORNING_S) is None
    assert breach_s(course, "p50", 30) is None


def test_the_reserves_sentence_has_figures_that_add_up() -> None:
    course = as_is(flat(12, 0.0, 1_000.0, miners=(), inverter=InverterState(), grid=OFF_GRID))
    said = reserve_forecast(course, SITE, MORNING_S)
    assert said is not None
    assert said.reserve_pct == 30
    assert said.reached_at == datetime.fromtimestamp(MORNING_S + 31_104, UTC)
    assert said.because == (
        "Until 16:38 the house needs 8.64 kWh, and no sun comes; the battery holds 9.00 kWh above the reserve."
    )


def test_a_kept_reserve_is_explained_with_its_lowest_level_and_the_cautious_case() -> None:
    night = problem(now_s=EVENING_S, hours=14, miners=(S21,), battery=BatteryState(30, 52), grid=OFF_GRID)
    said = reserve_forecast(as_is(night), SITE, EVENING_S, reserve_pct=12)
    assert said is not None
    assert said.reached_at is None
    assert said.because.startswith("The lowest is ")
    assert "tomorrow" in said.because
    closer = reserve_forecast(as_is(night), SITE, EVENING_S, reserve_pct=said.lowest_pct - 1)
    assert closer is not None
    assert "With little sun and much load the reserve is reached at" in closer.because


def test_the_figures_count_from_the_last_time_that_the_battery_was_fullest() -> None:
    sun = np.array([9_000.0] * 4 + [0.0] * 14)
    away = GridState(present=False, import_allowed=False, export_allowed=False)
    course = as_is(flat(18, sun, 1_500.0, miners=(), inverter=InverterState(), grid=away))
    said = reserve_forecast(course, SITE, MORNING_S)
    assert said is not None
    assert said.reached_at is not None
    assert said.because.startswith("From 12:00, at ")
    assert "no sun comes" in said.because
    assert "the battery then holds " in said.because
