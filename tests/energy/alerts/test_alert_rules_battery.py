"""Battery alerts: the exact levels at which each sets and clears, in SOC and in volts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from energy.alerts.settings import AlertSettings
from energy.alerts.situation import ReserveForecast
from energy.site import Battery, Grid
from tests.energy.alerts.scene import NOON, active, relay, scene, signals, site

VOLTS = {"start_voltage_v": 53.0, "stop_voltage_v": 51.0}


@pytest.mark.parametrize(
    ("rule", "soc_pct", "firing", "expected"),
    [
        ("battery_critical", 30.0, False, False),
        ("battery_critical", 29.99, False, True),
        ("battery_critical", 32.99, True, True),
        ("battery_critical", 33.0, True, False),
        ("battery_low", 40.0, False, False),
        ("battery_low", 39.99, False, True),
        ("battery_low", 42.99, True, True),
        ("battery_low", 43.0, True, False),
    ],
)
def test_the_level_sets_under_the_site_s_limit_and_clears_three_percent_above(
    rule: str, soc_pct: float, firing: bool, expected: bool
) -> None:
    assert active(scene(soc_pct=soc_pct, firing={(rule, "")} if firing else set()), rule) is expected


@pytest.mark.parametrize(
    ("volts", "firing", "expected"),
    [(48.8, False, False), (48.79, False, True), (49.99, True, True), (50.0, True, False)],
)
@pytest.mark.parametrize("drifting", [True, False])
def test_volts_decide_where_the_miners_run_by_volts_or_the_soc_is_unknown(
    volts: float, firing: bool, expected: bool, drifting: bool
) -> None:
    at = site(VOLTS) if drifting else site()
    soc_pct = 90.0 if drifting else None
    s = scene(at=at, soc_pct=soc_pct, battery_voltage_v=volts, firing={("battery_critical", "")} if firing else set())
    assert active(s, "battery_critical") is expected  # 30 % is 48.8 V on the curve, and 40 % is 50 V


def test_volts_of_the_settings_count_where_there_is_no_curve() -> None:
    at = site(battery=Battery(usable_kwh=30))
    more = {"settings": AlertSettings(critical_voltage_v=48.0)}
    judged = [
        active(scene(at=at, soc_pct=None, battery_voltage_v=v, more=more, firing=f), "battery_critical")
        for v, f in (
            (48.0, None),
            (47.99, None),
            (48.79, {("battery_critical", "")}),
            (48.8, {("battery_critical", "")}),
        )
    ]
    assert judged == [False, True, True, False]
    assert active(scene(at=at, soc_pct=None), "battery_critical") is None


@pytest.mark.parametrize("rule", ["battery_critical", "battery_low"])
@pytest.mark.parametrize("firing", [True, False])
def test_a_stale_or_missing_level_says_nothing(rule: str, firing: bool) -> None:
    keys = {(rule, "")} if firing else set()
    assert active(scene(soc_pct=None, battery_voltage_v=None, firing=keys), rule) is None
    assert active(scene(soc_pct=10.0, age_s=80, firing=keys), rule) is None  # the Cerbo tells every 30 s
    assert active(scene(soc_pct=float("nan"), battery_voltage_v=None, firing=keys), rule) is None


def test_it_says_what_to_do_with_what_is_there() -> None:
    running = scene(soc_pct=25.0, battery_charge_w=-3_000.0, relays={"s21": relay(True), "s19": relay()})
    (found,) = signals(running, "battery_critical").values()
    assert (found.do, found.action) == ("Stop s21.", "stop_miners")
    assert "discharging at 3.00 kW" in found.what
    at = site(grid=Grid(present=True, import_allowed=True))
    (found,) = signals(scene(at=at, soc_pct=25.0), "battery_critical").values()
    assert found.action == "grid_charge"
    (found,) = signals(scene(at=at, soc_pct=25.0, grid_present=False), "battery_critical").values()
    assert found.action is None


def test_no_data_of_the_battery_is_not_ok() -> None:
    assert active(scene(), "battery_unknown") is False
    assert active(scene(soc_pct=None), "battery_unknown") is False
    assert active(scene(age_s=80), "battery_unknown") is True
    assert active(scene(soc_pct=None, battery_voltage_v=None), "battery_unknown") is True
    bare = site(battery=None)
    assert signals(scene(at=bare, soc_pct=None, battery_voltage_v=None), "battery_unknown") == {}


@pytest.mark.parametrize(
    ("celsius", "firing", "expected"),
    [(50.0, False, False), (50.1, False, True), (47.1, True, True), (47.0, True, False), (None, True, None)],
)
def test_a_hot_battery_sets_above_the_limit_and_clears_three_degrees_below(
    celsius: float | None, firing: bool, expected: bool | None
) -> None:
    s = scene(battery_temperature_c=celsius, firing={("battery_hot", "")} if firing else set())
    assert active(s, "battery_hot") is expected


@pytest.mark.parametrize(
    ("celsius", "firing", "expected"),
    [(-10.0, False, False), (-10.1, False, True), (-7.1, True, True), (-7.0, True, False), (None, True, None)],
)
def test_a_cold_battery_sets_below_the_limit_and_clears_three_degrees_above(
    celsius: float | None, firing: bool, expected: bool | None
) -> None:
    s = scene(battery_temperature_c=celsius, firing={("battery_cold", "")} if firing else set())
    assert active(s, "battery_cold") is expected


@pytest.mark.parametrize(
    ("celsius", "charge_w", "firing", "expected"),
    [
        (-0.1, 201.0, False, True),
        (-0.1, 200.0, False, False),
        (0.0, 5_000.0, False, False),
        (2.9, 50.0, True, True),
        (3.0, 50.0, True, False),
        (-5.0, 0.0, True, False),
        (-5.0, None, True, None),
        (None, 500.0, False, None),
    ],
)
def test_charging_below_freezing_is_told_and_clears_with_warmth_or_the_charge(
    celsius: float | None, charge_w: float | None, firing: bool, expected: bool | None
) -> None:
    keys = {("battery_cold", "charging")} if firing else set()
    s = scene(battery_temperature_c=celsius, battery_charge_w=charge_w, firing=keys)
    assert active(s, "battery_cold", "charging") is expected


def test_a_lead_bank_may_be_charged_in_the_cold() -> None:
    at = site(battery=Battery(usable_kwh=10, chemistry="AGM"))
    assert active(scene(at=at, battery_temperature_c=-5.0), "battery_cold", "charging") is False


def reserve(hours: float | None, lowest: float, *, issued_h: float = 1, firing: bool = False) -> bool | None:
    forecast = ReserveForecast(
        issued_at=NOON - timedelta(hours=issued_h),
        reserve_pct=30.0,
        reached_at=None if hours is None else NOON + timedelta(hours=hours),
        lowest_pct=lowest,
        lowest_at=NOON + timedelta(hours=18.5),
        because="Tonight's load is expected at 14 kWh.",
    )
    keys = {("reserve_breach", "")} if firing else set()
    return active(scene(more={"forecast": forecast}, firing=keys), "reserve_breach")


def test_the_reserve_alert_follows_the_forecast() -> None:
    assert reserve(15.67, 22.0) is True
    assert reserve(18, 22.0) is True
    assert reserve(18.1, 22.0) is False
    assert reserve(None, 31.9) is False
    assert reserve(None, 31.9, firing=True) is True
    assert reserve(None, 32.0, firing=True) is False
    assert reserve(10, 22.0, issued_h=6.1, firing=True) is None


def test_without_a_forecast_the_reserve_rule_is_silent() -> None:
    assert signals(scene(firing={("reserve_breach", "")}), "reserve_breach") == {}


@pytest.mark.parametrize(
    ("now", "reached"),
    [  # 2026-11-01 02:00 the clocks go back in Los Angeles; 2026-03-08 02:00 they go forward
        (datetime(2026, 10, 31, 20, tzinfo=UTC), datetime(2026, 11, 1, 11, 40, tzinfo=UTC)),
        (datetime(2026, 3, 7, 20, tzinfo=UTC), datetime(2026, 3, 8, 10, 40, tzinfo=UTC)),
    ],
)
def test_the_reserve_alert_tells_local_time_on_days_whose_clocks_change(now: datetime, reached: datetime) -> None:
    forecast = ReserveForecast(
        issued_at=now,
        reserve_pct=30.0,
        reached_at=reached,
        lowest_pct=22.0,
        lowest_at=reached + timedelta(hours=1),
        because="Cloudy.",
    )
    (found,) = signals(scene(now=now, more={"forecast": forecast}), "reserve_breach").values()
    assert "will be reached at 03:40; the lowest will be {value} at 04:40" in found.what
