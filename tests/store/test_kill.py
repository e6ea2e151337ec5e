"""Power cuts and kills: what was acknowledged is there, and the database is whole."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from energy.reading import Reading
from store import readings
from store.database import Database, sqlite_url

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 400
WRITER = """
    import asyncio, sys
    from datetime import UTC, datetime, timedelta
    from energy.reading import Reading
    from store import readings
    from store.database import Database
    START = datetime(2026, 1, 1, tzinfo=UTC)
    async def main(url):
        database = await Database.open(url)
        batch = 0
        while True:
            rows = [
                Reading(site_id="ranch", source="s", device_id="solark", load_w=1.0,
                        taken_at=START + timedelta(minutes=batch * 400 + n))
                for n in range(400)
            ]
            await readings.upsert(database, "home", rows)
            batch += 1
            print(batch, flush=True)
    asyncio.run(main(sys.argv[1]))
"""


def killed_writer(url: str, after: int) -> int:
    """Kill a process that writes, in the middle of a batch after batch number `after`; what it had acknowledged."""
    writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = 0
    try:
        while acknowledged < after:
            acknowledged = int(writer.stdout.readline())
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        writer.stdout.close()
        writer.wait()
    return acknowledged


@pytest.mark.parametrize("after", [1, 7])
async def test_a_kill_in_the_middle_of_a_bulk_write_loses_no_acknowledged_row(tmp_path: Path, after: int) -> None:
    path = tmp_path / "commandcenter.db"
    await (await Database.open(sqlite_url(path), migrate=True)).close()
    acknowledged = killed_writer(sqlite_url(path), after)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    stored = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
    connection.close()
    assert stored >= acknowledged * BATCH
    assert stored % BATCH == 0  # whole transactions only
    database = await Database.open(sqlite_url(path))
    try:
        end = START + timedelta(minutes=stored)
        rolled = await readings.field_rollups(database, "home", "ranch", "load_w", START, end)
        assert sum(r.covered_s for r in rolled["solark"]) == stored * 60
        late = Reading(site_id="ranch", source="s", device_id="solark", taken_at=end, load_w=2.0)
        assert await readings.upsert(database, "home", [late]) == 1
    finally:
        await database.close()
