"""Who gets the daily brief when: queued on each person's own clock, composed when it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from energy.brief_times import also_due, brief_time_of, due_day, parsed
from energy.preferences import preferences_from
from energy.quiet_hours import quiet_until
from jobs.work import Work
from store import group_briefs, outbox, people
from store.outbox import NewEntry


async def queue_briefs(work: Work) -> int:
    """Queue the briefs whose time has come; how many. Run it each minute: each brief is queued once.

    A worker that was away queues them up to three hours late. In quiet hours they wait for their end.
    """
    now, site = work.clock(), work.site
    queued = 0
    for person in await people.list_people(work.database, work.org_id, site_id=site.id):
        preferences = preferences_from(person.preferences)
        at = brief_time_of(preferences, person.roles[site.id])
        zone = preferences.zone or site.zone
        until = quiet_until(preferences.quiet_hours, zone, now)
        queued += await _queue(work, at, zone, now, until, who=person.person_id, person_id=person.person_id)
    for group in await group_briefs.all_of(work.database, work.org_id, site.id):
        address = {"platform": group.platform, "chat_id": group.chat_id, "thread": None}
        who = f"{group.platform}:{group.chat_id}"
        queued += await _queue(work, parsed(group.brief_at), site.zone, now, None, who=who, address=address)
    if queued:
        await work.wake_up("notices")
    return queued


async def _queue(
    work: Work,
    at: time | None,
    zone: ZoneInfo,
    now: datetime,
    until: datetime | None,
    *,
    who: str,
    person_id: str | None = None,
    address: Mapping[str, Any] | None = None,
) -> bool:
    day = None if at is None else due_day(at, zone, now)
    if day is None:
        return False
    entry = NewEntry(
        site_id=work.site.id,
        kind="brief",
        level="info",
        person_id=person_id,
        address=address,
        once_key=f"brief:{work.site.id}:{who}:daily:{day.isoformat()}",
        data=_data(day),
        due_at=until,
    )
    return await outbox.add(work.database, work.org_id, entry, now=now)


def _data(day: date) -> dict[str, Any]:
    """What the brief of that morning is about: the day before, and the week or month that it ended."""
    data: dict[str, Any] = {"kind": "daily", "day": (day - timedelta(days=1)).isoformat()}
    also = also_due(day)
    return data | {"also": list(also)} if also else data
