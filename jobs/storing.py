"""Storing what was read, with patience: a database that is locked or full for a while costs no reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from energy.reading import ACCEPTED_CLOCK_SKEW, Reading
from jobs.work import Unsaved, Work
from services.ingest import Recorded, record

log = structlog.get_logger()
EVENT = "readings_not_stored"
GIVE_UP_AFTER_TRIES = 5


async def store(work: Work, readings: Sequence[Reading]) -> int:
    """Store readings; how many. What the database does not take now is kept in memory and stored with a later batch.

    A batch that fails again and again while others go through is at fault itself and is dropped, which is logged.
    """
    now = work.clock()
    _note_clocks(work, readings, now)
    try:
        done = await record(work.database, work.org_id, readings, now=now)
    except Exception as error:  # noqa: BLE001  whatever it is, the readings must not be lost, and it is logged
        work.unsaved.append(Unsaved(list(readings)))
        work.surprises.failed(EVENT, work.site.id, error)
        return 0
    _tell_rejections(work, readings, done)
    work.stirred.set()
    stored = done.stored
    for batch in list(work.unsaved):
        if batch not in work.unsaved:
            continue  # a run at the same time was faster
        work.unsaved.remove(batch)
        try:
            stored += (await record(work.database, work.org_id, batch.readings, now=work.clock())).stored
        except Exception:
            batch.tries += 1
            if batch.tries < GIVE_UP_AFTER_TRIES:
                work.unsaved.append(batch)
            else:
                log.exception("readings_dropped", count=len(batch.readings), device=batch.readings[0].device_id)
    if not work.unsaved:
        work.surprises.succeeded(EVENT, work.site.id)
    return stored


def _note_clocks(work: Work, readings: Sequence[Reading], now: datetime) -> None:
    """How far a device's clock is ahead of ours, by the newest of its readings; what is too far is refused later."""
    for device_id in {reading.device_id for reading in readings}:
        lead = max(reading.taken_at for reading in readings if reading.device_id == device_id) - now
        if timedelta(0) < lead <= ACCEPTED_CLOCK_SKEW:
            work.ahead[device_id] = lead
        else:
            work.ahead.pop(device_id, None)


def _tell_rejections(work: Work, readings: Sequence[Reading], done: Recorded) -> None:
    """Log an impossible value when it is news for its device, and when it is over: a bad sensor speaks at each poll."""
    refused = {(device_id, rejection.field): rejection.reason for device_id, rejection in done.rejections}
    for device_id in {reading.device_id for reading in readings}:
        known = {key for key in work.rejected if key[0] == device_id}
        for key in refused.keys() - work.rejected:
            work.rejected.add(key)
            log.warning("reading_rejected", device=key[0], field=key[1], reason=refused[key])
        for key in known - refused.keys():
            work.rejected.discard(key)
            log.info("reading_accepted_again", device=key[0], field=key[1])
