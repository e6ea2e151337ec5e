"""The weather to reckon with when the service is silent: the last good forecast, then what is typical, as it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from energy.climatology import SOURCE, climatology, cloud_cover_pct, temperature_c, typical_hour
from energy.outlook import outlook
from energy.site import Array, Site
from energy.weather import IssuedForecast, IssuedPower, WeatherHour, WeatherNow

ARRAYS = (
    Array(name="east", kwp=5, tilt_deg=40, azimuth_deg=90),
    Array(name="west", kwp=5, tilt_deg=40, azimuth_deg=270),
)
RANCH = Site(id="ranch", timezone="America/Los_Angeles", latitude=34.1, longitude=-117.4, array=ARRAYS)
NOW = datetime(2026, 6, 3, 14, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST = NOW.replace(minute=0)


def issued(at: datetime, hours: int = 96, *, missing: tuple[int, ...] = ()) -> IssuedForecast:
    start = at.replace(minute=0)
    return IssuedForecast(
        at,
        "open_meteo",
        tuple(WeatherHour(start + n * HOUR, ghi_w_m2=None if n in missing else 123.0) for n in range(hours)),
        "CC BY 4.0",
    )


def test_a_fresh_forecast_is_taken_as_it_is_and_nothing_is_said():
    found = outlook(RANCH, issued(NOW - HOUR), now=NOW)
    assert (found.says, found.typical_from, found.holes) == ("", None, 0)
    assert (found.source, found.issued_at, found.attribution) == ("open_meteo", NOW - HOUR, "CC BY 4.0")
    assert [hour.start for hour in found.hours] == [FIRST + n * HOUR for n in range(48)]
    assert {hour.ghi_w_m2 for hour in found.hours} == {123.0}


def test_the_last_good_forecast_is_used_as_far_as_it_reaches_with_its_age_said():
    found = outlook(RANCH, issued(NOW - 48 * HOUR, hours=72), now=NOW)
    assert "is 2 days old" in found.says
    assert found.typical_from == FIRST + 24 * HOUR
    assert "From Thu 07:00 on no forecast says the weather" in found.says  # in the site's own time
    assert "the typical weather of this latitude and month stands in" in found.says
    assert [hour.ghi_w_m2 == 123.0 for hour in found.hours] == [True] * 24 + [False] * 24
    assert len(found.hours) == 48


def test_without_any_forecast_the_typical_weather_says_that_it_is_typical():
    found = outlook(RANCH, None, now=NOW)
    assert (found.source, found.issued_at, found.attribution) == (SOURCE, None, "")
    assert found.says == (
        "No weather forecast reaches these hours; the typical weather of this latitude and month stands in."
    )
    assert found == outlook(RANCH, issued(NOW - 240 * HOUR), now=NOW)


def test_holes_in_a_forecast_are_filled_and_counted():
    found = outlook(RANCH, issued(FIRST, missing=(3, 4)), now=NOW)
    assert (found.holes, found.typical_from) == (2, None)
    assert "It leaves out 2 hours" in found.says
    assert len(found.hours) == 48


def test_a_forecast_from_the_future_is_not_looked_at():
    assert outlook(RANCH, issued(NOW + HOUR), now=NOW).source == SOURCE


def test_a_site_without_a_place_has_what_the_forecast_has_and_is_told_the_remedy():
    nowhere = Site(id="nowhere")
    found = outlook(nowhere, issued(NOW, hours=10), now=NOW)
    assert len(found.hours) == 10
    assert "set latitude and longitude" in found.says
    assert outlook(nowhere, None, now=NOW).hours == ()
    assert climatology(nowhere, NOW, 3) is None


def test_typical_weather_depends_on_place_and_month_alone():
    assert climatology(RANCH, NOW, 30) == climatology(RANCH, NOW.replace(minute=59), 30)
    assert cloud_cover_pct(34.1, 7) < cloud_cover_pct(34.1, 1)
    assert cloud_cover_pct(50.0, 1) > cloud_cover_pct(20.0, 1)
    assert temperature_c(34.1, 7) > temperature_c(34.1, 1) + 10
    assert temperature_c(-34.1, 1) == pytest.approx(temperature_c(34.1, 7), abs=1)  # the seasons change sides


@pytest.mark.parametrize("latitude", [-90.0, -33.9, 0.0, 51.5, 90.0])
@pytest.mark.parametrize("month", [1, 4, 7, 10])
def test_typical_figures_are_possible_everywhere(latitude, month):
    start = datetime(2026, month, 15, 0, tzinfo=UTC)
    hours = [typical_hour(latitude, 0.0, ARRAYS, start + n * HOUR) for n in range(24)]
    for hour in hours:
        assert 0 <= (hour.ghi_w_m2 or 0) < 1_100
        assert 0 <= (hour.dhi_w_m2 or 0) <= (hour.ghi_w_m2 or 0) + 1e-9
        assert 30 < (hour.cloud_cover_pct or 0) < 80
        assert -60 < (hour.temperature_c or 0) < 45
        assert all(value is not None and 0 <= value < 1_300 for value in hour.tilted_w_m2.values())


def test_an_east_roof_has_its_typical_sun_in_the_morning():
    morning, evening = (typical_hour(34.1, -117.4, ARRAYS, datetime(2026, 6, 3, h, tzinfo=UTC)) for h in (15, 0))
    assert (morning.tilted_w_m2["east"] or 0) > 2 * (morning.tilted_w_m2["west"] or 0)
    night = typical_hour(34.1, -117.4, ARRAYS, datetime(2026, 6, 3, 9, tzinfo=UTC))
    assert (night.ghi_w_m2, night.tilted_w_m2["west"]) == (0.0, 0.0)
    assert (evening.temperature_c or 0) > (night.temperature_c or 0)


def test_typical_sun_is_within_a_fifth_of_what_two_places_have_on_record():
    """Monthly means of the clearness that is measured in California (2016-17) and Colorado (2011-12), of the year."""
    for latitude, longitude, measured in ((34.09, -117.43, 0.79), (39.74, -105.18, 0.76)):
        total = clear = 0.0
        for month in range(1, 13):
            cloud = cloud_cover_pct(latitude, month) / 100
            share = (0.803 - 0.340 * cloud - 0.458 * cloud * cloud) / 0.803
            day = datetime(2026, month, 15, tzinfo=UTC)
            sun = sum(typical_hour(latitude, longitude, (), day + n * HOUR).ghi_w_m2 or 0.0 for n in range(24))
            total, clear = total + sun, clear + sun / share
        assert total / clear == pytest.approx(measured, rel=0.2)
        assert total / clear < measured  # wrong on the safe side


def test_moments_without_a_zone_are_refused():
    naive = datetime(2026, 6, 3)  # noqa: DTZ001  it is what is refused
    with pytest.raises(ValueError, match="time zone"):
        WeatherNow(naive, "test")
    with pytest.raises(ValueError, match="time zone"):
        IssuedPower(naive, "test", ())
