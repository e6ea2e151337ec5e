"""The demo's chat: in this terminal, and on the chat platforms where they were asked for."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import typer

from app.clock import RunClock
from app.demo_story import Story
from app.opening import scope_for
from app.settings import Settings
from energy.site import Site
from services.people import PAIRING_CODE_LIFETIME, create_pairing_code
from services.scope import DEFAULT_ORG_ID
from store import relays
from store.database import Database

if TYPE_CHECKING:
    from app.platforms import PlatformAdapter
    from app.processes.bot import Talk
    from simulator.scripts import Script

log = structlog.get_logger()
FIRST_LOOK_TIMEOUT_S = 10.0
CLOSE_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A demo whose site, worker and database run; see `app.demo.DemoFlags` for its end."""

    settings: Settings
    database: Database
    site: Site
    clock: RunClock
    script: Script | None
    control_url: str
    platforms: bool
    kept: bool
    until_resolved: bool
    for_s: float | None


async def converse_until_the_end(demo: Running, began: float) -> None:
    """Chat until the demo's end. Raises `StoryUnfinished` where it waits for a story that goes wrong."""
    from app.chat_ports import StoredPeople, StoredPlaces
    from app.processes.bot import ProcessHealth, talk_of
    from bot.platforms.console import HERE, PLATFORM, SOMEBODY_AT_THE_HOST, ConsoleOutlet, converse
    from bot.web.serve import web_face

    people = StoredPeople(demo.database, demo.site)
    person = await people.admit(PLATFORM, SOMEBODY_AT_THE_HOST)
    if person is None:
        person = await people.pair(PLATFORM, SOMEBODY_AT_THE_HOST, "you", await _code(demo))
    if person is not None:  # the terminal is a way to them from the start
        await StoredPlaces(demo.database, demo.site, demo.clock.now).seen(person.person_id, HERE)
    outlet = ConsoleOutlet(demo.settings.data_dir / "charts" if demo.kept else Path("demo-charts"))
    async with talk_of(demo.settings, demo.database, demo.site, demo.settings.redis_url) as talk:
        adapters = _connected(demo, talk)
        talk.outlets[PLATFORM] = outlet
        health = ProcessHealth(demo.database, demo.site, adapters, now=demo.clock.now)
        async with web_face(health, demo.settings.web_host, 0) as url, _talking(talk, adapters):
            await _first_look_at_relays(demo.database, demo.site)
            typer.echo(f"Ready after {time.monotonic() - began:.1f} s. {demo.site.name} is live; health at {url}.")
            typer.echo('Ask "What\'s my battery level?" or "show me the last 24 hours", or type /help; Ctrl-D ends.\n')
            if adapters:
                await _tell_of_platforms(demo, adapters)
            await _until_the_end(demo, converse(talk.chat, outlet))


async def _until_the_end(demo: Running, conversation: Coroutine[Any, Any, int]) -> None:
    """The end of the input ends it; but a story that is waited for, or a time, goes on without an input."""
    story: Story | None = None
    if demo.script is not None:
        story = Story(demo.script, demo.database, demo.site, demo.clock, demo.control_url)
        story.say_what_comes()
        begun_at = await story.begin()
    talking = asyncio.create_task(conversation)
    ending: asyncio.Task[str] | None = None
    if demo.until_resolved and story is not None:
        ending = asyncio.create_task(story.watch(begun_at))
    elif demo.for_s is not None:
        ending = asyncio.create_task(asyncio.sleep(demo.for_s, "The time is over."))
    try:
        if ending is None:
            await talking
        elif sys.stdin.isatty():
            await asyncio.wait({talking, ending}, return_when=asyncio.FIRST_COMPLETED)
        else:
            await ending
        if ending is not None and ending.done():
            typer.echo(await ending)
        if talking.done():
            await talking
    finally:
        for task in filter(None, (talking, ending)):
            task.cancel()
        await asyncio.gather(*filter(None, (talking, ending)), return_exceptions=True)


def _connected(demo: Running, talk: Talk) -> tuple[PlatformAdapter, ...]:
    """The platforms whose tokens are in the environment, and the other ways out, where they were asked for."""
    if not demo.platforms:
        return ()
    from app.outside_ways import outside_ways
    from app.platforms import platforms_of

    for platform, trouble in demo.settings.platform_troubles.items():
        typer.echo(f"{platform} was not started: {trouble}")
    found = platforms_of(demo.settings, talk.chat, talk.commands, demo.database)
    talk.outlets.update(outside_ways(demo.settings, demo.database).outlets)
    talk.outlets.update({adapter.name: adapter.outlet for adapter in found.adapters})
    return found.adapters


@contextlib.asynccontextmanager
async def _talking(talk: Talk, adapters: tuple[PlatformAdapter, ...]) -> AsyncIterator[None]:
    """Hear and tell while the block runs."""
    tasks = [asyncio.create_task(_logged(run, name)) for name, run in _runs(talk, adapters)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for adapter in adapters:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await adapter.close()


def _runs(talk: Talk, adapters: tuple[PlatformAdapter, ...]) -> list[tuple[str, Coroutine[Any, Any, Any]]]:
    heard: list[tuple[str, Coroutine[Any, Any, Any]]] = [(adapter.name, adapter.run()) for adapter in adapters]
    return [*heard, ("courier", talk.courier.run()), *([("live", talk.live.run())] if adapters else [])]


async def _logged(run: Coroutine[Any, Any, Any], name: str) -> None:
    """A platform that ends with an error leaves the terminal as it is."""
    try:
        await run
    except Exception as error:  # whatever it is: it is told, and the demo goes on
        log.exception("demo_part_failed", part=name)
        typer.echo(f"{name} stopped: {error}", err=True)


async def _code(demo: Running) -> str:
    return await create_pairing_code(await scope_for(demo.database, demo.site, at=demo.clock.now()), "owner")


async def _tell_of_platforms(demo: Running, adapters: tuple[PlatformAdapter, ...]) -> None:
    names = ", ".join(adapter.name for adapter in adapters)
    minutes = round(PAIRING_CODE_LIFETIME.total_seconds() / 60)
    typer.echo(f"Connected to {names}. Pairing code: {await _code(demo)}")
    typer.echo(f"Send it to the bot in a direct chat within {minutes} minutes to become an owner.\n")


async def _first_look_at_relays(database: Database, site: Site) -> None:
    """Wait until the worker has read the relays, so that nobody is told "unknown" in the first second."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_LOOK_TIMEOUT_S):
            while len(await relays.all_of(database, DEFAULT_ORG_ID, site.id)) < len(site.miner):
                await asyncio.sleep(0.05)
