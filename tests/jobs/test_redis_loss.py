"""Redis goes away, comes back, is wiped or hangs: the worker stays, and the polls go on. Nothing in it is pickled."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import pickle
import signal
import time
from datetime import timedelta

from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.embedded_redis import embedded_redis
from jobs.schedule import SCHEDULE
from tests.jobs.stage import Meter, MovableClock, events, until, work_of, working

OUR_EVENTS = ("worker_ready", "redis_lost", "redis_back", "worker_failed", "job_failed")


async def test_an_outage_is_said_once_and_polls_go_on_during_and_after_it(database, tmp_path):
    meter = Meter("one")
    with capture_logs() as logs:
        async with embedded_redis(tmp_path) as url:
            running = working(work_of(database, meter), url)
            await running.__aenter__()
            await until(lambda: meter.asked_at)
        await until(lambda: events(logs, "redis_lost"))
        during = len(meter.asked_at)
        await until(lambda: len(meter.asked_at) >= during + 1, within_s=4)  # from the schedule without Redis
        async with embedded_redis(tmp_path) as again:
            client = Redis.from_url(again)
            await client.flushall()
            back = time.monotonic()
            await until(lambda: events(logs, "redis_back"))
            count = len(meter.asked_at)
            await until(lambda: len(meter.asked_at) > count)
            assert time.monotonic() - back < 5
            await client.aclose()
            await running.__aexit__(None, None, None)
    assert events(logs, *OUR_EVENTS) == ["worker_ready", "redis_lost", "redis_back"]
    gaps = [b - a for a, b in itertools.pairwise(meter.asked_at)]
    assert max(gaps) < 4


async def test_a_wiped_redis_is_no_event(database, redis_url):
    meter = Meter("one")
    client = Redis.from_url(redis_url)
    with capture_logs() as logs:
        async with working(work_of(database, meter), redis_url):
            await until(lambda: meter.asked_at)
            await client.flushall()
            count = len(meter.asked_at)
            await until(lambda: len(meter.asked_at) > count + 1)
    await client.aclose()
    assert events(logs, *OUR_EVENTS) == ["worker_ready"]


async def test_a_redis_that_hangs_is_noticed(database, tmp_path, redis_url):
    meter = Meter("one")
    pid = int((tmp_path / "redis" / "redis.pid").read_text())
    with capture_logs() as logs:
        async with working(work_of(database, meter), redis_url):
            await until(lambda: meter.asked_at)
            os.kill(pid, signal.SIGSTOP)
            try:
                await until(lambda: events(logs, "redis_lost"), within_s=6)
                count = len(meter.asked_at)
                await until(lambda: len(meter.asked_at) > count, within_s=3)
            finally:
                os.kill(pid, signal.SIGCONT)
            await until(lambda: events(logs, "redis_back"))
    assert events(logs, *OUR_EVENTS) == ["worker_ready", "redis_lost", "redis_back"]


async def test_a_redis_that_takes_nothing_any_more_is_said_once_and_polls_go_on(database, redis_url):
    meter = Meter("one")
    client = Redis.from_url(redis_url)
    with capture_logs() as logs:
        async with working(work_of(database, meter), redis_url):
            await until(lambda: meter.asked_at)
            await client.config_set("min-replicas-to-write", 1)  # refuses all writes, as with a full disk
            await until(lambda: events(logs, "redis_lost"))
            count = len(meter.asked_at)
            await until(lambda: len(meter.asked_at) > count + 1)
            await client.config_set("min-replicas-to-write", 0)
            await until(lambda: events(logs, "redis_back"))
    await client.aclose()
    assert events(logs, *OUR_EVENTS) == ["worker_ready", "redis_lost", "redis_back"]


async def test_a_worker_that_starts_before_redis_waits_for_it(database, tmp_path):
    meter = Meter("one")
    with capture_logs() as logs:
        async with working(work_of(database, meter), f"unix://{tmp_path}/redis/redis.sock"):
            await until(lambda: meter.asked_at)
            async with embedded_redis(tmp_path):
                await until(lambda: events(logs, "redis_back"))
    assert events(logs, "redis_lost", "redis_back")[:2] == ["redis_lost", "redis_back"]


async def test_payloads_in_redis_are_json_and_a_pickled_job_runs_nothing(database, redis_url, tmp_path):
    proof = tmp_path / "executed"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(proof),)

    client = Redis.from_url(redis_url)
    seen = {}
    meter = Meter("one")

    async def look():
        for key in await client.keys("arq:*"):
            if await client.type(key) == b"string" and (value := await client.get(key)) is not None:
                seen[key.decode()] = value
        return sum(":poll:" in key for key in seen) >= 2

    async with working(work_of(database, meter), redis_url):
        await until(look)
        await client.set("arq:job:evil", pickle.dumps(Evil()))
        await client.zadd("cc:queue", {"evil": 1})
        await until(lambda: _gone(client), within_s=3)
        count = len(meter.asked_at)
        await until(lambda: len(meter.asked_at) > count)
        leftovers = await client.keys("arq:result:*")
    await client.aclose()
    jobs = {key: value for key, value in seen.items() if key.startswith("arq:job:")}
    for value in jobs.values():
        assert json.loads(value)["f"].rpartition(":")[2] in {job.name for job in SCHEDULE}
    assert not proof.exists()
    assert leftovers == []


async def _gone(client):
    return not await client.exists("arq:job:evil")


async def test_workers_do_each_slot_once_whoever_triggers_them(database, redis_url):
    meters = [Meter("one") for _ in range(3)]
    works = [work_of(database, meter) for meter in meters]
    async with (
        working(works[0], redis_url),
        working(works[1], redis_url),
        working(works[2], f"{redis_url}?db=1"),  # is triggered for every slot by itself
    ):
        await asyncio.sleep(3.2)
    async with database.read() as connection:
        query = "SELECT count(*) FROM job_slots WHERE name = 'ranch:poll:one'"
        slots_taken = (await connection.exec_driver_sql(query)).scalar_one()
    assert 3 <= slots_taken <= 5
    assert sum(len(meter.asked_at) for meter in meters) == slots_taken


async def test_a_clock_that_is_set_is_noticed_and_the_schedule_goes_on(database, redis_url):
    clock = MovableClock()
    meter = Meter("one", now=clock)
    with capture_logs() as logs:
        async with working(work_of(database, meter, clock=clock), redis_url):
            for hours in (1, -1):
                await until(lambda: meter.asked_at)
                clock.ahead += timedelta(hours=hours)
                await until(lambda hours=hours: len(events(logs, "clock_jumped")) == (1 if hours == 1 else 2))
                count = len(meter.asked_at)
                await until(lambda count=count: len(meter.asked_at) > count)
                assert len(meter.asked_at) - count < 3  # no storm
    assert events(logs, *OUR_EVENTS) == ["worker_ready"]
