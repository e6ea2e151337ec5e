"""The VRM portal as the stand-in for MQTT: the same values by the same paths, its conventions, and its refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from connectors.device import DeviceSecrets
from connectors.errors import CredentialsRefused, Malformed, TryLater
from connectors.vrm import VrmPortal
from connectors.vrm.api import VrmApi
from connectors.vrm.diagnostics import diagnostics_of
from energy.merge import merge
from energy.reading import NUMERIC_FIELDS
from energy.site import Device, Grid, Prefer, Site
from tests.connectors.serving import Server, serving
from tests.connectors.stage import first_reading, on_stage

LOGGED = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
AT = int(LOGGED.timestamp())
TOKEN = "0123456789abcdef"
SECRETS = DeviceSecrets(token=SecretStr(TOKEN))


def record(path: str, raw: Any, *, at: int = AT, instance: int = 0, service: str = "system") -> dict[str, Any]:
    return {
        "idSite": 7,
        "timestamp": at,
        "instance": instance,
        "dbusServiceType": service,
        "dbusPath": path,
        "formattedValue": str(raw),
        "rawValue": raw,
    }


RECORDS = [
    record("/Dc/Battery/Soc", "81.5"),
    record("/Dc/Battery/Power", -612.4),
    record("/Dc/Battery/Voltage", "52.31"),
    record("/Dc/Pv/Power", 140),
    record("/Ac/Consumption/L1/Power", 500),
    record("/Ac/Consumption/L2/Power", "252.4"),
    record("/Ac/Grid/L1/Power", -0.0),
    record("/Ac/ActiveIn/Source", 1),
    record("/SystemState/State", 256),
    record("/Alarms/LowSoc", 2, service="battery", instance=512, at=AT - 90_000),
    record("/Alarms/GridLost", 0, service="com.victronenergy.vebus", instance=276),
    record("/Yield/Power", "not a number", service="solarcharger", instance=289),
]


def site_at(url: str | None = None, **changes: Any) -> Site:
    device = Device(id="vrm", kind="victron_vrm", plant_id=7, base_url=url, **changes)
    return Site(id="ranch", grid=Grid(present=True), device=(device,))


def portal(server: Server, secrets: DeviceSecrets = SECRETS, **options: Any) -> VrmPortal:
    site = site_at(server.url)
    return VrmPortal(site, site.device[0], secrets, **options)


def answering(records: Any, **envelope: Any) -> Any:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"success": True, "records": records} | envelope)

    return handler


async def test_the_paths_are_read_as_mqtts_are():
    async with serving(answering(RECORDS)) as server:
        device = portal(server)
        (reading,) = await device.read()
        await device.close()
    assert server.asked == ["GET /v2/installations/7/diagnostics"]
    assert server.queries == [{"count": "1000"}]
    assert (reading.source, reading.device_id, reading.taken_at) == ("victron_vrm", "vrm", LOGGED)
    assert (reading.soc_pct, reading.battery_charge_w, reading.battery_voltage_v) == (81.5, -612.4, 52.31)
    assert (reading.solar_w, reading.load_w, reading.grid_import_w) == (140, 752.4, 0)
    assert (reading.grid_present, reading.inverter_state, reading.generator_w) == (True, "discharging", None)
    assert reading.fault_codes == ("battery/512 LowSoc",)


async def test_the_portal_and_mqtt_say_the_same_of_the_same_moment():
    async with on_stage("cerbo") as stage:
        by_mqtt = await stage.reading()
    async with on_stage("vrm") as stage:
        by_portal = await stage.reading()
    for name in (*NUMERIC_FIELDS, "grid_present", "inverter_state", "fault_codes"):
        assert getattr(by_portal, name) == getattr(by_mqtt, name), name


async def test_the_portal_stands_in_when_mqtt_has_fallen_silent():
    async with on_stage("vrm") as stage, stage.connected() as device:
        by_portal = await first_reading(device)
        now = stage.clock.now() + timedelta(minutes=3)
        silent = replace(
            by_portal, device_id="cerbo", source="victron", taken_at=now - timedelta(minutes=20), soc_pct=1
        )
        fresh = replace(silent, taken_at=now)
    order = ("cerbo", "vrm")
    site = stage.site.model_copy(update={"merge": {"soc_pct": Prefer(prefer=order)}})
    assert merge(site, {"vrm": by_portal, "cerbo": silent}, now=now)["soc_pct"].sources == ("vrm",)
    assert merge(site, {"vrm": by_portal, "cerbo": fresh}, now=now)["soc_pct"].sources == ("cerbo",)


async def test_a_measurement_of_what_is_gone_is_unknown_and_a_name_stays():
    body = {
        "records": [
            record("/Dc/Battery/Soc", 80),
            record("/Dc/Battery/Temperature", 21, at=AT - 7_200),
            record("/ProductName", "SmartShunt", service="battery", instance=512, at=AT - 900_000),
        ]
    }
    known = diagnostics_of(body, forget_after=timedelta(minutes=30))
    assert known is not None
    assert known.values.number("system/0/Dc/Battery/Soc") == 80
    assert known.values.number("system/0/Dc/Battery/Temperature") is None
    assert known.values.first_text("battery", "ProductName") == "SmartShunt"


@pytest.mark.parametrize(
    "records",
    [[], {}, None, False, "soon", [None, 3], [record("/Dc/Battery/Soc", 80) | {"timestamp": None}], [{"instance": 0}]],
)
async def test_an_installation_without_values_has_no_reading(records):
    async with serving(answering(records)) as server:
        device = portal(server)
        assert await device.read() == []
        with pytest.raises(Malformed, match="no values of installation 7"):
            await device.details()
        await device.close()


async def test_the_portal_is_asked_once_a_minute_however_often_we_look():
    now_s = 0.0
    async with serving(answering(RECORDS)) as server:
        device = portal(server, monotonic=lambda: now_s)
        first = await device.read()
        now_s = 50.0
        assert await device.read() == first
        now_s = 56.0
        await device.read()
        await device.close()
    assert len(server.asked) == 2


async def test_the_portal_id_comes_from_the_list_of_installations():
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/v2/users/me":
            return web.json_response({"success": True, "user": {"id": 22}})
        if request.path == "/v2/users/22/installations":
            found = [{"idSite": 8, "identifier": "ffff00000000"}, {"idSite": 7, "identifier": "c0619ab12345"}]
            return web.json_response({"success": True, "records": found})
        return web.json_response({"success": True, "records": RECORDS})

    async with serving(handler) as server:
        device = portal(server)
        details = await device.details()
        await device.details()
        await device.close()
    assert (details.serial_tail, details.kind, details.model) == ("2345", "victron_vrm", "Victron GX")
    assert server.asked.count("GET /v2/users/me") == 1


async def test_the_account_may_hide_its_list_of_installations():
    async def handler(request: web.Request) -> web.Response:
        found = {"user": {}} if "users" in request.path else {"records": RECORDS}
        return web.json_response({"success": True, **found})

    async with serving(handler) as server:
        device = portal(server)
        assert (await device.details()).serial_tail is None
        await device.close()


@pytest.mark.parametrize(
    ("token", "header"), [(TOKEN, f"Token {TOKEN}"), ("aaa.bbb.ccc", "Bearer aaa.bbb.ccc")], ids=["access", "jwt"]
)
async def test_the_token_goes_into_a_header_of_its_own(token, header):
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.headers.get("X-Authorization"), request.headers.get("Authorization")))
        assert request.headers["User-Agent"] == "CommandCenter"
        return web.json_response({"success": True, "records": RECORDS})

    async with serving(handler) as server:
        device = portal(server, DeviceSecrets(token=SecretStr(token)))
        await device.read()
        await device.close()
    assert seen == [(header, None)]


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, {"success": False, "errors": "Token is invalid"}, CredentialsRefused, "VRM_TOKEN"),
        (403, {"success": False}, CredentialsRefused, "plant_id"),
        (404, {"success": False}, Malformed, "plant_id"),
        (400, {"success": False, "errors": {"count": ["too many"]}}, Malformed, "too many"),
        (422, "<html>", Malformed, "refused the request"),
        (429, {"success": False}, TryLater, "limits the rate"),
        (502, "<html>", TryLater, "a fault of its own"),
        (200, {"success": False, "errors": "odd", "error_code": "x1"}, Malformed, "error x1"),
        (200, {"success": False, "error_code": "invalid_token"}, CredentialsRefused, "VRM_TOKEN"),
        (200, {"records": []}, Malformed, "envelope"),
        (200, [], Malformed, "envelope"),
    ],
)
async def test_refusals_say_what_to_do_and_never_the_token(status, body, error, says):
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async with serving(handler) as server:
        device = portal(server)
        with pytest.raises(error, match=says) as caught:
            await device.read()
        await device.close()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("pause", ["17", "Mon, 01 Jun 2026 19:00:17 GMT"])
async def test_the_portals_pause_is_told_in_seconds_or_as_a_date(pause):
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"success": False}, status=429, headers={"Retry-After": pause})

    async with serving(handler) as server:
        device = portal(server, clock=lambda: LOGGED)
        with pytest.raises(TryLater) as caught:
            await device.read()
        await device.close()
    assert caught.value.after_s == 17


async def test_a_refused_token_is_not_tried_again_and_again():
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"success": False}, status=401)

    async with serving(handler) as server:
        device = portal(server)
        for _ in range(5):
            with pytest.raises(CredentialsRefused):
                await device.read()
        await device.close()
    assert len(server.asked) == 2


async def test_without_a_token_nobody_is_asked():
    api = VrmApi("vrm", None, base_url="http://127.0.0.1:9")
    with pytest.raises(CredentialsRefused, match="needs an access token; check VRM_TOKEN"):
        await api.get("users/me")
    await api.close()


def test_a_portal_needs_the_number_of_its_installation():
    with pytest.raises(ValidationError, match='a device of kind "victron_vrm" needs plant_id'):
        Device(id="vrm", kind="victron_vrm")
    assert Device(id="vrm", kind="victron_vrm", plant_id=7).interval_s == 900
    with pytest.raises(ValidationError, match="is no relay"):
        Device(id="vrm", kind="victron_vrm", plant_id=7, rated_w=100)
