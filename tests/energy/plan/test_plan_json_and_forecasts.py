"""Plans as JSON and back, and scenarios from forecast bands."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.forecast.hours import Band, Target
from energy.plan.from_forecast import beyond_forecast, scenarios_of
from energy.plan.plan import Change, Plan, PlanStep, Reason, Violation
from energy.plan.plan_json import from_json, to_json
from energy.plan.planner import fallback_plan, make_plan
from energy.plan.problem import growing_steps
from tests.energy.plan.problems import MORNING_S, problem

numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(max_size=12)
reasons = st.builds(Reason, names, names, st.dictionaries(names, numbers, max_size=3))
steps = st.builds(
    PlanStep,
    start_s=st.integers(0, 2**40),
    minutes=st.sampled_from([15, 30, 60]),
    on=st.frozensets(names, max_size=3),
    **dict.fromkeys(("solar_w", "base_load_w", "miner_w", "battery_charge_w", "grid_import_w"), numbers),
    **dict.fromkeys(("curtailed_w", "import_cost", "export_revenue", "hash_value", "wear_cost"), numbers),
    hash_ph_days=numbers,
    heat_value=numbers,
    battery_mode=st.sampled_from(["self_use", "hold", "grid_charge"]),
    soc_pct=st.dictionaries(names, numbers, max_size=3),
    power_w=st.dictionaries(names, numbers, max_size=3),
    battery_reason=reasons,
    miner_reasons=st.dictionaries(names, reasons, max_size=3),
)
plans = st.builds(
    Plan,
    method=st.sampled_from(["milp", "fallback"]),
    steps=st.lists(steps, max_size=3).map(tuple),
    objective=numbers,
    violations=st.lists(st.builds(Violation, names, st.integers(0, 2**40), numbers, names), max_size=2).map(tuple),
    notes=st.lists(names, max_size=2).map(tuple),
    changes=st.lists(st.builds(Change, names, st.integers(0, 2**40), st.booleans(), reasons), max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(plan=plans)
def test_a_plan_comes_back_from_json_as_it_was(plan: Plan) -> None:
    assert from_json(json.loads(json.dumps(to_json(plan), allow_nan=False))) == plan


def test_a_made_plan_and_a_rule_based_one_come_back_too() -> None:
    plan = make_plan(problem())
    assert from_json(json.loads(json.dumps(to_json(plan), allow_nan=False))) == plan
    rules = fallback_plan(problem(), "late")
    back = from_json(json.loads(json.dumps(to_json(rules), allow_nan=False)))
    assert math.isnan(back.objective)
    assert replace(back, objective=0.0) == replace(rules, objective=0.0)


def test_what_is_no_plan_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="version 9 is not 1; make a new plan"):
        from_json({"version": 9})
    with pytest.raises(ValueError, match=r"is no plan .*make a new one"):
        from_json({"version": 1, "method": "milp"})


def band(target: Target, middle: np.ndarray, first_s: int = MORNING_S) -> Band:
    starts_s = first_s + 3_600 * np.arange(middle.size)
    return Band(target, first_s, starts_s, middle * 0.5, middle, middle * 1.4, "test", "1")


def test_the_cautious_scenario_has_little_sun_and_much_load() -> None:
    grid = growing_steps(MORNING_S)
    solar, load = band("solar", np.linspace(1_000, 5_000, 48)), band("load", np.full(48, 800.0))
    low, middle, high = scenarios_of(grid, solar, load)
    assert (low.name, middle.name, high.name) == ("p10", "p50", "p90")
    assert np.all(low.solar_w < middle.solar_w)
    assert np.all(middle.solar_w < high.solar_w)
    assert np.all(low.base_load_w > middle.base_load_w)
    assert np.all(middle.base_load_w > high.base_load_w)
    assert sum(s.weight for s in (low, middle, high)) == pytest.approx(1)
    at = grid.index_at(MORNING_S + 5 * 3_600 + 60)
    assert at is not None
    assert middle.solar_w[at] == pytest.approx(solar.p50[5])


def test_within_a_quarter_hour_every_step_has_the_forecast_of_its_own_hour() -> None:
    grid = growing_steps(MORNING_S + 50 * 60)
    solar, load = band("solar", np.arange(48) * 100.0), band("load", np.full(48, 800.0))
    middle = scenarios_of(grid, solar, load)[1]
    assert np.array_equal(middle.solar_w, (grid.starts_s - MORNING_S) // 3_600 * 100.0)


def test_the_running_step_is_what_is_measured_and_later_ones_lean_to_it() -> None:
    grid = growing_steps(MORNING_S)
    solar, load = band("solar", np.full(48, 4_000.0)), band("load", np.full(48, 800.0))
    _, plain, _ = scenarios_of(grid, solar, load)
    low, leaning, _ = scenarios_of(grid, solar, load, now_solar_w=2_000, now_base_w=1_800)
    assert leaning.solar_w[0] == low.solar_w[0] == 2_000
    assert leaning.base_load_w[0] == low.base_load_w[0] == 1_800
    assert np.all(np.diff(leaning.solar_w) >= 0)
    assert leaning.solar_w[-1] == pytest.approx(plain.solar_w[-1], rel=0.01)
    assert leaning.base_load_w[4] > plain.base_load_w[4]
    unknown = scenarios_of(grid, solar, load, now_solar_w=float("nan"))[1]
    assert np.array_equal(unknown.solar_w, plain.solar_w)


def test_hours_beyond_a_forecast_are_those_of_the_day_before_and_it_is_said() -> None:
    grid = growing_steps(MORNING_S, 36)
    solar, load = band("solar", np.arange(24) * 100.0), band("load", np.full(48, 800.0))
    _, middle, _ = scenarios_of(grid, solar, load)
    a, b = grid.index_at(MORNING_S + 30 * 3_600), grid.index_at(MORNING_S + 3_600 * 34)
    assert a is not None
    assert b is not None
    assert (middle.solar_w[a], middle.solar_w[b]) == (600.0, 1_000.0)
    zone = ZoneInfo("America/Los_Angeles")
    assert beyond_forecast(grid, solar, zone).startswith("The solar forecast ends Tue 08:00; after that")
    assert beyond_forecast(grid, load, zone) == ""


def test_the_hour_of_issue_and_gaps_are_filled_and_an_empty_band_is_refused() -> None:
    grid = growing_steps(MORNING_S)
    late = band("solar", np.full(48, 3_000.0), MORNING_S + 3_600)
    holes = np.where(np.arange(48) == 30, np.nan, 800.0)
    _, middle, _ = scenarios_of(grid, late, band("load", holes))
    assert np.all(middle.solar_w == 3_000)
    assert np.all(middle.base_load_w == 800)
    with pytest.raises(ValueError, match="load forecast knows no hour; make a new one"):
        scenarios_of(grid, late, band("load", np.full(48, np.nan)))
