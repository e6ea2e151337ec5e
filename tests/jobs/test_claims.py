"""Slots: once among several workers, no storm and no stall when the clock is set, and old ones go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from jobs.claims import claim, slot_of
from jobs.housekeeping import keep_house
from jobs.polling import poll_devices
from jobs.schedule import SCHEDULE, run_scheduled, schedule_for
from store import inbox, slots
from tests.jobs.stage import SITE, Meter, MovableClock, events, work_of

JOBS = {job.name: job for job in SCHEDULE}


async def test_of_two_workers_one_gets_the_slot(database):
    first, second = work_of(database), work_of(database)
    got = await asyncio.gather(*(claim(work, "details", 3600) for work in (first, second) for _ in range(3)))
    assert sum(got) == 1


def test_slots_do_not_move_with_local_clock_changes():
    moment = datetime(2026, 11, 1, 8, 59, 59, tzinfo=UTC)  # the hour that comes twice in California
    assert [slot_of(moment + timedelta(minutes=30 * n), 1800).minute for n in range(4)] == [30, 0, 30, 0]


@pytest.mark.parametrize("minutes_ahead", [60, -60, -2])  # -2: into slots that are taken
async def test_a_clock_that_jumps_neither_storms_nor_stalls_the_polls(database, minutes_ahead):
    clock = MovableClock()
    meter = Meter("one", now=clock)
    work = work_of(database, meter, clock=clock)

    async def minutes(count: int) -> int:
        before = len(meter.asked_at)
        for _ in range(count * 60):
            clock.ahead += timedelta(seconds=1)
            await poll_devices(work)
        return len(meter.asked_at) - before

    site = SITE.model_copy(
        update={"device": tuple(d.model_copy(update={"poll_interval_s": 10.0}) for d in SITE.device)}
    )
    work.site = site
    with capture_logs() as logs:
        assert await minutes(3) in (18, 19)
        clock.ahead += timedelta(minutes=minutes_ahead, seconds=3)
        await poll_devices(work)
        assert await minutes(1) in (6, 7)
    assert len(events(logs, "clock_went_back")) == (1 if minutes_ahead == -2 else 0)


async def test_after_a_jump_back_each_slot_is_done_once_among_two_workers(database):
    clock = MovableClock()
    works = [work_of(database, clock=clock) for _ in range(2)]
    for _ in range(30):
        await claim(works[0], "poll:one", 60)
        clock.ahead += timedelta(seconds=60)
    clock.ahead -= timedelta(minutes=20)
    won = []
    for _ in range(10):
        won.append([await claim(work, "poll:one", 60) for work in works])
        clock.ahead += timedelta(seconds=60)
    assert [sum(round_) for round_ in won] == [1] * 10


async def test_a_clock_twenty_seconds_ahead_of_the_others_takes_nothing_from_them(database):
    ahead, right = MovableClock(), MovableClock()
    ahead.ahead = timedelta(seconds=20)
    first, second = work_of(database, clock=ahead), work_of(database, clock=right)
    wins = 0
    for _ in range(60):
        wins += await claim(first, "poll:one", 10) + await claim(second, "poll:one", 10)
        ahead.ahead += timedelta(seconds=5)
        right.ahead += timedelta(seconds=5)
    assert 29 <= wins <= 33  # 300 s of slots of 10 s, some before the end of the other clock


async def test_the_nightly_housekeeping_drops_old_slots_and_settled_messages_alone(database):
    now = datetime.now(UTC)
    work = work_of(database)
    for days in (40, 31, 29, 0):
        await slots.claim(database, "home", "ranch:poll:one", now - timedelta(days=days))
        for state in ("settled", "open"):
            key = f"{days}-{state}"
            at = now - timedelta(days=days)
            await inbox.receive(database, "home", "telegram", key, {"text": "hi"}, now=at)
            if state == "settled":
                await inbox.settled(database, "home", "telegram", key, now=at)
    with capture_logs() as logs:
        await run_scheduled(work, JOBS["housekeeping"])
    (kept,) = [entry for entry in logs if entry["event"] == "house_kept"]
    assert (kept["slots"], kept["messages"]) == (2, 2)
    assert len(await inbox.pending(database, "home", "telegram")) == 4
    await keep_house(work)  # a second run finds nothing to do


def test_the_polls_are_triggered_as_often_as_the_quickest_device_wants(database):
    def tick(interval_s):
        site = SITE.model_copy(
            update={"device": tuple(d.model_copy(update={"poll_interval_s": interval_s}) for d in SITE.device)}
        )
        return schedule_for(work_of(database, Meter("one"), site=site))[0].tick_s

    assert [tick(s) for s in (0.05, 1, 2.5, 10, None)] == [1, 1, 2, 5, 5]


@pytest.mark.parametrize(("speed", "weather_s", "housekeeping_s"), [(1.0, 60, 3600), (60.0, 1, 60), (45.0, 1, 60)])
def test_jobs_are_triggered_more_often_where_time_runs_fast(database, speed, weather_s, housekeeping_s):
    work = work_of(database, Meter("one"))
    work.speed = speed
    ticks = {job.name: job.tick_s for job in schedule_for(work)}
    assert (ticks["weather"], ticks["housekeeping"]) == (weather_s, housekeeping_s)
