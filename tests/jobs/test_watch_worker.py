"""The watch inside a whole worker: on each push, without Redis, and told to others at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from redis.asyncio import Redis

from energy.site import Device
from store import alerts, heartbeats, people
from store.wake import Wake
from tests.jobs.lookout import ORG
from tests.jobs.stage import SITE, MovableClock, Talker, until, work_of, working

ONE = SITE.model_copy(
    update={"device": (Device(id="one", kind="victron_mqtt", host="127.0.0.1", upload_interval_s=5.0),)}
)


def silent_one(database, clock, **changes):
    """A worker whose one device has fallen silent."""
    return work_of(database, Talker("one", every_s=None), site=ONE, clock=clock, **changes)


def stands(database, state, subject="one"):
    async def there():
        found = (await alerts.newest(database, ORG, "ranch")).get(("device_silent", subject))
        return found is not None and str(found.episode.state) == state

    return there


async def beaten(database):
    return "evaluate:ranch" in await heartbeats.of_site(database, ORG, "ranch")


async def until_silence_fires(database, clock, work):
    """The clock goes on by what the rule takes, and the watch looks."""
    clock.ahead += timedelta(seconds=20)
    work.stirred.set()
    await until(stands(database, "pending"))
    clock.ahead += timedelta(seconds=61)
    work.stirred.set()
    await until(stands(database, "firing"))


async def test_without_redis_alerts_are_judged_all_the_same(database, tmp_path):
    clock = MovableClock()
    work = silent_one(database, clock)
    async with working(work, f"unix://{tmp_path}/nobody-is-here.sock"):
        await until(lambda: beaten(database))
        await until_silence_fires(database, clock, work)


async def test_a_redis_that_was_wiped_loses_no_alert(database, redis_url):
    clock = MovableClock()
    work = silent_one(database, clock)
    async with working(work, redis_url), Redis.from_url(redis_url) as redis:
        await until(lambda: beaten(database))
        clock.ahead += timedelta(seconds=20)
        work.stirred.set()
        await until(stands(database, "pending"))
        await redis.flushall()
        clock.ahead += timedelta(seconds=61)
        work.stirred.set()
        await until(stands(database, "firing"))


async def test_a_push_is_judged_at_once_and_what_it_brings_wakes_the_courier(database, redis_url):
    async with database.begin() as connection:
        person_id = await people.create_in(connection, ORG, "Anna")
        await people.grant_in(connection, ORG, "ranch", person_id, "owner", granted_by="host")
    clock, wake = MovableClock(), Wake(redis_url, "test")
    work = silent_one(database, clock, wake=wake)
    async with wake.listening("notices") as woken, working(work, redis_url):
        await until(lambda: beaten(database))
        assert await asyncio.wait_for(anext(woken), 3) == "notices"  # given once at the beginning
        await until_silence_fires(database, clock, work)
        assert await asyncio.wait_for(anext(woken), 1) == "notices"
    await wake.close()
