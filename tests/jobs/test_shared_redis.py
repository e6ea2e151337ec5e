"""Two installations on one Redis: neither takes the other's triggers."""

from __future__ import annotations

from contextlib import AsyncExitStack

from store import slots
from store.database import Database, sqlite_url
from tests.jobs.stage import Meter, until, work_of, working


async def test_two_installations_on_one_redis_both_do_all_their_jobs(tmp_path, redis_url):
    async with AsyncExitStack() as stack:
        works = []
        for name in ("one", "other"):
            database = await Database.open(sqlite_url(tmp_path / f"{name}.db"), migrate=True)
            stack.push_async_callback(database.close)
            works.append(work_of(database, Meter(name)))
        for work, queue in zip(works, ("cc:ranch:1", "cc:ranch:2"), strict=True):
            await stack.enter_async_context(working(work, redis_url, queue=queue))

        async def both_did_all():
            claimed = [await slots.last_claimed(w.database, "home", f"ranch:{job}") for w in works for job in JOBS]
            return all(claimed)

        assert await until(both_did_all, within_s=10) < 10


JOBS = ("details", "housekeeping")
