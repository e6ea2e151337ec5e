"""The ranch with its control: miners behind a simulated relay, real connectors, a real database, quick timers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.registry import connect
from energy.reading import Reading
from energy.site import Miner, Site
from jobs.control import keep_control
from jobs.work import ControlPace, Work
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import VirtualSite
from simulator.scenarios import scenario_named
from simulator.server import Endpoints, at_endpoints, serve
from store import audit, control, outbox, people, readings, relays, wishes
from store.control import ControlRequest
from store.database import Database
from tests.jobs.stage import until

ORG = "home"
QUICK = ControlPace(
    lease_s=0.6,
    tick_s=0.1,
    look_s=0.3,
    request_lease_s=1.0,
    call_s=1.0,
    read_back_s=1.2,
    api_s=1.0,
    power_look_s=0.1,
    first_retry_s=0.2,
    last_retry_s=0.8,
    start_retry_s=0.5,
    resume_s=2.0,
    ending_s=2.0,
)
FINE: Mapping[str, Any] = {
    "soc_pct": 88.0,
    "solar_w": 11_000.0,
    "load_w": 800.0,
    "battery_charge_w": 6_000.0,
    "grid_import_w": -4_200.0,
    "battery_voltage_v": 55.0,
    "battery_temperature_c": 24.0,
    "grid_present": True,
    "fault_codes": (),
}


def ranch_site(*, timer_s: float = 60.0, stagger_s: float = 0.0, **miners: Mapping[str, Any]) -> Site:
    """The ranch with quick control; keywords change a miner: `s21={"api": "cgminer"}`."""
    site = default_site("solark")
    quick = {"min_on_minutes": 0, "min_off_minutes": 0, "cool_down_s": 2.0, "max_starts_per_day": 48}
    listed = tuple(
        miner.model_copy(update=quick | dict(miners.get(miner.id.replace("-", "_"), {}))) for miner in site.miner
    )
    devices = tuple(device for device in site.device if device.id in ("solark", "garage"))
    return site.model_copy(
        update={
            "miner": listed,
            "device": devices,
            # shorter than the settings allow, so that a test sees a timer end
            "control": site.control.model_copy(update={"timer_s": timer_s, "stagger_s": stagger_s}),
        }
    )


@dataclass
class Ranch:
    """The virtual ranch, and what the worker has written about it."""

    world: VirtualSite
    clock: SimClock
    faults: Faults
    site: Site
    endpoints: Endpoints
    database: Database

    def open(self, device_id: str) -> Any:
        """The connector of a device, as the worker would open it."""
        device = self.site.device_by_id(device_id)
        assert device is not None
        cloud = DeviceSecrets(self.endpoints.solark_username, SecretStr(self.endpoints.solark_password))
        return connect(self.site, device, cloud if device_id == "solark" else DeviceSecrets())

    def work(self, **changes: Any) -> Work:
        """A worker's parts, with connections of its own."""
        relay = self.open("garage")
        made: dict[str, Any] = {"pace": QUICK, "weather": None, "backfill_days": 0}
        made |= {"polled": {}, "streamed": {}, "switched": {"garage": relay}}
        return Work(database=self.database, site=self.site, **(made | changes))

    @asynccontextmanager
    async def controlled(self, work: Work | None = None, **changes: Any) -> AsyncIterator[Work]:
        """A control loop that runs while the block does; it ends as at SIGTERM."""
        working = work or self.work(**changes)
        stop = asyncio.Event()
        task = asyncio.create_task(keep_control(working, None, stop))
        try:
            yield working
            assert not task.done(), task
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)
            for relay in working.switched.values():
                await relay.close()  # type: ignore[attr-defined]

    async def weather(self, *, age: timedelta = timedelta(), **values: Any) -> None:
        """A reading of the inverter."""
        taken_at = datetime.now(UTC) - age
        reading = Reading(
            site_id="ranch", source="solark", device_id="solark", taken_at=taken_at, **(dict(FINE) | values)
        )
        await readings.upsert(self.database, ORG, [reading])

    async def ask(self, action: str, *miners: str, **values: Any) -> str:
        """A request as it is after its confirmation; the id."""
        arguments = {"miners": list(miners), "until": values.pop("until", None)}
        made: dict[str, Any] = {
            "site_id": "ranch",
            "action": f"miners.{action}" if "." not in action else action,
            "arguments": arguments if miners else {},
            "origin": "tapped",
            "state": "queued",
            "person_id": None,
            "person_name": "Anna",
            "place": "telegram:1",
            "now": datetime.now(UTC),
        }
        return (await control.create(self.database, ORG, **(made | values))).request_id

    async def ended(self, request_id: str, *, within_s: float = 8.0) -> ControlRequest:
        """The request once it has ended."""

        async def over() -> bool:
            request = await control.get(self.database, ORG, request_id)
            return request is not None and request.finished_at is not None

        await until(over, within_s=within_s)
        request = await control.get(self.database, ORG, request_id)
        assert request is not None
        return request

    async def done(self, action: str, *miners: str, **values: Any) -> ControlRequest:
        """Ask and wait."""
        return await self.ended(await self.ask(action, *miners, **values))

    def is_on(self, miner_id: str) -> bool:
        """Whether the miner's output is on really."""
        miner = self.miner(miner_id)
        return self.world.relay(miner.device, miner.channel, self.clock.now()).on

    def timer_left_s(self, miner_id: str) -> float | None:
        """How long the miner's relay stays on by itself."""
        miner, now = self.miner(miner_id), self.clock.now()
        ends_s = self.world.relay(miner.device, miner.channel, now).timer_until_s
        return None if ends_s is None else ends_s - now.timestamp()

    def miner(self, miner_id: str) -> Miner:
        return next(miner for miner in self.site.miner if miner.id == miner_id)

    async def by_hand(self, miner_id: str, on: bool) -> None:
        """Somebody presses the button on the relay."""
        miner = self.miner(miner_id)
        await self.tell("/relay", device=miner.device, channel=miner.channel, on=on, source="button")

    async def tell(self, path: str, **body: Any) -> None:
        """Use the simulator's own endpoint."""
        async with httpx.AsyncClient(base_url=self.endpoints.control_url) as client:
            (await client.post(path, json=body)).raise_for_status()

    async def commands(self, device_id: str = "garage") -> int:
        """How many commands the relay has received over the network, whatever became of them."""
        async with httpx.AsyncClient(base_url=self.endpoints.control_url) as client:
            return int((await client.get("/state")).json()["commands"][device_id])

    async def wish(self, miner_id: str) -> str | None:
        found = (await wishes.all_of(self.database, ORG, "ranch")).get(miner_id)
        return None if found is None else found.mode

    async def ended_wish(self, miner_id: str) -> bool:
        return await self.wish(miner_id) == "off"

    async def state(self, miner_id: str) -> relays.RelayState:
        return (await relays.all_of(self.database, ORG, "ranch"))[miner_id]

    async def switchings(self, miner_id: str) -> list[tuple[bool, str]]:
        """Every change of the miner's relay that is in the record."""
        found = await relays.switchings(self.database, ORG, "ranch", miner_id)
        return [(each.on, each.changed_by) for each in found]

    async def told(self) -> list[tuple[str, str]]:
        """The audit, oldest first: action and sentence."""
        rows = await audit.entries(self.database, ORG, limit=500)
        return [(row.action, str(row.details.get("says", ""))) for row in reversed(rows)]

    async def actions(self, *wanted: str) -> list[str]:
        return [action for action, _ in await self.told() if not wanted or action in wanted]

    async def wishes_are(self, mode: str, *miner_ids: str) -> bool:
        found = await wishes.all_of(self.database, ORG, "ranch")
        return all(miner_id in found and found[miner_id].mode == mode for miner_id in miner_ids)

    async def looked_at(self, miner_id: str) -> bool:
        return miner_id in await relays.all_of(self.database, ORG, "ranch")

    async def switched(self, miner_id: str) -> bool:
        return bool(await self.switchings(miner_id))

    async def has_begun(self, request_id: str) -> bool:
        """Whether a worker has said that it begins this request."""
        rows = await audit.entries(self.database, ORG, action="control_claimed")
        return any(row.subject == request_id for row in rows)

    async def has_told(self, action: str) -> bool:
        return action in await self.actions()

    async def reached(self, miner_id: str) -> bool:
        return (await self.state(miner_id)).reachable

    async def notices_read(self) -> None:
        """Let what waits be told, so that only later notices are seen."""
        for notice in await outbox.claim_due(self.database, ORG, datetime.now(UTC) + timedelta(hours=1), lease_s=0):
            await outbox.sent(self.database, ORG, notice.outbox_id, now=datetime.now(UTC))

    async def notices(self) -> list[tuple[str, str]]:
        """What waits to be told to people: level and text."""
        due = await outbox.claim_due(self.database, ORG, datetime.now(UTC) + timedelta(hours=1), lease_s=0)
        return [(notice.level, notice.text) for notice in due]

    async def has_said(self, words: str) -> bool:
        return any(words in said for _, said in await self.told())

    async def has_notice(self, level: str) -> bool:
        return level in [each for each, _ in await self.notices()]

    async def person(self, name: str, role: str = "owner") -> str:
        """Somebody with a role on the ranch; the id."""
        async with self.database.begin() as connection:
            person_id = await people.create_in(connection, ORG, name)
            await people.grant_in(connection, ORG, "ranch", person_id, role, granted_by="host")  # type: ignore[arg-type]
        return person_id


@asynccontextmanager
async def on_ranch(
    database: Database, site: Site | None = None, *, on: Sequence[str] = (), **options: Any
) -> AsyncIterator[Ranch]:
    """The ranch in real time; all relays are off, except those in `on`, which somebody switched on by hand."""
    described = site or ranch_site()
    now = datetime.now(UTC)
    world = VirtualSite(
        described, seed=3, start=now - timedelta(hours=2), wiring="solark", scenario=scenario_named("sunny")
    )
    for miner in described.miner:
        world.set_relay(miner.device, miner.channel, miner.id in on, at=now)
    faults, clock = Faults(), SimClock(now)
    async with serve(world, clock, faults=faults, victron=False, **options) as endpoints:
        ranch = Ranch(world, clock, faults, at_endpoints(described, endpoints), endpoints, database)
        await ranch.weather()
        yield ranch


def without(pace: ControlPace, **changes: Any) -> ControlPace:
    """The pace with some of it changed."""
    return replace(pace, **changes)
