"""Episodes to store, carried on one transition at a time; and a process that does so in a race with others."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from energy.alerts.episode import Episode, Event, State
from energy.alerts.rule import Level, Signal
from store import alerts, outbox
from store.alert_tables import alert_transitions
from store.alerts import Change, Conflict, StoredEpisode
from store.database import Database
from store.outbox import NewEntry

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KINDS = ("pending", "fired", "acknowledged", "resolved")
STATES = (State.PENDING, State.FIRING, State.ACKNOWLEDGED, State.RESOLVED)
RULES = tuple(f"rule_{number}" for number in range(10))
EACH = 30  # transitions of each rule: 300 in all


def episode(rule_id: str = "battery_low", **values: Any) -> Episode:
    """A first sign at noon."""
    given = {
        "rule_id": rule_id,
        "subject": "",
        "level": Level.CRITICAL,
        "state": State.PENDING,
        "number": 1,
        "since": NOON,
        "signal": Signal(rule_id=rule_id, active=True, devices=("cerbo",), value=28.5, unit="%", taken_at=NOON),
    }
    return Episode(**given | values)


def next_change(rule_id: str, before: StoredEpisode | None, now: datetime, actor: str | None = None) -> Change:
    """One transition on: pending, fired, acknowledged, resolved, and the next episode."""
    if before is None:
        after = episode(rule_id)
    elif before.episode.state is State.RESOLVED:
        after = episode(rule_id, number=before.episode.number + 1)
    else:
        state = STATES[STATES.index(before.episode.state) + 1]
        fired_at = now if state is State.FIRING else before.episode.fired_at
        resolved_at = now if state is State.RESOLVED else None
        after = replace(before.episode, state=state, fired_at=fired_at, resolved_at=resolved_at)
    event = Event(KINDS[STATES.index(after.state)], after, now, tell=True)  # type: ignore[arg-type]  # one of them
    return Change(before, after, (event,), actor)


async def apply(database: Database, *changes: Change, now: datetime = NOON, site: str = SITE) -> list[StoredEpisode]:
    """`apply_in` in a transaction of its own."""
    async with database.begin() as connection:
        return await alerts.apply_in(connection, ORG, site, changes, now=now)


async def fired(database: Database, rule_id: str = "battery_low", now: datetime = NOON) -> StoredEpisode:
    """An episode that fires."""
    (first,) = await apply(database, next_change(rule_id, None, now), now=now)
    (stored,) = await apply(database, next_change(rule_id, first, now), now=now)
    return stored


async def transitions(database: Database, episode_id: int) -> list[Any]:
    """The steps of an episode (seq, kind, at, actor), the first at the top."""
    query = select(alert_transitions).where(alert_transitions.c.episode_id == episode_id)
    async with database.read() as connection:
        return list(await connection.execute(query.order_by(alert_transitions.c.seq)))


async def race(url: str, name: str, dies_in_transaction: int = 0) -> None:
    """Carry every rule on, one transition and one entry per transaction, until each has had `EACH` transitions.

    With `dies_in_transaction` that one is not committed: the process kills itself in the middle of it.
    """
    database = await Database.open(url)
    done = 0
    while True:
        newest = await alerts.newest(database, ORG, SITE)
        left = [rule for rule in RULES if count(newest.get((rule, ""))) < EACH]
        if not left:
            break
        for rule in left:
            change = next_change(rule, newest.get((rule, "")), NOON, actor=name)
            try:
                async with database.begin() as connection:
                    (stored,) = await alerts.apply_in(connection, ORG, SITE, [change], now=NOON)
                    text = f"{rule} {stored.episode.number} {stored.seq}"
                    entry = NewEntry(site_id=SITE, level="critical", kind="alert", person_id="p1", text=text)
                    await outbox.add_in(connection, ORG, entry, now=NOON)
                    done += 1
                    if done == dies_in_transaction:
                        os.kill(os.getpid(), signal.SIGKILL)
            except Conflict:
                print("conflict", flush=True)
    await database.close()


def count(stored: StoredEpisode | None) -> int:
    """How many transitions a rule has had."""
    return 0 if stored is None else len(KINDS) * (stored.episode.number - 1) + stored.seq


if __name__ == "__main__":
    asyncio.run(race(sys.argv[1], sys.argv[2], int(sys.argv[3])))
