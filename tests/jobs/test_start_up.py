"""The word after a stop that nobody planned, or a long one; and silence after all others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from energy.reading import Reading
from jobs.start_up import Gap, gap_of, keep_worker_beat, start_up_text, tell_owners
from jobs.work import Work
from store import outbox, people, readings, sites
from store.database import Database
from store.heartbeats import Beat, beat, of_site
from store.people import Role
from tests.jobs.stage import SITE, until, work_of

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WORKER = "worker:ranch"
QUICK = {"others_s": 0.1, "settle_s": 0.2}


@dataclass
class Clock:
    now: datetime = START


async def peopled(database: Database, **roles: str) -> dict[str, str]:
    """People by name with their role here."""
    await sites.sync(database, "home", SITE)
    made = {}
    async with database.begin() as connection:
        for name, role in roles.items():
            made[name] = await people.create_in(connection, "home", name)
            await people.grant_in(connection, "home", SITE.id, made[name], cast(Role, role), granted_by="host")
    return made


def work_at(database: Database, clock: Clock) -> Work:
    return work_of(database, clock=lambda: clock.now)


async def run_for_a_moment(work: Work, *, until_beat: bool = True) -> None:
    """A worker that starts, leaves a sign, and stops on purpose."""
    stop = asyncio.Event()
    task = asyncio.create_task(keep_worker_beat(work, stop, **QUICK))
    if until_beat:

        async def here() -> bool:
            found = (await of_site(work.database, "home", SITE.id)).get(WORKER)
            return found is not None and found.at == work.clock()

        await until(here)
    stop.set()
    await asyncio.wait_for(task, 5)


async def told(database: Database, clock: Clock) -> list[outbox.Entry]:
    return await outbox.claim_due(database, "home", clock.now)


async def test_the_first_start_and_a_quick_clean_restart_say_nothing(database: Database) -> None:
    clock = Clock()
    await peopled(database, Ann="owner")
    await run_for_a_moment(work_at(database, clock))
    assert (await of_site(database, "home", SITE.id))[WORKER].clean
    clock.now += timedelta(seconds=90)
    await run_for_a_moment(work_at(database, clock))
    assert await told(database, clock) == []


@pytest.mark.parametrize(
    ("clean", "away", "says"),
    [
        (True, timedelta(hours=3), "stopped on purpose"),
        (False, timedelta(minutes=29), "without a goodbye"),
        (False, timedelta(seconds=20), "without a goodbye"),
    ],
)
async def test_owners_hear_of_a_long_stop_and_of_every_unclean_one(
    database: Database, clean: bool, away: timedelta, says: str
) -> None:
    clock = Clock()
    ids = await peopled(database, Ann="owner", Bob="operator")
    await beat(database, "home", WORKER, clock.now, clean_stop=clean)
    clock.now += away
    await run_for_a_moment(work_at(database, clock))
    (entry,) = await told(database, clock)
    assert entry.person_id == ids["Ann"]
    assert says in entry.text
    assert entry.level == ("info" if clean else "warning")
    clock.now += timedelta(seconds=30)
    await run_for_a_moment(work_at(database, clock))
    assert await told(database, clock) == []  # once is enough


async def test_another_worker_that_lives_is_no_reason_to_say_anything(database: Database) -> None:
    clock = Clock()
    await peopled(database, Ann="owner")
    await beat(database, "home", WORKER, clock.now - timedelta(seconds=5))
    stop = asyncio.Event()
    task = asyncio.create_task(keep_worker_beat(work_at(database, clock), stop, others_s=0.3, settle_s=0.4))
    await asyncio.sleep(0.05)
    await beat(database, "home", WORKER, clock.now + timedelta(seconds=1))  # the other one's next sign

    async def signed() -> bool:
        return (await of_site(database, "home", SITE.id))[WORKER].at == clock.now

    await until(signed)
    stop.set()
    await task
    assert await told(database, clock) == []


async def test_two_workers_that_start_after_a_crash_tell_it_once(database: Database) -> None:
    clock = Clock()
    await peopled(database, Ann="owner", Cat="owner")
    await beat(database, "home", WORKER, clock.now)
    clock.now += timedelta(minutes=10)
    await asyncio.gather(*(run_for_a_moment(work_at(database, clock)) for _ in range(2)))
    assert len(await told(database, clock)) == 2  # one for each owner


async def test_a_worker_that_ends_before_it_told_leaves_that_to_the_next(database: Database) -> None:
    clock = Clock()
    await peopled(database, Ann="owner")
    await beat(database, "home", WORKER, clock.now)
    clock.now += timedelta(minutes=10)
    stop = asyncio.Event()
    task = asyncio.create_task(keep_worker_beat(work_at(database, clock), stop, others_s=5.0, settle_s=5.0))
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(task, 2)
    assert (await of_site(database, "home", SITE.id))[WORKER] == Beat(START, False)
    await run_for_a_moment(work_at(database, clock))
    assert len(await told(database, clock)) == 1


async def test_the_sign_of_polling_is_left_only_while_devices_are_gone_through(database: Database) -> None:
    work = work_of(database)
    await run_for_a_moment(replace(work, clock=lambda: START))
    assert "poll:ranch" not in await of_site(database, "home", SITE.id)
    await run_for_a_moment(replace(work, clock=lambda: START, polled_s=work.monotonic()))
    assert "poll:ranch" in await of_site(database, "home", SITE.id)
    later = START + timedelta(hours=1)
    await run_for_a_moment(replace(work, clock=lambda: later, polled_s=work.monotonic() - 61))
    assert (await of_site(database, "home", SITE.id))["poll:ranch"].at == START


async def test_what_a_device_remembers_of_the_gap_is_told(database: Database) -> None:
    clock = Clock()
    await peopled(database, Ann="owner")
    rows = [(5, 52.0, True), (10, 34.0, False), (15, 38.0, False), (20, 47.0, True), (45, 20.0, False)]
    await readings.upsert(
        database,
        "home",
        [
            Reading(
                site_id="ranch",
                source="meter",
                device_id="one",
                taken_at=START + timedelta(minutes=minutes),
                soc_pct=soc,
                grid_present=present,
            )
            for minutes, soc, present in rows
        ],
    )
    clock.now = START + timedelta(hours=1)
    gap = await gap_of(work_at(database, clock), Beat(START, False), START + timedelta(minutes=29))
    assert gap.lowest_soc == (34.0, START + timedelta(minutes=10))
    assert (gap.grid_away_at, gap.grid_back_at) == (START + timedelta(minutes=10), START + timedelta(minutes=20))
    await tell_owners(work_at(database, clock), gap)
    (entry,) = await told(database, clock)
    assert entry.text == (
        "CommandCenter is back. Nobody watched the site from 04:00 to 04:29 (29 min). "
        "It stopped without a goodbye (power, a crash or a kill).\n"
        "What the devices recorded meanwhile: the battery was at 34 % at the lowest (04:10); "
        "the grid was away, seen from 04:10 until 04:20.\n"
        "No alert is open now."
    )


def test_where_nothing_is_known_that_is_said() -> None:
    gap = Gap(START, START + timedelta(days=2), clean=True)
    text = start_up_text(gap, [], ZoneInfo("Europe/Berlin"), START + timedelta(days=2, minutes=5))
    assert "Nothing is known of that time." in text
    assert "stopped on purpose" in text


@pytest.mark.parametrize("clean", [True, False])
async def test_after_a_clock_that_was_set_back_nobody_claims_to_know_how_long_it_was(
    database: Database, clean: bool
) -> None:
    clock = Clock()
    await peopled(database, Ann="owner")
    await beat(database, "home", WORKER, clock.now, clean_stop=clean)
    clock.now -= timedelta(hours=1)
    await run_for_a_moment(work_at(database, clock))
    (entry,) = await told(database, clock)
    assert "The clock of this machine was set back" in entry.text
    assert "how long nobody watched the site is not known" in entry.text
    assert "0 s" not in entry.text
    assert "Nothing is known of that time." in entry.text


async def test_a_worker_that_comes_while_this_one_waits_to_tell_is_heard_of_first(database: Database) -> None:
    clock = Clock()
    await peopled(database, Ann="owner")
    await beat(database, "home", WORKER, clock.now)
    clock.now += timedelta(seconds=20)
    stop = asyncio.Event()
    task = asyncio.create_task(keep_worker_beat(work_at(database, clock), stop, others_s=0.1, settle_s=0.8))
    await asyncio.sleep(0.4)  # it has looked for others, and waits for the devices
    await beat(database, "home", WORKER, clock.now - timedelta(seconds=1))

    async def signed() -> bool:
        return (await of_site(database, "home", SITE.id))[WORKER].at == clock.now

    await until(signed)
    stop.set()
    await task
    assert await told(database, clock) == []
