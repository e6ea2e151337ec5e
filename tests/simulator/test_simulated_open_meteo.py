"""The simulated Open-Meteo, asked with plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from simulator.clock import SimClock
from simulator.faults import Faults
from simulator.forecasts import Forecaster
from simulator.open_meteo import OpenMeteoServer
from simulator.physics import VirtualSite
from simulator.physics.sky import solar_day
from simulator.server import serve
from simulator.web import listening
from tests.simulator.worlds import NOON, world

RANCH = {"latitude": "37.3", "longitude": "-121.9", "timeformat": "unixtime", "timezone": "UTC"}


class Service:
    def __init__(
        self, site: VirtualSite, clock: SimClock, url: str, control_url: str, client: httpx.AsyncClient
    ) -> None:
        self.site, self.clock, self.url, self.control_url, self.client = site, clock, url, control_url, client

    async def ask(self, **query: Any) -> httpx.Response:
        return await self.client.get(f"{self.url}/v1/forecast", params={**RANCH, **query})

    async def hourly(self, **query: Any) -> dict[str, list[Any]]:
        answer: dict[str, list[Any]] = (await self.ask(**query)).json()["hourly"]
        return answer


@asynccontextmanager
async def service(end: datetime = NOON) -> AsyncIterator[Service]:
    site, clock = world(end=end), SimClock(end, speed=0)
    async with serve(site, clock, victron=False) as endpoints, httpx.AsyncClient() as client:
        yield Service(site, clock, endpoints.open_meteo_url, endpoints.control_url, client)


async def test_radiation_is_the_mean_of_the_preceding_hour() -> None:
    async with service() as s:
        hours = await s.hourly(hourly="shortwave_radiation,temperature_2m", past_days=1, forecast_days=1)
        at = int(NOON.replace(minute=0, second=0).timestamp())  # the past is nearly exact
        seen = dict(zip(hours["time"], hours["shortwave_radiation"], strict=True))[at]
        day = s.site.weather.day(solar_day(at, -121.9))
        minute = (at - day.sky.start_s) // 60
        assert seen == pytest.approx(float(day.ghi_w_m2[minute - 60 : minute].mean()), rel=0.08)
        assert len(hours["time"]) == 48


async def test_azimuth_zero_is_south_and_180_is_north() -> None:
    async with service() as s:
        sums = {}
        for name, azimuth in (("south", 0), ("north", 180), ("east", -90), ("west", 90)):
            hours = await s.hourly(hourly="global_tilted_irradiance", tilt=40, azimuth=azimuth, forecast_days=2)
            values = hours["global_tilted_irradiance"]
            sums[name] = sum(values)
            if name in ("east", "west"):
                sums[f"{name}_morning"] = sum(values[13:19])  # 6 to 12 o'clock on the ranch
        assert sums["south"] > sums["north"]
        assert sums["east_morning"] > 1.5 * sums["west_morning"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"azimuth": "181"}, "azimuth"),
        ({"tilt": "91"}, "tilt"),
        ({"hourly": "sunniness"}, "sunniness"),
        ({"latitude": "95"}, "Latitude"),
        ({"latitude": "north"}, "latitude"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"forecast_days": "17"}, "forecast_days"),
        ({"start_date": "soon", "end_date": "later"}, "date"),
    ],
)
async def test_bad_requests_are_400_with_a_reason(query: dict[str, str], reason: str) -> None:
    async with service() as s:
        answer = await s.ask(**query)
        assert answer.status_code == 400
        assert answer.json()["error"] is True
        assert reason in answer.json()["reason"]


async def test_beyond_the_models_range_values_are_null() -> None:
    async with service() as s:
        hours = await s.hourly(hourly="cloud_cover", forecast_days=16)
        assert hours["cloud_cover"][0] is not None
        assert hours["cloud_cover"][-1] is None


async def test_several_places_come_as_an_array() -> None:
    async with service() as s:
        answers = (await s.ask(latitude="37.3,38.0", longitude="-121.9,-120.0", hourly="temperature_2m")).json()
        assert [round(answer["latitude"]) for answer in answers] == [37, 38]
        assert answers[0]["hourly_units"] == {"time": "unixtime", "temperature_2m": "°C"}


async def test_iso_times_are_local_and_without_offset() -> None:
    async with service() as s:
        answer = (await s.ask(hourly="temperature_2m", timezone="America/Los_Angeles", timeformat="iso8601")).json()
        assert answer["hourly"]["time"][0] == "2026-06-10T00:00"
        assert (answer["utc_offset_seconds"], answer["timezone_abbreviation"]) == (-25_200, "PDT")


async def test_a_forecast_stays_the_same_within_its_hour_and_is_renewed_with_the_next() -> None:
    async with service() as s:
        first = await s.hourly(hourly="cloud_cover", forecast_days=4)
        s.clock.advance(timedelta(minutes=50))
        assert await s.hourly(hourly="cloud_cover", forecast_days=4) == first
        s.clock.advance(timedelta(minutes=10))
        assert await s.hourly(hourly="cloud_cover", forecast_days=4) != first


def test_the_error_grows_with_the_lead() -> None:
    site = world(scenario="cloudy")
    forecaster = Forecaster(site.weather, seed=site.seed)
    day = solar_day(NOON.timestamp(), -121.9)
    truth = site.weather.day(day).temperature_c
    noon_hour = int(NOON.timestamp() // 3_600)
    errors = {}
    for lead_h in (0, 6, 24, 120):
        apart = []
        for shift in range(40):
            issued = noon_hour - lead_h - 12 - shift % 4
            values = Forecaster(site.weather, seed=shift).minutes(day, issued, 37.3, -121.9)
            apart.append(float(np.abs(values["temperature"] - truth)[700:740].mean()))
        errors[lead_h] = float(np.mean(apart))
    assert errors[0] < errors[24] < errors[120]
    assert errors[120] > 2 * errors[0]
    assert np.array_equal(
        forecaster.minutes(day, noon_hour, 37.3, -121.9)["ghi"],
        Forecaster(site.weather, seed=site.seed).minutes(day, noon_hour, 37.3, -121.9)["ghi"],
    )


async def test_the_rate_limit_says_so_in_the_services_words() -> None:
    async with service() as s:
        await s.client.post(f"{s.control_url}/faults", json={"target": "open_meteo", "fault": "429", "count": 1})
        answer = await s.ask(hourly="temperature_2m")
        assert answer.status_code == 429
        assert "limit exceeded" in answer.json()["reason"]
        await s.client.post(f"{s.control_url}/faults", json={"target": "open_meteo", "fault": "nulls", "count": 1})
        assert set((await s.hourly(hourly="temperature_2m"))["temperature_2m"]) == {None}


async def test_calls_count_by_their_weight_until_the_window_ends() -> None:
    clock = SimClock(NOON, speed=0)
    server = OpenMeteoServer(world(), clock, Faults(), limits={60: ("Minutely", 4.0), 3_600: ("Hourly", 5.0)})
    async with listening(server.app()) as port, httpx.AsyncClient() as client:

        async def ask(**query: str) -> str:
            asked = {**RANCH, "hourly": "temperature_2m", **query}
            answer = await client.get(f"http://127.0.0.1:{port}/v1/forecast", params=asked)
            return "fine" if answer.status_code == 200 else str(answer.json()["reason"])

        assert await ask() == "fine"
        assert await ask(latitude="37.3,38,39", longitude="-121.9,-120,-119") == "fine"  # three places, three calls
        assert "Minutely" in await ask()  # which counts as well
        clock.advance(timedelta(minutes=1))
        assert "Hourly" in await ask()
        clock.advance(timedelta(hours=1))
        assert await ask() == "fine"
    assert server.counted == 7


async def test_midnight_to_midnight_in_utc_is_what_a_request_without_dates_gets() -> None:
    async with service() as s:
        hours = await s.hourly(hourly="shortwave_radiation", forecast_days=4, past_days=1)
        first = datetime.fromtimestamp(hours["time"][0], UTC)
        assert (first, len(hours["time"])) == (datetime(2026, 6, 9, tzinfo=UTC), 120)
