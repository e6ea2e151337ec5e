"""The worker: the one process that talks to devices. It never loads the crew or a chat platform."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.opening import queue_of
from app.settings import Settings
from connectors.device import DeviceSecrets, InverterSettings, PolledDevice, StreamedDevice, SwitchedDevice
from connectors.errors import ConnectorError
from connectors.miner_api import connect as connect_miner
from connectors.open_meteo import OpenMeteo
from connectors.registry import CONNECTORS, connect
from energy.site import Site
from jobs.backfill import Progress as BackfillProgress
from jobs.work import Work
from jobs.worker import run_worker
from store.database import Database
from store.wake import Wake

log = structlog.get_logger()


async def run(settings: Settings, database: Database, site: Site, redis_url: str, stop: asyncio.Event) -> None:
    """Do the worker's jobs for one site until `stop` is set."""
    queue = queue_of(settings, site)
    wake = Wake(redis_url, queue)
    try:
        async with opened(settings, database, site, wake) as work:
            with _progress_bar() as progress:
                await run_worker(work, redis_url, stop, progress=progress, queue=queue)
    finally:
        await wake.close()


@contextlib.asynccontextmanager
async def opened(settings: Settings, database: Database, site: Site, wake: Wake | None = None) -> AsyncIterator[Work]:
    """What the jobs need: the open devices, the weather service where the site's place is known, the database."""
    has_place = site.latitude is not None and site.longitude is not None
    async with contextlib.AsyncExitStack() as stack:
        devices = await stack.enter_async_context(opened_devices(settings, site))
        weather = OpenMeteo(settings.open_meteo_url) if has_place else None
        if weather is not None:
            stack.push_async_callback(weather.close)
        apis = {miner.id: connect_miner(miner) for miner in site.miner if miner.api is not None}
        for api in apis.values():
            stack.push_async_callback(api.close)
        yield Work(
            database=database,
            site=site,
            polled={device.device_id: device for device in devices if isinstance(device, PolledDevice)},
            streamed={device.device_id: device for device in devices if isinstance(device, StreamedDevice)},
            weather=weather,
            switched={device.device_id: device for device in devices if isinstance(device, SwitchedDevice)},
            miner_apis=apis,
            inverter_settings={
                device.device_id: device
                for device in devices
                if isinstance(device, InverterSettings) and site.inverter.allow_settings_writes
            },
            wake=wake,
        )


@contextlib.asynccontextmanager
async def opened_devices(settings: Settings, site: Site) -> AsyncIterator[list[PolledDevice | StreamedDevice]]:
    """The site's devices ready to be read; closed at the end. A `csv` device is a file that is imported: left out."""
    devices: list[PolledDevice | StreamedDevice] = []
    async with contextlib.AsyncExitStack() as stack:
        for described in site.device:
            if described.kind not in CONNECTORS:
                continue
            secrets = DeviceSecrets.from_environment(described.id, settings.environment)
            try:
                device = connect(site, described, secrets)
            except ConnectorError as error:  # an address that is none: the others are read all the same
                log.error("device_left_out", device=described.id, reason=str(error))
                continue
            stack.push_async_callback(device.close)
            devices.append(device)
        yield devices


@contextlib.contextmanager
def _progress_bar() -> Iterator[BackfillProgress | None]:
    """A bar for the backfill where somebody sees it; elsewhere the log tells of its end."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("history of {task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("days"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def show(device_id: str, done: int, total: int) -> None:
            if device_id not in tasks:
                tasks[device_id] = bars.add_task(device_id, total=total)
            bars.update(tasks[device_id], completed=done, total=total)

        yield show
