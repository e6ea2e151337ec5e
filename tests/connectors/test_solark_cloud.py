"""The SolArk cloud over HTTP: logins, freshness, what is dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.errors import CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.solark.api import SolArkApi
from connectors.solark.client import SolArkCloud
from energy.reading import Quality
from energy.site import Device, Grid, Site
from tests.connectors.serving import Server, closed_port, payload, serving

NOW = datetime(2026, 4, 3, 16, 40, tzinfo=UTC)
SECRETS = DeviceSecrets(username="owner@example.com", password=SecretStr("open sesame"))


def enveloped(data: Any) -> Any:
    return {"code": 0, "msg": "Success", "success": True, "data": data}


@dataclass
class Cloud:
    """What the vendor's cloud answers; tests change its parts."""

    logins: int = 0
    expires_in: Any = 3599
    login_reply: Any = None
    valid_token: str = ""
    parts: dict[str, Any] = field(default_factory=dict)
    server: Server = field(default_factory=Server)

    def __post_init__(self) -> None:
        self.parts = {
            "plant/123456": payload("solark_plant_with_owner"),
            "plant/123456/realtime": enveloped({"updateAt": "2026-04-03T16:37:01Z", "pac": 8701}),
            "plant/energy/123456/flow": payload("solark_exporting_at_noon"),
            "plant/123456/inverters": enveloped(
                {"infos": [{"sn": "2207111234", "model": "15K-2P", "version": {"softVer": "1.5.1"}, "userMail": "x@y"}]}
            ),
            "inverter/battery/2207111234/realtime": enveloped({"voltage": "54.1", "temp": "24.5", "power": -18}),
            "inverter/grid/2207111234/realtime": enveloped({"vip": [{"volt": "121.2"}, {"volt": "120.9"}]}),
            "common/setting/2207111234/read": payload("solark_settings_of_the_master"),
            "gateways": enveloped({"infos": [{"updateAt": "2026-04-03T16:35:00Z", "uploadInterval": 300}]}),
        }

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/oauth/token":
            self.logins += 1
            if self.login_reply is not None:
                return web.json_response(self.login_reply)
            body = await request.json()
            assert (body["password"], body["grant_type"], body["client_id"]) == ("open sesame", "password", "csp-web")
            self.valid_token = f"token-{self.logins}"
            return web.json_response(enveloped({"access_token": self.valid_token, "expires_in": self.expires_in}))
        if request.headers.get("Authorization") != f"Bearer {self.valid_token}":
            return web.json_response({"code": 401, "msg": "invalid_token", "success": False})
        part = self.parts.get(request.path.removeprefix("/api/v1/"))
        if part is None:
            return web.Response(status=404, text="Not Found")
        return part() if callable(part) else web.json_response(part)


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def plant(
    cloud: Cloud, *, grid: bool = True, monotonic: Callable[[], float] | None = None, secrets: DeviceSecrets = SECRETS
) -> AsyncIterator[SolArkCloud]:
    async with serving(cloud.handle) as cloud.server:
        device = Device(id="solark", kind="solark_cloud", plant_id=123456, base_url=cloud.server.url)
        site = Site(id="ranch", timezone="UTC", grid=Grid(present=grid), device=(device,))
        opened = SolArkCloud(site, device, secrets, clock=lambda: NOW, monotonic=monotonic or Time())
        try:
            yield opened
        finally:
            await opened.close()


async def test_a_reading_carries_the_time_of_the_upload():
    async with plant(Cloud()) as device:
        (reading,) = await device.read()
    assert reading.taken_at == datetime(2026, 4, 3, 16, 37, 1, tzinfo=UTC)
    assert (reading.battery_charge_w, reading.grid_import_w) == (64, -7905)
    assert (reading.battery_voltage_v, reading.battery_temperature_c) == (54.1, 24.5)
    assert reading.grid_present is True
    assert reading.fault_codes is None
    assert reading.quality is Quality.GOOD


async def test_the_flow_is_asked_for_by_the_plants_own_calendar_day():
    cloud = Cloud()
    async with plant(cloud) as device:
        device._clock = lambda: datetime(2026, 4, 4, 3, 0, tzinfo=UTC)  # still the 3rd in Los Angeles
        await device.read()
    assert cloud.server.queries[cloud.server.asked.index("GET /api/v1/plant/energy/123456/flow")] == {
        "date": "2026-04-03"
    }


