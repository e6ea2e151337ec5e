"""Four workers look at the same site at the same moments: what happens, happens once."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from store import people
from store.alert_tables import alert_episodes, alert_messages, alert_transitions, outbox
from store.database import Database
from tests.races.evaluator import ORG, OUTAGE, RANCH

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 24, 20, tzinfo=UTC)
EVALUATORS, CYCLES = 4, 100
# One outage: seen, held for long enough, over, over for long enough.
MOMENTS = ((0, "away"), (OUTAGE.for_s, "away"), (60, "there"), (60 + OUTAGE.keep_firing_s, "there"))
CYCLE_S = 600


class Evaluator:
    """A process; it is asked and answers in lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, url: str) -> Evaluator:
        command = (sys.executable, "-m", "tests.races.evaluator", url)
        pipe = asyncio.subprocess.PIPE
        started = cls(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe))
        while await started.line() != "ready":
            pass
        return started

    async def line(self) -> str:
        """The next one that is an answer; the rest is the log's."""
        assert self._process.stdout is not None
        while line := (await self._process.stdout.readline()).decode().strip():
            if line == "ready" or line.isdigit():
                return line
        raise AssertionError("an evaluator ended")

    async def look(self, now: datetime, grid: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{now.isoformat()} {grid}\n".encode())
        return int(await self.line())

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def owner(database: Database) -> None:
    async with database.begin() as connection:
        person_id = await people.create_in(connection, ORG, "Ann", now=NOON)
        await people.grant_in(connection, ORG, RANCH.id, person_id, "owner", granted_by=None, now=NOON)


@pytest.mark.timeout(300)
async def test_four_processes_that_race_over_300_transitions_make_exactly_300(database: Database, url: str) -> None:
    await owner(database)
    evaluators = await asyncio.gather(*(Evaluator.start(url) for _ in range(EVALUATORS)))
    won: Counter[int] = Counter()
    try:
        for cycle in range(CYCLES):
            for after_s, grid in MOMENTS:
                now = NOON + timedelta(seconds=cycle * CYCLE_S + after_s)
                made = await asyncio.gather(*(each.look(now, grid) for each in evaluators))
                won.update(number for number, events in enumerate(made) if events)
    finally:
        await asyncio.gather(*(each.end() for each in evaluators))
    async with database.read() as connection:
        kinds = Counter(row[0] for row in await connection.execute(select(alert_transitions.c.kind)))
        numbers = [row[0] for row in await connection.execute(select(alert_episodes.c.number))]
        told = Counter(row[0] for row in await connection.execute(select(outbox.c.kind)))
        messages = (await connection.execute(select(func.count()).select_from(alert_messages))).scalar_one()
    assert kinds == {"pending": CYCLES, "fired": CYCLES, "resolved": CYCLES}
    assert sorted(numbers) == list(range(1, CYCLES + 1))
    assert (told, messages) == ({"alert": CYCLES}, CYCLES)
    assert won.total() == 3 * CYCLES
    assert len(won) > 1, "nobody raced"
