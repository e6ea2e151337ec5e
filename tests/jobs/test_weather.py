"""The jobs that fetch weather: each source on its own, archived as issued, and quiet about trouble that goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.openweathermap import OpenWeatherMap
from connectors.vrm import VrmPortal
from energy.outlook import outlook
from energy.site import Device
from jobs.claims import NotDone
from jobs.weather import NOW_SOURCE, SOURCE, fetch_forecast, fetch_weather_now
from jobs.work import Work
from simulator.vrm import INSTALLATION
from store import power_forecasts, weather, weather_now
from store.database import Database
from tests.jobs.stage import Stage, on_stage


@asynccontextmanager
async def with_portal(database: Database) -> AsyncIterator[tuple[Stage, Work]]:
    """The ranch with its GX on the portal, two days old."""
    async with on_stage(days=2) as stage:
        device = Device(id="vrm", kind="victron_vrm", plant_id=INSTALLATION, base_url=stage.endpoints.vrm_url)
        portal = VrmPortal(stage.site, device, DeviceSecrets(token=SecretStr(stage.endpoints.vrm_token)))
        stage.stack.push_async_callback(portal.close)
        yield stage, stage.work(database, devices=[portal])


async def test_the_portals_forecast_is_archived_beside_the_weather_once_an_hour(database: Database) -> None:
    async with with_portal(database) as (_, work):
        await fetch_forecast(work)
        first = await power_forecasts.latest_issued(
            database, "home", "ranch", as_of=datetime.now(UTC), source="victron_vrm"
        )
        await fetch_forecast(work)
        again = await power_forecasts.latest_issued(
            database, "home", "ranch", as_of=datetime.now(UTC), source="victron_vrm"
        )
    assert first is not None
    assert first == again
    assert len(first.hours) >= 48
    assert await weather.latest_issued(database, "home", "ranch", as_of=datetime.now(UTC)) is not None


async def test_the_portal_goes_on_while_the_weather_service_is_down_and_the_other_way_round(database: Database) -> None:
    async with with_portal(database) as (stage, work):
        stage.faults.order("open_meteo", "html")
        with pytest.raises(NotDone):
            await fetch_forecast(work)
        assert work.watch.trouble(SOURCE) == "device_malformed"
        assert await power_forecasts.latest_issued(
            database, "home", "ranch", as_of=datetime.now(UTC), source="victron_vrm"
        )
        stage.faults.order("open_meteo", "none")
        stage.faults.order("vrm", "429")
        work.tried_slots.clear()
        await fetch_forecast(work)
    assert work.watch.trouble(SOURCE) is None


async def test_a_forecast_of_two_days_ago_is_used_with_its_age_said_until_it_ends(database: Database) -> None:
    async with on_stage() as stage:
        work = stage.work(database)
        await fetch_forecast(work)
        later = datetime.now(UTC) + timedelta(days=2)
        known = await weather.latest_issued(database, "home", "ranch", as_of=later)
        ahead = outlook(stage.site, known, now=later, hours=168)
    assert len(ahead.hours) == 168
    assert ahead.typical_from is not None
    assert "old: the service has not answered since" in ahead.says
    assert "the typical weather of this latitude and month stands in" in ahead.says


async def test_the_weather_now_is_kept_and_its_pause_is_respected(database: Database) -> None:
    async with on_stage() as stage:
        work = stage.work(database)
        key = SecretStr(stage.endpoints.openweathermap_key)
        service = OpenWeatherMap(key, stage.endpoints.openweathermap_url, fresh_s=0)
        stage.stack.push_async_callback(service.close)
        work.weather_now = service
        await fetch_weather_now(work)
        seen = await weather_now.latest(database, "home", "ranch", as_of=datetime.now(UTC))
        stage.faults.order("openweathermap", "429", count=1)
        for _ in range(2):  # the second does not even ask
            with pytest.raises(NotDone):
                await fetch_weather_now(work)
    assert seen is not None
    assert seen.temperature_c is not None
    assert work.watch.trouble(NOW_SOURCE) == "device_busy"
    assert 0 < work.pause_left_s(NOW_SOURCE) <= 2
