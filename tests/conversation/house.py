"""The ranch with its worker, and the chat over the same database, for the stages of all platforms."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from app.chat_people import PeopleHere
from app.chat_ports import StoredLive, stored_chat
from bot.chat import Chat, ChatLimits
from bot.commands.dispatch import Commands
from bot.live import LiveBoard
from charts.render import render
from energy.reading import Reading
from energy.site import Site
from jobs.control import keep_control
from jobs.work import ControlPace
from services.people import create_pairing_code
from services.scope import DEFAULT_ORG_ID, Role, Scope, no_wake
from store import readings, sites
from store.database import Database, sqlite_url
from store.wake import Wake
from tests.bot.house import House
from tests.jobs.ranch import FINE, QUICK, Ranch, on_ranch, ranch_site


class StoredHouse(House):
    """A house in which everything is real but the platform and the model, which is the local one."""

    def __init__(self, ranch: Ranch, wake: Wake | None = None) -> None:
        super().__init__()
        self.ranch = ranch
        self.wake = no_wake if wake is None else wake.publish
        self.chat_limits = ChatLimits()
        self.crew = Assistant(Models.build(ModelSettings()))

    def chat(self) -> Chat:
        database, site = self.ranch.database, self.ranch.site
        people = PeopleHere(database, site, self.wake)

        async def nothing(_: object) -> None:
            return None

        return stored_chat(
            database,
            site,
            commands=Commands(),
            live=LiveBoard(StoredLive(database, site), {}, nothing),
            assistant=self.crew,
            render=render,
            scope_for=people.scope_for,
            limits=self.chat_limits,
        )

    async def code(self, role: Role = "owner") -> str:
        """A pairing code from the host."""
        ranch = self.ranch
        return await create_pairing_code(Scope(ranch.database, ranch.site, datetime.now(UTC)), role)


async def _history(database: Database, site: Site) -> None:
    """A day of even readings: what is told of it is the same whenever the test runs."""
    now = datetime.now(UTC)
    rows = [
        Reading(site_id=site.id, source="solark", device_id="solark", taken_at=now - timedelta(minutes=m), **FINE)
        for m in range(24 * 60, 0, -5)
    ]
    await readings.upsert(database, DEFAULT_ORG_ID, rows)


@contextlib.asynccontextmanager
async def _controlled(ranch: Ranch, wake: Wake | None, pace: ControlPace) -> AsyncIterator[None]:
    if wake is None:
        async with ranch.controlled(pace=pace):
            yield
        return
    work, stop = ranch.work(pace=pace, wake=wake), asyncio.Event()
    async with wake.listening("control") as woken:
        task = asyncio.create_task(keep_control(work, woken, stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)


@contextlib.asynccontextmanager
async def ranch_house(
    folder: Path, *, wake: Wake | None = None, pace: ControlPace = QUICK
) -> AsyncIterator[StoredHouse]:
    """A house with a worker that switches its relays, at a test's quick pace unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    database = await Database.open(sqlite_url(folder / "ranch.db"), migrate=True)
    try:
        async with on_ranch(database, ranch_site()) as ranch, _controlled(ranch, wake, pace):
            await sites.sync(database, DEFAULT_ORG_ID, ranch.site)
            await _history(database, ranch.site)
            house = StoredHouse(ranch, wake)
            house.crew.load()
            # As the process does at its start: the first chart takes no longer than the others.
            await asyncio.to_thread(importlib.import_module, "charts.draw_power")
            try:
                yield house
            finally:
                await house.crew.close()
    finally:
        await database.close()
