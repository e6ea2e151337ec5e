"""What is drawn of each alert: its own figure, its thresholds, the flows where it has none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from charts.specs import AlertChart
from energy.units import UnitPreferences
from tests.charts.alerts import FIRED, SITE, chart_of, episode, rows

HOUR = timedelta(hours=1)


def flows(minute: int) -> dict[str, float]:
    gone = minute >= -10
    return {
        "solar_w": 1_800.0,
        "load_w": 2_600.0,
        "battery_charge_w": -800.0 if gone else 0.0,
        "grid_import_w": 0.0 if gone else 800.0,
    }


async def drawn(found: AlertChart | None) -> AlertChart:
    assert found is not None
    return found


async def test_a_low_battery_shows_both_floors_and_the_moment(tmp_path: Path) -> None:
    low = episode("battery_low", value=39.4, threshold=40.0, unit="%", lower_is_worse=True, chart="soc_pct")
    chart = await drawn(await chart_of(tmp_path, low, rows("cerbo", lambda m: {"soc_pct": 39.5 - m / 10})))
    assert chart.title == "Battery at 39.4 %, under 40 %"
    assert (chart.start, chart.end) == (FIRED - 2 * HOUR, FIRED + timedelta(minutes=1))
    assert [(each.label, each.value, each.severity) for each in chart.thresholds] == [
        ("safe min", 40.0, "warning"),
        ("minimum", 30.0, "critical"),
    ]
    assert [line.field for line in chart.lines] == ["soc_pct"]
    assert chart.lines[0].latest is not None
    assert chart.lines[0].latest.value == 39.5
    assert "39.5 % when it fired" in chart.alt
    assert "fired at 12:00" in chart.alt
    assert "minimum 30 %" in chart.alt
    assert chart.source == "Victron"


async def test_an_alert_in_volts_has_its_floors_in_volts(tmp_path: Path) -> None:
    low = episode(
        "battery_critical", value=50.4, threshold=50.67, unit="V", lower_is_worse=True, chart="battery_voltage_v"
    )
    chart = await drawn(await chart_of(tmp_path, low, rows("cerbo", lambda m: {"battery_voltage_v": 50.4 - m / 100})))
    assert chart.severity == "critical"
    assert [round(each.value, 2) for each in chart.thresholds] == [51.33, 50.67]
    assert chart.title == "Battery at 50.40 V, under 50.67 V"


async def test_a_discharge_is_drawn_without_what_our_miners_draw(tmp_path: Path) -> None:
    fast = episode("rapid_discharge", value=6_000.0, threshold=5_000.0, unit="W", chart="battery_charge_w")
    readings = rows("cerbo", lambda m: {"battery_charge_w": -9_500.0 if m >= -5 else -4_500.0})
    readings += rows("garage", lambda m: {"miner_w": 3_500.0})
    chart = await drawn(await chart_of(tmp_path, fast, readings))
    assert chart.title == "Discharge 6.00 kW, over 5.00 kW"
    assert chart.lines[0].label == "Battery without miners"
    assert {point.value for point in chart.lines[0].points} == {-1_000.0, -6_000.0}
    assert [each.value for each in chart.thresholds] == [-5_000.0]
    assert "discharging 6.00 kW when it fired" in chart.alt


async def test_without_running_miners_the_discharge_is_the_batterys_own(tmp_path: Path) -> None:
    fast = episode("rapid_discharge", value=6_000.0, threshold=5_000.0, unit="W", chart="battery_charge_w")
    readings = rows("cerbo", lambda m: {"battery_charge_w": -6_000.0}) + rows("garage", lambda m: {"miner_w": 0.0})
    chart = await drawn(await chart_of(tmp_path, fast, readings))
    assert chart.lines[0].label == "Battery charge"


async def test_an_outage_shows_all_flows_with_its_span(tmp_path: Path) -> None:
    gone = episode("grid_outage", lasted_min=10, over_after_min=40, chart="grid_import_w")
    chart = await drawn(
        await chart_of(tmp_path, gone, rows("solark", flows, minutes=(-180, 180)), now=FIRED + 3 * HOUR)
    )
    assert [line.field for line in chart.lines] == ["solar_w", "load_w", "battery_charge_w", "grid_import_w"]
    assert chart.title == "Grid gone since 11:50"
    assert (chart.began_at, chart.over_at) == (FIRED - timedelta(minutes=10), FIRED + timedelta(minutes=40))
    assert chart.end == FIRED + timedelta(minutes=70)
    assert chart.thresholds == ()
    assert "lasted from 11:50 to 12:40" in chart.alt


async def test_a_silent_device_shows_what_it_told_last_though_another_goes_on(tmp_path: Path) -> None:
    silent = episode("device_silent", subject="cerbo", lasted_min=3, value=80.0, threshold=75.0, unit="s")
    readings = rows("cerbo", lambda m: {"soc_pct": 60.0 + m / 60}, minutes=(-180, -30))
    readings += rows("solark", lambda m: {"soc_pct": 61.0, **flows(m)}, minutes=(-180, 0))
    chart = await drawn(await chart_of(tmp_path, silent, readings))
    assert [line.field for line in chart.lines] == ["soc_pct"]
    assert chart.lines[0].latest is not None
    assert chart.lines[0].latest.at_s == (FIRED - timedelta(minutes=30)).timestamp()
    assert chart.title == "Victron silent since 11:30"
    assert "No data from 11:30 to 12:00" in chart.alt
    assert "last known at 11:30" in chart.alt


async def test_a_stuck_sensor_shows_the_flat_figure_of_that_device(tmp_path: Path) -> None:
    stuck = episode("stuck_sensor", subject="cerbo/battery_voltage_v", lasted_min=120, chart="battery_voltage_v")
    readings = rows("cerbo", lambda m: {"battery_voltage_v": 52.1})
    readings += rows("solark", lambda m: {"battery_voltage_v": 52.0 + m / 100})
    chart = await drawn(await chart_of(tmp_path, stuck, readings))
    assert {point.value for point in chart.lines[0].points} == {52.1}
    assert chart.title == "Battery voltage stands still at 52.1 V"
    assert chart.start <= FIRED - 2.25 * HOUR


async def test_a_miner_shows_the_power_through_its_relay(tmp_path: Path) -> None:
    draws = episode(
        "miner_draws_off", subject="s21", value=900.0, threshold=100.0, unit="W", chart="miner_w", lasted_min=2
    )
    chart = await drawn(await chart_of(tmp_path, draws, rows("garage", lambda m: {"miner_w": 900.0})))
    assert (chart.title, chart.lines[0].label) == ("s21 is off and draws 900 W", "s21")
    assert [(each.value, each.label) for each in chart.thresholds] == [(100.0, "at most")]


async def test_a_relay_turned_by_hand_has_a_span_and_no_threshold(tmp_path: Path) -> None:
    hand = episode("relay_by_hand", subject="s21", chart="miner_w", lasted_min=0)
    chart = await drawn(await chart_of(tmp_path, hand, rows("garage", lambda m: {"miner_w": 3_400.0})))
    assert chart.title == "s21: turned by hand since 12:00"
    assert chart.thresholds == ()


async def test_ones_own_alert_of_a_turned_flow_has_its_threshold_on_that_side(tmp_path: Path) -> None:
    own = episode(
        "custom:minus-grid_import_w:over:1000",
        value=1_500.0,
        threshold=1_000.0,
        unit="W",
        chart="grid_import_w",
        what="Grid export is {value}, over {threshold}.",
    )
    chart = await drawn(await chart_of(tmp_path, own, rows("solark", lambda m: {"grid_import_w": -1_500.0})))
    assert [each.value for each in chart.thresholds] == [-1_000.0]
    assert chart.title == "Grid export is 1.50 kW, over 1.00 kW"


async def test_units_and_times_are_the_readers(tmp_path: Path) -> None:
    hot = episode("battery_hot", value=51.0, threshold=50.0, unit="°C", chart="battery_temperature_c")
    chart = await drawn(
        await chart_of(
            tmp_path,
            hot,
            rows("cerbo", lambda m: {"battery_temperature_c": 51.0}),
            units=UnitPreferences(temperature="F"),
            own_zone=ZoneInfo("Europe/Berlin"),
        )
    )
    assert chart.title == "Battery at 123.8 °F, over 122.0 °F"
    assert "fired at 21:00" in chart.alt
    assert "123.8 °F when it fired" in chart.alt


@pytest.mark.parametrize("rule_id", ["host_clock", "host_disk", "maintenance_due", "credentials_refused"])
async def test_what_has_no_figure_of_the_site_has_no_chart(tmp_path: Path, rule_id: str) -> None:
    assert await chart_of(tmp_path, episode(rule_id), rows("solark", flows)) is None


async def test_nothing_known_of_that_time_gives_no_chart(tmp_path: Path) -> None:
    low = episode("battery_low", value=39.4, threshold=40.0, unit="%", chart="soc_pct")
    assert await chart_of(tmp_path, low, []) is None


async def test_an_unknown_level_falls_back_to_the_flows(tmp_path: Path) -> None:
    unknown = episode("battery_unknown", chart="soc_pct")
    chart = await drawn(await chart_of(tmp_path, unknown, rows("solark", flows)))
    assert len(chart.lines) == 4
    assert chart.title == "Battery level unknown since 11:55"


async def test_the_chart_of_a_fault_names_the_figure_that_it_shows(tmp_path: Path) -> None:
    fault = episode("inverter_fault", subject="F23", chart="battery_voltage_v")
    chart = await drawn(await chart_of(tmp_path, fault, rows("solark", lambda _: {"battery_voltage_v": 52.0})))
    assert chart.title == "Fault since 11:55: battery voltage"


async def test_an_off_grid_site_has_no_grid_line(tmp_path: Path) -> None:
    site = SITE.model_copy(update={"grid": SITE.grid.model_copy(update={"present": False})})
    chart = await drawn(await chart_of(tmp_path, episode("surplus", chart="solar_w"), rows("solark", flows), site=site))
    assert "grid_import_w" not in [line.field for line in chart.lines]
