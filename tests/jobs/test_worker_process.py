"""The worker as a process: SIGTERM lets it finish what it does, kill -9 costs no other worker anything."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from jobs.streaming import listen
from store import readings
from store.database import sqlite_url
from tests.jobs.stage import Talker, until, work_of


@asynccontextmanager
async def a_process(tmp_path, redis_url, lease_s=30.0):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.jobs.worker_process",
        sqlite_url(tmp_path / "commandcenter.db"),
        redis_url,
        str(lease_s),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_sigterm_lets_the_running_poll_end_and_its_reading_land(database, redis_url, tmp_path):
    async with a_process(tmp_path, redis_url) as process:

        async def polling():
            return await _slots(database, "ranch:poll:one")

        await until(polling, within_s=10)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output = (await asyncio.wait_for(process.communicate(), 10))[0].decode()
        assert time.monotonic() - began < 5
        assert process.returncode == 0, output
        assert "drained 0 0" in output
        assert "Traceback" not in output
    latest = await readings.latest(database, "home", "ranch", as_of=datetime.now(UTC))
    assert latest["one"].load_w == 500.0


async def test_a_killed_worker_s_stream_is_taken_over_within_two_leases(database, redis_url, tmp_path):
    async with a_process(tmp_path, redis_url, lease_s=0.6) as process:

        async def heard():
            return "talker" in await readings.latest(database, "home", "ranch", as_of=datetime.now(UTC))

        await until(heard, within_s=10)
        standby = Talker("talker")
        listening = asyncio.create_task(listen(work_of(database, standby, lease_s=0.6), standby))
        await asyncio.sleep(1.0)
        assert not standby.said
        process.kill()
        await until(lambda: standby.said, within_s=2.5)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _slots(database, name):
    async with database.read() as connection:
        query = f"SELECT count(*) FROM job_slots WHERE name = '{name}'"
        return (await connection.exec_driver_sql(query)).scalar_one()