async def test_one_login_serves_many_polls_and_the_slow_parts_are_asked_for_once_per_upload():
    cloud = Cloud()
    async with plant(cloud) as device:
        for _ in range(3):
            await device.read()
    assert cloud.logins == 1
    assert cloud.server.asked.count("GET /api/v1/inverter/battery/2207111234/realtime") == 1
    assert cloud.server.asked.count("GET /api/v1/plant/energy/123456/flow") == 3


@pytest.mark.parametrize(("expires_in", "good_s"), [(3599, 3539), ("7200", 7140), (None, 3540), (61, 30.5)])
async def test_a_token_is_renewed_before_it_expires(expires_in, good_s):
    cloud, time = Cloud(expires_in=expires_in), Time()
    async with plant(cloud, monotonic=time) as device:
        await device.read()
        time.now = good_s - 0.1
        await device.read()
        assert cloud.logins == 1
        time.now = good_s
        await device.read()
    assert cloud.logins == 2


@pytest.mark.parametrize("reply", [{"code": 401, "msg": "expired"}, lambda: web.Response(status=401)])
async def test_an_expired_token_costs_one_login_and_the_reading_still_comes(reply):
    cloud = Cloud()
    async with plant(cloud) as device:
        await device.read()
        cloud.valid_token = "another session took over"
        assert len(await device.read()) == 1
        assert cloud.logins == 2
        cloud.parts["plant/123456/realtime"] = reply
        with pytest.raises(CredentialsRefused, match="SOLARK_PASSWORD"):
            await device.read()
    assert cloud.logins == 3


async def test_a_wrong_password_names_the_variables_and_is_not_tried_at_every_poll():
    cloud, time = Cloud(login_reply={"code": 102, "msg": "Bad credentials", "success": False}), Time()
    async with plant(cloud, monotonic=time) as device:
        for _ in range(6):
            with pytest.raises(CredentialsRefused, match=r"SOLARK_USERNAME and SOLARK_PASSWORD") as caught:
                await device.read()
            assert "open sesame" not in str(caught.value)
        assert cloud.logins == 2
        time.now = 3600
        cloud.login_reply = None
        assert len(await device.read()) == 1


async def test_missing_credentials_are_said_without_asking_the_cloud():
    cloud = Cloud()
    async with plant(cloud, secrets=DeviceSecrets()) as device:
        with pytest.raises(CredentialsRefused, match="has no user name or password"):
            await device.read()
    assert cloud.server.asked == []


async def test_an_account_without_the_plant_is_told_so():
    cloud = Cloud()
    cloud.parts["plant/energy/123456/flow"] = {"code": 2, "msg": "No Permissions", "success": False}
    async with plant(cloud) as device:
        with pytest.raises(CredentialsRefused, match="plant_id"):
            await device.read()


@pytest.mark.parametrize(
    "reply",
    [
        {"code": 1, "msg": "error", "success": False},
        {"hello": "world"},
        [1, 2],
        enveloped("nothing"),
        lambda: web.Response(text="<html>maintenance</html>"),
    ],
)
async def test_an_answer_that_is_no_flow_is_malformed(reply):
    cloud = Cloud()
    cloud.parts["plant/energy/123456/flow"] = reply
    async with plant(cloud) as device:
        with pytest.raises(Malformed):
            await device.read()


async def test_a_gap_of_the_cloud_gives_no_reading():
    cloud = Cloud()
    cloud.parts["plant/energy/123456/flow"] = payload("solark_gap_of_zeros")
    async with plant(cloud) as device:
        assert await device.read() == []


async def test_parts_that_this_cloud_does_not_give_stay_unknown_and_are_logged_once():
    cloud = Cloud()
    del cloud.parts["inverter/battery/2207111234/realtime"]
    cloud.parts["plant/123456/realtime"] = enveloped({"updateAt": None})
    async with plant(cloud) as device:
        with structlog.testing.capture_logs() as events:
            (reading,) = await device.read()
            await device.read()
    assert reading.taken_at == datetime(2026, 4, 3, 16, 35, tzinfo=UTC)  # the gateway's
    assert reading.battery_voltage_v is None
    assert [event["part"] for event in events if event["event"] == "device_part_missing"] == ["battery"]


