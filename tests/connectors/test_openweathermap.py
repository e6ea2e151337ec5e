"""OpenWeatherMap's current weather and alerts, in both versions, and what it costs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.openweathermap import ATTRIBUTION, OpenWeatherMap
from energy.site import Site
from energy.weather import WeatherNow
from simulator.clock import SimClock
from simulator.faults import Faults
from simulator.openweathermap import API_KEY, OpenWeatherMapServer
from simulator.physics import VirtualSite
from simulator.web import listening
from tests.connectors.serving import serving
from tests.simulator.worlds import NOON, world

KEY = SecretStr("secret-key")
SITE = Site(id="ranch", latitude=37.3, longitude=-121.9)
START = int(datetime(2026, 6, 1, 18, tzinfo=UTC).timestamp())
CURRENT: dict[str, Any] = {
    "dt": START,
    "temp": 21.4,
    "feels_like": 20.9,
    "pressure": 1016,
    "humidity": 55,
    "clouds": 40,
    "visibility": 10000,
    "wind_speed": 3.6,
    "weather": [{"id": 500, "main": "Rain", "description": "light rain", "icon": "10d"}],
    "rain": {"1h": 0.4},
}
HEAT = {
    "sender_name": "NWS Bay Area",
    "event": "Heat Advisory",
    "start": START,
    "end": START + 36_000,
    "description": "Hot.",
    "tags": ["Extreme high temperature"],
}


async def seen(body: Any, *, status: int = 200, headers: dict[str, str] | None = None, **options: Any) -> WeatherNow:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=headers)

    async with serving(handler) as server:
        service = OpenWeatherMap(KEY, server.url, **options)
        try:
            return await service.current(SITE)
        finally:
            await service.close()


async def test_the_weather_now_in_our_units_with_what_is_left_out_unknown():
    now = await seen({"lat": 37.3, "current": CURRENT})
    assert now == WeatherNow(
        taken_at=datetime(2026, 6, 1, 18, tzinfo=UTC),
        source="openweathermap",
        temperature_c=21.4,
        feels_like_c=20.9,
        humidity_pct=55,
        pressure_hpa=1016,
        cloud_cover_pct=40,
        wind_m_s=3.6,
        visibility_m=10000,
        rain_mm_h=0.4,
        description="light rain",
        attribution=ATTRIBUTION,
    )
    assert (now.gust_m_s, now.snow_mm_h) == (None, None)


async def test_alerts_come_with_their_span_and_broken_ones_are_left_out():
    broken = [{"event": "No end", "start": START}, {**HEAT, "end": START}, {**HEAT, "event": None}, "storm", HEAT]
    now = await seen({"current": CURRENT, "alerts": [HEAT, *broken]})
    (alert,) = now.alerts
    assert (alert.sender, alert.event) == ("NWS Bay Area", "Heat Advisory")
    assert alert.end - alert.start == timedelta(hours=10)
    assert alert.tags == ("Extreme high temperature",)


async def test_metric_units_are_asked_for_and_no_more_than_is_needed():
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"current": CURRENT})

    async with serving(handler) as server:
        service = OpenWeatherMap(KEY, server.url)
        await service.current(SITE)
        await service.close()
    assert server.asked == ["GET /data/3.0/onecall"]
    (query,) = server.queries
    assert (query["units"], query["exclude"]) == ("metric", "minutely,hourly,daily")
    assert (query["lat"], query["lon"], query["appid"]) == ("37.3", "-121.9", "secret-key")


async def test_version_four_asks_for_the_text_of_each_alert_once():
    told = {"one": HEAT, "two/2": {"data": [{**HEAT, "event": "Fire Weather Watch"}]}}
    ids: list[Any] = ["one", "two/2"]

    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("/current"):
            return web.json_response({"lat": 37.3, "data": [{**CURRENT, "alerts": ids}]})
        return web.json_response(told[request.path.rpartition("/alert/")[2]])

    async with serving(handler) as server:
        service = OpenWeatherMap(KEY, server.url, version="4.0", fresh_s=0)
        first = await service.current(SITE)
        second = await service.current(SITE)
        ids.remove("one")
        third = await service.current(SITE)
        await service.close()
    assert [alert.event for alert in first.alerts] == ["Heat Advisory", "Fire Weather Watch"]
    assert first == second
    assert [alert.event for alert in third.alerts] == ["Fire Weather Watch"]
    assert len(server.asked) == 5  # three times the weather, and each alert once


def test_an_unknown_version_is_refused_at_once():
    with pytest.raises(ValueError, match=r"there are 3\.0, 4\.0"):
        OpenWeatherMap(KEY, version="2.5")  # type: ignore[arg-type]  # which is what a settings file could hold


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, {"cod": 401, "message": "Invalid API key."}, CredentialsRefused, "OPENWEATHERMAP_API_KEY"),
        (
            401,
            {"cod": "401", "message": "One Call 3.0 requires a subscription"},
            CredentialsRefused,
            "One Call by Call",
        ),
        (400, {"cod": "400", "message": "wrong latitude"}, Malformed, "wrong latitude"),
        (404, "<html></html>", Malformed, "404"),
        (429, {"cod": 429, "message": "blocked"}, TryLater, "limits the calls"),
        (503, {}, TryLater, "a fault of its own"),
        (200, {"cod": 401, "message": "odd"}, Malformed, "error 401"),
        (200, {"lat": 1}, Malformed, "no current weather"),
        (200, {"current": {"dt": None, "temp": 3}}, Malformed, "no current weather"),
        (200, [], Malformed, "no current weather"),
    ],
)
async def test_refusals_say_what_to_do_and_never_the_key(status, body, error, says):
    with pytest.raises(error, match=says) as caught:
        await seen(body, status=status)
    assert "secret-key" not in str(caught.value)


async def test_a_limit_is_waited_for_as_long_as_the_service_says_or_ten_minutes():
    for headers, after_s in (({"Retry-After": "30"}, 30), (None, 600)):
        with pytest.raises(TryLater) as caught:
            await seen({"cod": 429}, status=429, headers=headers)
        assert caught.value.after_s == after_s


async def test_without_a_key_or_a_place_nobody_is_asked():
    service = OpenWeatherMap(None, "http://127.0.0.1:9")
    with pytest.raises(CredentialsRefused, match="needs a key"):
        await service.current(SITE)
    await service.close()
    with pytest.raises(Malformed, match="latitude and longitude"):
        await OpenWeatherMap(KEY, "http://127.0.0.1:9").current(Site(id="nowhere"))


async def test_refused_keys_are_not_tried_again_and_again():
    asked = 0

    async def refuse(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"cod": 401}, status=401)

    async with serving(refuse) as server:
        service = OpenWeatherMap(KEY, server.url)
        for _ in range(6):
            with pytest.raises(CredentialsRefused):
                await service.current(SITE)
        await service.close()
    assert asked == 2


# against the simulator


class Sky:
    """The simulated service and our client of it."""

    def __init__(self, site: VirtualSite, clock: SimClock, faults: Faults, server: OpenWeatherMapServer) -> None:
        self.world, self.clock, self.faults, self.server = site, clock, faults, server
        self.url = ""

    async def ask(self, **options: Any) -> WeatherNow:
        service = OpenWeatherMap(SecretStr(API_KEY), self.url, **{"clock": self.clock.now, "timeout_s": 1.0} | options)
        try:
            return await service.current(self.world.site)
        finally:
            await service.close()


async def on_sky(run: Any, **options: Any) -> None:
    site, clock, faults = world(), SimClock(NOON, speed=0), Faults()
    server = OpenWeatherMapServer(site, clock, faults, **options)
    async with listening(server.app()) as port:
        sky = Sky(site, clock, faults, server)
        sky.url = f"http://127.0.0.1:{port}"
        await run(sky)


@pytest.mark.parametrize("version", ["3.0", "4.0"])
async def test_the_simulated_weather_is_that_of_the_site(version):
    async def run(sky: Sky) -> None:
        now = await sky.ask(version=version)
        truth = sky.world.state_at(now.taken_at)
        assert now.temperature_c == pytest.approx(truth.outside_temperature_c, abs=0.01)
        assert now.cloud_cover_pct == pytest.approx(truth.cloud_cover_pct, abs=0.5)
        assert timedelta(0) <= NOON - now.taken_at < timedelta(minutes=10)
        assert [alert.event for alert in now.alerts] == ["Heat Advisory"]

    await on_sky(run, alerts=(HEAT,))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", CredentialsRefused),
        ("429", TryLater),
        ("html", Malformed),
        ("nulls", Malformed),
        ("timeout", Unreachable),
    ],
)
async def test_its_faults_have_the_kinds_of_a_devices(fault: str, error: type[ConnectorError]):
    async def run(sky: Sky) -> None:
        sky.faults.order("openweathermap", fault)
        with pytest.raises(error, match="OpenWeatherMap"):
            await sky.ask(timeout_s=0.3)

    await on_sky(run)


async def test_the_days_cap_is_kept_by_us_before_the_account_pays():
    async def run(sky: Sky) -> None:
        service = OpenWeatherMap(SecretStr(API_KEY), sky.url, daily_cap=3, clock=sky.clock.now)
        for _ in range(3):
            await service.current(sky.world.site)
            await service.current(sky.world.site)  # within ten minutes the answer is kept
            sky.clock.advance(timedelta(minutes=10))
        with pytest.raises(TryLater, match="3 calls per day are used up") as caught:
            await service.current(sky.world.site)
        assert 0 < (caught.value.after_s or 0) < 86_400
        assert sky.server.calls == 3
        sky.clock.advance(timedelta(seconds=caught.value.after_s or 0))
        assert await service.current(sky.world.site)
        await service.close()

    await on_sky(run)


async def test_callers_at_the_same_time_cost_one_call():
    async def run(sky: Sky) -> None:
        service = OpenWeatherMap(SecretStr(API_KEY), sky.url, clock=sky.clock.now)
        await asyncio.gather(*(service.current(sky.world.site) for _ in range(6)))
        await service.close()
        assert sky.server.calls == 1

    await on_sky(run)
