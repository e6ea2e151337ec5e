"""Solar forecasts where there is little to go by: a new site, the polar night, a high winter, a silent plant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from energy.forecast.hours import DAY_S, HOUR_S, Hours, hour_range
from energy.forecast.member_log import MemberLog
from energy.forecast.sky import Panel, prior_w, sky_over
from energy.forecast.solar import forecast, forecast_on, rehearse, train
from energy.forecast.solar_site import SolarPast, SolarSite, grid_for
from tests.energy.forecast.home import HOME, invented


def _north(latitude: float, end: datetime, days: int) -> tuple[SolarSite, SolarPast, int]:
    """A described plant at that latitude with so many days of history, under a sky that changes; and its end."""
    panel = Panel(5.0, 45.0, 180.0)
    end_s = int(end.timestamp())
    starts_s = hour_range(end_s - days * DAY_S, 24 * (days + 8))
    sky = sky_over(starts_s, latitude, 25.0)
    clearness = 0.5 + 0.4 * np.sin(np.arange(starts_s.size) // 24 * 2.1) ** 2
    watts = prior_w(sky, (panel,), clearness)
    past = SolarPast(Hours(starts_s, watts).before(end_s), Hours(starts_s, np.where(sky.day, clearness, np.nan)))
    return SolarSite(latitude, 25.0, (panel,)), past, end_s


@pytest.mark.parametrize("hours", [72, 96, 120, 168])
def test_the_first_days_of_a_new_site_are_the_same_however_far_it_looks_ahead(hours: int) -> None:
    issued_s = 1_700_035_200
    sky = invented(8).clearness
    two_days = forecast(HOME, SolarPast(clearness=sky), issued_s)
    said = forecast(HOME, SolarPast(clearness=sky), issued_s, hours=hours)
    assert said.band.p50.size == hours
    assert np.allclose(said.band.p50[:46], two_days.band.p50[:46])
    by_day = said.band.p50.reshape(-1, 24).sum(axis=1)
    assert by_day.min() > 4_000


def test_a_site_whose_solar_was_never_known_is_forecast_for_a_whole_week() -> None:
    past = invented(40)
    issued_s = int(past.power.starts_s[-1]) + HOUR_S
    unknown = replace(past, power=Hours(past.power.starts_s, np.full(past.power.values.shape, np.nan)))
    held = replace(past, curtailed_s=past.power.starts_s)
    for each in (unknown, held):
        assert forecast(HOME, each, issued_s, hours=168).band.p50.reshape(-1, 24).sum(axis=1).min() > 4_000


def test_hours_that_the_grid_does_not_hold_are_refused_and_not_dark() -> None:
    past = invented(10)
    end_s = int(past.power.starts_s[-1]) + HOUR_S
    grid = grid_for(HOME, past, end_s)
    for issued_s in (end_s, int(grid.starts_s[0]) - DAY_S):
        with pytest.raises(ValueError, match="does not hold the 48 hours"):
            forecast_on(grid, issued_s, None, MemberLog())


def test_the_polar_night_is_trained_rehearsed_and_forecast_dark() -> None:
    site, past, end_s = _north(69.65, datetime(2026, 12, 5, tzinfo=UTC), 80)
    model = train(site, past, end_s)
    assert model.boosted is not None
    for days in (0, 5):
        said = forecast(site, past, end_s + days * DAY_S, model)
        assert np.array_equal(said.band.p90, np.zeros(48))
    assert rehearse(site, past, end_s, days=2).issued_s.size == 0


def test_the_midnight_sun_is_forecast_around_the_clock() -> None:
    site, past, end_s = _north(69.65, datetime(2026, 6, 20, tzinfo=UTC), 30)
    said = forecast(site, past, end_s, train(site, past, end_s))
    assert np.isfinite(said.band.p50).all()
    assert said.band.p50.min() > 0


def test_a_high_winter_without_summer_is_learned_from_too() -> None:
    site, past, end_s = _north(63.0, datetime(2026, 12, 24, tzinfo=UTC), 30)
    said = forecast(site, past, end_s)
    assert "linear" in said.members
    assert not any("no solar power" in note for note in said.notes)


def test_a_trained_site_goes_on_with_what_it_learned_when_its_meter_is_silent() -> None:
    past = invented(75)
    end_s = int(past.power.starts_s[-1]) + HOUR_S
    silent_s = end_s - 30 * DAY_S
    model = train(HOME, replace(past, power=past.power.before(silent_s)), silent_s)
    nothing = replace(past, power=past.power.before(silent_s).since(end_s))
    for power in (nothing.power, past.power.before(silent_s)):
        said = forecast(HOME, replace(past, power=power), end_s, model)
        assert "boosted" in said.members
        assert not any("no solar power is known" in note for note in said.notes)
        assert "no solar power was measured in the last" in said.notes[0]
    assert "30 days: see in /health" in said.notes[0]


@pytest.mark.parametrize(("dark_days", "of_days"), [(30, 60), (60, 60), (5, 60), (6, 6)])
def test_a_plant_that_gives_nothing_day_after_day_is_said(dark_days: int, of_days: int) -> None:
    past = invented(of_days)
    issued_s = int(past.power.starts_s[-1]) + HOUR_S
    off = past.power.starts_s >= issued_s - dark_days * DAY_S
    dark = replace(past, power=Hours(past.power.starts_s, np.where(off, 0.0, past.power.values)))
    notes = forecast(HOME, dark, issued_s).notes
    assert any(f"no solar power for {dark_days} days" in note for note in notes)
    assert not any("no solar power for" in note for note in forecast(HOME, past, issued_s).notes)


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("clearness", [0.1, 0.6, 1.0])
def test_the_band_of_a_new_site_ends_near_a_clear_sky(described: bool, clearness: float) -> None:
    site = replace(HOME, panels=(Panel(4.0, 20.0, 180.0),)) if described else HOME
    issued_s = 1_700_035_200
    sky = invented(8).clearness
    said = forecast(site, SolarPast(clearness=Hours(sky.starts_s, np.full(sky.values.shape, clearness))), issued_s)
    there = sky_over(said.band.starts_s, HOME.latitude, HOME.longitude)
    ways = (
        [(20.0, 180.0)] if described else [(tilt, way) for tilt in (0.0, 20.0, 28.0, 40.0) for way in range(0, 360, 20)]
    )
    clear_w = np.max([prior_w(there, (Panel(4.0, *way),), np.ones(48)) for way in ways], axis=0)
    assert np.all(said.band.p90 <= np.maximum(1.1 * clear_w, said.band.p50) + 1.0)
    assert said.band.p90.max() > 1.2 * said.band.p50.max() or clearness == 1.0


def test_a_rating_far_below_what_the_panels_give_is_said_with_what_to_mend() -> None:
    past = invented(20)
    said = forecast(replace(HOME, panels=(Panel(1.0),)), past, int(past.power.starts_s[-1]) + HOUR_S)
    assert any("by [[array]] have 1.0 kW in all: correct kwp" in note for note in said.notes)
    assert any("the panels gave up to 2." in note or "the panels gave up to 3." in note for note in said.notes)
