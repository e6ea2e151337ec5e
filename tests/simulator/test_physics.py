"""The virtual site's physics: the same world however it is looked at, and no energy out of nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator.default_site import default_site
from simulator.fleet import fleet
from simulator.physics import PhysicalState, VirtualSite
from simulator.physics.household import household_w
from simulator.physics.relays import miner_draw_w
from simulator.physics.sky import solar_day
from simulator.scenarios import SCENARIOS, scenario_named
from tests.simulator.worlds import NOON, world

START = NOON - timedelta(days=1)


def states(site: VirtualSite, step: timedelta, count: int, start: datetime = START) -> list[PhysicalState]:
    return [site.state_at(start + n * step) for n in range(count)]


def test_the_same_seed_gives_the_same_world_whatever_the_polling_pattern() -> None:
    often, seldom = world(), world()
    moments = [START + timedelta(seconds=37 * n) for n in range(2_000)]
    polled = {moment: often.state_at(moment) for moment in moments}
    seldom.state_at(NOON)
    for moment in reversed(moments[::50]):
        assert seldom.state_at(moment) == polled[moment]


def test_another_seed_gives_another_world() -> None:
    one, other = world().state_at(NOON), world(seed=8).state_at(NOON)
    assert one.solar_w != other.solar_w
    assert one.base_load_w != other.base_load_w


def test_a_day_of_weather_does_not_depend_on_the_days_asked_before() -> None:
    alone, after_others = world().weather, world().weather
    day = solar_day(NOON.timestamp(), alone.longitude)
    for earlier in range(day - 5, day):
        after_others.day(earlier)
    assert np.array_equal(alone.day(day).cloud_cover, after_others.day(day).cloud_cover)
    assert np.array_equal(alone.day(day).temperature_c, after_others.day(day).temperature_c)


@pytest.mark.parametrize("seed", [1, 2])
def test_weather_has_no_step_at_midnight(seed: int) -> None:
    weather = world(seed=seed).weather
    day = solar_day(NOON.timestamp(), weather.longitude)
    for before in range(day, day + 10):
        today, tomorrow = weather.day(before), weather.day(before + 1)
        assert tomorrow.cloud_cover[0] == pytest.approx(today.cloud_cover[-1], abs=0.06)
        assert tomorrow.temperature_c[0] == pytest.approx(today.temperature_c[-1], abs=0.1)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
@pytest.mark.parametrize("wiring", ["solark", "both"])
def test_energy_balance_is_exact_and_soc_stays_within_limits(scenario: str, wiring: str) -> None:
    site = world(scenario=scenario, wiring=wiring, days=4)  # type: ignore[arg-type]  # parametrised literal
    for state in states(site, timedelta(minutes=7), 820, NOON - timedelta(days=4)):
        flows = state.solar_w + state.grid_import_w + state.generator_w - state.load_w - state.battery_charge_w
        assert abs(flows) < 1e-6
        at_solark = (
            state.solar_w_solark
            + state.grid_import_w
            + state.generator_w
            - state.load_w
            - state.solark_battery_charge_w
        )
        assert abs(at_solark) < 1e-6
        assert state.load_w == pytest.approx(state.base_load_w + sum(state.miner_w.values()))
        assert 0 <= state.soc_pct <= 100
        assert -9_000.001 <= state.battery_charge_w <= 9_000.001
        assert state.solar_w <= state.solar_available_w + 1e-6
        assert state.grid_present or state.grid_import_w == 0
        assert (wiring == "both") == (state.solar_w_victron > 0) or state.solar_w == 0


def test_the_battery_loses_energy_on_a_round_trip() -> None:
    site = world(days=6)
    first, last = site.state_at(NOON - timedelta(days=6)), site.state_at(NOON)
    totals = site.totals_at(NOON)
    stored_kwh = (last.soc_pct - first.soc_pct) / 100 * 30.0
    assert stored_kwh == pytest.approx(totals.charge_kwh * 0.97 - totals.discharge_kwh / 0.97, abs=0.05)


def test_counters_agree_with_the_powers_they_count() -> None:
    site = world()
    hour = states(site, timedelta(minutes=1), 60, NOON - timedelta(hours=1))
    before, after = site.totals_at(hour[0].at), site.totals_at(NOON)
    solar_kwh = sum(state.solar_w for state in hour) / 60_000
    assert after.solar_solark_kwh - before.solar_solark_kwh == pytest.approx(solar_kwh, rel=0.01)


def test_charging_tapers_near_full_and_surplus_is_exported() -> None:
    site = world(days=3)
    full = [s for s in states(site, timedelta(minutes=5), 860, NOON - timedelta(days=3)) if s.soc_pct > 97]
    assert full, "a sunny ranch fills its battery"
    assert max(s.battery_charge_w for s in full) < 9_000 * 3.2 / 8
    assert min(s.grid_import_w for s in full) < -1_000


def test_off_grid_surplus_is_curtailed_and_never_exported() -> None:
    site = world(scenario="offgrid", days=5)
    seen = states(site, timedelta(minutes=5), 1_430, NOON - timedelta(days=5))
    assert all(s.grid_import_w == 0 and not s.grid_present for s in seen)
    assert any(s.solar_available_w - s.solar_w > 500 for s in seen)


def test_generator_starts_when_an_off_grid_battery_runs_low_and_charges_it() -> None:
    dark = replace(SCENARIOS["offgrid"], cloudiness=1.0, cloud_variability=0.2, load_scale=2.0, automatic_miners=0)
    site = VirtualSite(default_site(), seed=3, start=START, wiring="solark", scenario=dark)
    running = [s for s in states(site, timedelta(minutes=5), 600) if s.generator_w > 0]
    assert running
    assert min(s.soc_pct for s in running) > 20
    assert all(s.inverter_state == "generator" for s in running)
    assert max(s.battery_charge_w for s in running) > 1_000


def test_the_grid_fails_at_the_scheduled_local_hours() -> None:
    site = world(scenario="outage", days=2)
    zone = ZoneInfo("America/Los_Angeles")
    for state in states(site, timedelta(minutes=10), 288, NOON - timedelta(days=2)):
        local = state.at.astimezone(zone)
        hour = local.hour + local.minute / 60
        assert state.grid_present is not (16.5 <= hour < 20.5 or 2 <= hour < 3)


def test_an_outage_by_hand_begins_and_ends_when_told() -> None:
    site = world()
    site.set_grid(False, NOON + timedelta(minutes=10), at=NOON)
    assert not site.state_at(NOON + timedelta(minutes=5)).grid_present
    assert site.state_at(NOON + timedelta(minutes=11)).grid_present


def test_overload_without_grid_sheds_the_miners_and_keeps_the_house() -> None:
    site = world(scenario="offgrid", days=0.7)  # before dawn
    night = NOON - timedelta(hours=10)
    for channel in range(3):
        site.set_relay("garage", channel, True, at=night)
    state = site.state_at(night + timedelta(minutes=10))
    assert sum(state.miner_w.values()) == 0
    assert state.inverter_state == "overload"
    assert state.load_w == state.base_load_w > 0


def test_a_relay_timer_flips_the_output_back() -> None:
    site = world()
    site.set_relay("garage", 1, True, NOON + timedelta(minutes=15), at=NOON)
    assert site.relay("garage", 1, NOON + timedelta(minutes=14)).on
    assert site.relay("garage", 1, NOON).timer_until_s == (NOON + timedelta(minutes=15)).timestamp()
    after = site.relay("garage", 1, NOON + timedelta(minutes=16))
    assert not after.on
    assert after.timer_until_s is None


def test_renewing_a_timer_restarts_it() -> None:
    site = world()
    site.set_relay("garage", 1, True, NOON + timedelta(minutes=15), at=NOON)
    later = NOON + timedelta(minutes=10)
    site.set_relay("garage", 1, True, later + timedelta(minutes=15), at=later)
    assert site.relay("garage", 1, NOON + timedelta(minutes=24)).on
    assert not site.relay("garage", 1, NOON + timedelta(minutes=26)).on


def test_a_miner_ramps_up_and_draws_its_power() -> None:
    assert miner_draw_w(3_250, 5) == pytest.approx(260)
    assert miner_draw_w(3_250, 100) < 3_250
    site = world()
    site.set_relay("garage", 1, True, at=NOON)
    assert site.state_at(NOON - timedelta(minutes=1)).miner_w["s19-1"] == 0
    assert site.state_at(NOON + timedelta(minutes=5)).miner_w["s19-1"] == pytest.approx(3_250, rel=0.01)


def test_the_main_miner_follows_the_surplus_until_somebody_switches_it() -> None:
    site = world(days=3)
    seen = states(site, timedelta(minutes=15), 280, NOON - timedelta(days=3))
    mining = [s for s in seen if s.miner_w["s21"] > 0]
    assert 30 < len(mining) < 250
    assert all(s.soc_pct > 48 for s in mining)
    assert site.relay("garage", 0, NOON).on
    site.set_relay("garage", 0, False, at=NOON)
    assert not site.relay("garage", 0, NOON + timedelta(hours=2)).on


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_household_habits_follow_the_local_clock_on_days_of_clock_change(day: str, hours: int) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = (begin + timedelta(days=1)).replace(tzinfo=zone)
    site = world(end=end.astimezone(UTC) + timedelta(hours=1), days=2)
    seen = [site.state_at(begin.astimezone(UTC) + timedelta(minutes=5 * n)) for n in range(hours * 12)]
    assert seen[-1].at.astimezone(zone).strftime("%H:%M") == "23:55"
    evening = [s.base_load_w for s in seen if s.at.astimezone(zone).hour == 19]
    night = [s.base_load_w for s in seen if s.at.astimezone(zone).hour == 4]
    assert sum(evening) / len(evening) > 2 * sum(night) / len(night)


def test_weekends_differ_from_weekdays() -> None:
    zone, mild = ZoneInfo("America/Los_Angeles"), np.full(1_440, 18.0)
    kwh = {True: [], False: []}  # type: dict[bool, list[float]]
    for day in range(20_600, 20_670):
        start_s = day * 86_400 + 8 * 3_600
        weekend = datetime.fromtimestamp(start_s + 43_200, UTC).weekday() >= 5
        watts = household_w(start_s, day, mild, zone=zone, seed=1, scenario=SCENARIOS["sunny"])
        kwh[weekend].append(float(watts.sum()) / 60_000)
    assert 12 < np.mean(kwh[False]) < np.mean(kwh[True]) < 28


@pytest.mark.parametrize(("month", "least", "most"), [(6, 65, 100), (12, 25, 55)])
def test_panels_give_a_plausible_summer_and_winter(month: int, least: float, most: float) -> None:
    end = datetime(2026, month, 25, 8, tzinfo=UTC)
    site = world(end=end, days=10)
    available = [s.solar_available_w for s in states(site, timedelta(minutes=10), 1_440, end - timedelta(days=10))]
    assert least < sum(available) / 6_000 / 10 < most  # kWh a day


def test_nothing_is_known_before_the_start() -> None:
    with pytest.raises(ValueError, match="starts at"):
        world().state_at(START - timedelta(minutes=2))


def test_an_unknown_scenario_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValueError, match=r"sunny.*offgrid"):
        scenario_named("rainy")


def test_the_sites_of_a_fleet_are_worlds_of_their_own() -> None:
    sites = fleet(3, seed=7, start=START)
    assert [site.site.id for site in sites] == ["ranch", "ranch-2", "ranch-3"]
    assert len({site.state_at(NOON).solar_w for site in sites}) == 3
    assert sites[0].state_at(NOON) == world().state_at(NOON)
    with pytest.raises(ValueError, match="at least one"):
        fleet(0, seed=7, start=START)


def test_days_that_were_forgotten_come_back_the_same() -> None:
    site = world(days=60)
    begin = NOON - timedelta(days=60)
    first = site.state_at(begin + timedelta(hours=3))
    site.state_at(NOON)
    assert site.state_at(begin + timedelta(hours=3)) == first
