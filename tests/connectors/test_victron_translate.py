"""Single values of a GX in our fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import Malformed
from connectors.victron.topics import Values
from connectors.victron.translate import reading_of
from energy.reading import Reading
from energy.site import Device, Grid, Site

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CERBO = Device(id="cerbo", kind="victron_mqtt", host="venus.local")


def reading(paths: dict[str, Any], *, grid: bool = True) -> Reading:
    values = Values()
    for path, value in paths.items():
        values.hear(path, json.dumps({"value": value}).encode(), 0.0)
    return reading_of(Site(id="ranch", grid=Grid(present=grid), device=(CERBO,)), CERBO, values, NOW)


@pytest.mark.parametrize(
    ("paths", "present"),
    [
        ({"system/0/Ac/ActiveIn/Source": 1}, True),
        ({"system/0/Ac/ActiveIn/Source": 3}, True),
        ({"system/0/Ac/ActiveIn/Source": 240}, False),
        ({"system/0/Ac/ActiveIn/Source": 2}, None),
        ({"system/0/Ac/ActiveIn/Source": 0}, None),
        ({"system/0/Ac/ActiveIn/Source": None}, None),
        ({"system/0/Ac/ActiveIn/Source": 240, "grid/30/Ac/L1/Voltage": 231.0}, True),
        ({"system/0/Ac/ActiveIn/Source": 1, "grid/30/Ac/L1/Voltage": 0.2}, False),
        ({"system/0/Ac/ActiveIn/Source": 2, "vebus/276/Alarms/GridLost": 2}, False),
        ({}, None),
    ],
)
def test_whether_the_grid_is_up(paths: dict[str, Any], present: bool | None) -> None:
    assert reading(paths).grid_present is present
    assert reading(paths, grid=False).grid_present is None


def test_float32_noise_is_rounded_away() -> None:
    assert reading({"system/0/Dc/Battery/Voltage": 20.43000030517578}).battery_voltage_v == 20.43
    assert reading({"system/0/Dc/Battery/Soc": 63.4000015258789}).soc_pct == 63.4


def test_slightly_negative_solar_is_measuring_noise_and_zero() -> None:
    assert reading({"system/0/Dc/Pv/Power": -3.2}).solar_w == 0.0
    assert reading({"system/0/Ac/Consumption/L1/Power": -400.0}).load_w == -400.0  # left for ingest to refuse


def test_dc_loads_are_part_of_the_load() -> None:
    paths = {"system/0/Ac/Consumption/L1/Power": 800, "system/0/Dc/System/Power": 120}
    assert reading(paths).load_w == 920.0


def test_alarms_warnings_and_errors_are_fault_codes() -> None:
    paths = {
        "vebus/276/Alarms/Overload": 2,
        "vebus/276/Alarms/LowBattery": 1,
        "vebus/276/VebusError": 11,
        "solarcharger/289/ErrorCode": 0,
        "battery/512/Alarms/LowSoc": 0,
    }
    assert reading(paths).fault_codes == ("vebus/276 LowBattery warning", "vebus/276 Overload", "vebus/276 error 11")
    assert reading({"battery/512/Alarms/LowSoc": 0}).fault_codes == ()
    assert reading({}).fault_codes is None


def test_states_have_names_and_unknown_ones_their_number() -> None:
    assert reading({"system/0/SystemState/State": 252}).inverter_state == "externally controlled"
    assert reading({"system/0/SystemState/State": 77}).inverter_state == "state 77"


def test_off_grid_import_is_zero_only_while_the_gx_knows_anything() -> None:
    assert reading({"system/0/Ac/Consumption/L1/Power": 800}, grid=False).grid_import_w == 0.0
    assert reading({}, grid=False).grid_import_w is None


@pytest.mark.parametrize("payload", [b"<html>", b"63.5", b'{"error": 1}', b"\xff\xfe", b"[1]"])
def test_a_payload_that_is_no_victron_value_is_malformed_and_forgotten(payload: bytes) -> None:
    values = Values()
    values.hear("system/0/Dc/Battery/Soc", b'{"value": 63.5}', 0.0)
    with pytest.raises(Malformed):
        values.hear("system/0/Dc/Battery/Soc", payload, 1.0)
    assert values.number("system/0/Dc/Battery/Soc") is None


def test_an_empty_payload_forgets_the_whole_device_and_nobody_else() -> None:
    values = Values()
    for path in ("battery/512/Soc", "battery/512/Alarms/LowSoc", "battery/513/Soc"):
        values.hear(path, b'{"value": 1}', 0.0)
    values.hear("battery/512/Soc", b"", 1.0)
    assert list(values.of("battery", "Soc")) == [("513", 1.0)]
    assert list(values.below("battery", "Alarms")) == []


def test_what_is_not_repeated_is_forgotten() -> None:
    values = Values()
    values.hear("battery/512/Soc", b'{"value": 1}', 10.0)
    values.hear("battery/513/Soc", b'{"value": 2}', 20.0)
    values.drop_older_than(15.0)
    assert list(values.of("battery", "Soc")) == [("513", 2.0)]


@pytest.mark.parametrize("value", ["text", [1], True, {"a": 1}, None])
def test_what_is_no_number_is_unknown(value: Any) -> None:
    assert reading({"system/0/Dc/Battery/Soc": value}).soc_pct is None
