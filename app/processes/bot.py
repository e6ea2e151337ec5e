"""The bot: the chat platforms and the web face of one site. It never talks to a device."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from agents.assistant import Assistant
from agents.models import Models
from app import __version__
from app.chat_people import LiveFigures, OfferedCommands, PeopleHere
from app.chat_ports import StoredLive, StoredNotices, StoredPlaces, stored_chat
from app.opening import queue_of
from app.platforms import PlatformAdapter, platforms_of
from app.settings import Settings
from bot.chat import Chat
from bot.commands.dispatch import Commands
from bot.courier import Courier, Wait
from bot.live import LiveBoard
from bot.ports import Outlet
from bot.start_up import make_ready
from bot.web.app import Adapter, HealthReport
from bot.web.serve import web_face
from charts.render import render
from energy.site import Site
from services.scope import DEFAULT_ORG_ID, no_wake
from store import readings
from store.database import Database
from store.wake import Wake

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Talk:
    """The chat with what belongs to it. `outlets` is filled by whoever connects a platform, before anything is said."""

    chat: Chat
    commands: OfferedCommands
    outlets: dict[str, Outlet]
    courier: Courier
    live: LiveBoard


@contextlib.asynccontextmanager
async def talk_of(settings: Settings, database: Database, site: Site, redis_url: str | None) -> AsyncIterator[Talk]:
    """The chat bound to its real parts and loaded; what is being answered is finished at the end.

    Without Redis the worker and the bot look into the database each second or two instead of waking each other.
    """
    assistant = Assistant(Models.build(settings.models))
    # matplotlib's font list takes half a second to make: keep it, also where the home folder cannot be written.
    os.environ.setdefault("MPLCONFIGDIR", str(settings.data_dir / "matplotlib"))
    await asyncio.to_thread(assistant.load)
    await asyncio.to_thread(make_ready)
    outlets: dict[str, Outlet] = {}
    places = StoredPlaces(database, site)
    wake = Wake(redis_url, queue_of(settings, site)) if redis_url is not None else None
    people = PeopleHere(database, site, no_wake if wake is None else wake.publish)
    live = LiveBoard(StoredLive(database, site), outlets, LiveFigures(people, places))
    commands = Commands()
    async with _woken(wake) as wait:
        chat = stored_chat(
            database,
            site,
            commands=commands,
            live=live,
            assistant=assistant,
            render=render,
            scope_for=people.scope_for,
        )
        courier = Courier(StoredNotices(database, site), places, outlets, wait)
        try:
            yield Talk(chat, OfferedCommands(commands, people), outlets, courier, live)
        finally:
            await chat.close()
            await assistant.close()
            if wake is not None:
                await wake.close()


@contextlib.asynccontextmanager
async def _woken(wake: Wake | None) -> AsyncIterator[Wait]:
    """A wait that ends early when the worker has something to tell."""
    if wake is None:
        yield asyncio.sleep
        return
    event = asyncio.Event()

    async def listen() -> None:
        async with wake.listening("notices", "report") as heard:
            async for _ in heard:
                event.set()

    async def wait(seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
        event.clear()

    task = asyncio.create_task(listen())
    try:
        yield wait
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def run(
    settings: Settings, database: Database, site: Site, stop: asyncio.Event, *, platforms: bool = True
) -> None:
    """Chat on every platform that has a token, and serve the web face, until `stop` is set."""
    async with talk_of(settings, database, site, settings.redis_url) as talk:
        found = platforms_of(
            settings if platforms else settings.without_platforms(), talk.chat, talk.commands, database
        )
        talk.outlets.update({adapter.name: adapter.outlet for adapter in found.adapters})
        if platforms and not found.adapters:
            log.warning(
                "no_chat_platform",
                remedy="set TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN or DISCORD_BOT_TOKEN, then `commandcenter pair`",
            )
        health = ProcessHealth(database, site, found.adapters)
        async with web_face(health, settings.web_host, settings.web_port, found.hooks):
            tasks = [asyncio.create_task(each.run()) for each in found.adapters]
            if found.adapters:
                tasks += [asyncio.create_task(talk.courier.run()), asyncio.create_task(talk.live.run())]
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in (stopping, *tasks):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await talk.chat.close()  # pending replies still need the platforms' connections
            for adapter in found.adapters:
                await adapter.close()
    for error in ended:
        if isinstance(error, Exception):
            raise error


class ProcessHealth:
    """What /healthz reports: the database, the adapters, and how old the newest reading is."""

    def __init__(self, database: Database, site: Site, adapters: Sequence[PlatformAdapter]) -> None:
        self._database = database
        self._site = site
        self._adapters = adapters
        self._is_live = any(device.kind != "csv" for device in site.device)  # imported files grow old in peace

    async def check(self) -> HealthReport:
        """See `bot.web.app.Health`."""
        now = datetime.now(UTC)
        try:
            latest = await readings.latest(self._database, DEFAULT_ORG_ID, self._site.id, as_of=now)
        except Exception:  # whatever it is, the report must say it
            log.exception("health_database_failed")
            return HealthReport(database_ok=False, version=__version__)
        newest = max((reading.taken_at for reading in latest.values()), default=None)
        return HealthReport(
            database_ok=True,
            adapters={each.name: Adapter(each.ready, each.last_poll_age_s, each.trouble) for each in self._adapters},
            newest_reading_age_s=None if newest is None or not self._is_live else (now - newest).total_seconds(),
            version=__version__,
        )
