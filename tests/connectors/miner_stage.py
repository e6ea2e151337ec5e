"""A simulated miner behind a relay, its own API on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from energy.site import Miner
from simulator.cgminer import MinerServer, listening_miner
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import MinerView, VirtualSite
from simulator.scenarios import scenario_named

BIRTH = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)
TARGET = "miner:s19-1"


@dataclass
class MinerStage:
    miner: Miner
    server: MinerServer
    world: VirtualSite
    clock: SimClock
    faults: Faults

    @property
    def truth(self) -> MinerView:
        return self.world.miner("s19-1", self.clock.now())

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def power(self, on: bool) -> None:
        """Close or open the miner's relay."""
        self.world.set_relay("garage", 1, on, at=self.clock.now())


@asynccontextmanager
async def miner_stage(*, on_for_s: float | None = 600.0, writable: bool = True) -> AsyncIterator[MinerStage]:
    """The S19 that has power since `on_for_s` (None: it has none), around noon."""
    described = default_site()
    scenario = replace(scenario_named("sunny"), automatic_miners=0)
    world = VirtualSite(described, seed=1, start=BIRTH, wiring="solark", scenario=scenario)
    clock, faults = SimClock(BIRTH + timedelta(hours=12), speed=0), Faults()
    miner = next(m for m in described.miner if m.id == "s19-1")
    server = MinerServer(world, miner, clock, faults, writable=writable)
    async with listening_miner(server) as port:
        described = miner.model_copy(update={"api": "cgminer", "api_host": "127.0.0.1", "api_port": port})
        stage = MinerStage(described, server, world, clock, faults)
        if on_for_s is not None:
            stage.power(True)
            stage.later(on_for_s)
        yield stage
