"""What a reading accepts, and how figures are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.reading import Reading, is_balanced, sanitised
from energy.units import (
    UnitPreferences,
    format_clock,
    format_duration,
    format_energy,
    format_power,
    format_temperature,
    format_value,
    spoken_flow,
)

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def _reading(**values: Any) -> Reading:
    return Reading(**({"site_id": "s", "source": "x", "device_id": "d", "taken_at": NOW} | values))


@pytest.mark.parametrize("soc_pct", [250.0, -3.0, math.nan, math.inf])
def test_an_impossible_value_becomes_unknown_and_is_told(soc_pct: float) -> None:
    cleaned, rejections = sanitised(_reading(soc_pct=soc_pct, load_w=500.0), now=NOW)
    assert cleaned is not None
    assert cleaned.soc_pct is None
    assert cleaned.load_w == 500.0
    assert [r.field for r in rejections] == ["soc_pct"]


def test_a_reading_from_the_future_is_quarantined_whole() -> None:
    cleaned, rejections = sanitised(_reading(taken_at=NOW + timedelta(minutes=10)), now=NOW)
    assert cleaned is None
    assert "600 s in the future" in rejections[0].reason


def test_a_clock_that_is_20_seconds_ahead_is_accepted() -> None:
    reading = _reading(taken_at=NOW + timedelta(seconds=20), soc_pct=0.0)
    assert sanitised(reading, now=NOW) == (reading, ())


def test_a_reading_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        _reading(taken_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_base_load_is_unknown_when_the_miners_are() -> None:
    assert _reading(load_w=5000.0, miner_w=3800.0).base_load_w == 1200.0
    assert _reading(load_w=5000.0).base_load_w is None


def test_the_balance_tells_a_swapped_sign() -> None:
    flows = {"solar_w": 5000.0, "load_w": 1500.0, "battery_charge_w": 3500.0, "grid_import_w": 0.0}
    assert is_balanced(_reading(**flows)) is True
    assert is_balanced(_reading(**(flows | {"battery_charge_w": -3500.0}))) is False
    assert is_balanced(_reading(solar_w=5000.0)) is None


def test_powers_follow_the_preference() -> None:
    assert format_power(850) == "850 W"
    assert format_power(3250) == "3.25 kW"
    assert format_power(-1200) == "−1.20 kW"
    assert format_power(3250, UnitPreferences(power="W")) == "3,250 W"
    assert format_power(850, UnitPreferences(power="kW")) == "0.85 kW"
    assert format_temperature(21.5, UnitPreferences(temperature="F")) == "70.7 °F"
    assert format_energy(12.345) == "12.3 kWh"


def test_signs_are_spoken() -> None:
    assert spoken_flow("battery_charge_w", -1200) == "discharging at 1.20 kW"
    assert spoken_flow("battery_charge_w", 800) == "charging at 800 W"
    assert spoken_flow("grid_import_w", -300) == "exporting 300 W"
    assert spoken_flow("grid_import_w", 0) == "no grid flow"


def test_unknown_is_said() -> None:
    assert format_value("soc_pct", None) == "unknown"
    assert format_value("soc_pct", 0.0) == "0 %"
    assert format_value("grid_present", False) == "no"


def test_times_are_told_as_people_say_them() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    assert format_clock(NOW, zone, now=NOW) == "12:00"
    assert format_clock(NOW - timedelta(days=1), zone, now=NOW) == "yesterday 12:00"
    assert format_clock(NOW - timedelta(days=3), zone, now=NOW) == "Sat 12:00"
    assert format_clock(NOW - timedelta(days=30), zone, now=NOW) == "2026-10-25 13:00"
    assert format_duration(timedelta(minutes=200)) == "3 h 20 min"
