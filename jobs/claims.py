"""Slots: who of several workers does a thing that is due once per interval. The database decides, not Redis."""

from __future__ import annotations

from datetime import UTC, datetime

from jobs.work import Work
from store import slots


def slot_of(now: datetime, every_s: float) -> datetime:
    """The start of the interval that `now` lies in; intervals are counted from the epoch, in UTC."""
    return datetime.fromtimestamp(now.timestamp() // every_s * every_s, UTC)


async def claim(work: Work, name: str, every_s: float) -> bool:
    """Whether this worker is the first to take the present interval of `name`."""
    slot = slot_of(work.clock(), every_s)
    return await slots.claim(work.database, work.org_id, f"{work.site.id}:{name}", slot)
