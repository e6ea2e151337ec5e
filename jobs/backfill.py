"""History from before the first start: the vendor's own day series, newest day first, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta

import structlog

from connectors.device import DaySeries
from connectors.errors import ConnectorError, TryLater
from energy.reading import Reading
from jobs.work import Work
from services.ingest import record
from store import backfill

log = structlog.get_logger()
Progress = Callable[[str, int, int], None]  # device id, days done, days in all
PAUSE_BETWEEN_DAYS_S = 0.1  # a cloud is asked gently
TRIES_PER_DAY = 3
RETRY_S = 600.0


async def keep_backfilling(work: Work, progress: Progress | None = None) -> None:
    """Backfill until every day is there; a device in trouble is tried again after a while."""
    while not await backfill_history(work, progress):
        await asyncio.sleep(RETRY_S)


async def backfill_history(work: Work, progress: Progress | None = None) -> bool:
    """Fetch the last `work.backfill_days` days of every device that keeps them; whether all of them are there now.

    A day is marked when its readings are stored, so an interrupted run goes on where it stopped.
    """
    complete = True
    for device in work.polled.values():
        if isinstance(device, DaySeries):
            complete &= await _backfill(work, device, device.device_id, progress)
    return complete


async def _backfill(work: Work, device: DaySeries, device_id: str, progress: Progress | None) -> bool:
    today = work.clock().astimezone(work.site.zone).date()
    wanted = [today - timedelta(days=back) for back in range(work.backfill_days + 1)]
    done = await backfill.days_done(work.database, work.org_id, work.site.id, device_id)
    missing = [day for day in wanted if day not in done]
    stored = 0
    for position, day in enumerate(missing):
        try:
            readings = await _day(device, day)
        except ConnectorError as error:
            log.warning("backfill_paused", device=device_id, day=day.isoformat(), reason=str(error))
            return False
        past = [reading for reading in readings if reading.taken_at <= work.clock()]
        stored += (await record(work.database, work.org_id, past, now=work.clock())).stored
        if day < today:  # today is not over: it is fetched again at the next start
            await backfill.mark_done(work.database, work.org_id, work.site.id, device_id, day)
        if progress is not None:
            progress(device_id, position + 1, len(missing))
        await asyncio.sleep(PAUSE_BETWEEN_DAYS_S)
    log.info("backfill_done", device=device_id, days=len(missing), readings=stored)
    return True


async def _day(device: DaySeries, day: date) -> list[Reading]:
    for attempt in range(TRIES_PER_DAY):
        try:
            return list(await device.day(day))
        except TryLater as error:
            if attempt == TRIES_PER_DAY - 1:
                raise
            await asyncio.sleep(error.after_s or 30.0)
    raise AssertionError("unreachable: the last attempt returns or raises")
