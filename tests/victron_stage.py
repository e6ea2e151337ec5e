"""A virtual site that stands still until a test moves it, its GX on a broker, and a listener beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiomqtt

from connectors.device import DeviceSecrets
from connectors.victron import Pace, VictronGx
from energy.reading import Reading
from energy.site import Battery, Device, Grid, Site
from simulator.victron import Timings, Wiring, serve_victron

PORTAL = "c0619ab12345"
NOON = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
QUICK = Timings(keepalive_s=60, heartbeat_s=0.2, tick_s=0.05, reconnect_s=0.1)
FAST = Pace(interval_s=0.05, keepalive_s=0.3, full_refresh_s=0.6, silence_s=1.0, first_retry_s=0.1, answer_s=3)


@dataclass(frozen=True)
class Flows:
    """A balanced state: 3,000 W of sun, 800 W from the grid, 2,300 W load, 1,500 W into the battery."""

    solar_w_victron: float = 3000.0
    load_w: float = 2300.0
    battery_charge_w: float = 1500.0
    soc_pct: float = 63.5
    battery_voltage_v: float = 52.43
    battery_temperature_c: float = 21.0
    grid_import_w: float = 800.0
    grid_present: bool | None = True
    generator_w: float = 0.0


@dataclass
class StillSite:
    """The virtual site of these tests: `move` changes its state."""

    site: Site
    state: Flows = field(default_factory=Flows)
    wiring: str = "both"

    @property
    def has_grid(self) -> bool:
        return self.site.grid.present

    def state_at(self, t: datetime) -> Flows:
        return self.state

    def move(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)


class Noon:
    """A clock that stands at noon."""

    def now(self) -> datetime:
        return NOON


class Orders:
    """A table of faults with one entry."""

    def __init__(self) -> None:
        self.fault: str | None = None

    def peek(self, target: str) -> str | None:
        return self.fault if target == "victron" else None

    take = peek


def a_site(*, grid: bool = True, **device: Any) -> Site:
    """A site with one Cerbo GX, reached on loopback."""
    cerbo = Device(**({"id": "cerbo", "kind": "victron_mqtt", "host": "127.0.0.1", "portal_id": PORTAL} | device))
    return Site(id="ranch", grid=Grid(present=grid), battery=Battery(usable_kwh=30), device=(cerbo,))


@dataclass
class Stage:
    """What a test has at hand."""

    still: StillSite
    orders: Orders
    port: int

    def gx(self, *, secrets: DeviceSecrets | None = None, pace: Pace = FAST, **device: Any) -> VictronGx:
        """A connector to the GX on stage."""
        cerbo = self.still.site.device[0].model_copy(update={"port": self.port} | device)
        return VictronGx(self.still.site, cerbo, secrets or DeviceSecrets(), pace=pace)

    @asynccontextmanager
    async def listener(self) -> AsyncIterator[Listener]:
        """A bare MQTT client that hears everything."""
        async with aiomqtt.Client("127.0.0.1", self.port) as client:
            await client.subscribe(f"N/{PORTAL}/#")
            yield Listener(client)


@dataclass
class Listener:
    """Hears N topics and sends R and W."""

    client: aiomqtt.Client
    retained: set[str] = field(default_factory=set)

    async def ask(self, path: str, payload: str = "") -> None:
        await self.client.publish(f"R/{PORTAL}/{path}", payload)

    async def write(self, path: str, value: Any) -> None:
        await self.client.publish(f"W/{PORTAL}/{path}", json.dumps({"value": value}))

    async def hear(self, seconds: float, *, until: str | None = None) -> dict[str, bytes]:
        """The last payload of every path heard within `seconds`, or until the path `until` was heard."""
        heard: dict[str, bytes] = {}
        try:
            async with asyncio.timeout(seconds):
                async for message in self.client.messages:
                    path = str(message.topic).removeprefix(f"N/{PORTAL}/")
                    if message.retain:
                        self.retained.add(path)
                    heard[path] = bytes(message.payload)  # type: ignore[arg-type]  # aiomqtt hands out bytes
                    if path == until:
                        break
        except TimeoutError:
            pass
        return heard


@asynccontextmanager
async def on_stage(
    *,
    site: Site | None = None,
    wiring: Wiring | None = None,
    timings: Timings = QUICK,
    broker_port: int | None = None,
    **state: Any,
) -> AsyncIterator[Stage]:
    """The GX of a still site on its own broker, or on the one at `broker_port`."""
    still, orders = StillSite(site or a_site(), Flows(**state)), Orders()
    broker = None if broker_port is None else ("127.0.0.1", broker_port)
    async with serve_victron(still, Noon(), orders, broker=broker, wiring=wiring, timings=timings) as (_, port):
        yield Stage(still, orders, port)


async def first(gx: VictronGx, wanted: Any = lambda reading: True, *, within_s: float = 10.0) -> Reading:
    """The first reading that `wanted` accepts; closes the connector."""
    try:
        async with asyncio.timeout(within_s), aclosing(gx.readings()) as readings:
            async for reading in readings:
                if wanted(reading):
                    return reading
    finally:
        await gx.close()
    raise AssertionError("the stream ended")
