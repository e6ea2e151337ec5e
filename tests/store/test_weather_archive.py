"""What was known at a time: forecasts of the weather and of powers, the weather now, and its alerts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from energy.weather import IssuedForecast, IssuedPower, PowerHour, WeatherAlert, WeatherHour, WeatherNow
from store import power_forecasts, weather, weather_now
from store.database import Database

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FROST = WeatherAlert("NWS Denver", "Frost Advisory", NOON, NOON + 12 * HOUR, "Cold.\x00 Cover the pipes.", ("Frost",))
SEEN = WeatherNow(
    taken_at=NOON,
    source="openweathermap",
    temperature_c=-2.5,
    cloud_cover_pct=40.0,
    wind_m_s=3.1,
    description="scattered clouds",
    alerts=(FROST,),
    attribution="OpenWeather",
)
CLEAN_FROST = replace(FROST, description="Cold. Cover the pipes.")


def issued(at: datetime, ghi: float, source: str = "open_meteo") -> IssuedForecast:
    return IssuedForecast(at, source, tuple(WeatherHour(NOON + n * HOUR, ghi_w_m2=ghi) for n in range(24)), "CC BY 4.0")


async def test_a_forecast_is_known_from_its_issue_on_and_not_a_moment_sooner(database: Database) -> None:
    at = NOON + HOUR
    await weather.insert(database, ORG, SITE, issued(NOON, 100.0))
    await weather.insert(database, ORG, SITE, issued(at, 200.0))
    before = await weather.latest_issued(database, ORG, SITE, as_of=at - timedelta(milliseconds=1))
    after = await weather.latest_issued(database, ORG, SITE, as_of=at)
    assert (before, after) == (issued(NOON, 100.0), issued(at, 200.0))


async def test_an_issued_forecast_is_never_overwritten_by_one_or_by_many(database: Database) -> None:
    tries = [weather.insert(database, ORG, SITE, issued(NOON, float(ghi))) for ghi in range(8)]
    new = await asyncio.gather(*tries)
    assert new.count(True) == 1
    first = await weather.latest_issued(database, ORG, SITE, as_of=NOON)
    assert first is not None
    assert not await weather.insert(database, ORG, SITE, issued(NOON, 999.0))
    assert await weather.latest_issued(database, ORG, SITE, as_of=NOON) == first


async def test_of_two_sources_the_newest_speaks_unless_one_is_named(database: Database) -> None:
    await weather.insert(database, ORG, SITE, issued(NOON, 100.0, "other"))
    await weather.insert(database, ORG, SITE, issued(NOON - HOUR, 200.0))
    await weather.insert(database, ORG, "elsewhere", issued(NOON, 300.0))
    assert await weather.latest_issued(database, ORG, SITE, as_of=NOON) == issued(NOON, 100.0, "other")
    named = await weather.latest_issued(database, ORG, SITE, as_of=NOON, source="open_meteo")
    assert named == issued(NOON - HOUR, 200.0)


async def test_the_weather_now_comes_back_with_its_alerts(database: Database) -> None:
    assert await weather_now.put(database, ORG, SITE, SEEN, now=NOON)
    assert not await weather_now.put(database, ORG, SITE, SEEN, now=NOON + HOUR)
    assert await weather_now.latest(database, ORG, SITE, as_of=NOON) == replace(SEEN, alerts=(CLEAN_FROST,))
    assert await weather_now.latest(database, ORG, SITE, as_of=NOON - HOUR) is None
    assert await weather_now.latest(database, ORG, "elsewhere", as_of=NOON) is None


async def test_an_alert_ends_with_its_time_or_when_it_is_taken_back(database: Database) -> None:
    await weather_now.put(database, ORG, SITE, SEEN, now=NOON)
    late = await weather_now.latest(database, ORG, SITE, as_of=NOON + 12 * HOUR)
    assert late is not None
    assert late.alerts == ()
    taken_back = replace(SEEN, taken_at=NOON + HOUR, alerts=())
    await weather_now.put(database, ORG, SITE, taken_back, now=NOON + HOUR)
    assert await weather_now.latest(database, ORG, SITE, as_of=NOON + HOUR) == taken_back
    before = await weather_now.latest(database, ORG, SITE, as_of=NOON + HOUR / 2)
    assert before is not None
    assert before.alerts == (CLEAN_FROST,)  # as it was known then


async def test_the_same_alert_told_again_is_one_with_its_newest_words(database: Database) -> None:
    await weather_now.put(database, ORG, SITE, SEEN, now=NOON)
    colder = replace(CLEAN_FROST, description="Colder than thought.")
    again = replace(SEEN, taken_at=NOON + HOUR, alerts=(colder,))
    await weather_now.put(database, ORG, SITE, again, now=NOON + HOUR)
    assert await weather_now.latest(database, ORG, SITE, as_of=NOON + HOUR) == again


async def test_what_is_old_is_dropped_and_the_rest_stays(database: Database) -> None:
    await weather_now.put(database, ORG, SITE, SEEN, now=NOON)
    later = replace(SEEN, taken_at=NOON + 24 * HOUR, alerts=())
    await weather_now.put(database, ORG, SITE, later, now=NOON + 24 * HOUR)
    assert await weather_now.forget_before(database, ORG, SITE, NOON + 20 * HOUR) == 2  # what was seen, and the alert
    assert await weather_now.latest(database, ORG, SITE, as_of=NOON + 25 * HOUR) == later


async def test_a_vendors_forecast_comes_back_as_issued_and_is_never_overwritten(database: Database) -> None:
    hours = (PowerHour(NOON, 0.0, 812.5), PowerHour(NOON + HOUR, None, 700.0))
    first = IssuedPower(NOON, "victron_vrm", hours)
    second = IssuedPower(NOON + HOUR, "victron_vrm", hours[1:])
    assert await power_forecasts.insert(database, ORG, SITE, first)
    assert not await power_forecasts.insert(database, ORG, SITE, replace(first, hours=hours[1:]))
    assert await power_forecasts.insert(database, ORG, SITE, second)
    early = NOON + HOUR / 2
    assert await power_forecasts.latest_issued(database, ORG, SITE, as_of=early, source="victron_vrm") == first
    assert await power_forecasts.latest_issued(database, ORG, SITE, as_of=NOON + HOUR, source="victron_vrm") == second
    assert await power_forecasts.latest_issued(database, ORG, SITE, as_of=NOON + HOUR, source="other") is None
    assert await power_forecasts.forget_before(database, ORG, SITE, NOON + HOUR) == 1
    assert await power_forecasts.latest_issued(database, ORG, SITE, as_of=early, source="victron_vrm") is None
