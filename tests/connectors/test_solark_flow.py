"""The SolArk cloud's power flow in our signs."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.solark.flow import flow
from energy.reading import Quality, balance_w
from tests.connectors.serving import payload


def flow_of(name: str) -> Any:
    return flow(payload(name)["data"])


def test_magnitudes_take_their_direction_from_the_flags():
    noon = flow_of("solark_exporting_at_noon")
    assert (noon.solar_w, noon.load_w, noon.soc_pct) == (9974, 1653, 100)
    assert noon.battery_charge_w == 64
    assert noon.grid_import_w == -7905
    assert noon.quality is Quality.GOOD
    assert abs(balance_w(noon)) < 400  # the vendor's own figures do not meet exactly


def test_numeric_texts_are_numbers_and_discharge_is_negative():
    night = flow_of("solark_discharging_at_night")
    assert night.battery_charge_w == -1460.0
    assert night.soc_pct == 53.3
    assert (night.solar_w, night.grid_import_w) == (0, 0)
    assert night.quality is Quality.GOOD


def test_a_value_that_the_vendor_signed_already_is_not_flipped_again():
    signed = flow_of("solark_export_signed_by_the_vendor")
    assert signed.grid_import_w == -5160
    assert signed.battery_charge_w == -476


def test_without_exactly_one_flag_the_raw_sign_counts_and_the_quality_says_so():
    unclear = flow_of("solark_without_direction_flags")
    assert unclear.battery_charge_w == -900  # no flag: raw positive is discharging
    assert unclear.grid_import_w == -250  # both flags: raw negative is exporting
    assert unclear.quality is Quality.DEGRADED


def test_a_site_without_load_sensor_gets_its_load_from_the_balance():
    derived = flow_of("solark_without_load_sensor")
    assert derived.solar_w == 2450  # the AC-coupled panels are solar too
    assert derived.load_w == 1810
    assert balance_w(derived) == 0
    assert derived.quality is Quality.DEGRADED


def test_a_real_zero_load_with_a_sensor_stays_zero():
    data = payload("solark_without_load_sensor")["data"] | {"existsMeter": True}
    assert flow(data).load_w == 0


@pytest.mark.parametrize(
    "gap",
    [
        {},
        payload("solark_gap_of_zeros")["data"],
        {"pvPower": None, "battPower": None, "soc": None, "loadOrEpsPower": 0},
        {"pvPower": "NaN", "soc": "--"},
    ],
)
def test_a_gap_of_the_cloud_is_no_measurement(gap):
    assert flow(gap) is None


def test_what_is_missing_stays_unknown_and_zero_stays_zero():
    partial = flow({"soc": 40, "pvPower": 0, "battPower": 500, "batTo": True, "gridOrMeterPower": None})
    assert partial.solar_w == 0
    assert partial.grid_import_w is None
    assert partial.load_w is None
    assert partial.generator_w is None
    assert partial.quality is Quality.DEGRADED


@pytest.mark.parametrize("value", ["NaN", "Infinity", float("inf"), float("nan"), "", True, [], None])
def test_what_is_no_number_is_unknown(value):
    assert flow({"soc": 40, "pvPower": value}).solar_w is None


def test_a_battery_without_communication_has_no_soc():
    lost = flow({"soc": -100, "pvPower": 100, "bmsCommFaultFlag": True})
    assert lost.soc_pct is None
    assert lost.battery_fault


def test_an_impossible_soc_is_left_for_the_plausibility_check_to_count():
    assert flow({"soc": 250, "pvPower": 100}).soc_pct == 250


def test_ac_coupled_panels_that_exist_but_are_silent_make_solar_unknown():
    assert flow({"soc": 50, "pvPower": 100, "existsMin": True}).solar_w is None
    assert flow({"soc": 50, "pvPower": 100, "existsMin": False}).solar_w == 100
