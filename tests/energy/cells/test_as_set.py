"""Without a plan each miner does what the keeping of wishes would do with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from energy.cells.walk import Walk, walk
from energy.conditions import MinerRecord, Observed
from energy.interlocks import Conditions, auto_wants
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.problem import AsSet, BatteryState, GridState, InverterState, Scenario, Steps
from energy.site import Battery, Inverter, Limits, Miner, Site
from tests.energy.plan.problems import MORNING_S, S21, flat

OFF_GRID = GridState(present=False, import_allowed=False, export_allowed=False)
HOUR_S = 3_600


def walked(as_set: AsSet, *, on: bool, soc_pct: float = 80, solar_w: Any = 0.0, hours: int = 12) -> Walk:
    miner = replace(S21, on=on, as_set=as_set)
    battery = BatteryState(30, soc_pct)
    course = flat(hours, solar_w, 500.0, miners=(miner,), battery=battery, inverter=InverterState(), grid=OFF_GRID)
    return walk(course, course.scenarios[0])


def test_an_off_miner_that_nobody_wants_on_stays_off_however_full_the_battery_is() -> None:
    assert not walked(AsSet("off"), on=False, soc_pct=100, solar_w=9_000.0).miner_w.any()


def test_one_that_is_wanted_off_goes_off_at_once() -> None:
    assert not walked(AsSet("off"), on=True).miner_w.any()


def test_one_that_is_wanted_on_runs_past_its_own_stop_level_down_to_the_limits_and_comes_back_above_them() -> None:
    sun = np.array([0.0] * 6 + [9_000.0] * 6)
    found = walked(AsSet("on", hold_soc_pct=40, start_soc_pct=60, stop_soc_pct=55), on=True, solar_w=sun)
    assert found.soc_pct[1] < 50
    assert found.miner_w[2] > 0
    assert found.soc_pct[2] < 40
    assert not found.miner_w[3:6].any()
    back = int(np.flatnonzero(found.miner_w[6:])[0]) + 6
    assert found.soc_pct[back - 1] < 60 < found.soc_pct[back] + 12  # during the hour in which 60 % come


def test_a_wish_with_a_time_ends_in_what_was_wanted_before() -> None:
    until_s = MORNING_S + 2 * HOUR_S
    assert not walked(AsSet("on", until_s, "off"), on=True, soc_pct=95).miner_w[2:].any()
    assert walked(AsSet("on", until_s, "auto"), on=True, soc_pct=95).miner_w[2] > 0
    assert walked(AsSet("off", until_s, "auto"), on=False, soc_pct=95).miner_w[:3].tolist() == [0, 0, S21.power_w]


def test_what_a_hand_switched_on_is_stopped_by_the_limits_and_not_started_again() -> None:
    sun = np.array([0.0] * 6 + [9_000.0] * 6)
    found = walked(AsSet("left_on", hold_soc_pct=40), on=True, solar_w=sun)
    assert found.miner_w[0] > 0
    assert not found.miner_w[6:].any()


def test_an_automatic_one_that_needs_sun_does_not_run_at_night() -> None:
    sun = np.array([0.0] * 3 + [6_000.0] * 3 + [0.0] * 6)
    found = walked(AsSet(needs_excess_w=3_000, start_soc_pct=60, stop_soc_pct=50), on=False, solar_w=sun)
    assert [w > 0 for w in found.miner_w] == [False] * 3 + [True] * 3 + [False] * 6


@pytest.mark.parametrize("needs_excess_w", [0.0, 2_500.0])
@pytest.mark.parametrize("allowed_hours", [None, "10-21"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_quarter_an_automatic_miner_does_what_the_auto_mode_wants(
    needs_excess_w: float, allowed_hours: str | None, seed: int
) -> None:
    miner = Miner(
        id="s21",
        name="S21",
        power_w=3_878,
        hashrate_ths=235,
        device="garage",
        channel=0,
        needs_excess_w=needs_excess_w,
        allowed_hours=allowed_hours,
        max_starts_per_day=48,
        min_off_minutes=0,
    )
    limits = Limits(min_soc_pct=20, safe_min_soc_pct=30, miner_min_soc_pct=45)
    site = Site(
        id="r", timezone="America/Los_Angeles", battery=Battery(usable_kwh=10), limits=limits, inverter=Inverter()
    ).model_copy(update={"miner": (miner,)})
    count, rng = 4 * 36, np.random.default_rng(seed)
    steps = Steps(MORNING_S + 900 * np.arange(count), np.full(count, 15))
    sun = np.clip(np.sin(np.arange(count) / 96 * 2 * np.pi) * 9_000 * rng.uniform(0.2, 1.0, count), 0, None)
    base = rng.uniform(200, 2_500, count)
    now = {"s21": MinerNow(on=True)}
    course = problem_of(site, steps, (Scenario("p50", 1.0, sun, base),), soc_pct=62.0, miners=now)
    found = walk(course, course.scenarios[0])
    soc_pct, on, changed_at = 62.0, True, None
    for t in range(count):
        at = datetime.fromtimestamp(int(steps.starts_s[t]), UTC)
        ran = bool(found.miner_w[t] > 0)
        load_w = float(base[t]) + (miner.power_w if on else 0.0)
        record = MinerRecord(
            on=on, power_w=miner.power_w if on else 0.0, read_at=at, changed_at=changed_at, starts_today=0
        )

        def seen(value: float, at: datetime = at) -> Observed:
            return Observed(value, at, "solark")

        c = Conditions(
            now=at,
            soc_pct=seen(soc_pct),
            battery_voltage_v=None,
            battery_temperature_c=None,
            solar_w=seen(float(sun[t])),
            load_w=seen(load_w),
            battery_charge_w=None,
            grid_import_w=None,
            generator_w=None,
            grid_present=False,
            fault_codes=(),
            miners={"s21": record},
        )
        wants = auto_wants(site, miner, c, running=on)
        assert ran is wants.on, (t, soc_pct, wants.because)
        changed_at = at if ran is not on else changed_at
        on, soc_pct = ran, float(found.soc_pct[t])
    assert 0 < np.count_nonzero(found.miner_w) < count
