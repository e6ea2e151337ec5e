"""Devices that speak by themselves: one worker listens, the next takes over, and a silent one is let go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from connectors.errors import CredentialsRefused
from jobs.streaming import listen
from store import slots
from store.database import Database, sqlite_url
from tests.jobs.stage import MovableClock, Talker, events, until, work_of


class Listening:
    """`listen` in a task."""

    def __init__(self, database, device, **changes):
        self.work = work_of(database, device, **({"lease_s": 0.6} | changes))
        self.device = device
        self.task = asyncio.create_task(listen(self.work, device))

    async def end(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_one_of_two_workers_listens_and_the_other_takes_over_at_once_after_a_proper_end(database):
    first, second = (Listening(database, Talker("one"), lease_s=3) for _ in range(2))
    await until(lambda: first.device.said or second.device.said)
    for _ in range(10):
        await asyncio.sleep(0.1)
        assert first.device.listeners + second.device.listeners == 1
    holder, other = (first, second) if first.device.listeners else (second, first)
    await holder.end()
    assert await until(lambda: other.device.said) < 1
    await other.end()


async def test_the_stream_is_taken_over_within_two_leases_when_its_worker_dies(tmp_path, database):
    other_process = await Database.open(sqlite_url(tmp_path / "commandcenter.db"))
    first = Listening(other_process, Talker("one"))
    await until(lambda: first.device.said)
    # a worker that is killed gives nothing back: no more renewals, and the connection is gone
    first.work.lease_s = 3600
    second = Listening(database, Talker("one"))
    assert 0 < await until(lambda: second.device.said, within_s=3) <= 1.6
    await first.end()
    await second.end()
    await other_process.close()


async def test_a_device_that_says_nothing_is_let_go_when_the_lease_is_lost(database):
    mute = Listening(database, Talker("one", every_s=None))
    await until(lambda: mute.device.listeners)
    with capture_logs() as logs:
        loop = asyncio.get_running_loop()
        ends = loop.time() + 2
        while mute.device.listeners and loop.time() < ends:  # somebody else takes every slot to come
            now = mute.work.clock().timestamp()
            for n in range(4):
                slot_s = (now // 0.6 + n) * 0.6
                await slots.claim(database, "home", "ranch:lease:stream:one", datetime.fromtimestamp(slot_s, UTC))
            await asyncio.sleep(0.05)
    assert not mute.device.listeners
    assert events(logs, "stream_lease_lost") == ["stream_lease_lost"]
    await mute.end()


async def test_a_lease_leaves_a_handful_of_slots_behind_however_long_it_lasts(database):
    listening = Listening(database, Talker("one", every_s=5), lease_s=0.1)
    await asyncio.sleep(1.5)
    async with database.read() as connection:
        query = "SELECT count(*) FROM job_slots WHERE name LIKE '%lease%'"
        assert 1 <= (await connection.exec_driver_sql(query)).scalar_one() <= 5
    await listening.end()


async def test_a_database_in_trouble_for_less_than_the_lease_costs_no_stream(database):
    listening = Listening(database, Talker("one"), lease_s=1.2)
    await until(lambda: listening.device.said)
    with capture_logs() as logs:
        async with database.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE TRIGGER no BEFORE INSERT ON job_slots BEGIN SELECT RAISE(FAIL, 'disk full'); END"
            )
        await until(lambda: events(logs, "lease_not_renewed"), within_s=2)
        async with database.begin() as connection:
            await connection.exec_driver_sql("DROP TRIGGER no")
        await until(lambda: events(logs, "failure_over"), within_s=2)
    assert listening.device.listeners == 1
    assert not events(logs, "stream_lease_lost")
    await listening.end()


async def test_a_lease_that_cannot_be_renewed_ends_the_stream_until_the_database_is_back(database):
    listening = Listening(database, Talker("one"), lease_s=0.4)
    await until(lambda: listening.device.said)
    with capture_logs() as logs:
        async with database.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE TRIGGER no BEFORE INSERT ON job_slots BEGIN SELECT RAISE(FAIL, 'disk full'); END"
            )
        await until(lambda: events(logs, "stream_lease_lost"), within_s=2)
        assert not listening.device.listeners
    await listening.end()


async def test_the_stream_goes_on_when_the_clock_is_set(database):
    for hours in (1, -1):
        clock = MovableClock()
        listening = Listening(database, Talker(f"talker{hours}"), clock=clock, lease_s=0.3)
        await until(lambda listening=listening: listening.device.said)
        await asyncio.sleep(0.4)
        clock.ahead += timedelta(hours=hours)
        said = listening.device.said
        await until(lambda: listening.device.said - said >= 5, within_s=2)  # noqa: B023  used at once
        await listening.end()


async def test_a_stream_that_refuses_us_is_said_once_and_left_alone(database):
    refusing = Talker("one", error=CredentialsRefused("one: the broker refused"))
    with capture_logs() as logs:
        listening = Listening(database, refusing)
        await until(lambda: listening.work.pause_left_s("one") > 500)
        await listening.end()
    assert events(logs, "device_credentials_refused") == ["device_credentials_refused"]
