"""Briefs are queued on each one's own clock, once, up to three hours late; quiet hours are waited out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobs.briefs import queue_briefs
from jobs.schedule import SCHEDULE
from jobs.work import Work
from store import group_briefs, groups, outbox, people, sites
from store.database import Database
from store.people import Identity, Role
from tests.jobs.stage import SITE, work_of

ZONE = ZoneInfo("America/Los_Angeles")


class Clock:
    """A clock that tests set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def local(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


async def site_of(database: Database, now: datetime) -> tuple[Work, Clock]:
    await sites.sync(database, "home", SITE)
    clock = Clock(now)
    return work_of(database, clock=clock), clock


async def person(database: Database, name: str, role: Role, **preferences: Any) -> str:
    account = Identity("telegram", name, name)
    found = await people.approve(database, "home", SITE.id, account, role, granted_by="host")
    if preferences:
        await people.change_preferences(
            database, "home", found.person_id, lambda kept: {**kept, **preferences}, noted={}
        )
    return found.person_id


async def waiting(database: Database, now: datetime) -> list[outbox.Entry]:
    return await outbox.claim_due(database, "home", now)


async def test_owners_and_operators_get_it_and_viewers_who_want_it(database: Database) -> None:
    work, clock = await site_of(database, local(24, 7, 30))
    ann = await person(database, "Ann", "owner")
    ben = await person(database, "Ben", "operator")
    await person(database, "Vic", "viewer")
    wim = await person(database, "Wim", "viewer", brief_time="07:30")
    await person(database, "Zoe", "owner", brief_time="off")
    assert await queue_briefs(work) == 3
    entries = await waiting(database, clock.now)
    assert {entry.person_id for entry in entries} == {ann, ben, wim}
    assert all(entry.kind == "brief" and entry.level == "info" for entry in entries)
    assert entries[0].data == {"kind": "daily", "day": "2026-11-23"}


async def test_each_minute_asks_and_one_brief_a_day_is_queued(database: Database) -> None:
    work, clock = await site_of(database, local(24, 7, 0))
    await person(database, "Ann", "owner")
    queued = []
    for minute in range(0, 26 * 60, 10):
        clock.now = local(24, 7) + timedelta(minutes=minute)
        queued.append(await queue_briefs(work))
    assert sum(queued) == 2
    assert queued[3] == 1


async def test_a_worker_that_was_down_is_up_to_three_hours_late(database: Database) -> None:
    work, clock = await site_of(database, local(24, 10, 29))
    await person(database, "Ann", "owner")
    assert await queue_briefs(work) == 1
    clock.now = local(25, 10, 31)
    assert await queue_briefs(work) == 0


async def test_everybodys_clock_is_their_own(database: Database) -> None:
    work, clock = await site_of(database, local(23, 22, 30))  # 07:30 on the 24th in Berlin
    kim = await person(database, "Kim", "owner", timezone="Europe/Berlin")
    await person(database, "Ann", "owner")
    assert await queue_briefs(work) == 1
    (entry,) = await waiting(database, clock.now)
    assert (entry.person_id, entry.data["day"]) == (kim, "2026-11-23")


async def test_quiet_hours_are_waited_out(database: Database) -> None:
    work, clock = await site_of(database, local(24, 7, 30))
    await person(database, "Ann", "owner", quiet_hours="22:00-08:15")
    assert await queue_briefs(work) == 1
    assert await waiting(database, local(24, 8, 14)) == []
    assert len(await waiting(database, local(24, 8, 15))) == 1
    clock.now = local(24, 8, 20)
    assert await queue_briefs(work) == 0


async def test_mondays_bring_the_week_in_the_same_message(database: Database) -> None:
    work, clock = await site_of(database, local(23, 7, 30))
    await person(database, "Ann", "owner")
    assert await queue_briefs(work) == 1
    (entry,) = await waiting(database, clock.now)
    assert entry.data == {"kind": "daily", "day": "2026-11-22", "also": ["weekly"]}


async def test_on_the_days_the_clock_changes_it_comes_once(database: Database) -> None:
    for month, day in ((3, 8), (11, 1)):
        work, clock = await site_of(database, local(day, 0, month=month))
        if month == 3:
            await person(database, "Ann", "owner", brief_time="02:30")
            await person(database, "Ben", "owner", brief_time="01:30")
        queued = 0
        for minute in range(0, 24 * 60, 7):
            clock.now = local(day, 0, month=month) + timedelta(minutes=minute)
            queued += await queue_briefs(work)
        assert queued == 2, (month, day)


async def test_a_clock_that_is_set_back_brings_no_second_one(database: Database) -> None:
    work, clock = await site_of(database, local(24, 7, 40))
    await person(database, "Ann", "owner")
    assert await queue_briefs(work) == 1
    for back in (local(24, 6, 40), local(24, 7, 40), local(24, 8, 40)):
        clock.now = back
        assert await queue_briefs(work) == 0


async def test_a_group_gets_it_only_where_an_owner_said_so(database: Database) -> None:
    work, clock = await site_of(database, local(24, 7, 30))
    for chat_id in ("-1", "-2"):
        await groups.open_group(database, "home", SITE.id, "telegram", chat_id, by="host", now=clock.now)
    assert await queue_briefs(work) == 0
    assert await group_briefs.put(database, "home", SITE.id, "telegram", "-2", "07:30", by="host", now=clock.now)
    assert not await group_briefs.put(database, "home", SITE.id, "telegram", "-3", "07:30", by="host", now=clock.now)
    assert await queue_briefs(work) == 1
    (entry,) = await waiting(database, clock.now)
    address: Mapping[str, Any] = entry.address or {}
    assert (entry.person_id, address["platform"], address["chat_id"]) == (None, "telegram", "-2")
    assert await group_briefs.put(database, "home", SITE.id, "telegram", "-2", None, by="host", now=clock.now)
    clock.now = local(25, 7, 30)
    assert await queue_briefs(work) == 0


def test_the_schedule_looks_every_minute() -> None:
    job = next(each for each in SCHEDULE if each.run is queue_briefs)
    assert (job.tick_s, job.every_s) == (60, 60)
