from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from store.database import Database, sqlite_url
from store.sole import Lock, LockLost, sole, try_lock

# A file's lock is held as long as its process lives.
ON_POSTGRES = pytest.mark.parametrize("url", ["postgres"], indirect=True)
HOLDER = """
import asyncio, sys
from store.database import Database
from store.sole import sole

async def main():
    database = await Database.open(sys.argv[1])
    async with sole(database, "bot"):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_the_second_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    first = await Database.open(sqlite_url(tmp_path / "a.db"), migrate=True)
    second = await Database.open(sqlite_url(tmp_path / "a.db"))
    order: list[str] = []

    async def wait() -> None:
        async with sole(second, "bot", look_every_s=0.02):
            order.append("second")

    async with sole(first, "bot"):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        order.append("first")
    await asyncio.wait_for(waiting, 2)
    assert order == ["first", "second"]
    await first.close()
    await second.close()


async def test_names_and_databases_are_apart(tmp_path: Path) -> None:
    one = await Database.open(sqlite_url(tmp_path / "a.db"), migrate=True)
    two = await Database.open(sqlite_url(tmp_path / "b.db"), migrate=True)
    async with asyncio.timeout(2), sole(one, "bot"), sole(one, "other"), sole(two, "bot"):
        pass
    await one.close()
    await two.close()


async def test_a_holder_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "a.db")
    database = await Database.open(url, migrate=True)
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert holder.stdout is not None
    while b"held" not in await asyncio.wait_for(holder.stdout.readline(), 20):
        pass
    holder.kill()
    await holder.wait()
    async with asyncio.timeout(3), sole(database, "bot", look_every_s=0.02):
        pass
    await database.close()


async def test_whoever_asks_meanwhile_gets_nothing_and_gets_it_afterwards(database: Database, url: str) -> None:
    other = await Database.open(url)
    async with try_lock(database, "control") as first:
        assert first is not None
        await first.check(within_s=1)
        async with try_lock(other, "control") as second:
            assert second is None
    async with try_lock(other, "control") as second:
        assert second is not None
    await other.close()


@ON_POSTGRES
async def test_a_holder_whose_session_ends_notices_it_at_its_next_check(database: Database, url: str) -> None:
    other = await Database.open(url)
    async with try_lock(database, "control") as first:
        assert first is not None
        assert first.may_be_lost
        await _others_sessions_end(other)
        with pytest.raises(LockLost):
            await first.check(within_s=1)
        async with try_lock(other, "control") as second:
            assert second is not None
    await other.close()


@ON_POSTGRES
async def test_what_runs_beside_the_watch_ends_when_the_lock_is_lost(database: Database, url: str) -> None:
    other = await Database.open(url)

    async def talk() -> None:
        async with sole(database, "bot") as lock, asyncio.TaskGroup() as group:
            group.create_task(lock.watch(every_s=0.1))
            group.create_task(asyncio.sleep(60))
            await _others_sessions_end(other)

    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(talk(), 10)
    assert ended.group_contains(LockLost)
    async with asyncio.timeout(2), sole(other, "bot"):
        pass
    await other.close()


async def test_a_session_that_ends_ends_the_watch_over_its_lock(database: Database) -> None:
    async with database.session() as connection:
        watching = asyncio.create_task(Lock(connection).watch(every_s=0.05))
        await asyncio.sleep(0.2)
        assert not watching.done()
        await connection.close()
        with pytest.raises(LockLost):
            await asyncio.wait_for(watching, 2)


async def test_a_lock_on_a_file_needs_no_watch() -> None:
    await asyncio.wait_for(Lock().watch(every_s=60), 1)


async def test_a_lock_can_be_taken_where_its_file_can_only_be_read(tmp_path: Path) -> None:
    database = await Database.open(sqlite_url(tmp_path / "a.db"), migrate=True)
    async with try_lock(database, "control"):
        pass
    file = tmp_path / "a.db.control.lock"
    file.chmod(0o400)
    async with try_lock(database, "control") as lock:
        assert lock is not None
    await database.close()


async def _others_sessions_end(database: Database) -> None:
    async with database.session() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
