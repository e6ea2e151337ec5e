"""`commandcenter doctor`: looks at everything that the site needs, and says what to mend."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import typer

from agents.models import ModelSettings
from app.chat_check import chat_findings, pairing_findings
from app.clock import RunClock
from app.finding import Finding
from app.notify_check import notify_findings
from app.opening import opened_database
from app.processes.worker import opened_devices, price_services
from app.relay_check import relay_warnings
from app.settings import Settings, SettingsError
from app.site_file import SiteFileError
from connectors.device import Connected, DeviceDetails, PolledDevice, StreamedDevice
from connectors.errors import ConnectorError
from energy.site import Site
from store.errors import StoreError

DEVICE_TIMEOUT_S = 20.0


async def doctor(settings: Settings, tell: Callable[[str], None] = typer.echo) -> bool:
    """Check and tell; whether all is well."""
    findings = [_site(settings), await _database(settings), _model(settings.models), *await chat_findings(settings)]
    findings += await notify_findings(settings)
    for finding in findings:
        tell(_line(finding))
    site = settings.site() if findings[0].ok else None
    if site is not None:
        for finding in (
            *await pairing_findings(settings, site),
            *await price_findings(site, RunClock.of(settings.environment)),
            *await _devices(settings, site),
            *await _relays(settings, site),
        ):
            findings.append(finding)
            tell(_line(finding))
    return all(finding.ok is not False for finding in findings)


def _site(settings: Settings) -> Finding:
    try:
        site = settings.site()
    except (SiteFileError, SettingsError) as error:
        return Finding(False, "site", str(error))
    if site is None:
        return Finding(
            False, "site", f"{settings.site_file}: no such file; copy the project's example there and edit it"
        )
    return Finding(True, "site", f"{site.name} ({site.id}), {len(site.device)} devices, {settings.site_file}")


async def _database(settings: Settings) -> Finding:
    try:
        async with opened_database(settings, create=False):
            return Finding(True, "database", "opens, and is of this version")
    except SiteFileError:
        return Finding(None, "database", "not looked at: the site file comes first")
    except SettingsError as error:
        return Finding(None, "database", str(error))
    except StoreError as error:
        return Finding(False, "database", str(error))


def _model(models: ModelSettings) -> Finding:
    if not models.is_configured:
        return Finding(None, "model", "no OPENAI_API_KEY: the local model answers (basic mode)")
    return Finding(True, "model", f"{models.model} at {models.base_url or 'the default endpoint'} (not asked)")


async def price_findings(site: Site, clock: RunClock) -> list[Finding]:
    """Whether the addresses of prices answer with prices."""
    hash_price, prices = price_services(site, clock)
    found = []
    if hash_price is not None:
        try:
            price = await hash_price.current(site.economics.hashprice_per_phs_day)
            says = f"{price:g} {site.economics.currency} per PH/s and day"
            found.append(Finding(True, "hash price", says))
        except ConnectorError as error:
            found.append(Finding(False, "hash price", str(error)))
        finally:
            await hash_price.close()
    if prices is not None:
        try:
            last = (await prices.current())[-1].start.astimezone(site.zone)
            found.append(Finding(True, "energy prices", f"known until the hour of {last:%Y-%m-%d %H:%M}"))
        except ConnectorError as error:
            found.append(Finding(False, "energy prices", str(error)))
        finally:
            await prices.close()
    return found


async def _devices(settings: Settings, site: Site) -> list[Finding]:
    async with opened_devices(settings, site) as devices:
        checks = [_polled(d) if isinstance(d, PolledDevice) else _streamed(d) for d in devices]
        return list(await asyncio.gather(*checks))


async def _relays(settings: Settings, site: Site) -> list[Finding]:
    """What the relays of the miners may carry, and what they do by themselves."""
    carrying = {miner.device for miner in site.miner}
    async with opened_devices(settings, site) as devices:
        told = await asyncio.gather(*(_details(device) for device in devices if device.device_id in carrying))
    details = {each.device_id: each for each in told if each is not None}
    return [Finding(None, about, says, warns=True) for about, says in relay_warnings(site, details)]


async def _details(device: Connected) -> DeviceDetails | None:
    try:
        async with asyncio.timeout(DEVICE_TIMEOUT_S):
            return await device.details()
    except (ConnectorError, TimeoutError):
        return None  # that it does not answer has been told


async def _polled(device: PolledDevice) -> Finding:
    return await _checked(device, device.read)


async def _streamed(device: StreamedDevice) -> Finding:
    async def first() -> object:
        async for reading in device.readings():
            return reading
        return None

    return await _checked(device, first)


async def _checked(device: Connected, read: Callable[[], Awaitable[object]]) -> Finding:
    try:
        async with asyncio.timeout(DEVICE_TIMEOUT_S):
            answer = await read()
    except ConnectorError as error:
        return Finding(False, device.device_id, str(error))
    except TimeoutError:
        return Finding(
            False, device.device_id, f"said nothing within {DEVICE_TIMEOUT_S:g} s; is it on, and is its host right?"
        )
    if not answer:
        return Finding(None, device.device_id, "answers, with nothing new to report")
    return Finding(True, device.device_id, "answers with readings")


def _line(finding: Finding) -> str:
    sign = "warn" if finding.warns else {True: "ok  ", False: "FAIL", None: "note"}[finding.ok]
    return f"{sign}  {finding.about}: {finding.says}"
