"""Alerts about power: the exact levels at which each sets and clears, and what unknown does."""

from __future__ import annotations

from typing import Any

import pytest

from energy.alerts.situation import RelayNow
from energy.site import Array, Grid
from tests.energy.alerts.scene import active, relay, rows, scene, signals, site

OFF_GRID: dict[str, Any] = {"grid": Grid(present=False)}


def firing(rule: str, yes: bool) -> set[tuple[str, str]]:
    return {(rule, "")} if yes else set()


@pytest.mark.parametrize(
    ("charge_w", "miner_w", "fires", "expected"),
    [
        (-5_000.0, 0.0, False, False),
        (-5_001.0, 0.0, False, True),
        (-8_900.0, 3_900.0, False, False),
        (-8_901.0, 3_900.0, False, True),
        (-4_001.0, 0.0, True, True),
        (-4_000.0, 0.0, True, False),
        (6_000.0, 0.0, False, False),
        (None, 0.0, True, None),
    ],
)
def test_rapid_discharge_is_what_our_miners_do_not_explain(
    charge_w: float | None, miner_w: float, fires: bool, expected: bool | None
) -> None:
    s = scene(battery_charge_w=charge_w, miner_w=miner_w, firing=firing("rapid_discharge", fires))
    assert active(s, "rapid_discharge") is expected


@pytest.mark.parametrize(("charge_w", "expected"), [(-4_999.0, False), (-7_000.0, None), (-8_879.0, True)])
def test_a_miner_without_a_meter_may_draw_anything_up_to_its_rating(charge_w: float, expected: bool | None) -> None:
    relays = {"s21": relay(True, power_w=None), "s19": relay()}
    s = scene(battery_charge_w=charge_w, miner_w=None, relays=relays)
    assert active(s, "rapid_discharge") is expected


def test_rapid_discharge_names_what_runs() -> None:
    relays = {"s21": relay(True, power_w=3_878.0), "s19": relay()}
    s = scene(battery_charge_w=-10_000.0, load_w=14_000.0, miner_w=3_878.0, relays=relays)
    (found,) = signals(s, "rapid_discharge").values()
    assert found.what.endswith("of which our miners do not explain {value}: s21 3.88 kW, other loads 10.1 kW.")
    assert "The minimum of 30 % is 1.2 h away." in found.why


@pytest.mark.parametrize(
    ("load_w", "usual_w", "fires", "expected"),
    [
        (2_900.0, 1_400.0, False, False),  # twice 1.4 kW is less than 1.5 kW more
        (2_901.0, 1_400.0, False, True),
        (6_000.0, 3_000.0, False, False),
        (6_001.0, 3_000.0, False, True),
        (4_201.0, 3_000.0, True, True),
        (4_200.0, 3_000.0, True, False),
        (2_101.0, 1_400.0, True, True),
        (2_100.0, 1_400.0, True, False),
        (9_000.0, None, True, None),
        (None, 1_400.0, True, None),
    ],
)
def test_the_base_load_is_held_against_the_usual_of_this_hour(
    load_w: float | None, usual_w: float | None, fires: bool, expected: bool | None
) -> None:
    s = scene(load_w=load_w, more={"usual_base_load_w": usual_w}, firing=firing("unexpected_load", fires))
    assert active(s, "unexpected_load") is expected


def test_our_own_miners_are_no_unexpected_load() -> None:
    assert active(scene(load_w=6_000.0, miner_w=4_000.0), "unexpected_load") is False
    assert active(scene(load_w=6_000.0, miner_w=3_000.0), "unexpected_load") is True


@pytest.mark.parametrize(
    ("solar_w", "fires", "expected"),
    [(2_500.0, False, False), (2_499.0, False, True), (3_249.0, True, True), (3_250.0, True, False)],
)
def test_solar_is_held_against_half_of_what_the_weather_promises(solar_w: float, fires: bool, expected: bool) -> None:
    s = scene(solar_w=solar_w, more={"forecast_solar_w": 5_000.0}, firing=firing("solar_low", fires))
    assert active(s, "solar_low") is expected


@pytest.mark.parametrize(
    ("solar_w", "fires", "expected"),
    [(480.0, False, False), (479.0, False, True), (1_199.0, True, True), (1_200.0, True, False)],
)
def test_without_a_forecast_only_less_than_thick_cloud_leaves_is_too_little(
    solar_w: float, fires: bool, expected: bool
) -> None:
    assert active(scene(solar_w=solar_w, firing=firing("solar_low", fires)), "solar_low") is expected


def test_solar_is_judged_by_its_last_half_hour() -> None:
    cloud = {"forecast_solar_w": 5_000.0, "history": {"solar_w": rows([4_500.0] * 29 + [300.0])}}
    assert active(scene(solar_w=300.0, more=cloud), "solar_low") is False
    dead = {"forecast_solar_w": 5_000.0, "history": {"solar_w": rows([300.0] * 29 + [4_500.0])}}
    assert active(scene(solar_w=4_500.0, more=dead), "solar_low") is True


