"""The simulator's site on loopback with a clock that stands still, and our connectors pointed at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from connectors.device import DeviceSecrets, PolledDevice, StreamedDevice
from connectors.shelly.client import ShellyRelay
from connectors.solark.client import SolArkCloud
from connectors.victron import Pace, VictronGx
from connectors.vrm import VrmPortal
from energy.reading import Reading
from energy.site import Device, Site
from simulator import solark as vendor
from simulator import vrm as portal
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import PhysicalState, VirtualSite
from simulator.scenarios import scenario_named
from simulator.server import relay_app
from simulator.shelly_models import model_named
from simulator.shelly_relays import ShellyRelays
from simulator.victron import Timings, serve_victron
from simulator.web import FrozenClock, listening

BIRTH = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)  # midnight at the site
PASSWORD = "relay-secret"
PATIENT_S, HASTY_S = 8.0, 0.5  # hasty: for tests in which nothing is going to come
KINDS = ("solark", "garage", "cerbo", "vrm")
POLLED = ("solark", "garage", "vrm")
FAULT_TARGETS = {"solark": "solark", "garage": "shelly:garage", "cerbo": "victron", "vrm": "vrm"}
_PACE = Pace(interval_s=0.05, keepalive_s=0.3, full_refresh_s=0.6, silence_s=2.0, first_retry_s=0.1)
_TIMINGS = Timings(keepalive_s=60, heartbeat_s=0.2, tick_s=0.05, reconnect_s=0.1)

SECRETS = {
    "solark": DeviceSecrets(username=vendor.USERNAME, password=SecretStr(vendor.PASSWORD)),
    "garage": DeviceSecrets(password=SecretStr(PASSWORD)),
    "cerbo": DeviceSecrets(),
    "vrm": DeviceSecrets(token=SecretStr(portal.TOKEN)),
}
WRONG_SECRETS = {
    "solark": DeviceSecrets(username=vendor.USERNAME, password=SecretStr("guessed")),
    "garage": DeviceSecrets(password=SecretStr("guessed")),
    "vrm": DeviceSecrets(token=SecretStr("guessed")),
}

AnyDevice = SolArkCloud | ShellyRelay | VictronGx | VrmPortal


@dataclass
class Stage:
    """One device of the site, as simulated and as its connector reads it."""

    device_id: str
    world: VirtualSite
    clock: SimClock
    faults: Faults
    site: Site

    @property
    def truth(self) -> PhysicalState:
        """What is really the case now."""
        return self.world.state_at(self.clock.now())

    async def order(self, fault: str, **options: Any) -> None:
        """Order a fault and let it come into force."""
        self.faults.order(FAULT_TARGETS[self.device_id], fault, **options)
        if self.device_id == "cerbo":
            await asyncio.sleep(3 * _TIMINGS.tick_s)  # the GX looks for faults once per tick

    @asynccontextmanager
    async def connected(
        self, secrets: DeviceSecrets | None = None, *, timeout_s: float = PATIENT_S
    ) -> AsyncIterator[AnyDevice]:
        opened = connector(self.site, self.device_id, secrets, now=self.clock.now, timeout_s=timeout_s)
        try:
            yield opened
        finally:
            await opened.close()

    async def reading(self) -> Reading:
        async with self.connected() as device:
            return await first_reading(device)


async def first_reading(device: PolledDevice | StreamedDevice) -> Reading:
    """The device's next reading, polled or streamed."""
    if isinstance(device, PolledDevice):
        (reading,) = await device.read()
        return reading
    async with aclosing(device.readings()) as readings:  # type: ignore[type-var]  # it is an async generator
        return await anext(readings)


@asynccontextmanager
async def on_stage(device_id: str, *, hours: float = 12, scenario: str = "sunny") -> AsyncIterator[Stage]:
    """The default ranch with panels on both systems, `hours` after midnight, serving one of its devices."""
    described = _ranch()
    clock = SimClock(BIRTH, speed=0)
    world = VirtualSite(described, seed=1, start=BIRTH, wiring="both", scenario=scenario_named(scenario))
    clock.advance(timedelta(hours=hours))
    faults = Faults()
    async with AsyncExitStack() as stack:
        address = await _SERVE[device_id](stack, world, clock, faults)
        devices = tuple(d.model_copy(update=address) if d.id == device_id else d for d in described.device)
        site = described.model_copy(update={"device": devices})
        yield Stage(device_id, world, clock, faults, site)


def _ranch() -> Site:
    """The default one with the portal beside the GX."""
    site = default_site("both")
    vrm = Device(id="vrm", kind="victron_vrm", plant_id=portal.INSTALLATION)
    return site.model_copy(update={"device": (*site.device, vrm)})


def unreachable_site(device_id: str, port: int) -> Site:
    """The ranch with the device at a port where nobody is."""
    described = _ranch()
    update = {"host": "127.0.0.1", "port": port, "base_url": f"http://127.0.0.1:{port}"}
    devices = tuple(d.model_copy(update=update) if d.id == device_id else d for d in described.device)
    return described.model_copy(update={"device": devices})


def connector(
    site: Site,
    device_id: str,
    secrets: DeviceSecrets | None = None,
    *,
    now: Callable[[], datetime] = lambda: BIRTH,
    timeout_s: float = PATIENT_S,
) -> AnyDevice:
    """The connector of one of the ranch's devices."""
    device = site.device_by_id(device_id)
    assert isinstance(device, Device)
    secrets = secrets or SECRETS[device_id]
    if device_id == "solark":
        return SolArkCloud(site, device, secrets, timeout_s=timeout_s, clock=now)
    if device_id == "garage":
        return ShellyRelay(site, device, secrets, timeout_s=timeout_s, clock=now)
    if device_id == "vrm":
        return VrmPortal(site, device, secrets, fresh_s=0.0, timeout_s=timeout_s, clock=now)
    return VictronGx(site, device, secrets, pace=replace(_PACE, answer_s=timeout_s), now=now)


async def _serve_solark(stack: AsyncExitStack, world: VirtualSite, clock: SimClock, faults: Faults) -> dict[str, Any]:
    port = await stack.enter_async_context(listening(vendor.SolArkCloud(world, clock, faults).app()))
    return {"base_url": f"http://127.0.0.1:{port}"}


async def _serve_shelly(stack: AsyncExitStack, world: VirtualSite, clock: SimClock, faults: Faults) -> dict[str, Any]:
    device = world.site.device_by_id("garage")
    assert device is not None
    relays = ShellyRelays(world, device, model_named("pro4pm"), FrozenClock(clock, faults, "shelly:garage"), faults)
    app = relay_app(relays, faults, password=PASSWORD)
    return {"host": "127.0.0.1", "port": await stack.enter_async_context(listening(app))}


async def _serve_victron(stack: AsyncExitStack, world: VirtualSite, clock: SimClock, faults: Faults) -> dict[str, Any]:
    host, port = await stack.enter_async_context(serve_victron(world, clock, faults, timings=_TIMINGS))
    return {"host": host, "port": port}


async def _serve_vrm(stack: AsyncExitStack, world: VirtualSite, clock: SimClock, faults: Faults) -> dict[str, Any]:
    port = await stack.enter_async_context(listening(portal.VrmCloud(world, clock, faults).app()))
    return {"base_url": f"http://127.0.0.1:{port}"}


_Serve = Callable[[AsyncExitStack, VirtualSite, SimClock, Faults], Awaitable[dict[str, Any]]]
_SERVE: dict[str, _Serve] = {
    "solark": _serve_solark,
    "garage": _serve_shelly,
    "cerbo": _serve_victron,
    "vrm": _serve_vrm,
}
