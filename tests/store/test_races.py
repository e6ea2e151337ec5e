"""Four processes race over the same 300 transitions; some are killed in the middle of one."""

import asyncio
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from store import alerts
from store.alert_tables import alert_episodes, alert_transitions, outbox
from store.database import Database
from tests.store.alert_stage import EACH, KINDS, NOON, ORG, RULES, SITE, apply, count, next_change

ROOT = Path(__file__).parents[2]
ALL = EACH * len(RULES)


async def racer(url: str, name: str, dies_in_transaction: int = 0) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.store.alert_stage",
        url,
        name,
        str(dies_in_transaction),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> str:
    output, _ = await asyncio.wait_for(process.communicate(), 90)
    return output.decode()


async def assert_each_happened_once(database: Database) -> None:
    """All transitions are there once, in their order, each with its one entry."""
    async with database.read() as connection:
        stored = (await connection.execute(select(alert_episodes).order_by(alert_episodes.c.number))).all()
        steps = (await connection.execute(select(alert_transitions).order_by(alert_transitions.c.seq))).all()
        entries = [row[0] for row in await connection.execute(select(outbox.c.text))]
    assert len(steps) == ALL
    expected = []
    for rule in RULES:
        kinds = []
        for row in (each for each in stored if each.rule_id == rule):
            of_it = [step for step in steps if step.episode_id == row.episode_id]
            assert [step.seq for step in of_it] == list(range(1, row.seq + 1))
            kinds += [step.kind for step in of_it]
            expected += [f"{rule} {row.number} {step.seq}" for step in of_it]
        assert kinds == [KINDS[number % len(KINDS)] for number in range(EACH)]
    assert Counter(entries) == Counter(expected)
    newest = await alerts.newest(database, ORG, SITE)
    assert [count(newest[rule, ""]) for rule in RULES] == [EACH] * len(RULES)


async def test_four_processes_over_300_transitions_make_300_rows_and_300_entries(database: Database, url: str) -> None:
    racers = [await racer(url, f"racer {number}") for number in range(4)]
    said = await asyncio.gather(*map(ended, racers))
    assert [each.returncode for each in racers] == [0] * 4
    assert sum(each.count("conflict") for each in said) > 0  # they did race
    await assert_each_happened_once(database)


async def test_processes_that_are_killed_at_any_moment_lose_and_double_nothing(database: Database, url: str) -> None:
    chosen = random.Random(7)
    running = [await racer(url, f"racer {number}") for number in range(3)]
    kills = 0
    while kills < 8:
        await asyncio.sleep(chosen.uniform(0.3, 0.9))
        number = chosen.randrange(len(running))
        if running[number].returncode is None:
            running[number].send_signal(signal.SIGKILL)
        await ended(running[number])
        kills += 1
        running[number] = await racer(url, f"racer {kills + 3}", dies_in_transaction=chosen.choice([0, 3]))
    await asyncio.gather(*map(ended, running))
    last = await racer(url, "last")
    await ended(last)
    assert last.returncode == 0
    await assert_each_happened_once(database)


@pytest.mark.parametrize("transition", [1, 2, 5])
async def test_a_kill_in_the_middle_of_a_transition_leaves_nothing_of_it(
    database: Database, url: str, transition: int
) -> None:
    process = await racer(url, "dies", dies_in_transaction=transition)
    await ended(process)
    assert process.returncode == -signal.SIGKILL
    async with database.read() as connection:
        for table in (alert_transitions, outbox):
            assert len((await connection.execute(select(table))).all()) == transition - 1
    rule = RULES[transition - 1]
    assert rule not in {key[0] for key in await alerts.newest(database, ORG, SITE)}
    async with asyncio.timeout(5):  # no lock is left behind
        await apply(database, next_change(rule, None, NOON))
