"""The simulated OpenWeatherMap, asked with plain HTTP as a stranger would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from simulator.clock import SimClock
from simulator.faults import Faults
from simulator.openweathermap import API_KEY, OpenWeatherMapServer
from simulator.server import serve
from simulator.web import listening
from tests.simulator.worlds import NOON, world

RANCH = {"lat": "37.3", "lon": "-121.9", "appid": API_KEY}
GALE = {"sender_name": "NWS", "event": "Gale Warning", "start": 1, "end": 2, "description": "Windy.", "tags": ["Wind"]}


class Service:
    def __init__(self, clock: SimClock, url: str, client: httpx.AsyncClient) -> None:
        self.clock, self.url, self.client = clock, url, client

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(f"{self.url}{path}", params=RANCH | query)

    async def onecall(self, **query: str) -> dict[str, Any]:
        body: dict[str, Any] = (await self.get("/data/3.0/onecall", **query)).json()
        return body


@asynccontextmanager
async def service(*alerts: Mapping[str, Any], daily_cap: int = 1_000) -> AsyncIterator[Service]:
    clock = SimClock(NOON, speed=0)
    server = OpenWeatherMapServer(world(), clock, Faults(), alerts=alerts, daily_cap=daily_cap)
    async with listening(server.app()) as port, httpx.AsyncClient() as client:
        yield Service(clock, f"http://127.0.0.1:{port}", client)


async def test_temperatures_are_in_kelvin_unless_asked_otherwise() -> None:
    async with service() as s:
        kelvin = (await s.onecall())["current"]["temp"]
        celsius = (await s.onecall(units="metric"))["current"]["temp"]
        fahrenheit = (await s.onecall(units="imperial"))["current"]["temp"]
    assert kelvin == pytest.approx(celsius + 273.15, abs=0.02)
    assert fahrenheit == pytest.approx(celsius * 1.8 + 32, abs=0.02)


async def test_parts_are_left_out_as_asked_and_alerts_where_there_are_none() -> None:
    async with service() as s:
        whole, part = await s.onecall(), await s.onecall(exclude="hourly,minutely")
    assert {"current", "hourly", "timezone_offset"} <= whole.keys()
    assert "alerts" not in whole
    assert "hourly" not in part
    assert (len(whole["hourly"]), whole["timezone_offset"]) == (48, -25_200)
    assert whole["hourly"][1]["dt"] - whole["hourly"][0]["dt"] == 3600


async def test_the_weather_is_renewed_every_ten_minutes() -> None:
    async with service() as s:
        first = (await s.onecall())["current"]
        s.clock.advance(timedelta(minutes=7))
        assert (await s.onecall())["current"] == first
        s.clock.advance(timedelta(minutes=3))
        assert (await s.onecall())["current"]["dt"] == first["dt"] + 600


async def test_alerts_are_whole_in_one_version_and_ids_in_the_other() -> None:
    async with service(GALE) as s:
        assert (await s.onecall())["alerts"] == [GALE]
        current = (await s.get("/data/4.0/onecall/current")).json()
        (name,) = current["data"][0]["alerts"]
        assert (await s.get(f"/data/4.0/onecall/alert/{name}")).json() == {"id": name, **GALE}
        assert (await s.get("/data/4.0/onecall/alert/none")).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [({"appid": "guessed"}, 401), ({"lat": "91"}, 400), ({"lon": "west"}, 400), ({"appid": ""}, 401)],
)
async def test_bad_requests_are_refused_with_a_code_and_a_message(query: dict[str, str], status: int) -> None:
    async with service() as s:
        answer = await s.get("/data/3.0/onecall", **query)
    assert answer.status_code == status
    assert int(answer.json()["cod"]) == status
    assert answer.json()["message"]


async def test_the_calls_of_a_utc_day_are_counted_up_to_the_cap() -> None:
    async with service(daily_cap=2) as s:
        codes = [(await s.get("/data/3.0/onecall")).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        s.clock.advance(timedelta(days=1))
        assert (await s.get("/data/3.0/onecall")).status_code == 200


async def test_the_simulator_serves_it_beside_the_rest_and_takes_orders_for_it() -> None:
    clock = SimClock(NOON, speed=0)
    async with serve(world(), clock, victron=False) as endpoints, httpx.AsyncClient() as client:
        query = RANCH | {"appid": endpoints.openweathermap_key}
        url = f"{endpoints.openweathermap_url}/data/3.0/onecall"
        assert (await client.get(url, params=query)).status_code == 200
        order = {"target": "openweathermap", "fault": "429", "count": 1}
        assert (await client.post(f"{endpoints.control_url}/faults", json=order)).status_code == 200
        assert (await client.get(url, params=query)).status_code == 429
