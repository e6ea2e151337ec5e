"""A watch that is killed with -9 again and again tells the same as one that is left alone."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import timedelta

from store import alerts, outbox, readings
from store.database import Database, sqlite_url
from tests.jobs.lookout import NOON, ORG, Lookout
from tests.store.alert_stage import transitions

UNTIL_S = 1_780  # a kill forgets since when it is clear, by five minutes at the most
KILLS = 6


async def run(url, from_s, *, kill_after_s=None):
    """One process, killed so long after it was ready, unless it ended before."""
    arguments = ("-m", "tests.jobs.watch_process", url, str(from_s), str(UNTIL_S))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async for line in process.stdout:
        if line == b"ready\n":
            break
    if kill_after_s is not None:
        await asyncio.sleep(kill_after_s)
        if process.returncode is None:
            process.kill()
    await process.communicate()


async def told(database):
    """Each episode's rule, transitions in their order, and how many entries wait."""
    found = await alerts.recent(database, ORG, "ranch", since=NOON - timedelta(days=1), limit=100)
    kinds = []
    for each in found:
        rows = await transitions(database, each.episode_id)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        kinds.append((each.episode.rule_id, each.episode.number, [row.kind for row in rows]))
    waiting = await outbox.claim_due(database, ORG, NOON + timedelta(days=2), lease_s=0, limit=500)
    return sorted(kinds), sorted(entry.level for entry in waiting)


async def test_a_watch_that_is_killed_again_and_again_tells_the_same_as_one_left_alone(database, url, tmp_path):
    alone_url = sqlite_url(tmp_path / "alone.db")
    alone = await Database.open(alone_url, migrate=True)
    try:
        for each in (alone, database):
            await Lookout(each).owner()
        chance, reached_s = random.Random(7), 0
        for _ in range(KILLS):
            await run(url, reached_s, kill_after_s=chance.uniform(0.05, 0.5))
            newest = await readings.latest(database, ORG, "ranch", as_of=NOON + timedelta(days=1))
            if newest:
                reached_s = round((newest["inverter"].taken_at - NOON).total_seconds()) + 1
        await run(url, reached_s)
        await run(alone_url, 0)
        kinds, levels = await told(database)
        assert ("battery_critical", 1, ["pending", "fired", "resolved"]) in kinds
        assert (kinds, levels) == await told(alone)
    finally:
        await alone.close()
