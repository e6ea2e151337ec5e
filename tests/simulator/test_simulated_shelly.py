"""The simulated Shelly, asked with plain HTTP and a plain WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import httpx
import pytest

from simulator.clock import SimClock
from simulator.physics import VirtualSite
from simulator.server import Endpoints, serve
from simulator.shelly_auth import DigestGate, SlotsFull, Verdict
from tests.simulator.worlds import NOON, world

PASSWORD = "pass word"


class Stage:
    def __init__(self, site: VirtualSite, clock: SimClock, endpoints: Endpoints, client: httpx.AsyncClient) -> None:
        self.site, self.clock, self.endpoints, self.client = site, clock, endpoints, client
        self.base = f"http://{endpoints.shelly_urls['garage']}"

    async def call(self, method: str, *, auth: httpx.Auth | None = None, **params: Any) -> Any:
        frame = {"id": 1, "src": "test", "method": method, "params": params}
        kwargs = {} if auth is None else {"auth": auth}
        return (await self.client.post(f"{self.base}/rpc", json=frame, **kwargs)).json()  # type: ignore[arg-type]


@asynccontextmanager
async def garage(password: str | None = None, **options: Any) -> AsyncIterator[Stage]:
    site, clock = world(), SimClock(NOON, speed=0)
    async with (
        serve(site, clock, victron=False, shelly_password=password, **options) as endpoints,
        httpx.AsyncClient(timeout=3) as client,
    ):
        yield Stage(site, clock, endpoints, client)


async def test_shelly_tells_its_generation_to_anybody() -> None:
    async with garage(PASSWORD) as g:
        info = (await g.client.get(f"{g.base}/shelly")).json()
        assert (info["gen"], info["auth_en"], info["auth_domain"]) == (2, True, info["id"])
        assert "result" in await g.call("Shelly.GetDeviceInfo")


async def test_three_transports_give_the_same_status() -> None:
    async with garage() as g:
        by_frame = (await g.call("Switch.GetStatus", id=0))["result"]
        by_get = (await g.client.get(f"{g.base}/rpc/Switch.GetStatus", params={"id": 0})).json()
        by_post = (await g.client.post(f"{g.base}/rpc/Switch.GetStatus", json={"id": 0})).json()
        assert by_frame == by_get == by_post
        assert by_frame["apower"] == pytest.approx(g.site.state_at(NOON).miner_w["s21"], abs=0.06)
        assert (await g.call("Shelly.GetStatus"))["result"]["switch:0"] == by_frame


async def test_toggle_after_switches_back_on_the_devices_own_clock() -> None:
    async with garage() as g:
        answer = await g.client.get(f"{g.base}/rpc/Switch.Set?id=1&on=true&toggle_after=600")
        assert answer.json() == {"was_on": False}
        status = (await g.call("Switch.GetStatus", id=1))["result"]
        assert (status["output"], status["source"], status["timer_duration"]) == (True, "HTTP_in", 600)
        assert status["timer_started_at"] == pytest.approx(NOON.timestamp())
        g.clock.advance(timedelta(seconds=300))
        assert (await g.call("Switch.GetStatus", id=1))["result"]["apower"] > 3_000
        g.clock.advance(timedelta(seconds=301))
        status = (await g.call("Switch.GetStatus", id=1))["result"]
        assert (status["output"], status["source"], status["apower"]) == (False, "timer", 0)
        assert "timer_started_at" not in status


async def test_energy_is_counted_in_watt_hours_and_minutes_in_milliwatt_hours() -> None:
    async with garage() as g:
        await g.call("Switch.Set", id=1, on=True)
        g.clock.advance(timedelta(hours=1))
        energy = (await g.call("Switch.GetStatus", id=1))["result"]["aenergy"]
        assert energy["total"] == pytest.approx(3_250, rel=0.04)
        assert energy["by_minute"][0] == pytest.approx(3_250_000 / 60, rel=0.02)
        before = (await g.call("Switch.ResetCounters", id=1))["result"]["aenergy"]["total"]
        assert before == energy["total"]
        assert (await g.call("Switch.GetStatus", id=1))["result"]["aenergy"]["total"] == 0


async def test_auto_off_of_the_configuration_acts_as_a_timer_and_a_reboot_loses_timers() -> None:
    async with garage() as g:
        await g.call("Switch.SetConfig", id=1, config={"auto_off": True, "auto_off_delay": 90})
        assert (await g.call("Switch.GetConfig", id=1))["result"]["auto_off_delay"] == 90
        await g.call("Switch.Set", id=1, on=True)
        assert (await g.call("Switch.GetStatus", id=1))["result"]["timer_duration"] == 90
        await g.call("Shelly.Reboot")
        status = (await g.call("Switch.GetStatus", id=1))["result"]
        assert (status["output"], status["source"]) == (False, "init")


async def test_errors_come_as_frames_and_as_http_500() -> None:
    async with garage() as g:
        assert (await g.call("Switch.Set", id=9, on=True))["error"]["code"] == -105
        assert (await g.call("Switch.Set", id=1))["error"]["code"] == -103
        assert (await g.call("Switch.Set", id=1, on=True, toggle_after=-1))["error"]["code"] == -103
        assert (await g.call("Cover.Open", id=1))["error"]["code"] == 404
        answer = await g.client.get(f"{g.base}/rpc/Switch.Set?id=9&on=true")
        assert (answer.status_code, answer.json()["code"]) == (500, -105)


async def test_digest_login_reuses_its_nonce_and_a_wrong_password_stays_out() -> None:
    async with garage(PASSWORD) as g:
        assert (await g.client.get(f"{g.base}/rpc/Shelly.GetStatus")).status_code == 401
        auth = httpx.DigestAuth("admin", PASSWORD)
        for _ in range(3):
            answer = await g.client.get(f"{g.base}/rpc/Shelly.GetStatus", auth=auth)
            assert answer.status_code == 200
        assert "nc=00000003" in answer.request.headers["Authorization"]
        refused = await g.client.get(f"{g.base}/rpc/Shelly.GetStatus", auth=httpx.DigestAuth("admin", "wrong"))
        assert refused.status_code == 401
        assert "stale" not in refused.headers["WWW-Authenticate"]


async def test_an_expired_nonce_is_stale_and_the_client_recovers() -> None:
    async with garage(PASSWORD, nonce_life_s=0.2) as g:
        auth = httpx.DigestAuth("admin", PASSWORD)
        first = await g.client.get(f"{g.base}/rpc/Shelly.GetStatus", auth=auth)
        await asyncio.sleep(0.25)
        replayed = await g.client.get(
            f"{g.base}/rpc/Shelly.GetStatus", headers={"Authorization": first.request.headers["Authorization"]}
        )
        assert "stale=true" in replayed.headers["WWW-Authenticate"]
        assert (await g.client.get(f"{g.base}/rpc/Shelly.GetStatus", auth=auth)).status_code == 200


async def test_more_than_32_open_nonces_are_throttled_with_429() -> None:
    async with garage(PASSWORD) as g:
        seen = [(await g.client.get(f"{g.base}/rpc/Shelly.GetStatus")) for _ in range(34)]
        assert [answer.status_code for answer in seen[:33]] == [401] * 33  # the 33rd pushes the oldest out
        assert (seen[33].status_code, seen[33].headers["Retry-After"]) == (429, "2")


def frame_auth(realm: str, nonce: str, count: int, password: str = PASSWORD) -> dict[str, Any]:
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    ha1, ha2 = digest(f"admin:{realm}:{password}"), digest("dummy_method:dummy_uri")
    return {
        "realm": realm,
        "username": "admin",
        "nonce": nonce,
        "nc": count,
        "cnonce": "abc",
        "response": digest(f"{ha1}:{nonce}:{count}:abc:auth:{ha2}"),
        "algorithm": "SHA-256",
    }


def test_a_nonce_starts_at_one_and_only_rises() -> None:
    gate = DigestGate("relay", PASSWORD)
    nonce = gate.challenge()
    assert gate.check_frame(frame_auth("relay", nonce, 2)) is Verdict.REFUSED
    assert gate.check_frame(frame_auth("relay", nonce, 1)) is Verdict.GRANTED
    assert gate.check_frame(frame_auth("relay", nonce, 1)) is Verdict.REFUSED
    assert gate.check_frame(frame_auth("relay", nonce, 5)) is Verdict.GRANTED
    assert gate.check_frame(frame_auth("relay", nonce, 4)) is Verdict.REFUSED
    assert gate.check_frame(frame_auth("relay", "unknown", 1)) is Verdict.STALE
    assert gate.check_frame(frame_auth("relay", nonce, 6, "wrong")) is Verdict.REFUSED


def test_slots_full_frees_the_oldest_nonce_at_most_every_two_seconds() -> None:
    gate = DigestGate("relay", PASSWORD)
    first = gate.challenge()
    for _ in range(32):
        gate.challenge()
    assert gate.check_frame(frame_auth("relay", first, 1)) is Verdict.STALE
    with pytest.raises(SlotsFull):
        gate.challenge()


async def test_the_websocket_answers_frames_and_pushes_changes_to_who_named_himself() -> None:
    async with (
        garage(PASSWORD) as g,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{g.base}/rpc") as socket,
    ):
        await socket.send_json({"id": 1, "src": "me", "method": "Switch.GetStatus", "params": {"id": 1}})
        refusal = (await socket.receive_json())["error"]
        challenge = json.loads(refusal["message"])
        assert (refusal["code"], challenge["algorithm"]) == (401, "SHA-256")
        auth = frame_auth(challenge["realm"], challenge["nonce"], 1)
        await socket.send_json(
            {"id": 2, "src": "me", "method": "Switch.Set", "params": {"id": 1, "on": True}, "auth": auth}
        )
        answer = await socket.receive_json()
        assert (answer["id"], answer["dst"], answer["result"]) == (2, "me", {"was_on": False})
        note = await asyncio.wait_for(socket.receive_json(), 3)
        assert note["method"] == "NotifyStatus"
        assert note["params"]["switch:1"]["output"] is True
        assert note["params"]["switch:1"]["source"] == "WS_in"


async def test_faults_of_one_relay_device_do_not_touch_other_services() -> None:
    async with garage(PASSWORD) as g:
        faults = f"{g.endpoints.control_url}/faults"
        await g.client.post(faults, json={"target": "shelly:garage", "fault": "429", "count": 1})
        limited = await g.client.get(f"{g.base}/shelly")
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "2")
        await g.client.post(faults, json={"target": "shelly:garage", "fault": "frozen"})
        auth = httpx.DigestAuth("admin", PASSWORD)
        first = (await g.call("Shelly.GetStatus", auth=auth))["result"]
        g.clock.advance(timedelta(hours=3))
        assert (await g.call("Shelly.GetStatus", auth=auth))["result"] == first
        await g.client.post(faults, json={"target": "shelly:garage", "fault": "nulls", "count": 1})
        assert (await g.call("Switch.GetStatus", auth=auth, id=0))["result"]["apower"] is None


async def test_faults_reach_the_websocket_too() -> None:
    async with (
        garage() as g,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{g.base}/rpc") as socket,
    ):
        faults = f"{g.endpoints.control_url}/faults"
        frame = {"id": 1, "src": "me", "method": "Switch.GetStatus", "params": {"id": 0}}
        seen = {}
        for fault in ("429", "401", "html", "nulls"):
            await g.client.post(faults, json={"target": "shelly:garage", "fault": fault, "count": 1})
            await socket.send_json(frame)
            seen[fault] = await socket.receive_str()
        assert json.loads(seen["429"])["error"]["code"] == 429
        assert json.loads(seen["401"])["error"]["code"] == 401
        assert seen["html"] == "<html></html>"
        assert json.loads(seen["nulls"])["result"]["apower"] is None
        await socket.send_json(frame)
        assert (await socket.receive_json())["result"]["apower"] > 0
