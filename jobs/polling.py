"""Asking the polled devices, each at its own interval, all at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from connectors.device import Connected, PolledDevice
from connectors.errors import ConnectorError, CredentialsRefused, TryLater, Unreachable
from jobs.claims import claim
from jobs.work import Work
from services.ingest import record
from store import device_facts

log = structlog.get_logger()
READ_TIMEOUT_S = 25.0
PAUSE_AFTER_REFUSAL = timedelta(minutes=10)  # asking a cloud again and again with a wrong password locks accounts
PAUSE_AFTER_BUSY = timedelta(minutes=2)


async def poll_devices(work: Work) -> int:
    """Read every device that is due; the number of readings stored. Devices' troubles are logged, never raised."""
    stored = await asyncio.gather(*(_poll_when_due(work, device) for device in work.polled.values()))
    return sum(stored)


async def _poll_when_due(work: Work, device: PolledDevice) -> int:
    paused_until = work.paused_until.get(device.device_id)
    if paused_until is not None and work.clock() < paused_until:
        return 0
    if not await claim(work, f"poll:{device.device_id}", work.poll_interval_s(device.device_id)):
        return 0
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            readings = await device.read()
    except TimeoutError:
        note_failure(work, device, Unreachable(f"{device.device_id} did not answer within {READ_TIMEOUT_S:g} s"))
        return 0
    except ConnectorError as error:
        note_failure(work, device, error)
        return 0
    note_success(work, device)
    return (await record(work.database, work.org_id, readings, now=work.clock())).stored


async def fetch_details(work: Work) -> None:
    """Ask every device what it is and how it is set, and keep the answer."""
    devices: list[Connected] = [*work.polled.values(), *work.streamed.values()]
    await asyncio.gather(*(_fetch_details(work, device) for device in devices))


async def _fetch_details(work: Work, device: Connected) -> None:
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            details = await device.details()
    except (ConnectorError, TimeoutError) as error:
        log.info("device_details_missing", device=device.device_id, reason=str(error) or "no answer in time")
        return
    await device_facts.put(
        work.database,
        work.org_id,
        work.site.id,
        device_id=details.device_id,
        kind=details.kind,
        model=details.model,
        firmware=details.firmware,
        settings=dict(details.settings),
        taken_at=details.taken_at,
    )


def note_failure(work: Work, device: Connected, error: ConnectorError) -> None:
    """Log a failure when it is news, and hold the device back when it asked for a pause or refused us."""
    work.watch.failed(device.device_id, error)
    if isinstance(error, TryLater):
        pause = PAUSE_AFTER_BUSY if error.after_s is None else timedelta(seconds=error.after_s)
        work.paused_until[device.device_id] = work.clock() + pause
    elif isinstance(error, CredentialsRefused):
        work.paused_until[device.device_id] = work.clock() + PAUSE_AFTER_REFUSAL


def note_success(work: Work, device: Connected) -> None:
    """Log the recovery when there was a failure, and lift any pause."""
    work.watch.succeeded(device.device_id)
    work.paused_until.pop(device.device_id, None)
