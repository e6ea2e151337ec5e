"""The ranch served on loopback, faults ordered over the wire, and read by our own connectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.shelly.client import ShellyRelay
from connectors.solark.client import SolArkCloud
from connectors.victron import VictronGx
from energy.reading import Reading
from energy.site import Device, Site
from simulator.clock import SimClock
from simulator.physics import VirtualSite
from simulator.server import Endpoints, at_endpoints, serve
from tests.simulator.worlds import NOON, world
from tests.victron_stage import FAST

Enough = Callable[[Reading], bool]


@dataclass(slots=True)
class Ranch:
    """A served site whose clock stands still until it is advanced."""

    world: VirtualSite
    clock: SimClock
    endpoints: Endpoints
    client: httpx.AsyncClient

    @property
    def site(self) -> Site:
        return at_endpoints(self.world.site, self.endpoints)

    def device(self, device_id: str) -> Device:
        found = self.site.device_by_id(device_id)
        assert found is not None
        return found

    async def order(self, target: str, fault: str, **more: Any) -> dict[str, Any]:
        """The faults in force after the order."""
        answer = await self._post(target, fault, more)
        assert answer.status_code == 200, answer.text
        in_force: dict[str, Any] = answer.json()["faults"]
        return in_force

    async def refused(self, target: str, fault: str, **more: Any) -> str:
        """Why the order was refused."""
        answer = await self._post(target, fault, more)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"])

    async def _post(self, target: str, fault: str, more: dict[str, Any]) -> httpx.Response:
        url = f"{self.endpoints.control_url}/faults"
        return await self.client.post(url, json={"target": target, "fault": fault, **more})

    async def physics(self) -> dict[str, Any]:
        seen: dict[str, Any] = (await self.client.get(f"{self.endpoints.control_url}/state")).json()["physics"]
        return seen

    async def solark(self) -> Reading:
        """What the SolArk cloud tells now."""
        user, password = self.endpoints.solark_username, self.endpoints.solark_password
        secrets = DeviceSecrets(username=user, password=SecretStr(password))
        cloud = SolArkCloud(self.site, self.device("solark"), secrets, clock=self.clock.now)
        try:
            (reading,) = await cloud.read()
        finally:
            await cloud.close()
        return reading

    async def relay(self) -> Reading:
        """What the garage's relay tells now."""
        relay = ShellyRelay(self.site, self.device("garage"), DeviceSecrets(), clock=self.clock.now)
        try:
            (reading,) = await relay.read()
        finally:
            await relay.close()
        return reading

    async def gx(self, enough: Enough = lambda _: True, *, within_s: float = 10.0) -> Reading:
        """The first reading of the GX that is `enough`."""
        gx = VictronGx(self.site, self.device("cerbo"), DeviceSecrets(), pace=FAST, now=self.clock.now)
        stream = gx.readings()
        try:
            async with asyncio.timeout(within_s), aclosing(stream) as readings:  # type: ignore[type-var]  # a generator
                async for reading in readings:
                    if enough(reading):
                        return reading
        finally:
            await gx.close()
        raise AssertionError("the GX ended")

    def advance(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))


@asynccontextmanager
async def ranch(*, victron: bool = False, scenario: str = "sunny") -> AsyncIterator[Ranch]:
    virtual, clock = world(scenario=scenario), SimClock(NOON, speed=0)
    async with (
        serve(virtual, clock, victron=victron, tick_s=0.05) as endpoints,
        httpx.AsyncClient(timeout=5) as client,
    ):
        yield Ranch(virtual, clock, endpoints, client)
