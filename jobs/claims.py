"""Slots: who of several workers does a thing that is due once per interval. The database decides, not Redis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

from jobs.work import Work
from store import slots

log = structlog.get_logger()
MOST_TRIES = 3  # of heavy work in one slot by one worker
SKEW = timedelta(seconds=30)  # two workers' clocks may differ so much


class NotDone(Exception):
    """The work of a slot could not be done, which the log already says: the slot is given back for another try."""


def slot_of(now: datetime, every_s: float) -> datetime:
    """The start of the interval that `now` lies in; intervals are counted from the epoch, in UTC."""
    return datetime.fromtimestamp(now.timestamp() // every_s * every_s, UTC)


async def claim(work: Work, name: str, every_s: float) -> bool:
    """Whether this worker is the first to take the present interval of `name`.

    It asks the database once per interval: between two of them a tick costs nothing.
    """
    slot = slot_of(work.clock(), every_s)
    if work.tried_slots.get(name) == slot:
        return False
    won = await claim_slot(work, name, slot, every_s)
    work.tried_slots[name] = slot
    return won


async def give_back(work: Work, name: str) -> None:
    """Give the interval that was claimed last back, so that the next tick (of any worker) does it."""
    slot = work.tried_slots.pop(name, None)
    if slot is not None:
        await release_slot(work, name, slot)


async def try_again(work: Work, name: str) -> None:
    """Give the slot that was tried last back after a failure; after the third one the job waits for the next slot."""
    slot = work.tried_slots.get(name)
    if slot is None:
        return
    failed_slot, failures = work.failures.get(name, (slot, 0))
    failures = failures + 1 if failed_slot == slot else 1
    work.failures[name] = (slot, failures)
    if failures < MOST_TRIES:
        await give_back(work, name)


async def claim_slot(work: Work, name: str, slot: datetime, every_s: float) -> bool:
    """Whether this worker is the first to take `slot`. Works on when the clock was set back.

    A clock that was ahead has taken slots of a time that comes again. Left alone they would stop the job until the
    clock gets there, so they are given back.
    """
    full_name = f"{work.site.id}:{name}"
    if await slots.claim(work.database, work.org_id, full_name, slot, now=work.clock()):
        return True
    too_late = slot + timedelta(seconds=2 * every_s) + SKEW
    last = await slots.last_claimed(work.database, work.org_id, full_name)
    if last is None or last <= too_late:
        return False
    log.warning("clock_went_back", slots_of=full_name, ahead_s=round((last - slot).total_seconds()))
    while last is not None and last >= slot:
        await slots.release(work.database, work.org_id, full_name, last)
        before, last = last, await slots.last_claimed(work.database, work.org_id, full_name)
        if last == before:
            return False  # a slot that is marked finished stays
    return await slots.claim(work.database, work.org_id, full_name, slot, now=work.clock())


async def release_slot(work: Work, name: str, slot: datetime) -> None:
    """Give a slot back."""
    await slots.release(work.database, work.org_id, f"{work.site.id}:{name}", slot)
