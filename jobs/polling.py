"""Asking the polled devices, each at its own interval, all at the same time."""

from __future__ import annotations

import asyncio

import structlog

from connectors.device import Connected, PolledDevice
from connectors.errors import ConnectorError, CredentialsRefused, TryLater, Unreachable
from energy.reading import Reading
from jobs.claims import claim
from jobs.storing import store
from jobs.work import Work
from store import device_facts

log = structlog.get_logger()
READ_TIMEOUT_S = 25.0
PAUSE_AFTER_REFUSAL_S = 600.0  # asking a cloud again and again with a wrong password locks accounts
PAUSE_AFTER_BUSY_S = 120.0
READ_EVENT, DETAILS_EVENT = "device_read_failed", "device_details_failed"


async def poll_devices(work: Work) -> int:
    """Read every device that is due; the number of readings stored. Devices' troubles are logged, never raised."""
    due = [device for device in work.polled.values() if await _is_due(work, device.device_id)]
    work.being_read |= {device.device_id for device in due}
    stored = await asyncio.gather(*(_poll(work, device) for device in due))
    work.polled_s = work.monotonic()
    return sum(stored)


async def _is_due(work: Work, device_id: str) -> bool:
    if device_id in work.being_read or work.pause_left_s(device_id):
        return False
    return await claim(work, f"poll:{device_id}", work.poll_interval_s(device_id))


async def _poll(work: Work, device: PolledDevice) -> int:
    try:
        readings = await _read(work, device)
        return await store(work, readings) if readings else 0
    finally:
        work.being_read.discard(device.device_id)


async def _read(work: Work, device: PolledDevice) -> list[Reading]:
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            readings = await device.read()
    except TimeoutError:
        note_failure(work, device, Unreachable(f"{device.device_id} did not answer within {READ_TIMEOUT_S:g} s"))
        return []
    except ConnectorError as error:
        note_failure(work, device, error)
        return []
    except Exception as error:  # noqa: BLE001  a fault of the connector must not stop the other devices, and it is logged
        work.surprises.failed(READ_EVENT, device.device_id, error)
        return []
    note_success(work, device)
    return readings


async def fetch_details(work: Work) -> None:
    """Ask every device what it is and how it is set, and keep the answer."""
    devices: list[Connected] = [*work.polled.values(), *work.streamed.values()]
    await asyncio.gather(*(_fetch_details(work, device) for device in devices))


async def _fetch_details(work: Work, device: Connected) -> None:
    if work.pause_left_s(device.device_id):
        return
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            details = await device.details()
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
    except (TryLater, CredentialsRefused) as error:
        note_failure(work, device, error)
        return
    except (ConnectorError, TimeoutError) as error:
        log.info("device_details_missing", device=device.device_id, reason=str(error) or "no answer in time")
    except Exception as error:  # noqa: BLE001  likewise
        work.surprises.failed(DETAILS_EVENT, device.device_id, error)
    else:
        work.surprises.succeeded(DETAILS_EVENT, device.device_id)


def note_failure(work: Work, device: Connected, error: ConnectorError) -> None:
    """Log a failure when it is news, and hold the device back when it asked for a pause or refused us."""
    work.watch.failed(device.device_id, error)
    if isinstance(error, TryLater):
        work.pause(device.device_id, PAUSE_AFTER_BUSY_S if error.after_s is None else error.after_s)
    elif isinstance(error, CredentialsRefused):
        work.pause(device.device_id, PAUSE_AFTER_REFUSAL_S)
        work.refused_at[device.device_id] = work.clock()
        work.stirred.set()


def note_success(work: Work, device: Connected) -> None:
    """Log the recovery when there was a failure, and lift any pause."""
    work.watch.succeeded(device.device_id)
    work.surprises.succeeded(READ_EVENT, device.device_id)
    work.end_pause(device.device_id)
    work.answered_at[device.device_id] = work.clock()
    work.refused_at.pop(device.device_id, None)
