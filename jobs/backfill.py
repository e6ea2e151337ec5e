"""History from before the first start, and of hours without a connection: the vendor's own day series, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta

import structlog

from connectors.device import DaySeries, PolledDevice
from connectors.errors import ConnectorError, TryLater
from energy.reading import Reading
from jobs.lease import LeaseLost, while_leased
from jobs.polling import note_failure
from jobs.work import Work
from services.ingest import record
from store import backfill

log = structlog.get_logger()
Progress = Callable[[str, int, int], None]  # device id, days done, days in all
PAUSE_BETWEEN_DAYS_S = 0.1  # a cloud is asked gently
TRIES_PER_DAY = 3
RETRY_S = 600.0
AGAIN_S = 6 * 3600.0
LONGEST_WAIT_S = 300.0
EVENT = "backfill_failed"


async def keep_backfilling(work: Work, progress: Progress | None = None) -> None:
    """Backfill now and every 6 h, which closes the gaps of a lost connection; after trouble again in 10 minutes.

    One worker does it at a time.
    """
    complete = False

    async def run() -> None:
        nonlocal complete
        complete = await backfill_history(work, progress)

    while True:
        try:
            await while_leased(work, "backfill", run)
        except LeaseLost as error:
            log.info("backfill_lease_lost", reason=str(error))
            continue
        await asyncio.sleep(AGAIN_S if complete else RETRY_S)


async def backfill_history(work: Work, progress: Progress | None = None) -> bool:
    """Fetch the last `work.backfill_days` days of every device that keeps them; whether all of them are there now.

    The newest day comes first. A day is marked when its readings are stored, so an interrupted run goes on where it
    stopped.
    """
    complete = True
    for device in work.polled.values():
        if not isinstance(device, DaySeries):
            continue
        try:
            await _backfill(work, device, device, progress)
        except ConnectorError as error:
            complete = False
            note_failure(work, device, error)
            log.info("backfill_paused", device=device.device_id, again_in_s=RETRY_S)
        except Exception as error:  # noqa: BLE001  the other devices' history must not wait for it, and it is logged
            complete = False
            work.surprises.failed(EVENT, device.device_id, error)
        else:
            work.surprises.succeeded(EVENT, device.device_id)
    return complete


async def _backfill(work: Work, device: PolledDevice, series: DaySeries, progress: Progress | None) -> None:
    today = work.clock().astimezone(work.site.zone).date()
    wanted = [today - timedelta(days=back) for back in range(work.backfill_days + 1)]
    done = await backfill.days_done(work.database, work.org_id, work.site.id, device.device_id)
    missing = [day for day in wanted if day not in done]
    stored = 0
    for position, day in enumerate(missing):
        readings = [r for r in await _day(work, device, series, day) if r.taken_at <= work.clock()]
        stored += (await record(work.database, work.org_id, readings, now=work.clock())).stored
        await backfill.mark_done(
            work.database,
            work.org_id,
            work.site.id,
            device.device_id,
            day,
            readings=len(readings),
            complete=day < today,  # today is not over: it is fetched again
        )
        if progress is not None:
            progress(device.device_id, position + 1, len(missing))
        await asyncio.sleep(PAUSE_BETWEEN_DAYS_S)
    log.info("backfill_done", device=device.device_id, days=len(missing), readings=stored)


async def _day(work: Work, device: PolledDevice, series: DaySeries, day: date) -> list[Reading]:
    """A day's readings; a pause that the cloud asks for is kept, and binds the polls of the device too."""
    for _ in range(TRIES_PER_DAY - 1):
        await asyncio.sleep(min(work.pause_left_s(device.device_id), LONGEST_WAIT_S))
        try:
            return list(await series.day(day))
        except TryLater as error:
            note_failure(work, device, error)
    await asyncio.sleep(min(work.pause_left_s(device.device_id), LONGEST_WAIT_S))
    return list(await series.day(day))
