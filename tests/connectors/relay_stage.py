"""One simulated Shelly of any model on loopback, its physics, and our connector pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from connectors.device import Channel, DeviceSecrets
from connectors.shelly.client import ShellyRelay
from energy.site import Device, Miner, Site
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import VirtualSite
from simulator.scenarios import scenario_named
from simulator.server import relay_app
from simulator.shelly_models import model_named
from simulator.shelly_relays import ShellyRelays
from simulator.web import FrozenClock, listening

BIRTH = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)
PASSWORD = "relay-secret"
TARGET = "shelly:garage"
GENERATIONS = ("pro4pm", "shelly4pro")


@dataclass
class RelayStage:
    site: Site
    device: Device
    relays: ShellyRelays
    world: VirtualSite
    clock: SimClock
    faults: Faults

    @asynccontextmanager
    async def connected(
        self, password: str | None = PASSWORD, *, username: str | None = None, timeout_s: float = 8.0
    ) -> AsyncIterator[ShellyRelay]:
        secrets = DeviceSecrets(username=username, password=SecretStr(password) if password else None)
        relay = ShellyRelay(self.site, self.device, secrets, timeout_s=timeout_s, clock=self.clock.now)
        try:
            yield relay
        finally:
            await relay.close()

    def is_on(self, channel: int) -> bool:
        """What the output really is."""
        return self.world.relay("garage", channel, self.clock.now()).on

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


async def channel_of(relay: ShellyRelay, number: int) -> Channel:
    return next(channel for channel in await relay.channels() if channel.channel == number)


@asynccontextmanager
async def relay_stage(model: str, *, password: str | None = PASSWORD) -> AsyncIterator[RelayStage]:
    """A relay of `model` with a miner of 3250 W on its first channel."""
    miner = Miner(id="s19-1", name="S19", power_w=3250, hashrate_ths=95, device="garage", channel=0)
    device = Device(id="garage", kind="shelly", host="127.0.0.1")
    described = default_site().model_copy(update={"device": (device,), "miner": (miner,)})
    scenario = replace(scenario_named("sunny"), automatic_miners=0)
    world = VirtualSite(described, seed=1, start=BIRTH, wiring="solark", scenario=scenario)
    clock, faults = SimClock(BIRTH + timedelta(hours=12), speed=0), Faults()
    relays = ShellyRelays(world, device, model_named(model), FrozenClock(clock, faults, TARGET), faults)
    async with listening(relay_app(relays, faults, password=password)) as port:
        found = device.model_copy(update={"port": port})
        yield RelayStage(described.model_copy(update={"device": (found,)}), found, relays, world, clock, faults)
