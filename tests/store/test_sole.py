from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from store.database import Database, sqlite_url
from store.sole import sole

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
