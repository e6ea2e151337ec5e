"""Alerts about devices, their data, the miners' relays and the host."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from energy.alerts.situation import DeviceNow, HostNow, Maintenance, RelayNow
from energy.merge import merge
from energy.reading import Reading
from tests.energy.alerts.scene import NOON, QUIET, active, relay, rows, scene, signals, site


def fires(rule: str, subject: str = "") -> set[tuple[str, str]]:
    return {(rule, subject)}


def heard(age_s: float | None, *, expected_s: float = 86_400, refused: bool | None = False) -> dict[str, Any]:
    device = DeviceNow(
        heard_at=None if age_s is None else NOON - timedelta(seconds=age_s),
        expected_since=NOON - timedelta(seconds=expected_s),
        refused=refused,
    )
    return {"devices": {"cerbo": device, "solark": device}}


@pytest.mark.parametrize(
    ("device", "age_s", "expected"),
    [("cerbo", 75, False), ("cerbo", 76, True), ("solark", 750, False), ("solark", 751, True)],
)
def test_a_device_is_silent_after_two_and_a_half_of_its_intervals(device: str, age_s: float, expected: bool) -> None:
    assert active(scene(more=heard(age_s)), "device_silent", device) is expected


def test_a_device_that_was_never_heard_is_silent_from_when_it_was_expected() -> None:
    assert active(scene(more=heard(None, expected_s=60)), "device_silent", "cerbo") is False
    assert active(scene(more=heard(None, expected_s=90)), "device_silent", "cerbo") is True
    (found,) = (x for x in signals(scene(more=heard(None)), "device_silent").values() if x.subject == "cerbo")
    assert found.what == "Victron (cerbo) was never heard in 24 h."


def test_a_device_that_nobody_knows_of_is_not_judged() -> None:
    assert signals(scene(more={"devices": {}}), "device_silent") == {}


@pytest.mark.parametrize("refused", [True, False, None])
def test_refused_credentials_are_told_as_they_are_known(refused: bool | None) -> None:
    assert active(scene(more=heard(10, refused=refused)), "credentials_refused", "solark") is refused


def still(name: str, values: list[float], *, every_s: int = 60, until: datetime = NOON, **others: Any) -> bool | None:
    history = {name: rows(values, every_s=every_s, until=until), **others}
    s = scene(more={"device_history": {"cerbo": history}})
    return active(s, "stuck_sensor", f"cerbo/{name}")


def test_a_power_that_stands_still_for_half_an_hour_is_stuck() -> None:
    assert still("load_w", [1_234.0] * 31) is True
    assert still("load_w", [1_234.0] * 30) is None
    assert still("load_w", [1_234.0] * 30 + [1_235.0]) is False
    assert still("load_w", [1_235.0] + [1_234.0] * 40) is True
    assert still("solar_w", [0.0] * 40) is False


def test_a_sensor_whose_rows_have_ended_is_silent_and_not_stuck() -> None:
    assert still("load_w", [1_234.0] * 40, until=NOON - timedelta(minutes=3)) is None
    assert still("load_w", []) is None


def test_a_slow_source_needs_enough_rows() -> None:
    assert still("load_w", [1_234.0] * 5, every_s=600) is None
    assert still("load_w", [1_234.0] * 7, every_s=300) is True


def test_a_soc_is_stuck_if_it_stands_for_two_hours_while_three_percent_of_the_bank_flowed() -> None:
    def flowing(watts: float) -> dict[str, Any]:
        return {"battery_charge_w": rows([watts + n / 100 for n in range(130)])}

    assert still("soc_pct", [55.0] * 121, **flowing(-460.0)) is True
    assert still("soc_pct", [55.0] * 121, **flowing(460.0)) is True
    assert still("soc_pct", [55.0] * 121, **flowing(-440.0)) is False
    assert still("soc_pct", [55.0] * 119, **flowing(-460.0)) is None
    assert still("soc_pct", [55.0] * 120 + [54.9], **flowing(-460.0)) is False
    assert still("soc_pct", [100.0] * 121, **flowing(900.0)) is False  # full, and charged a little
    assert still("soc_pct", [100.0] * 121, **flowing(-900.0)) is True
    assert still("soc_pct", [55.0] * 121) is None


def test_volts_are_stuck_if_they_stand_while_the_battery_is_drawn_from_but_a_charger_may_hold_them() -> None:
    drawn, charged = rows([-502.0] * 130), rows([3_000.0] * 130)
    assert still("battery_voltage_v", [52.1] * 121, battery_charge_w=drawn) is True
    assert still("battery_voltage_v", [56.0] * 121, battery_charge_w=charged) is False
    assert still("battery_voltage_v", [52.1] * 121, battery_charge_w=rows([-499.0] * 130)) is False
    assert still("battery_voltage_v", [52.1] * 121) is None
    assert still("battery_temperature_c", [21.0] * 121, battery_charge_w=drawn) is False


@pytest.mark.parametrize(
    ("charge_w", "firing", "expected"),
    [  # 4,000 W of sun, 1,500 W of load: 2,500 W should be charged; set is 0.2 * 4,000 + 400, clear 0.1 * 4,000 + 300
        (1_300.0, False, False),
        (1_299.0, False, True),
        (1_799.0, True, True),
        (1_800.0, True, False),
        (None, True, None),
    ],
)
def test_flows_that_do_not_add_up_are_implausible(charge_w: float | None, firing: bool, expected: bool | None) -> None:
    keys = fires("implausible_data", "balance") if firing else set()
    assert active(scene(battery_charge_w=charge_w, firing=keys), "implausible_data", "balance") is expected


def test_swapped_signs_and_units_are_implausible() -> None:
    assert active(scene(battery_charge_w=-2_500.0), "implausible_data", "balance") is True
    assert active(scene(load_w=1.5), "implausible_data", "balance") is True
    assert active(scene(grid_import_w=None), "implausible_data", "balance") is None


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, False),
        ({"solar_w": 14_000.0}, False),
        ({"solar_w": 14_001.0}, True),
        ({"solar_w": None}, None),
        ({"load_w": None, "solar_w": 90_000.0}, True),
    ],
)
def test_more_sun_than_the_panels_can_give_is_implausible(figures: dict[str, Any], expected: bool | None) -> None:
    assert active(scene(**figures), "implausible_data", "size") is expected


def test_a_load_below_that_of_our_own_miners_is_implausible() -> None:
    relays = {"s21": relay(True, power_w=3_900.0), "s19": relay()}
    assert active(scene(load_w=3.9, relays=relays), "implausible_data", "size") is True
    assert active(scene(load_w=4_500.0, relays=relays), "implausible_data", "size") is False
    fresh = {"s21": relay(True, changed_min=0, power_w=3_900.0), "s19": relay()}
    assert active(scene(load_w=300.0, relays=fresh), "implausible_data", "size") is False


def test_a_battery_that_fills_while_it_is_said_to_discharge_has_the_wrong_sign() -> None:
    def sign(soc: list[float], charge_w: float, firing: bool = False) -> bool | None:
        history = {"soc_pct": rows(soc), "battery_charge_w": rows([charge_w] * len(soc))}
        keys = fires("implausible_data", "battery_sign") if firing else set()
        return active(scene(more={"history": history}, firing=keys), "implausible_data", "battery_sign")

    rising = [50.0 + n / 10 for n in range(61)]
    assert sign(rising, -3_000.0) is True
    assert sign(rising, 3_000.0) is False
    assert sign(rising, -1_000.0) is False  # 1 kWh is less than 4 % of the bank
    assert sign(rising, -1_000.0, firing=True) is None
    assert active(scene(), "implausible_data", "battery_sign") is None


def test_sun_at_night_is_implausible_and_unknown_without_the_sun_s_place() -> None:
    night: dict[str, Any] = {"clear_sky_w": 0.0}
    assert active(scene(solar_w=301.0, more=night), "implausible_data", "night_sun") is True
    assert active(scene(solar_w=300.0, more=night), "implausible_data", "night_sun") is False
    assert active(scene(solar_w=9_000.0), "implausible_data", "night_sun") is False
    assert active(scene(more={"clear_sky_w": None}), "implausible_data", "night_sun") is None


def test_each_fault_code_is_an_alert_of_its_own_and_clears_with_its_code() -> None:
    codes = ("F23", "battery/0 HighVoltage warning", "bms_communication")
    s = scene(fault_codes=codes)
    assert {k: v.active for k, v in signals(s, "inverter_fault").items()} == {"F23": True, "bms_communication": True}
    assert active(s, "inverter_warning", "battery/0 HighVoltage warning") is True
    later = scene(fault_codes=("F24",), firing=fires("inverter_fault", "F23"))
    assert {k: v.active for k, v in signals(later, "inverter_fault").items()} == {"F23": False, "F24": True}
    assert "battery's management reports bms" in signals(s, "inverter_fault")["bms_communication"].what


def test_a_fault_is_not_gone_because_nobody_tells_of_it() -> None:
    for gone in (
        scene(fault_codes=None, firing=fires("inverter_fault", "F23")),
        scene(fault_codes=(), age_s=80, firing=fires("inverter_fault", "F23")),
    ):
        assert active(gone, "inverter_fault", "F23") is None


def test_an_overload_is_a_fault() -> None:
    assert active(scene(inverter_state="overload"), "inverter_fault", "overload") is True
    assert active(scene(firing=fires("inverter_fault", "overload")), "inverter_fault", "overload") is False


def test_a_device_with_hundreds_of_codes_is_cut_off() -> None:
    found = signals(scene(fault_codes=tuple(f"F{n}" for n in range(500))), "inverter_fault")
    assert len(found) == 40


def with_relay(rule: str, *, firing: bool = False, **changes: Any) -> bool | None:
    on = changes.pop("on", True)
    relays: dict[str, RelayNow] = {"s21": relay(on, **changes), "s19": relay()}
    return active(scene(relays=relays, firing=fires(rule, "s21") if firing else set()), rule, "s21")


@pytest.mark.parametrize(
    ("power_w", "firing", "expected"),
    [
        (1_939.0, False, False),
        (1_938.0, False, True),
        (2_714.0, True, True),
        (2_715.0, True, False),
        (None, True, None),
    ],
)
def test_a_miner_that_is_on_must_draw_half_of_its_rating(
    power_w: float | None, firing: bool, expected: bool | None
) -> None:
    assert with_relay("miner_idle", power_w=power_w, firing=firing) is expected


def test_a_miner_has_a_quarter_of_an_hour_to_start() -> None:
    assert with_relay("miner_idle", power_w=10.0, changed_min=14.9) is False
    assert with_relay("miner_idle", power_w=10.0, changed_min=15) is True
    assert with_relay("miner_idle", on=False, power_w=0.0, firing=True) is False


@pytest.mark.parametrize(
    ("power_w", "firing", "expected"),
    [(100.0, False, False), (101.0, False, True), (31.0, True, True), (30.0, True, False), (None, True, None)],
)
def test_a_miner_that_is_off_must_draw_nothing(power_w: float | None, firing: bool, expected: bool | None) -> None:
    assert with_relay("miner_draws_off", on=False, power_w=power_w, firing=firing) is expected


@pytest.mark.parametrize("rule", ["miner_idle", "miner_draws_off", "relay_by_hand", "relay_fault"])
@pytest.mark.parametrize(
    "silence", [{"reachable": False}, {"read_at": NOON - timedelta(minutes=16)}, {"read_at": None}]
)
@pytest.mark.parametrize("firing", [True, False])
def test_a_silent_relay_says_nothing(rule: str, silence: dict[str, Any], firing: bool) -> None:
    assert with_relay(rule, firing=firing, **silence) is None


def test_a_relay_turned_by_hand_is_told_until_it_is_commanded() -> None:
    assert with_relay("relay_by_hand", hand="on") is True
    assert with_relay("relay_by_hand", firing=True) is False


def test_a_relay_that_cannot_be_switched_off_is_critical_until_it_is_seen_off() -> None:
    assert with_relay("relay_not_off", wanted="off", reachable=False) is True
    assert with_relay("relay_not_off", wanted="off") is True
    assert with_relay("relay_not_off", wanted="off", on=None) is True
    assert with_relay("relay_not_off", wanted="off", on=False) is False
    assert with_relay("relay_not_off", wanted="off", on=False, reachable=False, firing=True) is None
    assert with_relay("relay_not_off", wanted="on", reachable=False) is False


def test_a_relay_that_reports_overpower_is_told() -> None:
    assert with_relay("relay_fault", errors=("overpower",)) is True
    assert with_relay("relay_fault", firing=True) is False


@pytest.mark.parametrize(
    ("skew_s", "firing", "expected"),
    [
        (60.0, False, False),
        (-60.1, False, True),
        (10.1, True, True),
        (-10.0, True, False),
        (20.0, False, False),
        (None, True, None),
    ],
)
def test_the_host_s_clock_may_be_a_minute_off(skew_s: float | None, firing: bool, expected: bool | None) -> None:
    more = {"host": HostNow(clock_skew_s=skew_s)}
    assert active(scene(more=more, firing=fires("host_clock") if firing else set()), "host_clock") is expected


@pytest.mark.parametrize(
    ("free", "firing", "expected"),
    [(0.10, False, False), (0.099, False, True), (0.149, True, True), (0.15, True, False), (None, True, None)],
)
def test_the_disk_needs_a_tenth_free(free: float | None, firing: bool, expected: bool | None) -> None:
    more = {"host": HostNow(disk_free_share=free)}
    assert active(scene(more=more, firing=fires("host_disk") if firing else set()), "host_disk") is expected


def test_maintenance_is_due_at_its_time_and_over_when_it_is_moved_or_gone() -> None:
    def due(minutes: float | None) -> bool | None:
        tasks = (
            ()
            if minutes is None
            else (Maintenance(id="p", title="clean the panels", due_at=NOON + timedelta(minutes=minutes)),)
        )
        return active(scene(more={"maintenance": tasks}, firing=fires("maintenance_due", "p")), "maintenance_due", "p")

    assert [due(0), due(1), due(-60), due(None)] == [True, False, True, False]


def test_the_figures_of_a_preferred_device_that_fell_silent_are_not_taken() -> None:
    where = site()
    old = Reading(site_id="ranch", source="victron", device_id="cerbo", taken_at=NOON - timedelta(hours=1), **QUIET)
    new = Reading(site_id="ranch", source="solark", device_id="solark", taken_at=NOON, **(QUIET | {"soc_pct": 25.0}))
    s = scene(more={"view": merge(where, {"cerbo": old, "solark": new}, now=NOON)})
    assert active(s, "battery_critical") is True
    assert signals(s, "battery_critical")[""].devices == ("solark",)
