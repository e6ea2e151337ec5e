"""The simulated Shelly of the first generation, asked with plain HTTP, and the models without a meter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from simulator.clock import SimClock
from simulator.physics import VirtualSite
from simulator.server import serve
from simulator.shelly_models import model_named
from tests.simulator.worlds import NOON, world

PASSWORD = "pass word"


class Stage:
    def __init__(self, site: VirtualSite, clock: SimClock, base: str, control: str, client: httpx.AsyncClient) -> None:
        self.site, self.clock, self.base, self.control, self.client = site, clock, base, control, client

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"{self.base}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def tell(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(f"{self.control}{path}", json=body)


@asynccontextmanager
async def garage(model: str = "shelly4pro", password: str | None = None) -> AsyncIterator[Stage]:
    site, clock = world(), SimClock(NOON, speed=0)
    serving = serve(site, clock, victron=False, shelly_password=password, shelly_models={"garage": model})
    auth = httpx.BasicAuth("admin", password) if password else None
    async with serving as endpoints, httpx.AsyncClient(timeout=1, auth=auth) as client:
        yield Stage(site, clock, f"http://{endpoints.shelly_urls['garage']}", endpoints.control_url, client)


async def test_it_tells_its_type_and_no_generation() -> None:
    async with garage(password=PASSWORD) as g:
        async with httpx.AsyncClient() as anybody:
            info = (await anybody.get(f"{g.base}/shelly")).json()
            assert (await anybody.get(f"{g.base}/status")).status_code == 401
            wrong = await anybody.get(f"{g.base}/relay/0?turn=off", auth=httpx.BasicAuth("admin", "guessed"))
            assert wrong.status_code == 401
            assert "Basic" in wrong.headers["WWW-Authenticate"]
        assert (info["type"], info["auth"], info["num_outputs"], info["num_meters"]) == ("SHSW-44", True, 4, 4)
        assert "gen" not in info
        assert (await g.get("/status"))["relays"][0]["ison"] is True


async def test_a_timer_flips_back_and_power_follows() -> None:
    async with garage() as g:
        answer = await g.get("/relay/1", turn="on", timer=600)
        assert (answer["ison"], answer["has_timer"], answer["timer_remaining"]) == (True, True, 600)
        assert answer["source"] == "http"
        g.clock.advance(timedelta(seconds=300))
        status = await g.get("/status")
        assert status["relays"][1]["timer_remaining"] == 300
        assert status["meters"][1]["power"] == pytest.approx(3_250, rel=0.02)
        g.clock.advance(timedelta(seconds=301))
        status = await g.get("/status")
        assert (status["relays"][1]["ison"], status["relays"][1]["source"]) == (False, "timer")
        assert status["meters"][1]["power"] == 0


async def test_energy_is_counted_in_watt_minutes_and_a_restart_forgets_it() -> None:
    async with garage() as g:
        await g.get("/relay/1", turn="on", timer=7_200)
        g.clock.advance(timedelta(hours=1))
        assert (await g.get("/meter/1"))["total"] == pytest.approx(3_250 * 60, rel=0.04)
        await g.get("/reboot")
        status = await g.get("/status")
        assert status["meters"][1]["total"] == 0
        assert (status["relays"][1]["ison"], status["uptime"]) == (False, 0)


async def test_settings_are_kept_and_followed() -> None:
    async with garage() as g:
        kept = await g.get("/settings/relay/1", auto_off=90, default_state="last")
        assert (kept["auto_off"], kept["default_state"]) == (90, "last")
        assert (await g.get("/relay/1", turn="on"))["timer_remaining"] == 90
        await g.get("/reboot")
        assert (await g.get("/relay/1"))["ison"] is True
        assert (await g.get("/settings"))["relays"][1]["default_state"] == "last"


async def test_nonsense_is_refused() -> None:
    async with garage() as g:
        for path, status in [("/relay/9", 404), ("/relay/1?turn=sideways", 400), ("/relay/1?turn=on&timer=-5", 400)]:
            assert (await g.client.get(f"{g.base}{path}")).status_code == status
        assert (await g.get("/relay/1"))["ison"] is False


@pytest.mark.parametrize("model", ["shelly4pro", "pro4pm", "pro3"])
async def test_a_hand_and_a_restart_come_from_the_control_endpoint(model: str) -> None:
    async with garage(model) as g:
        told = await g.tell("/relay", device="garage", channel=1, on=True)
        assert told.json()["on"] is True
        shown = await _source(g, 1)
        assert shown == ("input" if model == "shelly4pro" else "button")
        await g.tell("/relay", device="garage", channel=1, on=False, source="switch")
        assert await _source(g, 1) in ("input", "switch")
        assert (await g.tell("/reboot", device="garage")).json()["outputs"][0] is False
        assert (await g.tell("/relay", device="garage", channel=7, on=True)).status_code == 400
        assert (await g.tell("/reboot", device="cerbo")).status_code == 400


@pytest.mark.parametrize("model", ["shelly4pro", "pro4pm"])
async def test_protections_and_stuck_contacts_come_from_the_control_endpoint(model: str) -> None:
    async with garage(model) as g:
        tripped = await g.tell("/trip", device="garage", channel=0, error="overpower")
        assert tripped.json()["on"] is False
        assert g.site.state_at(NOON).miner_w["s21"] == 0
        await g.tell("/weld", device="garage", channel=0, welded=True)
        g.clock.advance(timedelta(minutes=5))
        assert g.site.state_at(g.clock.now()).miner_w["s21"] > 3_500
        await g.tell("/weld", device="garage", channel=0, welded=False)
        assert g.site.state_at(g.clock.now()).miner_w["s21"] == 0
        assert (await g.tell("/trip", device="garage", channel=-1)).status_code == 400


async def _source(g: Stage, channel: int) -> str:
    if "gen" in await g.get("/shelly"):
        return str((await g.get("/rpc/Switch.GetStatus", id=channel))["source"])
    return str((await g.get(f"/relay/{channel}"))["source"])


async def test_lost_and_stuck_befall_commands_only() -> None:
    async with garage() as g:
        await g.tell("/faults", target="shelly:garage", fault="stuck", count=1)
        assert (await g.get("/relay/1"))["ison"] is False
        assert (await g.get("/relay/1", turn="on", timer=60))["ison"] is False
        await g.tell("/faults", target="shelly:garage", fault="lost", count=1)
        with pytest.raises(httpx.ReadTimeout):
            await g.get("/relay/1", turn="on", timer=60)
        assert (await g.get("/relay/1"))["ison"] is True


async def test_a_second_generation_without_meter_lacks_the_figures() -> None:
    async with garage("pro3") as g:
        info = await g.get("/shelly")
        assert (info["model"], info["app"]) == ("SPSW-003XE16EU", "Pro3")
        status = await g.get("/rpc/Shelly.GetStatus")
        assert "switch:2" in status
        assert "switch:3" not in status
        assert not {"apower", "voltage", "aenergy"} & status["switch:0"].keys()
        assert "power_limit" not in (await g.get("/rpc/Switch.GetConfig", id=0))


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r'no Shelly model "pro5"; there are pro4pm, plus1pm'):
        model_named("pro5")