@pytest.mark.parametrize(("fires", "expected"), [(False, False), (True, None)])
def test_a_low_sun_neither_fires_nor_mends_a_dead_array(fires: bool, expected: bool | None) -> None:
    low = {"forecast_solar_w": 999.0}
    assert active(scene(solar_w=0.0, more=low, firing=firing("solar_low", fires)), "solar_low") is expected


@pytest.mark.parametrize(("fires", "expected"), [(False, False), (True, None)])
def test_a_full_battery_that_throttles_the_panels_is_no_dead_array(fires: bool, expected: bool | None) -> None:
    full: dict[str, Any] = {"at": site(**OFF_GRID, array=(Array(name="s", kwp=10),)), "soc_pct": 97.0, "solar_w": 300.0}
    assert active(scene(**full, firing=firing("solar_low", fires)), "solar_low") is expected
    assert active(scene(**(full | {"soc_pct": 96.9})), "solar_low") is True
    assert active(scene(**(full | {"soc_pct": None})), "solar_low") is None


def test_without_an_expectation_or_a_figure_solar_says_nothing() -> None:
    assert active(scene(more={"clear_sky_w": None}), "solar_low") is None
    assert active(scene(solar_w=None, firing={("solar_low", "")}), "solar_low") is None


@pytest.mark.parametrize(("present", "expected"), [(False, True), (True, False), (None, None)])
def test_an_outage_is_told_by_grid_present_alone(present: bool | None, expected: bool | None) -> None:
    assert active(scene(grid_present=present, grid_import_w=0.0), "grid_outage") is expected


def test_a_site_without_a_grid_has_no_outages() -> None:
    assert signals(scene(at=site(**OFF_GRID), grid_present=False), "grid_outage") == {}


def test_old_news_of_the_grid_is_no_news() -> None:
    assert active(scene(grid_present=True, age_s=80, firing={("grid_outage", "")}), "grid_outage") is None


@pytest.mark.parametrize(
    ("generator_w", "fires", "expected"),
    [(200.0, False, False), (201.0, False, True), (51.0, True, True), (50.0, True, False), (None, True, None)],
)
def test_the_generator_runs_above_200_w_and_stands_at_50_w(
    generator_w: float | None, fires: bool, expected: bool | None
) -> None:
    s = scene(generator_w=generator_w, firing=firing("generator_long", fires))
    assert active(s, "generator_long") is expected


def test_a_pending_generator_is_not_restarted_by_a_moment_of_little_power() -> None:
    s = scene(generator_w=150.0, more={"pending": frozenset({("generator_long", "")})})
    assert active(s, "generator_long") is True


@pytest.mark.parametrize(
    ("charge_w", "grid_w", "soc_pct", "fires", "expected"),
    [
        (3_000.0, 0.0, 85.0, False, False),
        (3_001.0, 0.0, 80.0, False, True),
        (0.0, -3_001.0, 99.0, False, True),
        (3_001.0, 0.0, 79.9, False, False),
        (2_001.0, 0.0, 75.0, True, True),
        (2_000.0, 0.0, 85.0, True, False),
        (5_000.0, 0.0, 74.9, True, False),
        (5_000.0, 3_000.0, 90.0, False, False),  # charged from the grid
        (None, 0.0, 90.0, True, None),
        (5_000.0, None, 90.0, True, None),
        (5_000.0, 0.0, None, True, None),
    ],
)
def test_surplus_is_what_is_charged_or_exported_above_the_safe_maximum(
    charge_w: float | None, grid_w: float | None, soc_pct: float | None, fires: bool, expected: bool | None
) -> None:
    s = scene(battery_charge_w=charge_w, grid_import_w=grid_w, soc_pct=soc_pct, firing=firing("surplus", fires))
    assert active(s, "surplus") is expected


@pytest.mark.parametrize(
    ("forecast_w", "soc_pct", "expected"),
    [(6_876.0, 97.0, True), (6_875.0, 97.0, False), (6_876.0, 96.0, False), (None, 97.0, False)],
)
def test_what_a_full_battery_keeps_the_panels_from_giving_is_surplus_too(
    forecast_w: float | None, soc_pct: float, expected: bool
) -> None:
    s = scene(
        at=site(**OFF_GRID),
        soc_pct=soc_pct,
        solar_w=2_500.0,
        battery_charge_w=0.0,
        more={"forecast_solar_w": forecast_w},
    )
    assert active(s, "surplus") is expected  # 0.8 of the forecast, less the 2.5 kW that come


@pytest.mark.parametrize(
    ("on", "spare_w", "do"),
    [(False, 4_000.0, "Start s21 (3.88 kW)"), (True, 4_000.0, "Start s19 (3.25 kW)"), (True, 3_100.0, "Run what can")],
)
def test_surplus_names_the_first_miner_that_is_off_and_fits(on: bool, spare_w: float, do: str) -> None:
    relays: dict[str, RelayNow] = {"s21": relay(on), "s19": relay()}
    (found,) = signals(scene(battery_charge_w=spare_w, soc_pct=90.0, relays=relays), "surplus").values()
    assert found.do.startswith(do)
    assert found.action == ("start_miners" if "Start" in do else None)
