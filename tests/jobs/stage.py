"""The worker's parts for tests: the simulator's services on loopback, real connectors, a real database and Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from connectors.device import DeviceDetails, DeviceSecrets, PolledDevice, StreamedDevice
from connectors.open_meteo import OpenMeteo
from connectors.registry import connect
from energy.reading import Reading
from energy.site import Device, Site
from jobs.work import Work
from jobs.worker import run_worker
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import VirtualSite
from simulator.scenarios import scenario_named
from simulator.server import Endpoints, at_endpoints, serve
from store.database import Database

SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    device=(
        Device(id="one", kind="shelly", host="127.0.0.1", poll_interval_s=1.0),
        Device(id="two", kind="shelly", host="127.0.0.1", poll_interval_s=1.0),
    ),
)


@dataclass
class Stage:
    """The ranch as the simulator serves it, and how to open its devices."""

    world: VirtualSite
    faults: Faults
    site: Site
    endpoints: Endpoints
    stack: AsyncExitStack

    def device(self, device_id: str, secrets: DeviceSecrets | None = None) -> Any:
        described = self.site.device_by_id(device_id)
        assert described is not None
        known = DeviceSecrets(self.endpoints.solark_username, SecretStr(self.endpoints.solark_password))
        device = connect(self.site, described, secrets or (known if device_id == "solark" else DeviceSecrets()))
        self.stack.push_async_callback(device.close)
        return device

    def work(self, database: Database, *ids: str, devices: Sequence[Any] = (), **changes: Any) -> Work:
        opened = [*(self.device(device_id) for device_id in ids), *devices]
        weather = OpenMeteo(self.endpoints.open_meteo_url)
        self.stack.push_async_callback(weather.close)
        return work_of(database, *opened, site=self.site, weather=weather, **changes)


def work_of(database: Database, *devices: Any, site: Site = SITE, **changes: Any) -> Work:
    """The work with these open devices."""
    return Work(
        database=database,
        site=site,
        polled={d.device_id: d for d in devices if isinstance(d, PolledDevice)},
        streamed={d.device_id: d for d in devices if isinstance(d, StreamedDevice)},
        **({"weather": None, "backfill_days": 0} | changes),
    )


@asynccontextmanager
async def on_stage(*, victron: bool = False, days: float = 0.25, poll_s: float | None = 1.0) -> AsyncIterator[Stage]:
    """The ranch in real time, born `days` ago; its cloud has each value at once."""
    quick = [
        d.model_copy(update={"poll_interval_s": poll_s, "upload_interval_s": 1.0 if d.id == "solark" else None})
        for d in default_site("both").device
    ]
    described = default_site("both").model_copy(update={"device": tuple(quick)})
    now = datetime.now(UTC)
    world = VirtualSite(
        described, seed=3, start=now - timedelta(days=days), wiring="both", scenario=scenario_named("sunny")
    )
    faults = Faults()
    async with serve(world, SimClock(now), faults=faults, victron=victron) as endpoints, AsyncExitStack() as stack:
        yield Stage(world, faults, at_endpoints(described, endpoints), endpoints, stack)


@asynccontextmanager
async def working(work: Work, redis_url: str, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that runs while the block does, and must not have ended before."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(work, redis_url, stop, **options))
    try:
        yield task
        assert not task.done(), task
    finally:
        stop.set()
        await asyncio.wait_for(task, 12)


async def until(condition: Callable[[], Any | Awaitable[Any]], *, within_s: float = 5.0) -> float:
    """Wait for the condition; how long it took (s)."""
    began = time.monotonic()
    while True:
        held = condition()
        if hasattr(held, "__await__"):
            held = await held
        if held:
            return time.monotonic() - began
        assert time.monotonic() - began < within_s, "it did not happen in time"
        await asyncio.sleep(0.02)


@dataclass
class Meter:
    """A polled device that answers at once, or fails as it is told; it remembers when it was asked."""

    device_id: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    source: str = "meter"
    error: Exception | None = None
    takes_s: float = 0.0
    may_answer: asyncio.Event | None = None
    asked_at: list[float] = field(default_factory=list)
    taken: list[datetime] | None = None  # the times of the readings to give; None = one of now
    values: dict[str, Any] = field(default_factory=lambda: {"load_w": 500.0})

    async def read(self) -> list[Reading]:
        self.asked_at.append(time.monotonic())
        await asyncio.sleep(self.takes_s)
        if self.may_answer is not None:
            await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return [self.reading(at) for at in (self.taken or [self.now()])]

    def reading(self, at: datetime) -> Reading:
        return Reading(site_id="ranch", source=self.source, device_id=self.device_id, taken_at=at, **self.values)

    async def details(self) -> DeviceDetails:
        return DeviceDetails(self.device_id, "shelly", None, None, None, self.now())

    async def close(self) -> None:
        pass


@dataclass
class Talker:
    """A streamed device that says something every `every_s`, or nothing at all (None)."""

    device_id: str
    every_s: float | None = 0.1
    source: str = "talker"
    error: Exception | None = None
    listeners: int = 0
    said: int = 0

    async def readings(self) -> AsyncIterator[Reading]:
        self.listeners += 1
        try:
            while True:
                if self.error is not None:
                    raise self.error
                await asyncio.sleep(3600 if self.every_s is None else self.every_s)
                self.said += 1
                yield Reading(
                    site_id="ranch", source=self.source, device_id=self.device_id, taken_at=datetime.now(UTC), load_w=1
                )
        finally:
            self.listeners -= 1

    async def details(self) -> DeviceDetails:
        return DeviceDetails(self.device_id, "shelly", None, None, None, datetime.now(UTC))

    async def close(self) -> None:
        pass


class MovableClock:
    """The wall clock, which a test sets ahead or back."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def events(logs: Sequence[Any], *names: str) -> list[str]:
    """The names of the events logged, of those that are asked for."""
    return [entry["event"] for entry in logs if entry["event"] in names]
