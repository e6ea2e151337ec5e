"""What the auto mode wants of a miner."""

from __future__ import annotations

from typing import Any

import pytest

from energy.interlocks import auto_wants, plan_wants
from tests.energy.ranch import conditions, ranch, relay, seen


def wanted(running: bool, miner: dict[str, Any] | None = None, changed_min: float = 120, **changes: Any) -> bool:
    site = ranch(miner)
    hand = changes.pop("hand", None)
    miners = {"s21": relay(running, changed_min=changed_min, hand=hand), "s19": relay()}
    wants = auto_wants(site, site.miner[0], conditions(miners=miners, **changes), running=running)
    assert wants.because
    return wants.on


@pytest.mark.parametrize(
    ("running", "soc_pct", "on"),
    [
        (False, 80, True),
        (False, 79.9, False),
        (True, 79.9, True),
        (True, 60.1, True),
        (True, 60, False),
        (False, 61, False),
    ],
)
def test_between_stop_and_start_a_miner_stays_as_it_is(running: bool, soc_pct: float, on: bool) -> None:
    assert wanted(running, {"start_soc_pct": 80, "stop_soc_pct": 60}, soc_pct=seen(soc_pct)) is on


@pytest.mark.parametrize(
    ("running", "volts", "on"),
    [(False, 54.0, True), (False, 53.9, False), (True, 52.1, True), (True, 52.0, False)],
)
def test_volts_decide_where_the_miner_has_them(running: bool, volts: float, on: bool) -> None:
    rule = {"start_voltage_v": 54.0, "stop_voltage_v": 52.0}
    assert wanted(running, rule, battery_voltage_v=seen(volts), soc_pct=None) is on


@pytest.mark.parametrize(("changed_min", "on"), [(14.9, True), (15, False)])
def test_the_minimum_on_time_holds_an_automatic_stop(changed_min: float, on: bool) -> None:
    assert wanted(True, {"stop_soc_pct": 55}, changed_min, soc_pct=seen(54)) is on


def test_the_minimum_on_time_never_holds_a_stop_that_protects() -> None:
    assert not wanted(True, None, 1, soc_pct=seen(49))
    assert not wanted(True, None, 1, soc_pct=seen(90, age_min=16))
    assert not wanted(True, None, 1, battery_temperature_c=seen(55))
    assert not wanted(True, None, 1, fault_codes=("F23",))


def test_a_hand_on_the_relay_is_respected_while_the_site_is_safe() -> None:
    assert not wanted(False, soc_pct=seen(95), hand="off")
    assert wanted(True, soc_pct=seen(52), hand="on")
    assert not wanted(True, soc_pct=seen(49), hand="on")


def test_outside_its_hours_a_miner_stops_after_its_minimum_on_time() -> None:
    assert not wanted(True, {"allowed_hours": "13-17"}, soc_pct=seen(95))
    assert wanted(True, {"allowed_hours": "13-17"}, 5, soc_pct=seen(95))
    assert wanted(False, {"allowed_hours": "12-13"}, soc_pct=seen(95))


@pytest.mark.parametrize(
    ("running", "solar_w", "on"),
    [(False, 4500, True), (False, 4499, False), (True, 3900, True), (True, 3899, False)],
)
def test_excess_solar_starts_at_its_figure_and_stops_below_four_fifths(running: bool, solar_w: float, on: bool) -> None:
    load_w = 1500 + (3200 if running else 0)  # its own 3.2 kW do not count against it
    rule = {"needs_excess_w": 3000}
    assert wanted(running, rule, solar_w=seen(solar_w), load_w=seen(load_w), soc_pct=seen(90)) is on


def test_unknown_excess_is_not_taken_for_excess() -> None:
    assert not wanted(False, {"needs_excess_w": 3000}, solar_w=None, battery_charge_w=None, soc_pct=seen(90))


def test_the_reason_carries_the_figures() -> None:
    site = ranch()
    wants = auto_wants(site, site.miner[0], conditions(), running=False)
    assert (wants.on, wants.because) == (True, "SOC is 70 %, at or above the start at 60 %")


@pytest.mark.parametrize(
    ("running", "soc_pct", "on", "by_plan"),
    [
        (False, 80, True, True),
        (False, 79.9, False, False),  # what the stop level has stopped is not started again right above it
        (False, 61, False, False),
        (True, 61, True, True),
        (True, 60, False, False),
    ],
)
def test_a_plan_starts_at_the_start_level_and_keeps_on_down_to_the_stop_level(
    running: bool, soc_pct: float, on: bool, by_plan: bool
) -> None:
    site = ranch({"start_soc_pct": 80, "stop_soc_pct": 60})
    c = conditions(miners={"s21": relay(running), "s19": relay()}, soc_pct=seen(soc_pct))
    wants = plan_wants(site, site.miner[0], c, running=running, planned=True, because="for a test")
    assert (wants.on, wants.by_plan) == (on, by_plan)
