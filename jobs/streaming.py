"""Devices that speak by themselves: one worker listens to each, the others stand by."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import structlog

from connectors.device import StreamedDevice
from connectors.errors import ConnectorError
from energy.reading import Reading
from jobs.claims import slot_of
from jobs.polling import note_failure, note_success
from jobs.work import Work
from services.ingest import record
from store import slots

log = structlog.get_logger()
LEASE_S = 30.0
RENEW_BEFORE_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


async def listen(work: Work, device: StreamedDevice) -> None:
    """Store what a device says, for ever: reconnect with growing pauses, and only while holding the lease."""
    pause_s = FIRST_PAUSE_S
    while True:
        await _wait_for_lease(work, device.device_id)
        renewal = asyncio.create_task(_keep_lease(work, device.device_id))
        try:
            async for reading in _until_lost(device, renewal):
                note_success(work, device)
                pause_s = FIRST_PAUSE_S
                await record(work.database, work.org_id, [reading], now=work.clock())
        except ConnectorError as error:
            note_failure(work, device, error)
        finally:
            renewal.cancel()
        await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _until_lost(device: StreamedDevice, renewal: asyncio.Task[None]) -> AsyncIterator[Reading]:
    """The device's readings until the lease is lost (the renewal task then ends)."""
    stream = device.readings()
    async with aclosing(stream) as readings:  # type: ignore[type-var]  # every stream is an async generator
        async for reading in readings:
            if renewal.done():
                log.warning("stream_lease_lost", device=device.device_id)
                return
            yield reading


async def _wait_for_lease(work: Work, device_id: str) -> None:
    while not await _claim(work, device_id, work.clock().timestamp()):
        await asyncio.sleep(LEASE_S / 3)


async def _keep_lease(work: Work, device_id: str) -> None:
    """The holder claims each coming interval before it begins, so that nobody else can; ends when one is lost."""
    while True:
        now_s = work.clock().timestamp()
        next_slot_s = slot_of(work.clock(), LEASE_S).timestamp() + LEASE_S
        await asyncio.sleep(max(next_slot_s - RENEW_BEFORE_S - now_s, 0.0))
        if not await _claim(work, device_id, next_slot_s):
            return
        await asyncio.sleep(RENEW_BEFORE_S)


async def _claim(work: Work, device_id: str, moment_s: float) -> bool:
    slot = slot_of(work.clock() + timedelta(seconds=moment_s - work.clock().timestamp()), LEASE_S)
    return await slots.claim(work.database, work.org_id, f"{work.site.id}:stream:{device_id}", slot)
