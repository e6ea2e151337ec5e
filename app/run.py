"""`commandcenter run`: everything on one box, or one role of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Literal, get_args

import structlog

from app.embedded_redis import embedded_redis, sole_use
from app.opening import opened_database, site_of
from app.processes.supervisor import Child, supervise
from app.settings import Settings, SettingsError
from energy.site import Site
from store.database import Database

log = structlog.get_logger()
Role = Literal["all", "bot", "worker", "web"]
ROLES: tuple[Role, ...] = get_args(Role)


async def run(settings: Settings, role: Role) -> None:
    """Run until SIGTERM or Ctrl-C. `all` supervises a bot and a worker of its own; the others are one process."""
    with stop_on_signal() as stop:
        if role == "all":
            await _run_all(settings, stop)
            return
        if settings.redis_url is None and role == "worker":
            raise SettingsError(f"--role {role} needs REDIS_URL: only `commandcenter run` starts the embedded Redis")
        async with opened_database(settings, create=True) as database:
            site = await site_to_run(settings, database)
            if role == "worker":
                from app.processes import worker

                await worker.run(settings, database, site, str(settings.redis_url), stop)
            else:
                from app.processes import bot

                await bot.run(settings, database, site, stop, platforms=role == "bot")


async def site_to_run(settings: Settings, database: Database) -> Site:
    """The site; a running system needs one that names its devices."""
    site = await site_of(settings, database)
    if not site.device:
        raise SettingsError(
            f"{site.name} has no devices; describe them in {settings.site_file} (the project's commandcenter.toml is "
            "an example), or try `commandcenter demo`"
        )
    return site


async def _run_all(settings: Settings, stop: asyncio.Event) -> None:
    with sole_use(settings.data_dir):
        async with opened_database(settings, create=True) as database:
            site = await site_to_run(settings, database)
        async with redis_for(settings) as redis_url:
            environment = child_environment(settings, redis_url)
            children = [Child(name, ["run", "--role", name], environment) for name in ("worker", "bot")]
            log.info("starting", site=site.id, data=str(settings.data_dir))
            await supervise(children, stop)


@contextlib.asynccontextmanager
async def redis_for(settings: Settings) -> AsyncIterator[str]:
    """The Redis of the environment, else the embedded one."""
    if settings.redis_url is not None:
        yield settings.redis_url
        return
    async with embedded_redis(settings.data_dir) as url:
        yield url


def child_environment(settings: Settings, redis_url: str) -> dict[str, str]:
    """What a child process needs to find the same data."""
    return {"REDIS_URL": redis_url, "COMMANDCENTER_DATA": str(settings.data_dir)}


@contextlib.contextmanager
def stop_on_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
