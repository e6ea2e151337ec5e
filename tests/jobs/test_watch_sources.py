"""Alerts from what the simulated SolArk cloud and Victron GX say over their own protocols, in time that runs faster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.registry import connect
from jobs.polling import poll_devices
from jobs.streaming import listen
from jobs.watching import keep_watching
from jobs.work import Work
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import VirtualSite
from simulator.scenarios import scenario_named
from simulator.server import at_endpoints, serve
from store import alerts, outbox
from tests.jobs.lookout import ORG
from tests.jobs.stage import until

SPEED = 20.0


class Sources:
    """A worker's polling, listening and watching of one source, and what came of it."""

    def __init__(self, work, clock, endpoints, faults):
        self.work, self.clock, self.endpoints, self.faults = work, clock, endpoints, faults

    async def tell(self, path, **body):
        async with httpx.AsyncClient(base_url=self.endpoints.control_url) as client:
            (await client.post(path, json=body)).raise_for_status()

    async def is_(self, state, rule_id, subject=""):
        found = (await alerts.newest(self.work.database, ORG, "ranch")).get((rule_id, subject))
        return found is not None and found.episode.state == state

    async def has_data(self):
        return "worker" if self.work.answered_at else None


@asynccontextmanager
async def watched(database, kind: str) -> AsyncIterator[Sources]:
    """The ranch at noon with one source, twenty times as fast as it is."""
    plain = default_site("both")
    source = "solark" if kind == "solark" else "cerbo"
    quick = {"poll_interval_s": 4.0, "upload_interval_s": 12.0} if source == "solark" else {"poll_interval_s": 0.2}
    quick |= {} if source == "solark" else {"upload_interval_s": 12.0}
    devices = tuple(d.model_copy(update=quick) for d in plain.device if d.id == source)
    site = plain.model_copy(update={"device": devices, "miner": (), "merge": {}})
    start = datetime.now(UTC).replace(hour=19, minute=0, second=0, microsecond=0)
    world = VirtualSite(site, seed=3, start=start - timedelta(hours=2), wiring="both", scenario=scenario_named("sunny"))
    clock, faults, stop = SimClock(start, SPEED), Faults(), asyncio.Event()
    born_s = time.monotonic()
    async with serve(world, clock, faults=faults, victron=kind == "victron", tick_s=0.2) as endpoints:
        described = at_endpoints(site, endpoints)
        secrets = DeviceSecrets(endpoints.solark_username, SecretStr(endpoints.solark_password))
        opened = connect(described, described.device[0], secrets if kind == "solark" else DeviceSecrets(), clock.now)
        work = Work(
            database=database,
            site=described,
            polled={source: opened} if kind == "solark" else {},  # type: ignore[dict-item]
            streamed={source: opened} if kind == "victron" else {},  # type: ignore[dict-item]
            weather=None,
            clock=clock.now,
            monotonic=lambda: born_s + (time.monotonic() - born_s) * SPEED,
            speed=SPEED,
        )

        async def polls():
            while True:
                await poll_devices(work)
                await asyncio.sleep(0.1)

        reading = polls() if kind == "solark" else listen(work, opened)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(reading), asyncio.create_task(keep_watching(work, stop))]
        try:
            sources = Sources(work, clock, endpoints, faults)
            await until(sources.has_data, within_s=10)
            yield sources
            stop.set()
            await asyncio.wait_for(tasks[1], 5)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await opened.close()


@pytest.mark.parametrize("kind", ["solark", "victron"])
async def test_an_outage_is_told_and_its_end_too(database, kind):
    async with watched(database, kind) as sources:
        await asyncio.sleep(0.5)
        assert not await sources.is_("firing", "grid_outage")
        await sources.tell("/grid", present=False)
        took_s = await until(lambda: sources.is_("firing", "grid_outage"), within_s=12)
        assert took_s * SPEED < 120
        await sources.tell("/grid", present=True)
        await until(lambda: sources.is_("resolved", "grid_outage"), within_s=15)
        found = (await alerts.newest(database, ORG, "ranch"))["grid_outage", ""]
        assert found.episode.number == 1


async def test_a_cloud_that_takes_our_password_no_more_and_then_does(database):
    async with watched(database, "solark") as sources:
        sources.faults.order("solark", "401")
        await until(lambda: sources.is_("firing", "credentials_refused", "solark"), within_s=10)
        sources.faults.order("solark", "none")
        sources.work.end_pause("solark")
        await until(lambda: sources.is_("resolved", "credentials_refused", "solark"), within_s=10)


async def test_a_gx_that_nobody_hears_is_told_and_is_over_when_it_speaks(database):
    async with watched(database, "victron") as sources:
        sources.faults.order("victron", "offline")
        await until(lambda: sources.is_("firing", "device_silent", "cerbo"), within_s=20)
        waiting = await outbox.claim_due(database, ORG, sources.clock.now() + timedelta(days=1), lease_s=0)
        assert {entry.level for entry in waiting} <= {"warning"}
        sources.faults.order("victron", "none")
        await until(lambda: sources.is_("resolved", "device_silent", "cerbo"), within_s=20)
