"""What the alerts say of relays that the real control switches: once, quickly, and whatever the database does."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from datetime import timedelta

from jobs.situation import SituationBuilder
from jobs.watching import keep_watching
from store import alerts
from tests.jobs.ranch import ORG, QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import MovableClock, until

NOT_OFF = ("relay_not_off", "s21")
BY_HAND = ("relay_by_hand", "s21")


@asynccontextmanager
async def watching(work):
    """The watch in a task of its own, as in a worker."""
    stop = asyncio.Event()
    task = asyncio.create_task(keep_watching(work, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 5)


@asynccontextmanager
async def guarded(ranch, clock, **changes):
    """A worker that controls and watches the ranch."""
    work = ranch.work(clock=clock, pace=without(QUICK, call_s=0.3), **changes)
    async with watching(work), ranch.controlled(work):
        yield work


async def stands(ranch, key):
    found = (await alerts.newest(ranch.database, ORG, "ranch")).get(key)
    return "none" if found is None else str(found.episode.state)


def reaches(ranch, key, state):
    async def there():
        return await stands(ranch, key) == state

    return there


async def is_quiet(ranch):
    """Nothing is wrong any more, whether or not a look fell into the moment when something was."""
    return await stands(ranch, NOT_OFF) in ("none", "ok")


async def alerts_waiting(ranch):
    return [level for level, _ in await ranch.notices() if level == "critical"]


async def test_a_failed_off_is_told_once_in_half_a_minute_and_over_when_the_relay_is_seen_off(database):
    clock = MovableClock()
    async with on_ranch(database) as ranch:
        asker = await ranch.person("Anna")
        await ranch.person("Ben")
        async with guarded(ranch, clock):
            await ranch.done("start", "s21", person_id=asker)
            ranch.faults.order("shelly:garage", "timeout")
            assert (await ranch.done("stop", "s21", person_id=asker)).state == "failed"
            assert await until(reaches(ranch, NOT_OFF, "pending")) < 2
            assert await alerts_waiting(ranch) == []
            clock.ahead += timedelta(seconds=30)
            assert await until(reaches(ranch, NOT_OFF, "firing")) < 3.5
            await asyncio.sleep(1.5)
            assert await alerts_waiting(ranch) == ["critical"] * 2  # to Anna and to Ben
            ranch.faults.order("shelly:garage", "none")
            await until(reaches(ranch, NOT_OFF, "resolved"))
            assert not ranch.is_on("s21")


async def test_an_off_that_works_at_the_second_try_is_no_alert(database):
    clock = MovableClock()
    async with on_ranch(database) as ranch:
        await ranch.person("Ben")
        async with guarded(ranch, clock):
            await ranch.done("start", "s21")
            ranch.faults.order("shelly:garage", "timeout", seconds=2)
            await ranch.done("stop", "s21")
            await until(lambda: not ranch.is_on("s21"))
            await until(lambda: is_quiet(ranch))
            clock.ahead += timedelta(seconds=40)
            await asyncio.sleep(1.5)
            assert await is_quiet(ranch)
            assert await alerts_waiting(ranch) == []


async def test_a_hand_at_the_relay_is_one_alert(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Ben")
        async with guarded(ranch, MovableClock()):
            await ranch.done("start", "s21")
            await ranch.notices_read()
            await ranch.by_hand("s21", False)
            assert await until(reaches(ranch, BY_HAND, "firing")) < 3
            await asyncio.sleep(2.5)
        async with guarded(ranch, MovableClock()):
            await asyncio.sleep(1.5)
            assert await stands(ranch, BY_HAND) == "firing"
            assert len(await ranch.notices()) == 1
            await ranch.done("start", "s21")
            await until(reaches(ranch, BY_HAND, "resolved"))


async def test_what_fails_while_the_database_is_away_is_told_when_it_is_back(database, tmp_path):
    """The word that a relay cannot be switched off is not lost: it follows from how the relay stands."""
    clock = MovableClock()
    async with on_ranch(database, ranch_site(timer_s=600.0)) as ranch:
        await ranch.person("Ben")
        async with guarded(ranch, clock):
            await ranch.done("start", "s21")
            await ranch.notices_read()
            await ranch.weather(soc_pct=33.0)
            other = sqlite3.connect(tmp_path / "commandcenter.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")  # another process writes for long
            ranch.faults.order("shelly:garage", "timeout")
            try:
                await asyncio.sleep(3.0)
                assert await stands(ranch, NOT_OFF) == "none"
            finally:
                other.execute("ROLLBACK")
                other.close()
            await until(reaches(ranch, NOT_OFF, "pending"))
            clock.ahead += timedelta(seconds=30)
            await until(reaches(ranch, NOT_OFF, "firing"))
            assert "critical" in await alerts_waiting(ranch)


async def test_what_fails_while_the_database_refuses_all_is_told_by_the_next_worker(database, tmp_path):
    clock = MovableClock()
    async with on_ranch(database, ranch_site(timer_s=600.0)) as ranch:
        await ranch.person("Ben")
        async with guarded(ranch, clock):
            await ranch.done("start", "s21")
            await ranch.notices_read()
            await ranch.weather(soc_pct=33.0)
            rename(tmp_path, {"relay_states": "away_1", "alert_episodes": "away_2", "audit": "away_3"})
            ranch.faults.order("shelly:garage", "timeout")
            await asyncio.sleep(2.0)
        rename(tmp_path, {"away_1": "relay_states", "away_2": "alert_episodes", "away_3": "audit"})
        async with guarded(ranch, clock):
            await until(reaches(ranch, NOT_OFF, "pending"), within_s=8)
            clock.ahead += timedelta(seconds=30)
            await until(reaches(ranch, NOT_OFF, "firing"))
            assert "critical" in await alerts_waiting(ranch)


def rename(tmp_path, tables):
    """As a database that takes nothing: its tables are not where they are looked for."""
    other = sqlite3.connect(tmp_path / "commandcenter.db", isolation_level=None, timeout=10)
    present = {row[0] for row in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for before, after in tables.items():
        if before in present:
            other.execute(f"ALTER TABLE {before} RENAME TO {after}")
    other.close()


async def test_a_person_keeps_a_miner_off_by_an_order_and_not_by_a_run_that_is_over(database):
    async with on_ranch(database) as ranch:
        work = ranch.work()
        builder = SituationBuilder(work)

        async def kept_off():
            now = work.clock()
            return (await builder.at(now, firing=frozenset(), pending=frozenset())).relays["s21"].kept_off

        async with ranch.controlled(work):
            ends = work.clock() + timedelta(seconds=2)
            await ranch.done("start", "s21", until=ends.isoformat())
            await until(lambda: ranch.ended_wish("s21"))
            assert not await kept_off()
            await ranch.done("stop", "s21")
            assert await kept_off()
