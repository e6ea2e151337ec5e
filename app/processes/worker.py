"""The worker: the one process that talks to devices. It never loads the crew or a chat platform."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import structlog
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.clock import RunClock
from app.opening import queue_of
from app.settings import Settings
from connectors.device import DeviceSecrets, InverterSettings, PolledDevice, StreamedDevice, SwitchedDevice
from connectors.errors import ConnectorError
from connectors.miner_api import connect as connect_miner
from connectors.notify.ping import HeartbeatUrlWrong, Ping
from connectors.notify.settings import notify_settings
from connectors.open_meteo import OpenMeteo
from connectors.openweathermap import OpenWeatherMap
from connectors.prices import HashPrice, HourlyPrices
from connectors.registry import CONNECTORS, connect
from energy.site import Site
from jobs.backfill import Progress as BackfillProgress
from jobs.heartbeat import keep_heartbeat
from jobs.start_up import keep_worker_beat
from jobs.work import ControlPace, Work
from jobs.worker import run_worker
from services.reckoning import Reckoner
from store.database import Database
from store.wake import Wake

log = structlog.get_logger()
GOODBYE_WITHIN_S = 2.0


async def run(settings: Settings, database: Database, site: Site, redis_url: str, stop: asyncio.Event) -> None:
    """Do the worker's jobs for one site until `stop` is set."""
    queue = queue_of(settings, site)
    wake = Wake(redis_url, queue)
    try:
        async with opened(settings, database, site, wake) as work, _watched(settings, work, stop):
            with _progress_bar() as progress:
                await run_worker(work, redis_url, stop, progress=progress, queue=queue)
    finally:
        await wake.close()


@contextlib.asynccontextmanager
async def _watched(settings: Settings, work: Work, stop: asyncio.Event) -> AsyncIterator[None]:
    """Signs of life while the block runs, and calls to HEARTBEAT_URL where it is set. A goodbye only after `stop`."""
    tasks = [asyncio.create_task(keep_worker_beat(work, stop))]
    ping = _ping(settings)
    if ping is not None:
        tasks.append(asyncio.create_task(keep_heartbeat(work, ping, stop, delivers=_delivers(settings))))
    try:
        yield
        if stop.is_set():
            await asyncio.wait(tasks, timeout=GOODBYE_WITHIN_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if ping is not None:
            await ping.close()


def _ping(settings: Settings) -> Ping | None:
    url = settings.environment.get("HEARTBEAT_URL")
    if not url:
        return None
    try:
        return Ping(url)
    except HeartbeatUrlWrong as error:  # the site is looked after all the same
        log.error("heartbeat_not_started", reason=str(error))
        return None


def _delivers(settings: Settings) -> bool:
    """Whether a bot must run, because messages can leave through it."""
    ways = notify_settings(settings.environment)
    platforms = (settings.telegram, settings.slack, settings.discord, ways.email, ways.sms)
    return any(each is not None for each in platforms)


@contextlib.asynccontextmanager
async def opened(settings: Settings, database: Database, site: Site, wake: Wake | None = None) -> AsyncIterator[Work]:
    """What the jobs need: the open devices, the weather services where the site's place is known, the database."""
    has_place = site.latitude is not None and site.longitude is not None
    async with contextlib.AsyncExitStack() as stack:
        devices = await stack.enter_async_context(opened_devices(settings, site))
        run_clock = RunClock.of(settings.environment)
        weather = OpenMeteo(settings.open_meteo_url, clock=run_clock.now) if has_place else None
        if weather is not None:
            stack.push_async_callback(weather.close)
        weather_now = _weather_now(settings, run_clock) if has_place else None
        if weather_now is not None:
            stack.push_async_callback(weather_now.close)
        hash_price, prices = price_services(site, run_clock)
        for service in (hash_price, prices):
            if service is not None:
                stack.push_async_callback(service.close)
        reckoner = Reckoner()
        stack.push_async_callback(reckoner.close)
        apis = {miner.id: connect_miner(miner) for miner in site.miner if miner.api is not None}
        for api in apis.values():
            stack.push_async_callback(api.close)
        yield Work(
            database=database,
            site=site,
            polled={device.device_id: device for device in devices if isinstance(device, PolledDevice)},
            streamed={device.device_id: device for device in devices if isinstance(device, StreamedDevice)},
            weather=weather,
            weather_now=weather_now,
            hash_price=hash_price,
            prices=prices,
            reckoner=reckoner,
            switched={device.device_id: device for device in devices if isinstance(device, SwitchedDevice)},
            miner_apis=apis,
            inverter_settings={
                device.device_id: device
                for device in devices
                if isinstance(device, InverterSettings) and site.inverter.allow_settings_writes
            },
            wake=wake,
            pace=_pace(run_clock),
            clock=run_clock.now,
            monotonic=run_clock.monotonic,
            speed=run_clock.speed,
            data_dir=settings.data_dir,
        )


def _weather_now(settings: Settings, clock: RunClock) -> OpenWeatherMap | None:
    """The weather now, where OPENWEATHERMAP_API_KEY is set."""
    key = settings.environment.get("OPENWEATHERMAP_API_KEY")
    if not key:
        return None
    return OpenWeatherMap(SecretStr(key), settings.environment.get("OPENWEATHERMAP_BASE_URL") or None, clock=clock.now)


def price_services(site: Site, clock: RunClock) -> tuple[HashPrice | None, HourlyPrices | None]:
    """The prices that the owner named an address for; one that is no address is logged and left out."""
    plan, hash_price, prices = site.plan, None, None
    try:
        if plan.hashprice_url is not None:
            hash_price = HashPrice(plan.hashprice_url, plan.hashprice_field, clock=clock.now)
        if plan.prices_url is not None:
            prices = HourlyPrices(plan.prices_url, clock=clock.now)
    except ConnectorError as error:
        log.error("prices_left_out", reason=str(error))
    return hash_price, prices


def _pace(clock: RunClock) -> ControlPace:
    """The usual one, where what takes real time on the network is counted in a time that runs faster."""
    usual = ControlPace()
    return replace(
        usual,
        read_back_s=usual.read_back_s * clock.speed,
        request_lease_s=usual.request_lease_s * clock.speed,
        first_retry_s=usual.first_retry_s * clock.speed,
    )


@contextlib.asynccontextmanager
async def opened_devices(settings: Settings, site: Site) -> AsyncIterator[list[PolledDevice | StreamedDevice]]:
    """The site's devices ready to be read; closed at the end. A `csv` device is a file that is imported: left out."""
    devices: list[PolledDevice | StreamedDevice] = []
    clock = RunClock.of(settings.environment).now
    async with contextlib.AsyncExitStack() as stack:
        for described in site.device:
            if described.kind not in CONNECTORS:
                continue
            secrets = DeviceSecrets.from_environment(described.id, settings.environment)
            try:
                device = connect(site, described, secrets, clock)
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
