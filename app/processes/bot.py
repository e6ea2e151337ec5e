"""The bot: the chat platforms and the web face of one site. It never talks to a device."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from agents.assistant import Assistant
from agents.models import Models
from app.chat_outgoing import StoredOutgoing
from app.chat_people import LiveFigures, OfferedCommands, PeopleHere
from app.chat_ports import StoredLive, StoredPlaces, stored_chat
from app.clock import RunClock
from app.health import ProcessHealth as ProcessHealth
from app.opening import queue_of
from app.outside_ways import OutsideWays, outside_ways
from app.platforms import PlatformAdapter, platforms_of
from app.settings import NotServed, Settings
from bot.chat import Chat
from bot.commands.dispatch import Commands
from bot.courier import Courier, Wait
from bot.live import LiveBoard
from bot.ports import Outlet
from bot.start_up import make_ready
from bot.web.app import Hook
from bot.web.serve import web_face
from charts.render import render
from energy.site import Site
from services.scope import no_wake
from store.database import Database
from store.sole import sole
from store.wake import Wake

log = structlog.get_logger()
TAKE_UP_EVERY_S = 900.0
DRAIN_S, CLOSE_WITHIN_S = 5.0, 3.0  # of the 10 s that a process has between SIGTERM and its end


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
    now = RunClock.of(settings.environment).now
    places = StoredPlaces(database, site, now)
    wake = Wake(redis_url, queue_of(settings, site)) if redis_url is not None else None
    people = PeopleHere(database, site, no_wake if wake is None else wake.publish, now)
    live = LiveBoard(StoredLive(database, site, now), outlets, LiveFigures(people, places))
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
            now=now,
        )
        courier = Courier(StoredOutgoing(database, site, places, now), outlets, wait, render)
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
    wanted = settings if platforms else settings.without_platforms()
    for platform, trouble in wanted.platform_troubles.items():
        log.error("platform_not_started", platform=platform, reason=trouble)
    async with talk_of(settings, database, site, settings.redis_url) as talk:
        found = platforms_of(wanted, talk.chat, talk.commands, database)
        ways = outside_ways(settings, database)
        talk.outlets.update(ways.outlets | {adapter.name: adapter.outlet for adapter in found.adapters})
        if platforms and not found.adapters and not wanted.platform_troubles:
            log.warning(
                "no_chat_platform",
                remedy="set TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN or DISCORD_BOT_TOKEN, then `commandcenter pair`",
            )
        delivers = bool(found.adapters) or (platforms and ways.has_own)
        health = ProcessHealth(database, site, found.adapters, wanted.platform_troubles, delivers=delivers)
        async with (
            web_face(health, settings.web_host, settings.web_port, found.hooks) as url,
            _closed_at_the_end(found.adapters, ways),
        ):
            if url is None and (found.hooks or not platforms):
                raise NotServed(_not_served(settings, found.hooks))
            talking = asyncio.create_task(_talk(talk, database, found.adapters, delivers=delivers))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, talking} if delivers else {stopping}, return_when="FIRST_COMPLETED")
            for task in (stopping, talking):
                task.cancel()
            (ended,) = await asyncio.gather(talking, return_exceptions=True)
            await talk.chat.close(drain_s=DRAIN_S)  # pending replies still need the platforms' connections
    if isinstance(ended, Exception):
        raise ended


async def _talk(talk: Talk, database: Database, adapters: Sequence[PlatformAdapter], *, delivers: bool) -> None:
    """Hear and speak on the platforms, as the only bot of this database: two would answer everything twice.

    Without a platform, mail and SMS still leave where they are set up.
    """
    if not delivers:
        return
    async with sole(database, "bot") as lock, asyncio.TaskGroup() as group:
        group.create_task(lock.watch())
        for adapter in adapters:
            group.create_task(adapter.run())
        group.create_task(talk.courier.run())
        group.create_task(talk.live.run())
        group.create_task(_take_up_again(talk))


async def _take_up_again(talk: Talk) -> None:
    """What was given up after a long wait for the platform is tried again now and then, not only at the next start."""
    while True:
        await asyncio.sleep(TAKE_UP_EVERY_S)
        for outlet in talk.outlets.values():
            try:
                await talk.chat.resume(outlet)
            except Exception:  # the database may be busy; the next time comes
                log.exception("messages_not_taken_up", platform=outlet.platform)


@contextlib.asynccontextmanager
async def _closed_at_the_end(adapters: Sequence[PlatformAdapter], ways: OutsideWays) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.gather(*(_closed(adapter) for adapter in adapters), ways.close())


async def _closed(adapter: PlatformAdapter) -> None:
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await adapter.close()
    except Exception:  # also TimeoutError: the process ends, whatever the platform says
        log.warning("adapter_not_closed", platform=adapter.name, exc_info=True)


def _not_served(settings: Settings, hooks: Mapping[str, Hook]) -> str:
    needed_for = f"{', '.join(hooks)} is called there" if hooks else "--role web does nothing else"
    return (
        f"WEB_PORT: {settings.web_host}:{settings.web_port} is taken or is no address of this machine, and "
        f"{needed_for}; set WEB_PORT (or WEB_HOST) to one that is free"
    )
