"""The record: one thing after the other, and nothing that matters is lost while the database takes no writes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from jobs.recording import Recorder
from store.database import Database
from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import events, until, work_of


class Disk:
    """What was written, by a database that may hang or refuse."""

    def __init__(self):
        self.written = []
        self.full = False
        self.free = asyncio.Event()
        self.free.set()

    def put(self, what):
        async def run():
            await self.free.wait()
            if self.full:
                raise OSError("no space left on device")
            self.written.append(what)

        return run


@pytest.fixture
async def recorder(database):
    made = Recorder(work_of(database, pace=without(QUICK, record_s=0.1)))
    yield made
    await made.close()


async def test_what_comes_later_waits_for_a_write_that_hangs(recorder):
    disk = Disk()
    disk.free.clear()
    for number in range(3):
        await recorder.write("x", "s21", disk.put(number))  # each waits 0.1 s, no longer
    assert disk.written == []
    disk.free.set()
    await until(lambda: disk.written == [0, 1, 2])


async def test_the_newest_wish_of_a_miner_is_retried_until_it_is_written_and_an_older_one_never_is(recorder):
    disk = Disk()
    disk.full = True
    for number in range(3):
        for miner in ("s21", "s19-1"):
            await recorder.write("x", miner, disk.put((miner, number)), keep=f"wish:{miner}")
    await until(lambda: recorder.trouble)
    await asyncio.sleep(0.8)
    disk.full = False
    await until(lambda: not recorder.trouble and len(disk.written) == 2)
    assert sorted(disk.written) == [("s19-1", 2), ("s21", 2)]


async def test_rows_that_were_refused_are_written_later_in_their_order(recorder):
    disk = Disk()
    disk.full = True
    for number in range(4):
        await recorder.write("x", "row", disk.put(number), keep=f"row:{number}")
    disk.full = False
    await until(lambda: disk.written == [0, 1, 2, 3])


async def test_a_row_that_can_never_be_written_holds_up_no_other(recorder):
    good, bad = Disk(), Disk()
    bad.full = True
    await recorder.write("x", "bad", bad.put(0), keep="row:0")
    await recorder.write("x", "good", good.put(1), keep="row:1")
    for _ in range(8):
        await recorder.write("x", "state", good.put("state"))
        await asyncio.sleep(0.1)
    await until(lambda: 1 in good.written and not recorder.trouble)


async def test_one_row_that_is_refused_is_no_trouble_with_the_database_and_two_are(recorder):
    good, bad = Disk(), Disk()
    bad.full = True
    await recorder.write("x", "bad", bad.put(0), keep="row:0")
    assert not recorder.trouble
    for number in range(1, 4):
        await recorder.write("x", "good", good.put(number), keep=f"row:{number}")
        assert not recorder.trouble
    await until(lambda: good.written == [1, 2, 3])  # behind it, and with no other writes
    assert not recorder.trouble
    for number in (4, 5):
        await recorder.write("x", "bad", bad.put(number), keep=f"row:{number}")
    await until(lambda: recorder.trouble)


async def test_a_row_that_is_refused_for_long_with_nothing_written_is_trouble(database):
    now_s = [0.0]
    recorder = Recorder(work_of(database, pace=without(QUICK, record_s=0.1), monotonic=lambda: now_s[0]))
    disk = Disk()
    disk.full = True
    await recorder.write("x", "row", disk.put(0), keep="row:0")
    assert not recorder.trouble
    now_s[0] = 16.0
    assert recorder.trouble
    await recorder.close()


async def test_with_a_database_that_takes_no_writes_limits_hold_and_nothing_is_started(database):
    async with on_ranch(database, ranch_site(timer_s=6.0)) as ranch:
        await ranch.person("Anna")
        other = await Database.open(database._engine.url.render_as_string(hide_password=False))
        seen = replace(ranch, database=other)  # readings still come, from a process that may write
        full = {"is": False}

        @event.listens_for(database._engine.sync_engine, "begin", insert=True)
        def refuse(connection):
            connection.exec_driver_sql(f"PRAGMA query_only = {int(full['is'])}")

        with capture_logs() as logs:
            async with ranch.controlled():
                await ranch.done("start", "s21")
                await ranch.done("auto", "s19-1")
                await until(lambda: ranch.is_on("s19-1"))
                await seen.notices_read()
                full["is"] = True
                await asyncio.sleep(3.5)  # more than half a timer
                assert ranch.is_on("s21")
                assert ranch.timer_left_s("s21") > 2.5  # renewed
                await seen.weather(soc_pct=12.0)
                await until(lambda: not ranch.is_on("s21") and not ranch.is_on("s19-1"))
                await seen.weather()
                await asyncio.sleep(1.0)
                assert not ranch.is_on("s21")  # nothing is started
                assert not ranch.is_on("s19-1")
                full["is"] = False
                await until(lambda: seen.has_notice("critical"))
                told = [text for level, text in await seen.notices() if level == "critical"]
                assert len(told) == 1
                assert "took no writes" in told[0]
                assert "readings" not in told[0]  # of them nothing was measured
                await until(lambda: ranch.is_on("s21"))
        assert events(logs, "control_without_record", "control_recorded_again") == [
            "control_without_record",
            "control_recorded_again",
        ]
        assert (False, "us") in await seen.switchings("s21")
        assert await seen.has_told("miner_held_back")
        await other.close()
