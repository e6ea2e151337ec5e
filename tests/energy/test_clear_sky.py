"""The sun that was to be expected, worked out without a heavy library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from energy.clear_sky import clear_sky_w, forecast_solar_w
from energy.site import Array, Site
from energy.sun import sun_position, sunrise_sunset
from energy.weather import IssuedForecast, WeatherHour

SOUTH = Array(name="south", kwp=10, tilt_deg=25, azimuth_deg=180)
RANCH = Site(id="ranch", timezone="America/Los_Angeles", latitude=37.3, longitude=-121.9, array=(SOUTH,))
NOON = datetime(2026, 6, 21, 20, 10, tzinfo=UTC)


def issued(start: datetime, **values: object) -> IssuedForecast:
    hours = tuple(WeatherHour(start=start + timedelta(hours=h), **values) for h in range(24))  # type: ignore[arg-type]
    return IssuedForecast(issued_at=start, source="test", hours=hours)


def test_the_sun_stands_highest_in_the_south_at_noon_and_on_the_horizon_when_it_rises():
    elevation, azimuth = sun_position(NOON, 37.3, -121.9)
    assert elevation == pytest.approx(90 - 37.3 + 23.44, abs=0.1)
    assert azimuth == pytest.approx(180, abs=4)
    rise, fall = sunrise_sunset(date(2026, 3, 21), 37.3, -121.9) or (NOON, NOON)
    for moment, where in ((rise, 90), (fall, 270)):
        elevation, azimuth = sun_position(moment, 37.3, -121.9)
        assert elevation == pytest.approx(-0.833, abs=0.05)
        assert azimuth == pytest.approx(where, abs=2)


def test_in_the_south_of_the_world_the_noon_sun_is_in_the_north():
    _, azimuth = sun_position(datetime(2026, 12, 21, 1, 55, tzinfo=UTC), -33.9, 151.2)
    assert min(azimuth, 360 - azimuth) < 5


@pytest.mark.parametrize(
    ("day", "share"),  # of 10 kWp, from pvlib's Ineichen model and isotropic sky, times 0.85
    [("2026-06-21", 0.83), ("2026-03-21", 0.83), ("2026-12-21", 0.61)],
)
def test_a_clear_noon_is_within_a_tenth_of_what_a_thorough_model_says(day, share):
    moment = datetime.fromisoformat(f"{day}T20:25+00:00")
    assert clear_sky_w(RANCH, moment) == pytest.approx(share * 10_000, rel=0.1)


def test_the_expected_power_is_zero_at_night_and_unknown_without_a_place_or_panels():
    night = datetime(2026, 6, 21, 8, tzinfo=UTC)
    assert clear_sky_w(RANCH, night) == 0.0
    assert clear_sky_w(RANCH.model_copy(update={"array": ()}), night) == 0.0
    assert clear_sky_w(RANCH.model_copy(update={"array": ()}), NOON) is None
    assert clear_sky_w(RANCH.model_copy(update={"latitude": None}), NOON) is None


def test_it_is_the_mean_of_the_half_hour_before():
    set_at = (sunrise_sunset(date(2026, 6, 21), 37.3, -121.9) or (NOON, NOON))[1]
    assert (clear_sky_w(RANCH, set_at + timedelta(minutes=20)) or 0.0) > 0.0
    assert clear_sky_w(RANCH, set_at + timedelta(minutes=40)) == 0.0


def test_the_forecast_s_irradiance_in_the_plane_of_the_array_decides():
    start = NOON.replace(minute=0) - timedelta(hours=12)
    clear = clear_sky_w(RANCH, NOON) or 0.0
    dull = forecast_solar_w(RANCH, issued(start, tilted_w_m2={"south": 300.0}), NOON)
    assert dull == pytest.approx(0.3 * 10_000 * 0.85, rel=0.06)
    level = forecast_solar_w(RANCH, issued(start, ghi_w_m2=300.0, dni_w_m2=0.0, dhi_w_m2=300.0), NOON)
    assert level == pytest.approx(dull, rel=0.06)
    assert (forecast_solar_w(RANCH, issued(start, tilted_w_m2={"south": 5_000.0}), NOON) or 0.0) < 1.31 * clear


def test_inside_an_hour_the_forecast_follows_the_sun():
    rise = (sunrise_sunset(date(2026, 6, 21), 37.3, -121.9) or (NOON, NOON))[0]
    start = rise.replace(minute=0, second=0) - timedelta(hours=2)
    forecast = issued(start, tilted_w_m2={"south": 40.0})
    assert forecast_solar_w(RANCH, forecast, rise - timedelta(minutes=10)) == 0.0
    later = [forecast_solar_w(RANCH, forecast, rise + timedelta(minutes=m)) or 0.0 for m in (40, 60)]
    assert 0 < later[0] < later[1]


def test_what_the_forecast_does_not_say_is_unknown():
    start = NOON.replace(minute=0) - timedelta(hours=12)
    assert forecast_solar_w(RANCH, None, NOON) is None
    assert forecast_solar_w(RANCH, issued(start), NOON) is None
    assert forecast_solar_w(RANCH, issued(start - timedelta(days=3), ghi_w_m2=1.0), NOON) is None
