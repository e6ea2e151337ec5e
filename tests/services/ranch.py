"""A ranch with three miners, three people and a battery, in a real database, with a clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from energy.reading import Reading
from energy.site import Device, Grid, Inverter, Miner, Site
from services import control
from services.control import Accepted, Asked, Confirm, Order
from services.people import actor_of
from services.preferences import as_preferred, preferences_in
from services.scope import HOST, Scope
from store import control as requests
from store import people, readings, relays, sites, wishes
from store.database import Database, sqlite_url
from store.people import Identity, Role
from store.relays import RelayState, Switching
from store.wishes import Wish
from tests.services.stage import NOON

RANCH = Site(
    id="ranch",
    name="Solar Shack",
    timezone="America/Los_Angeles",
    device=(
        Device(id="cerbo", kind="victron_mqtt", host="venus.local"),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    grid=Grid(present=True, import_allowed=True),
    inverter=Inverter(max_output_w=15_000, allow_settings_writes=True),
    miner=(
        Miner(id="s21", name="Primary S21+", model="S21+", power_w=3878, hashrate_ths=235, device="garage", channel=0),
        Miner(id="s19-1", name="Left S19", power_w=3250, hashrate_ths=95, device="garage", channel=1, priority=2),
        Miner(id="s19-2", name="Right S19", power_w=3250, hashrate_ths=95, device="garage", channel=2, priority=3),
    ),
)
PLACE = "telegram:7"
ADDRESS = {"platform": "telegram", "chat_id": "7", "thread": None}


@dataclass
class Ranch:
    """The database, the people's ids by name, the clock, and which channels were woken."""

    database: Database
    url: str
    people: dict[str, str]
    site: Site = RANCH
    now: datetime = NOON
    woken: list[str] = field(default_factory=list)

    async def scope(self, name: str | None = "Ann", *, database: Database | None = None) -> Scope:
        """The site as somebody sees it now (None: the host)."""
        database = database or self.database
        scope = Scope(database, self.site, self.now, wake=self.wake, clock=lambda: self.now)
        if name is None:
            return replace(scope, actor=HOST)
        person = await people.get(database, "home", self.people[name])
        assert person is not None
        actor = await actor_of(database, self.site, person.person_id, name)
        return as_preferred(replace(scope, actor=actor), preferences_in(person.preferences))

    async def wake(self, channel: str) -> None:
        self.woken.append(channel)

    async def measure(self, *, age: timedelta = timedelta(seconds=20), **values: Any) -> None:
        """A reading of the cerbo; by default plenty of sun and a full battery."""
        usual = {"soc_pct": 82.0, "solar_w": 9000.0, "load_w": 900.0, "grid_import_w": 0.0, "battery_charge_w": 8100.0}
        row = Reading(
            site_id="ranch",
            source="victron_mqtt",
            device_id="cerbo",
            taken_at=self.now - age,
            grid_present=True,
            **(usual | values),
        )
        await readings.upsert(self.database, "home", [row])

    async def relay(self, miner: str, on: bool | None = False, **values: Any) -> None:
        """What the worker saw of a relay just now."""
        usual: dict[str, Any] = {"read_at": self.now, "changed_at": self.now - timedelta(hours=3), "power_w": 0.0}
        await relays.put(self.database, "home", "ranch", RelayState(miner_id=miner, on=on, **(usual | values)))

    async def wish(self, miner: str, mode: Any, by: str = "worker") -> None:
        await wishes.put(self.database, "home", "ranch", Wish(miner, mode, None, by, self.now))

    async def switched(self, miner: str, at: datetime, on: bool = True) -> None:
        async with self.database.begin() as connection:
            await relays.note_switch_in(connection, "home", "ranch", Switching(miner, at, on, "us", None))

    async def prefers(self, name: str, **preferences: Any) -> None:
        await people.change_preferences(
            self.database, "home", self.people[name], lambda kept: {**kept, **preferences}, noted={}
        )

    async def order(self, action: Any, *miners: str, by: str | None = "Ann", **options: Any) -> Asked:
        """An order as it is typed in a chat."""
        usual: dict[str, Any] = {"origin": "typed", "place": PLACE, "address": ADDRESS, "key": None}
        wanted = Order(action, miners, options.pop("until", None))
        return await control.order(await self.scope(by), wanted, **(usual | options))

    async def proposed(self, *miners: str, by: str = "Ann", **options: Any) -> Confirm:
        """A start that waits for its tap."""
        asked = await self.order("start", *(miners or ("s21",)), by=by, **options)
        assert isinstance(asked, Confirm), asked
        return asked

    async def ended(self, request_id: str, state: Any = "done", **results: Any) -> None:
        """What the worker would do with a queued request."""
        await requests.claim_next(self.database, "home", "ranch", now=self.now, lease_s=10)
        assert await requests.finish(self.database, "home", request_id, state=state, results=results, now=self.now)


async def ranch(tmp_path: Path, *, site: Site = RANCH) -> Ranch:
    """Ann owns it, Ben operates it, Vic looks at it; the miners are off and nothing stands against starting them."""
    url = sqlite_url(tmp_path / "commandcenter.db")
    return await settled(await Database.open(url, migrate=True), url, site=site)


async def settled(database: Database, url: str, *, site: Site = RANCH) -> Ranch:
    """The ranch on a database of the caller's."""
    await sites.sync(database, "home", site)
    known: dict[str, str] = {}
    roles: dict[str, Role] = {"Ann": "owner", "Ben": "operator", "Vic": "viewer"}
    for number, (name, role) in enumerate(roles.items(), start=7):
        account = Identity("telegram", str(number), name)
        person = await people.approve(database, "home", site.id, account, role, granted_by="host", now=NOON)
        known[name] = person.person_id
    made = Ranch(database, url, known, site)
    await made.measure()
    for miner in site.miner:
        await made.relay(miner.id)
    return made


def accepted(asked: object) -> Accepted:
    """The order as it was accepted."""
    assert isinstance(asked, Accepted), asked
    return asked
