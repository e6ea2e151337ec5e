"""The simulated SolArk cloud, asked with plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from simulator.clock import SimClock
from simulator.physics import VirtualSite
from simulator.server import Endpoints, at_endpoints, serve
from tests.simulator.worlds import NOON, world

SETTINGS = "common/setting/2207079904/read"
UPLOAD = NOON.replace(minute=0, second=0)  # the dongle uploads every 5 minutes


@asynccontextmanager
async def cloud(site: VirtualSite | None = None, *, end: datetime = NOON, **options: Any) -> AsyncIterator[Cloud]:
    site = site or world(end=end)
    clock = SimClock(end, speed=0)
    async with serve(site, clock, victron=False, **options) as endpoints, httpx.AsyncClient(timeout=2) as client:
        yield Cloud(site, clock, endpoints, client)


class Cloud:
    def __init__(self, site: VirtualSite, clock: SimClock, endpoints: Endpoints, client: httpx.AsyncClient) -> None:
        self.site, self.clock, self.endpoints, self.client = site, clock, endpoints, client
        self.token = "none"

    async def login(self, **changes: str) -> dict[str, Any]:
        body = {
            "username": self.endpoints.solark_username,
            "password": self.endpoints.solark_password,
            "grant_type": "password",
            "client_id": "csp-web",
        }
        answer = await self.client.post(f"{self.endpoints.solark_url}/oauth/token", json=body | changes)
        envelope: dict[str, Any] = answer.json()
        if envelope["success"]:
            self.token = envelope["data"]["access_token"]
        return envelope

    async def ask(self, path: str, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.client.get(f"{self.endpoints.solark_url}/api/v1/{path}", headers=headers, params=query)

    async def get(self, path: str, **query: str) -> Any:
        envelope = (await self.ask(path, **query)).json()
        assert envelope["code"] == 0, envelope
        return envelope["data"]

    async def write(self, block: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.endpoints.solark_url}/api/v1/common/setting/2207079904/set"
        answer = await self.client.post(url, json=block, headers={"Authorization": f"Bearer {self.token}"})
        envelope: dict[str, Any] = answer.json()
        return envelope

    async def order(self, **fault: Any) -> None:
        answer = await self.client.post(f"{self.endpoints.control_url}/faults", json={"target": "solark"} | fault)
        assert answer.status_code == 200, answer.text


FLOW = "plant/energy/123456/flow"


async def test_flow_shows_magnitudes_with_flags_that_match_the_physics() -> None:
    async with cloud() as c:
        await c.login()
        flow, state = await c.get(FLOW), c.site.state_at(UPLOAD)
        assert flow["pvPower"] == round(state.solar_w_solark)
        assert int(flow["loadOrEpsPower"]) == round(state.load_w)
        assert flow["battPower"] == abs(round(state.battery_charge_w))
        assert (flow["toBat"], flow["batTo"]) == (state.battery_charge_w > 1, state.battery_charge_w < -1)
        assert (flow["gridTo"], flow["toGrid"]) == (state.grid_import_w > 1, state.grid_import_w < -1)
        assert flow["time"] is None
        assert {type(flow[key]) for key in ("pvPower", "soc", "loadOrEpsPower")} == {int, float, str}


async def test_discharging_at_night_is_told_by_the_flag_and_not_by_the_sign() -> None:
    night = NOON + timedelta(hours=10)
    async with cloud(end=night) as c:
        await c.login()
        flow = await c.get(FLOW)
        assert flow["battPower"] > 100
        assert (flow["batTo"], flow["toBat"]) == (True, False)
        assert (await c.get("inverter/battery/2207079904/realtime"))["power"] > 100


async def test_values_change_at_the_upload_interval_only() -> None:
    async with cloud() as c:
        await c.login()
        first = await c.get(FLOW)
        c.clock.advance(timedelta(minutes=2))
        assert await c.get(FLOW) == first
        c.clock.advance(timedelta(minutes=1))
        assert await c.get(FLOW) != first
        assert (await c.get("plant/123456/realtime"))["updateAt"] == "2026-06-10T20:05:00Z"
        gateway = (await c.get("gateways"))["infos"][0]
        assert (gateway["updateAt"], gateway["uploadInterval"]) == ("2026-06-10T20:05:00Z", 300)


async def test_a_wrong_password_is_code_102_in_http_200() -> None:
    async with cloud() as c:
        refusal = await c.login(password="wrong")
        assert (refusal["code"], refusal["success"]) == (102, False)


async def test_a_refresh_token_works_once() -> None:
    async with cloud() as c:
        refresh = (await c.login())["data"]["refresh_token"]
        renewed = await c.login(grant_type="refresh_token", refresh_token=refresh)
        assert renewed["success"]
        assert (await c.login(grant_type="refresh_token", refresh_token=refresh))["code"] == 102
        assert (await c.get(FLOW))["pvPower"] > 0


async def test_no_token_is_http_401_and_an_expired_one_is_code_401() -> None:
    async with cloud(token_life_s=0.6) as c:
        assert (await c.ask(FLOW)).status_code == 401
        await c.login()
        assert (await c.ask(FLOW)).json()["code"] == 0
        await asyncio.sleep(0.65)
        expired = await c.ask(FLOW)
        assert (expired.status_code, expired.json()["code"]) == (200, 401)


async def test_the_day_series_reaches_to_the_last_upload_and_matches_the_physics() -> None:
    async with cloud() as c:
        await c.login()
        infos = {info["label"]: info for info in (await c.get("plant/energy/123456/day", date="2026-06-10"))["infos"]}
        assert list(infos) == ["PV", "Load", "Battery", "Grid", "SOC"]
        records = infos["PV"]["records"]
        assert (records[0]["time"], records[-1]["time"], len(records)) == ("00:00", "13:00", 157)
        state = c.site.state_at(UPLOAD)
        assert float(records[-1]["value"]) == pytest.approx(state.solar_w_solark, abs=0.06)
        assert float(infos["Battery"]["records"][-1]["value"]) == pytest.approx(-state.battery_charge_w, abs=0.06)


@pytest.mark.parametrize(("day", "count"), [("2026-03-08", 276), ("2026-11-01", 300), ("2026-03-09", 288)])
async def test_a_day_of_clock_change_has_23_or_25_hours_of_records(day: str, count: int) -> None:
    end = datetime.fromisoformat(day).replace(hour=20, tzinfo=UTC) + timedelta(days=2)
    async with cloud(world(end=end, days=4), end=end) as c:
        await c.login()
        records = (await c.get("plant/energy/123456/day", date=day))["infos"][0]["records"]
        times = [record["time"] for record in records]
        assert len(times) == count
        assert ("02:30" in times) == (day != "2026-03-08")
        assert times.count("01:30") == (2 if day == "2026-11-01" else 1)


async def test_the_months_days_add_up_to_the_counters() -> None:
    async with cloud(world(days=9)) as c:
        await c.login()
        infos = {i["label"]: i["records"] for i in (await c.get("plant/energy/123456/month", date="2026-06"))["infos"]}
        assert set(infos) == {"Load", "PV", "Export", "Import", "Charge", "Discharge"}
        total = sum(float(record["value"]) for record in infos["Load"])
        assert total == pytest.approx(c.site.totals_at(UPLOAD).load_kwh, abs=0.6)
        assert infos["PV"][-1]["time"] == "2026-06-10"
        assert float(infos["PV"][-1]["value"]) == (await c.get("plant/123456/realtime"))["etoday"]


async def test_an_outage_opens_the_grid_relay() -> None:
    async with cloud() as c:
        await c.login()
        assert (await c.get("inverter/grid/2207079904/realtime"))["acRealyStatus"] == 1
        await c.client.post(f"{c.endpoints.control_url}/grid", json={"present": False})
        c.clock.advance(timedelta(minutes=5))
        grid = await c.get("inverter/grid/2207079904/realtime")
        assert (grid["acRealyStatus"], grid["vip"][0]["volt"]) == (0, "0.0")


async def test_written_settings_show_when_the_inverter_has_them() -> None:
    async with cloud(settings_delay_s=0.2) as c:
        await c.login()
        block = await c.get(SETTINGS)
        assert (block["equipMode"], block["sellTime1"], block["cap1"]) == (1, "01:00", "20")
        assert (await c.write(block | {"cap1": "35"}))["code"] == 0
        assert (await c.get(SETTINGS))["cap1"] == "20"
        await asyncio.sleep(0.25)
        assert (await c.get(SETTINGS))["cap1"] == "35"


async def test_settings_are_written_whole_or_not_at_all() -> None:
    async with cloud(settings_delay_s=0) as c:
        await c.login()
        block = await c.get(SETTINGS)
        some = {key: value for key, value in block.items() if key != "cap6"}
        for wrong in (some | {"cap1": "35"}, block | {"cap1": "35", "capital": 1}, block | {"cap1": "35", "sn": "1"}):
            answer = await c.write(wrong)
            assert (answer["code"], answer["success"]) == (1, False)
        assert await c.get(SETTINGS) == block


@pytest.mark.parametrize("fault", ["refused", "stuck"])
async def test_a_write_can_be_refused_or_come_to_nothing_while_reading_goes_on(fault: str) -> None:
    async with cloud(settings_delay_s=0) as c:
        await c.login()
        block = await c.get(SETTINGS)
        await c.order(fault=fault, count=1)
        assert await c.get(SETTINGS) == block
        answer = await c.write(block | {"cap1": "35"})
        assert answer["success"] is (fault == "stuck")
        assert await c.get(SETTINGS) == block
        assert (await c.write(block | {"cap1": "35"}))["success"] is True
        assert (await c.get(SETTINGS))["cap1"] == "35"


async def test_ordered_faults_show_and_end_after_their_count() -> None:
    async with cloud() as c:
        await c.login()
        await c.order(fault="429", count=1)
        limited = await c.ask(FLOW)
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "2")
        assert (await c.ask(FLOW)).json()["code"] == 0
        await c.order(fault="401", count=1)
        assert (await c.ask(FLOW)).status_code == 401
        await c.order(fault="code401", count=1)
        assert (await c.ask(FLOW)).json()["code"] == 401
        await c.order(fault="html", count=1)
        page = await c.ask(FLOW)
        assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
        await c.order(fault="nulls", count=1)
        nulls = await c.get(FLOW)
        assert nulls["pvPower"] is None
        assert nulls["loadOrEpsPower"] is None
        assert (await c.get(FLOW))["pvPower"] > 0


async def test_a_timeout_answers_nothing_until_it_is_over() -> None:
    async with cloud() as c:
        await c.login()
        await c.order(fault="timeout", count=1)
        with pytest.raises(httpx.ReadTimeout):
            await c.client.get(f"{c.endpoints.solark_url}/api/v1/{FLOW}", timeout=0.2)
        assert (await c.ask(FLOW)).status_code == 200


async def test_a_frozen_dongle_repeats_itself_and_its_time_stands_still() -> None:
    async with cloud() as c:
        await c.login()
        await c.order(fault="frozen")
        first = await c.get(FLOW)
        c.clock.advance(timedelta(hours=1))
        assert await c.get(FLOW) == first
        assert (await c.get("gateways"))["infos"][0]["updateAt"] == "2026-06-10T20:00:00Z"
        await c.order(fault="none")
        assert await c.get(FLOW) != first


async def test_a_fault_for_seconds_ends_by_itself() -> None:
    async with cloud() as c:
        await c.login()
        await c.order(fault="429", seconds=0.2)
        assert (await c.ask(FLOW)).status_code == 429
        await asyncio.sleep(0.25)
        assert (await c.ask(FLOW)).status_code == 200


async def test_control_refuses_what_it_does_not_know_and_names_what_it_does() -> None:
    async with cloud() as c:
        url = f"{c.endpoints.control_url}/faults"
        wrong_target = await c.client.post(url, json={"target": "toaster", "fault": "429"})
        assert wrong_target.status_code == 400
        assert "solark" in wrong_target.json()["error"]
        wrong_fault = await c.client.post(url, json={"target": "solark", "fault": "fire"})
        assert "timeout" in wrong_fault.json()["error"]
        assert (await c.client.post(url, content=b"{")).status_code == 400


async def test_state_shows_the_physics_behind_the_services() -> None:
    async with cloud() as c:
        seen = (await c.client.get(f"{c.endpoints.control_url}/state")).json()
        assert seen["physics"]["soc_pct"] == c.site.state_at(NOON).soc_pct
        assert seen["relays"]["garage:0"]["automatic"] is True
        flipped = await c.client.post(
            f"{c.endpoints.control_url}/relay", json={"device": "garage", "channel": 0, "on": False}
        )
        assert flipped.json() | {"since_s": 0} == {
            "on": False,
            "since_s": 0,
            "automatic": False,
            "timer_started_s": None,
            "timer_until_s": None,
        }


async def test_the_demo_site_can_be_pointed_at_the_simulator() -> None:
    async with cloud() as c:
        moved = at_endpoints(c.site.site, c.endpoints)
        solark, garage = moved.device_by_id("solark"), moved.device_by_id("garage")
        assert solark is not None
        assert garage is not None
        assert solark.base_url == c.endpoints.solark_url
        assert f"{garage.host}:{garage.port}" == c.endpoints.shelly_urls["garage"]


async def test_frozen_for_a_number_of_answers_ends_after_them() -> None:
    async with cloud() as c:
        await c.login()
        await c.order(fault="frozen", count=2)
        first = await c.get(FLOW)
        c.clock.advance(timedelta(hours=1))
        assert await c.get(FLOW) == first
        assert await c.get(FLOW) != first
