"""Open-Meteo's forecasts in our hours, azimuths and limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import CredentialsRefused, Malformed, TryLater
from connectors.open_meteo import ATTRIBUTION, OpenMeteo, forecast, seconds_to_reset, service_azimuth_deg
from energy.site import Array, Site
from tests.connectors.serving import Server, serving

START_S = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
SITE = Site(
    id="ranch",
    latitude=37.3,
    longitude=-121.9,
    array=(
        Array(name="south", kwp=7.3, tilt_deg=25, azimuth_deg=180),
        Array(name="barn", kwp=7.3, tilt_deg=25, azimuth_deg=180),
        Array(name="west", kwp=3, tilt_deg=10, azimuth_deg=270),
    ),
)
VALUES: dict[str, list[Any]] = {
    "temperature_2m": [10.0, 20.0, None, 24.0],
    "cloud_cover": [0, 50, 100, 100],
    "shortwave_radiation": [0.0, 100.0, 200.0, None],
    "direct_normal_irradiance": [0.0, 110.0, 210.0, 310.0],
    "diffuse_radiation": [0.0, 10.0, 20.0, 30.0],
    "global_tilted_irradiance": [0.0, 120.0, -84.0, 320.0],
}


async def answer(request: web.Request) -> web.Response:
    names = request.query["hourly"].split(",")
    hourly = {"time": [START_S + 3600 * i for i in range(4)]} | {name: VALUES[name] for name in names}
    return web.json_response({"latitude": 37.28, "utc_offset_seconds": 0, "hourly": hourly})


async def hours_and_queries() -> tuple[Any, Server]:
    async with serving(answer) as server:
        return await forecast(SITE, base_url=server.url), server


async def test_the_mean_of_the_preceding_hour_belongs_to_the_hour_that_starts():
    issued, _ = await hours_and_queries()
    assert [hour.start.hour for hour in issued.hours] == [0, 1, 2]
    assert [hour.ghi_w_m2 for hour in issued.hours] == [100.0, 200.0, None]
    assert issued.hours[0].dni_w_m2 == 110.0
    assert issued.hours[0].dhi_w_m2 == 10.0


async def test_instants_become_means_and_unknown_stays_unknown():
    issued, _ = await hours_and_queries()
    assert [hour.temperature_c for hour in issued.hours] == [15.0, None, None]
    assert [hour.cloud_cover_pct for hour in issued.hours] == [25, 75, 100]


async def test_irradiance_on_an_array_is_never_negative():
    issued, _ = await hours_and_queries()
    assert [hour.tilted_w_m2["south"] for hour in issued.hours] == [120.0, 0.0, 320.0]
    assert issued.hours[0].tilted_w_m2.keys() == {"south", "barn", "west"}


async def test_arrays_are_asked_for_in_the_services_azimuth_and_once_per_direction():
    _, server = await hours_and_queries()
    assert [(q.get("tilt"), q.get("azimuth")) for q in server.queries] == [
        (None, None),
        ("25.0", "0.0"),
        ("10.0", "90.0"),
    ]
    assert {(q["timeformat"], q["timezone"]) for q in server.queries} == {("unixtime", "UTC")}


async def test_the_source_is_attributed():
    issued, _ = await hours_and_queries()
    assert issued.source == "open_meteo"
    assert issued.attribution == ATTRIBUTION
    assert issued.hour_at(datetime(2026, 6, 1, 1, 30, tzinfo=UTC)) is issued.hours[1]
    assert issued.hour_at(datetime(2026, 6, 2, tzinfo=UTC)) is None


@pytest.mark.parametrize(("compass", "service"), [(180, 0), (90, -90), (270, 90), (0, -180), (359, 179), (225, 45)])
def test_compass_degrees_are_converted(compass, service):
    assert service_azimuth_deg(compass) == service


async def refused(response: web.Response, now: datetime) -> Any:
    async def handler(request: web.Request) -> web.Response:
        return response

    async with serving(handler) as server:
        service = OpenMeteo(server.url, clock=lambda: now)
        try:
            return await service.forecast(SITE)
        finally:
            await service.close()


async def test_a_refused_request_says_why():
    body = {"error": True, "reason": "Cannot initialize WeatherVariable from invalid String value"}
    with pytest.raises(Malformed, match="Cannot initialize WeatherVariable"):
        await refused(web.json_response(body, status=400), datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("reason", "after_s"),
    [
        ("Minutely API request limit exceeded. Please try again in one minute.", 35),
        ("Hourly API request limit exceeded. Please try again in the next hour.", 3600 - 10 * 60 - 25),
        ("Daily API request limit exceeded. Please try again tomorrow.", 86_400 - 10 * 60 - 25),
        ("Something else", None),
    ],
)
async def test_a_limit_is_waited_for_until_its_counter_restarts(reason, after_s):
    now = datetime(2026, 6, 1, 0, 10, 25, tzinfo=UTC)
    assert seconds_to_reset(reason, now) == after_s
    with pytest.raises(TryLater, match="limits the rate") as caught:
        await refused(web.json_response({"error": True, "reason": reason}, status=429), now)
    assert caught.value.after_s == after_s


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"hourly": {"time": []}},
        {"hourly": {"time": ["2026-06-01T00:00"]}},
        {"hourly": {"time": [START_S, START_S + 3600], "cloud_cover": [1]}},
    ],
)
async def test_an_answer_without_usable_hours_is_malformed(body):
    with pytest.raises(Malformed):
        await refused(web.json_response(body), datetime(2026, 6, 1, tzinfo=UTC))


async def test_a_refusal_without_json_keeps_its_kind():
    with pytest.raises(CredentialsRefused):
        await refused(web.Response(status=403), datetime(2026, 6, 1, tzinfo=UTC))
    with pytest.raises(TryLater):
        await refused(web.Response(status=429, text="slow down"), datetime(2026, 6, 1, tzinfo=UTC))


async def test_a_site_without_coordinates_has_no_forecast():
    with pytest.raises(Malformed, match="latitude and longitude"):
        await forecast(Site(id="nowhere"))
