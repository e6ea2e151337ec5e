"""The simulated VRM portal, asked with plain HTTP as a stranger would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from simulator.clock import SimClock
from simulator.physics import VirtualSite
from simulator.server import serve
from simulator.vrm import INSTALLATION, TOKEN, USER
from tests.simulator.worlds import NOON, world

HERE = f"/v2/installations/{INSTALLATION}"


class Portal:
    def __init__(self, site: VirtualSite, clock: SimClock, url: str, control: str, client: httpx.AsyncClient) -> None:
        self.site, self.clock, self.url, self.control, self.client = site, clock, url, control, client

    async def ask(self, path: str, *, header: str = f"Token {TOKEN}", **query: Any) -> httpx.Response:
        return await self.client.get(f"{self.url}{path}", params=query, headers={"X-Authorization": header})

    async def stats(self, kind: str, *codes: str, hours: float = 2, ahead: float = 0, **query: Any) -> dict[str, Any]:
        end = self.clock.now() + timedelta(hours=ahead)
        asked = {
            "type": kind,
            "interval": "hours",
            "start": int((self.clock.now() - timedelta(hours=hours)).timestamp()),
            "end": int(end.timestamp()),
            "attributeCodes[]": list(codes),
        }
        answer: dict[str, Any] = (await self.ask(f"{HERE}/stats", **asked | query)).json()
        return answer

    async def order(self, fault: str) -> None:
        await self.client.post(f"{self.control}/faults", json={"target": "vrm", "fault": fault, "count": 1})


@asynccontextmanager
async def portal(**options: Any) -> AsyncIterator[Portal]:
    site, clock = world(**options), SimClock(NOON, speed=0)
    async with serve(site, clock, victron=False) as endpoints, httpx.AsyncClient() as client:
        yield Portal(site, clock, endpoints.vrm_url, endpoints.control_url, client)


async def test_a_token_leads_to_the_user_the_installation_and_its_values() -> None:
    async with portal() as p:
        user = (await p.ask("/v2/users/me")).json()["user"]
        assert user["id"] == USER
        (site,) = (await p.ask(f"/v2/users/{USER}/installations")).json()["records"]
        assert (site["idSite"], site["timezone"]) == (INSTALLATION, "America/Los_Angeles")
        records = (await p.ask(f"{HERE}/diagnostics", count=1000)).json()["records"]
        by_path = {(r["dbusServiceType"], r["dbusPath"]): r for r in records}
        soc = by_path["system", "/Dc/Battery/Soc"]
        truth = p.site.state_at(datetime.fromtimestamp(soc["timestamp"], UTC))
        assert float(soc["rawValue"]) == pytest.approx(truth.soc_pct, abs=0.01)
        assert soc["formattedValue"].endswith(" %")
        assert {type(r["rawValue"]) for r in records} >= {str, float, int}


async def test_values_are_as_old_as_the_log_interval_has_them() -> None:
    async with portal() as p:
        records = (await p.ask(f"{HERE}/diagnostics")).json()["records"]
        (logged_s,) = {r["timestamp"] for r in records}
        assert logged_s == NOON.timestamp() // 900 * 900
        p.clock.advance(timedelta(minutes=10))
        assert (await p.ask(f"{HERE}/diagnostics")).json()["records"] == records


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", TOKEN, "Token guessed", ""])
async def test_the_wrong_word_before_the_token_is_401(header: str) -> None:
    async with portal() as p:
        answer = await p.ask("/v2/users/me", header=header)
        assert (answer.status_code, answer.json()["success"]) == (401, False)


async def test_an_installation_of_somebody_else_is_403() -> None:
    async with portal() as p:
        answer = await p.ask("/v2/installations/1/diagnostics")
        assert (answer.status_code, answer.json()["error_code"]) == (403, "forbidden")


async def test_energies_add_up_to_what_the_site_counted() -> None:
    async with portal() as p:
        hour = NOON.replace(minute=0, second=0)
        answer = await p.stats("kwh", "Pb", "Pc", "Pg", "Gc", "Gb", "Bc", "Bg", hours=5)
        sums = {code: sum(row[1] for row in rows or []) for code, rows in answer["records"].items()}
        begin, end = p.site.totals_at(hour - timedelta(hours=4)), p.site.totals_at(hour)
        solar = end.solar_solark_kwh - begin.solar_solark_kwh
        assert sums["Pb"] + sums["Pc"] + sums["Pg"] == pytest.approx(solar, rel=0.05)
        assert sums["Pc"] + sums["Gc"] + sums["Bc"] == pytest.approx(end.load_kwh - begin.load_kwh, rel=0.05)
        assert answer["totals"]["Pc"] == pytest.approx(sums["Pc"])


async def test_levels_come_as_mean_and_extremes_in_milliseconds() -> None:
    async with portal() as p:
        answer = await p.stats("custom", "bs", "nothing", interval="15mins")
        assert answer["records"]["nothing"] is False
        assert answer["totals"]["nothing"] is False
        at_ms, mean, low, high = answer["records"]["bs"][-1]
        assert low <= mean <= high
        assert at_ms % 900_000 == 0
        assert at_ms / 1000 + 900 <= NOON.timestamp()


async def test_an_empty_object_comes_as_a_list() -> None:
    async with portal() as p:
        answer = await p.stats("kwh", "Pb", hours=-24, ahead=48)
        assert (answer["success"], answer["records"]) == (True, [])


async def test_the_forecast_wants_history_and_then_reaches_ahead() -> None:
    async with portal(days=0.5) as p:
        assert (await p.stats("forecast", "solar_yield_forecast", ahead=48))["records"] == []
    async with portal(days=2) as p:
        answer = await p.stats("forecast", "solar_yield_forecast", "vrm_consumption_fc", hours=13, ahead=48)
        solar = answer["records"]["solar_yield_forecast"]
        assert solar[-1][0] / 1000 > NOON.timestamp() + 46 * 3600
        assert min(row[1] for row in solar) == 0 < max(row[1] for row in solar)
        assert answer["totals"]["solar_yield_forecast"] == pytest.approx(sum(row[1] for row in solar))


@pytest.mark.parametrize("query", [{"interval": "fortnights"}, {"type": "weather"}, {"start": "soon"}])
async def test_bad_requests_are_refused_in_the_portals_words(query: dict[str, str]) -> None:
    async with portal() as p:
        answer = await p.stats("kwh", "Pb", **query)
        assert (answer["success"], answer["error_code"]) == (False, "invalid_parameters")


async def test_faults_are_shown_in_the_portals_shape() -> None:
    async with portal() as p:
        await p.order("429")
        answer = await p.ask(f"{HERE}/diagnostics")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
        assert answer.json()["error_code"] == "rate_limited"
        await p.order("nulls")
        records = (await p.ask(f"{HERE}/diagnostics")).json()["records"]
        assert {r["timestamp"] for r in records} == {None}
        await p.order("html")
        assert (await p.ask(f"{HERE}/diagnostics")).text.startswith("<!DOCTYPE html>")
