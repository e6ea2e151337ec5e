"""The commands on a real database that holds the virtual site's last 30 days."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.commands.command import Context
from bot.commands.dispatch import Commands
from bot.message import Address
from bot.reply import Button, Reply, plain
from energy.site import Site
from services.scope import Actor, Scope
from simulator.default_site import DEFAULT_SITE
from simulator.history import readings as past_readings
from simulator.history import readings_at, virtual_site
from simulator.scenarios import SCENARIOS
from store import people, readings, sites
from store.database import Database, sqlite_url
from store.people import Identity, Role

ORG = "home"
DAYS = 30
ONE_PM = datetime(2026, 11, 24, 13, 0, tzinfo=ZoneInfo("America/Los_Angeles"))
NAME = "commandcenter.db"


async def write_history(folder: Path) -> None:
    """The database that each test gets a copy of."""
    database = await Database.open(sqlite_url(folder / NAME), migrate=True)
    world = virtual_site(DEFAULT_SITE, seed=7, end=ONE_PM, days=DAYS, scenario=SCENARIOS["sunny"])
    await sites.sync(database, ORG, DEFAULT_SITE)
    await readings.upsert(database, ORG, [*past_readings(world, world.start, ONE_PM), *readings_at(world, ONE_PM)])
    await database.close()


@dataclass
class Stage:
    """Somebody in a chat. `place` is the chat's id; what is said in it goes the way that `Chat` takes."""

    scope: Scope
    place: str = "7"
    direct: bool = True
    has_forms: bool = False
    platform: str = "wall"
    commands: Commands = field(default_factory=Commands)
    patience_s: float = 8.0
    count: int = 0

    @property
    def site(self) -> Site:
        return self.scope.site

    @property
    def context(self) -> Context:
        self.count += 1
        return Context(
            address=Address(self.platform, self.place),
            direct=self.direct,
            origin="typed",
            key=f"{self.platform}:{self.place}:{self.count}",
            has_forms=self.has_forms,
            platform=self.platform,
            sender_id=self.place,
            patience_s=self.patience_s,
        )

    async def say(self, text: str) -> Reply:
        """The reply to what must be a command."""
        call = self.commands.find(text)
        assert call is not None, f"{text!r} is taken for a question"
        return await self.commands.run(call, self.scope, self.context)

    async def hears(self, text: str) -> str:
        """The reply as a reader sees it."""
        return plain((await self.say(text)).blocks)

    def as_(self, role: Role) -> Stage:
        """The same person with another role."""
        return replace(self, scope=replace(self.scope, actor=replace(self.scope.actor, role=role)))

    def at(self, moment: datetime) -> Stage:
        return replace(self, scope=replace(self.scope, as_of=moment))


def labels(reply: Reply) -> list[str]:
    return [button.label for button in buttons(reply)]


def buttons(reply: Reply) -> list[Button]:
    return [button for row in reply.buttons for button in row]


def lines(reply: Reply) -> list[str]:
    """What counts for "six lines at the most": all but the source."""
    from bot.reply import Source

    text = plain(block for block in reply.blocks if not isinstance(block, Source))
    return [line for line in text.split("\n") if line.strip()]


async def opened(template: Path, folder: Path, *, site: Site = DEFAULT_SITE, role: Role = "owner") -> Stage:
    """Ann, in a direct chat, on a copy of the history."""
    shutil.copy(template / NAME, folder / NAME)
    database = await Database.open(sqlite_url(folder / NAME), migrate=False)
    ann = await newcomer(database, site, "Ann", "7", role)
    return Stage(Scope(database=database, site=site, as_of=ONE_PM, actor=ann))


async def newcomer(database: Database, site: Site, name: str, account: str, role: Role) -> Actor:
    """Somebody new with an account on the wall and a role."""
    async with database.begin() as connection:
        person_id = await people.create_in(connection, ORG, name, now=ONE_PM)
        await people.link_in(connection, ORG, person_id, Identity("wall", account, name), now=ONE_PM)
    await people.set_role(database, ORG, site.id, person_id, role, granted_by="host", now=ONE_PM)
    return Actor(person_id, name, role)