async def test_a_busy_extra_does_not_cost_the_flow():
    cloud = Cloud()
    cloud.parts["inverter/battery/2207111234/realtime"] = lambda: web.Response(status=429)
    async with plant(cloud) as device:
        (reading,) = await device.read()
    assert (reading.soc_pct, reading.battery_voltage_v) == (100, None)


async def test_without_any_time_of_the_vendor_a_payload_is_as_old_as_its_first_sight():
    cloud = Cloud()
    del cloud.parts["plant/123456/realtime"], cloud.parts["gateways"]
    async with plant(cloud) as device:
        (first,) = await device.read()
        device._clock = lambda: NOW.replace(minute=50)
        (same,) = await device.read()
        cloud.parts["plant/energy/123456/flow"] = payload("solark_discharging_at_night")
        (other,) = await device.read()
    assert first.taken_at == same.taken_at == NOW
    assert other.taken_at == NOW.replace(minute=50)
    assert first.quality is Quality.DEGRADED


async def test_a_site_without_grid_has_none_whatever_the_inverter_shows():
    cloud = Cloud()
    async with plant(cloud, grid=False) as device:
        (reading,) = await device.read()
    assert reading.grid_present is None
    assert not any("/grid/" in asked for asked in cloud.server.asked)


async def test_a_dead_grid_is_not_present():
    cloud = Cloud()
    cloud.parts["plant/energy/123456/flow"] = payload("solark_discharging_at_night")
    cloud.parts["inverter/grid/2207111234/realtime"] = enveloped({"vip": [{"volt": "0.0"}], "acRealyStatus": 0})
    async with plant(cloud) as device:
        (reading,) = await device.read()
    assert reading.grid_present is False


async def test_details_have_units_and_nothing_personal():
    async with plant(Cloud()) as device:
        details = await device.details()
    assert (details.model, details.firmware, details.serial_tail) == ("15K-2P", "1.5.1", "1234")
    assert details.settings["slot_1_reserve_pct"] == 40
    assert details.settings["slot_2_start"] == "16:00"
    assert details.settings["slot_2_grid_charge"] is True
    assert details.settings["upload_interval_s"] == 300
    assert details.settings["rated_power_kw"] == 14.6
    for personal in ("Fulano", "fulano", "555", "x@y", "2207111234"):
        assert personal not in repr(details)


async def test_history_comes_by_the_plants_days():
    cloud = Cloud()
    records = [{"time": "00:05", "value": "40", "updateTime": None}]
    cloud.parts["plant/energy/123456/day"] = enveloped({"infos": [{"label": "SOC", "unit": "%", "records": records}]})
    async with plant(cloud) as device:
        (reading,) = await device.day(date(2026, 4, 2))
    assert reading.taken_at == datetime(2026, 4, 2, 7, 5, tzinfo=UTC)
    assert reading.quality is Quality.BACKFILLED
    assert cloud.server.queries[-1]["date"] == "2026-04-02"


async def test_the_next_host_is_used_when_the_first_cannot_be_connected_to():
    cloud = Cloud()
    async with serving(cloud.handle) as server:
        hosts = (f"http://127.0.0.1:{await closed_port()}", server.url)
        api = SolArkApi("solark", SECRETS.username, SECRETS.password, hosts=hosts)
        data = await api.get("plant/123456/realtime")
        await api.close()
    assert data["pac"] == 8701
    assert cloud.logins == 1


async def test_a_login_that_got_no_answer_is_not_sent_again():
    asked: list[str] = []

    async def dying(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with serving(dying) as first, serving(dying) as second:
        api = SolArkApi("solark", SECRETS.username, SECRETS.password, hosts=(first.url, second.url))
        with pytest.raises(Unreachable):
            await api.get("plant/123456/realtime")
        await api.close()
    assert asked == ["/oauth/token"]


async def test_a_rate_limit_at_the_login_is_passed_on():
    async def limited(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "2"})

    async with serving(limited) as server:
        api = SolArkApi("solark", SECRETS.username, SECRETS.password, hosts=(server.url,))
        with pytest.raises(TryLater) as caught:
            await api.get("plant/123456/realtime")
        await api.close()
    assert caught.value.after_s == 2
