"""A site that is watched in a time which the test moves: real database and storing, real rules, episodes and outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from energy.alerts.episode import Episode, Event
from energy.reading import Reading
from energy.site import Battery, Device, Grid, Miner, Site
from jobs.storing import store
from jobs.watching import Watch
from jobs.work import Work
from store import alerts, outbox, people, relays
from store.database import Database
from store.relays import RelayState

ORG = "home"
NOON = datetime(2026, 6, 1, 19, 30, tzinfo=UTC)
SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    battery=Battery(usable_kwh=30.0),
    grid=Grid(present=True, import_allowed=True, export_allowed=True),
    device=(Device(id="inverter", kind="victron_mqtt", host="127.0.0.1"),),
)
MINER = Miner(id="s21", name="S21", power_w=3_500.0, hashrate_ths=200.0, device="relay")
WITH_MINER = SITE.model_copy(
    update={"device": (*SITE.device, Device(id="relay", kind="shelly", host="127.0.0.1")), "miner": (MINER,)}
)
FINE: dict[str, Any] = {
    "soc_pct": 70.0,
    "solar_w": 3_000.0,
    "load_w": 1_000.0,
    "battery_charge_w": 2_000.0,
    "grid_import_w": 0.0,
    "battery_voltage_v": 53.2,
    "battery_temperature_c": 24.0,
    "grid_present": True,
    "fault_codes": (),
}


class Lookout:
    """One worker on its lookout; several share a database and a clock (`beside`)."""

    def __init__(self, database: Database, site: Site = SITE, *, now: Callable[[], datetime] | None = None) -> None:
        self.database = database
        self.site = site
        self.at = NOON
        self.elapsed_s = 0.0
        self.noise = 0
        self.work = Work(
            database=database,
            site=site,
            polled={},
            streamed={},
            weather=None,
            clock=now or (lambda: self.at),
            monotonic=lambda: self.elapsed_s,
        )
        self.watch = Watch(self.work)
        self.events: list[Event] = []

    def beside(self) -> Lookout:
        """Another worker of the same site, or this one after it was killed: it remembers nothing."""
        return Lookout(self.database, self.site, now=lambda: self.at)

    async def hears(self, device_id: str = "inverter", *, age_s: float = 1.0, **values: Any) -> None:
        """A reading is stored, as the jobs do it. Powers move a little from one to the next, as they do."""
        self.noise += 1
        moved = {name: value + self.noise % 7 for name, value in FINE.items() if name in ("solar_w", "load_w")}
        told = FINE | moved | values if device_id == "inverter" else values
        taken_at = self.work.clock() - timedelta(seconds=age_s)
        await store(
            self.work,
            [Reading(site_id=self.site.id, source="test", device_id=device_id, taken_at=taken_at, **told)],
        )

    async def looks(self) -> tuple[Event, ...]:
        """One look now."""
        events = await self.watch.look(self.work.clock())
        self.events += events
        return events

    async def passes(
        self, seconds: float, *, every_s: float = 10.0, silent: Sequence[str] = (), **values: Any
    ) -> list[Event]:
        """So much time passes with a reading of each device that is not `silent`, and a look, every ten seconds."""
        events: list[Event] = []
        for _ in range(round(seconds / every_s)):
            self.at += timedelta(seconds=every_s)
            self.elapsed_s += every_s
            if "inverter" not in silent:
                await self.hears(**values)
            for device in self.site.device[1:]:
                if device.id not in silent:
                    await self.hears(device.id, miner_w=0.0)
            events += await self.looks()
        return events

    async def relay(self, **values: Any) -> None:
        """The miner's relay as the control has seen it."""
        known: dict[str, Any] = {"device": "relay", "channel": 0, "on": False, "power_w": 0.0, "read_at": self.at}
        await relays.put(self.database, ORG, self.site.id, RelayState(miner_id="s21", **(known | values)))

    async def episode(self, rule_id: str, subject: str = "") -> Episode | None:
        """The newest episode of a rule, as it stands in the database."""
        found = (await alerts.newest(self.database, ORG, self.site.id)).get((rule_id, subject))
        return None if found is None else found.episode

    async def state(self, rule_id: str, subject: str = "") -> str:
        """How it stands; "none" where there was never one."""
        found = await self.episode(rule_id, subject)
        return "none" if found is None else str(found.state)

    async def waiting(self) -> list[outbox.Entry]:
        """What waits to be told."""
        return await outbox.claim_due(self.database, ORG, self.at + timedelta(days=1), lease_s=0, limit=500)

    async def owner(self, name: str = "Anna") -> str:
        """Somebody who owns the site."""
        async with self.database.begin() as connection:
            person_id = await people.create_in(connection, ORG, name)
            await people.grant_in(connection, ORG, self.site.id, person_id, "owner", granted_by="host")
        return person_id


def kinds(events: Sequence[Event], rule_id: str) -> list[str]:
    """The transitions of one rule."""
    return [event.kind for event in events if event.episode.rule_id == rule_id]
