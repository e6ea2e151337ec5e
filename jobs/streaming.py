"""Devices that speak by themselves: one worker listens to each, the others stand by."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import structlog

from connectors.device import StreamedDevice
from connectors.errors import ConnectorError
from jobs.lease import LeaseLost, while_leased
from jobs.polling import note_failure, note_success
from jobs.storing import store
from jobs.work import Work

log = structlog.get_logger()
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


async def listen(work: Work, device: StreamedDevice) -> None:
    """Store what a device says, for ever: reconnect with growing pauses, and only while holding the lease."""
    pause_s = FIRST_PAUSE_S
    while True:
        heard = _Heard()
        try:
            await while_leased(work, f"stream:{device.device_id}", lambda heard=heard: _hear(work, device, heard))  # type: ignore[misc]  # bound at once
        except ConnectorError as error:
            note_failure(work, device, error)
        except LeaseLost as error:
            log.warning("stream_lease_lost", device=device.device_id, reason=str(error))
        pause_s = FIRST_PAUSE_S if heard.anything else min(pause_s * 2, LONGEST_PAUSE_S)
        await asyncio.sleep(max(pause_s * random.uniform(0.8, 1.2), work.pause_left_s(device.device_id)))


class _Heard:
    anything = False


async def _hear(work: Work, device: StreamedDevice, heard: _Heard) -> None:
    stream = device.readings()
    async with aclosing(stream) as readings:  # type: ignore[type-var]  # every stream is an async generator
        async for reading in readings:
            heard.anything = True
            note_success(work, device)
            await store(work, [reading])
