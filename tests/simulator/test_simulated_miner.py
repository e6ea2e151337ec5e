"""The simulated miner's own API, asked over plain TCP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from simulator.clock import SimClock
from simulator.physics import VirtualSite
from simulator.server import Endpoints, at_endpoints, serve
from tests.simulator.worlds import NOON, world


class Stage:
    def __init__(self, site: VirtualSite, clock: SimClock, endpoints: Endpoints, client: httpx.AsyncClient) -> None:
        self.site, self.clock, self.endpoints, self.client = site, clock, endpoints, client

    async def raw(self, request: str, miner: str = "s21") -> bytes:
        host, _, port = self.endpoints.miner_apis[miner].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request.encode())
        heard = await asyncio.wait_for(reader.read(), 1)
        writer.close()
        await writer.wait_closed()
        return heard

    async def ask(self, command: str, miner: str = "s21") -> Any:
        heard = await self.raw(json.dumps({"command": command}), miner)
        assert heard.endswith(b"\0")
        return json.loads(heard[:-1])

    async def tell(self, path: str, **body: Any) -> Any:
        return (await self.client.post(f"{self.endpoints.control_url}{path}", json=body)).json()


@asynccontextmanager
async def miners() -> AsyncIterator[Stage]:
    """The ranch at noon: the s21 runs, the others have no power."""
    site, clock = world(), SimClock(NOON, speed=0)
    async with serve(site, clock, victron=False) as endpoints, httpx.AsyncClient(timeout=2) as client:
        yield Stage(site, clock, endpoints, client)


async def test_figures_agree_with_the_physics() -> None:
    async with miners() as m:
        summary = (await m.ask("summary"))["SUMMARY"][0]
        assert summary["MHS 5s"] == pytest.approx(235e6, rel=0.02)
        tuner = (await m.ask("tunerstatus"))["TUNERSTATUS"][0]
        assert tuner["ApproximateMinerPowerConsumption"] == round(m.site.state_at(NOON).miner_w["s21"])
        assert "BOSMINER" in json.dumps(await m.ask("version")).upper()


async def test_several_commands_at_once_give_a_list_each() -> None:
    async with miners() as m:
        answer = await m.ask("summary+pools")
        assert answer["summary"][0]["SUMMARY"]
        assert answer["pools"][0]["STATUS"][0]["STATUS"] == "S"


async def test_pausing_and_resuming_move_the_sites_load() -> None:
    async with miners() as m:
        before_w = m.site.state_at(NOON).load_w
        assert (await m.ask("pause"))["PAUSE"] == [True]
        assert m.site.state_at(NOON).load_w == pytest.approx(before_w - 3_840, abs=60)
        assert (await m.ask("devs"))["DEVS"][0]["MHS 5s"] == 0
        assert (await m.ask("resume"))["RESUME"] == [True]
        m.clock.advance(timedelta(seconds=75))
        assert 1_500 < m.site.state_at(m.clock.now()).miner_w["s21"] < 2_500


async def test_a_miner_told_at_its_web_page_shows_it() -> None:
    async with miners() as m:
        assert (await m.tell("/miner", miner="s21", asleep=True))["asleep"] is True
        assert (await m.ask("summary"))["SUMMARY"][0]["MHS 5s"] == 0
        assert "error" in await m.tell("/miner", miner="s99", asleep=True)


async def test_a_miner_without_power_hangs_up() -> None:
    async with miners() as m:
        assert await m.raw('{"command":"summary"}', "s19-1") == b""
        await m.tell("/relay", device="garage", channel=1, on=True)
        m.clock.advance(timedelta(seconds=20))
        assert await m.raw('{"command":"summary"}', "s19-1") == b""
        m.clock.advance(timedelta(seconds=20))
        assert (await m.ask("summary", "s19-1"))["STATUS"][0]["STATUS"] == "S"


async def test_what_it_does_not_know_and_what_it_may_not_do_are_errors_in_its_words() -> None:
    async with miners() as m:
        assert (await m.ask("quit"))["STATUS"][0]["Code"] == 14
        await m.tell("/faults", target="miner:s21", fault="refused", count=1)
        refused = (await m.ask("pause"))["STATUS"][0]
        assert (refused["STATUS"], refused["Msg"]) == ("E", "Access denied to 'pause' command")
        assert m.site.miner("s21", NOON).asleep is False


async def test_the_sites_settings_point_at_the_served_api() -> None:
    async with miners() as m:
        described = m.site.site.miner[0].model_copy(update={"api": "cgminer", "api_host": "192.168.1.60"})
        site = m.site.site.model_copy(update={"miner": (described, *m.site.site.miner[1:])})
        moved = at_endpoints(site, m.endpoints).miner
        assert f"{moved[0].api_host}:{moved[0].api_port}" == m.endpoints.miner_apis["s21"]
        assert (moved[1].api, moved[1].api_host) == (None, None)
