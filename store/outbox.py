"""What people are told on our own initiative: kept until it arrived, claimed for a while by who sends it.

An entry is `waiting`, and due at a moment, until it is settled: `sent`, `dropped` (nobody wants it), `merged` into
another one, or `dead` (given up; an owner may replay it). Each step is one UPDATE that names the state it starts from.

Whoever says when an entry is due again also says what time it is. Where the clock was set back since, both moments move
with it (`_in_this_clock`): nothing waits longer than was asked for, counted from the first claim after the step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.alert_tables import outbox as table
from store.clock_steps import in_this_clock
from store.columns import storable
from store.database import Database
from store.dialect import insert_new, skip_locked
from store.messages import LEASE_S, post_in
from store.messages import Place as Place

Kind = Literal["notice", "alert", "digest", "summary", "brief", "plan"]
Level = Literal["info", "warning", "critical"]
RESULT = "/result/"  # a site's id, with which all other keys begin, has no slash
DEAD_KEPT = timedelta(days=60)  # longer than what arrived: nobody may have looked at it yet
_REASON_LENGTH = 500
_RANK = case((table.c.level == "critical", 0), else_=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """Something to tell a person (`person_id`), at a place (`address`) or wherever they can be reached.

    With a `once_key` it is told once, however often it is added. `RESULT` before a request's id makes the key of what
    became of that request: its asker wants to know it, whatever their quiet hours. An alert is composed when it is
    sent, out of its message (`message_id`); `step` is that of the escalation. `data` is for whoever composes it.
    `due_at` None is at once.
    """

    site_id: str
    level: Level
    kind: Kind = "notice"
    text: str = ""
    person_id: str | None = None
    address: Mapping[str, Any] | None = None
    once_key: str | None = None
    message_id: int | None = None
    step: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that waits; `tries` so many failed before."""

    outbox_id: int
    site_id: str
    kind: Kind
    level: Level
    person_id: str | None
    address: Mapping[str, Any] | None
    text: str
    once_key: str | None
    message_id: int | None
    step: int
    data: Mapping[str, Any]
    created_at: datetime
    tries: int

    @property
    def is_result(self) -> bool:
        """Whether it tells what became of a request."""
        return self.once_key is not None and self.once_key.startswith(RESULT)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that was given up, and why."""

    outbox_id: int
    kind: Kind
    level: Level
    person_id: str | None
    reason: str
    tries: int
    died_at: datetime
    text: str


_COLUMNS = [table.c[name] for name in Entry.__dataclass_fields__]


async def add(db: Database, org_id: str, entry: NewEntry, *, now: datetime) -> bool:
    """`add_in` in a transaction of its own."""
    async with db.begin() as connection:
        return await add_in(connection, org_id, entry, now=now)


async def add_in(connection: AsyncConnection, org_id: str, entry: NewEntry, *, now: datetime) -> bool:
    """Keep an entry until it is told, in the transaction of what it tells of; False when its key was there before."""
    row = {
        "org_id": org_id,
        "site_id": entry.site_id,
        "kind": entry.kind,
        "level": entry.level,
        "once_key": entry.once_key,
        "person_id": entry.person_id,
        "address": None if entry.address is None else dict(entry.address),
        "text": storable(entry.text),
        "message_id": entry.message_id,
        "step": entry.step,
        "data": dict(entry.data),
        "state": "waiting",
        "created_at": now,
        "due_at": entry.due_at or now,
        "set_at": now,
        "tries": 0,
    }
    return await insert_new(connection, table, row)


async def claim_due(
    db: Database,
    org_id: str,
    now: datetime,
    *,
    lease_s: float = LEASE_S,
    limit: int = 50,
    site_id: str | None = None,
    in_hand: Collection[int] = (),
) -> list[Entry]:
    """Take what is due, critical first, then the oldest; it is due again after `lease_s` unless it is settled.

    Of any number of claimers each gets others. `in_hand` are the entries that the caller still works on: they are left
    alone, whatever the clock did to their lease.
    """
    waiting = and_(table.c.org_id == org_id, table.c.due_at.is_not(None))
    of_another_clock = and_(table.c.org_id == org_id, table.c.state == "waiting", table.c.set_at > now)
    due = and_(waiting, table.c.due_at <= now)
    if site_id is not None:
        due = and_(due, table.c.site_id == site_id)
    if in_hand:
        due = and_(due, table.c.outbox_id.not_in(sorted(in_hand)))
    async with db.read() as connection:  # most of the time there is nothing, and nobody is to wait for that
        some = (await connection.execute(select(table.c.outbox_id).where(due).limit(1))).first() is not None
        stepped = (
            await connection.execute(select(table.c.outbox_id).where(of_another_clock).limit(1))
        ).first() is not None
    if not some and not stepped:
        return []
    query = select(*_COLUMNS).where(due).order_by(_RANK, table.c.due_at, table.c.outbox_id).limit(limit)
    async with db.begin() as connection:
        if stepped:
            await in_this_clock(connection, table, table.c.outbox_id, of_another_clock, now)
        found = [Entry(*row) for row in await connection.execute(skip_locked(connection, query))]
        claimed = table.c.outbox_id.in_([entry.outbox_id for entry in found])
        if found:
            values = {"due_at": now + timedelta(seconds=lease_s), "set_at": now}
            await connection.execute(update(table).where(claimed).values(values))
    return found


async def sent(db: Database, org_id: str, outbox_id: int, *, now: datetime, at: Sequence[Place] = ()) -> bool:
    """It arrived, at those places; where its message goes on, they are changed. False when it was settled before.

    One that was given up meanwhile counts as sent all the same.
    """
    async with db.begin() as connection:
        query = select(table.c.site_id, table.c.message_id, table.c.person_id, table.c.state)
        # Held until the end: of two who sent it, each sees what the other noted.
        row = (await connection.execute(query.where(_is(org_id, outbox_id)).with_for_update())).one_or_none()
        if row is None:
            return False
        settles = row.state in ("waiting", "dead")
        if settles:
            await connection.execute(update(table).where(_is(org_id, outbox_id)).values(_settled("sent", now)))
        if row.message_id is not None:
            await post_in(connection, org_id, row.site_id, row.message_id, outbox_id, row.person_id, at, now=now)
        return settles


async def message_of(db: Database, org_id: str, outbox_id: int) -> int | None:
    """The alert message that an entry tells, settled or not; None for another kind of entry."""
    query = select(table.c.message_id).where(_is(org_id, outbox_id))
    async with db.read() as connection:
        found: int | None = (await connection.execute(query)).scalar_one_or_none()
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How an entry stands: `state` as in the table, `tries` that failed, and why the last one did."""

    outbox_id: int
    state: str
    tries: int
    reason: str | None


async def standing_of(db: Database, org_id: str, once_key: str) -> Standing | None:
    """How the entry with that key stands; None when there is none."""
    query = select(table.c.outbox_id, table.c.state, table.c.tries, table.c.last_reason)
    async with db.read() as connection:
        where = and_(table.c.org_id == org_id, table.c.once_key == once_key)
        row = (await connection.execute(query.where(where))).one_or_none()
    return None if row is None else Standing(*row)


async def data_of(db: Database, org_id: str, outbox_id: int) -> Mapping[str, Any] | None:
    """What an entry holds for whoever composes it, settled or not; None when it is not kept any more."""
    query = select(table.c.data).where(_is(org_id, outbox_id))
    async with db.read() as connection:
        found: Mapping[str, Any] | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def failed(
    db: Database, org_id: str, outbox_id: int, reason: str, *, now: datetime, next_try_at: datetime | None
) -> bool:
    """It did not arrive; None gives it up. False when it was settled before."""
    values: dict[str, Any] = {"tries": table.c.tries + 1, "last_reason": storable(reason, _REASON_LENGTH)}
    values |= _settled("dead", now) if next_try_at is None else {"due_at": next_try_at, "set_at": now}
    return await _changed(db, org_id, outbox_id, values)


async def put_off(db: Database, org_id: str, outbox_id: int, reason: str, *, now: datetime, until: datetime) -> bool:
    """It is to wait, which is no failed try. False when it was settled before."""
    values = {"due_at": until, "set_at": now, "last_reason": storable(reason, _REASON_LENGTH)}
    return await _changed(db, org_id, outbox_id, values)


async def drop(db: Database, org_id: str, outbox_id: int, reason: str, *, now: datetime) -> bool:
    """Nobody wants to hear it: settled, with the reason kept. False when it was settled before."""
    return await _changed(
        db, org_id, outbox_id, _settled("dropped", now) | {"last_reason": storable(reason, _REASON_LENGTH)}
    )


async def merge(
    db: Database, org_id: str, outbox_ids: Collection[int], entry: NewEntry, *, now: datetime
) -> tuple[int, ...]:
    """Tell several in one: those that still wait are settled as merged, and `entry` is added; the ones merged.

    For digests and summaries. Without any that waits, or where the entry's key was there before, nothing is done.
    """
    async with db.begin() as connection:
        waiting = and_(table.c.org_id == org_id, table.c.outbox_id.in_(sorted(outbox_ids)), table.c.due_at.is_not(None))
        found = await _held(connection, waiting)
        if not found or not await add_in(connection, org_id, entry, now=now):
            return ()
        merged = table.c.outbox_id.in_(found)
        await connection.execute(update(table).where(merged).values(_settled("merged", now)))
    return found


async def dead(db: Database, org_id: str, site_id: str, *, limit: int = 200) -> list[DeadLetter]:
    """What was given up on a site, the newest at the top."""
    query = (
        select(
            table.c.outbox_id,
            table.c.kind,
            table.c.level,
            table.c.person_id,
            func.coalesce(table.c.last_reason, ""),
            table.c.tries,
            table.c.settled_at,
            table.c.text,
        )
        .where(table.c.org_id == org_id, table.c.state == "dead", table.c.site_id == site_id)
        .order_by(table.c.settled_at.desc(), table.c.outbox_id.desc())
        .limit(limit)
    )
    async with db.read() as connection:
        return [DeadLetter(*row) for row in await connection.execute(query)]


async def replay(
    db: Database, org_id: str, outbox_id: int | None = None, *, now: datetime, site_id: str | None = None
) -> int:
    """Try again what was given up, one or all of them (of a site); how many."""
    which = and_(table.c.org_id == org_id, table.c.state == "dead")
    if outbox_id is not None:
        which = and_(which, table.c.outbox_id == outbox_id)
    if site_id is not None:
        which = and_(which, table.c.site_id == site_id)
    values = {"state": "waiting", "due_at": now, "set_at": now, "tries": 0, "settled_at": None}
    async with db.begin() as connection:
        return await _update_all(connection, which, values)


async def unread(db: Database, org_id: str, site_id: str, person_id: str) -> int:
    """How many entries for a person they have not seen; dropped and merged ones do not count."""
    query = select(func.count()).select_from(table).where(_unread(org_id, site_id, person_id))
    async with db.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def mark_read(db: Database, org_id: str, site_id: str, person_id: str, now: datetime) -> int:
    """The person has seen all of them; how many were new."""
    async with db.begin() as connection:
        return await _update_all(connection, _unread(org_id, site_id, person_id), {"read_at": now})


async def overdue(db: Database, org_id: str, now: datetime, *, site_id: str) -> float | None:
    """For how long (s) the oldest entry of a site has been due that nobody claimed; None when nothing is due."""
    here = and_(table.c.org_id == org_id, table.c.site_id == site_id)
    query = select(func.min(table.c.due_at)).where(here, table.c.due_at <= now)
    async with db.read() as connection:
        oldest: datetime | None = (await connection.execute(query)).scalar_one_or_none()
    return None if oldest is None else (now - oldest).total_seconds()


async def unheard_since(
    db: Database, org_id: str, site_id: str, *, tries: int, begun_before: datetime, died_after: datetime
) -> datetime | None:
    """When the oldest critical entry was added that reaches nobody; None when there is none.

    That is one added before `begun_before` that failed so many times, or one given up after `died_after`, of whose
    message nobody was reached.
    """
    others = table.alias()
    heard = exists().where(
        others.c.org_id == org_id, others.c.message_id == table.c.message_id, others.c.state == "sent"
    )
    failing = and_(table.c.state == "waiting", table.c.tries >= tries, table.c.created_at <= begun_before)
    given_up = and_(table.c.state == "dead", table.c.settled_at >= died_after)
    here = and_(table.c.org_id == org_id, table.c.site_id == site_id, table.c.level == "critical")
    query = select(func.min(table.c.created_at)).where(here, or_(failing, given_up), ~heard)
    async with db.read() as connection:
        found: datetime | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def count_dead(db: Database, org_id: str, site_id: str) -> int:
    """How many were given up on a site."""
    here = and_(table.c.org_id == org_id, table.c.site_id == site_id, table.c.state == "dead")
    async with db.read() as connection:
        return int((await connection.execute(select(func.count()).where(here))).scalar_one())


async def strand(db: Database, org_id: str, *, but: str, due_before: datetime, now: datetime) -> int:
    """Give up what has been due since then on other sites, where nobody delivers any more; how many."""
    which = and_(table.c.org_id == org_id, table.c.site_id != but, table.c.due_at < due_before)
    values = _settled("dead", now) | {"last_reason": "nobody delivers for this site any more"}
    async with db.begin() as connection:
        return await _update_all(connection, which, values)


async def forget_settled_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop entries that were settled before `moment`; how many. Dead letters are kept for `DEAD_KEPT` more."""
    alive, given_up = table.c.state != "dead", table.c.settled_at < moment - DEAD_KEPT
    which = and_(table.c.org_id == org_id, table.c.settled_at < moment, or_(alive, given_up))
    async with db.begin() as connection:
        if not await _held(connection, which):
            return 0
        return int((await connection.execute(delete(table).where(which))).rowcount)


async def _held(connection: AsyncConnection, which: ColumnElement[bool]) -> tuple[int, ...]:
    """Those rows, locked in the same order everywhere, so that no two of us wait for each other."""
    query = select(table.c.outbox_id).where(which).order_by(table.c.outbox_id).with_for_update()
    return tuple(row[0] for row in await connection.execute(query))


async def _update_all(connection: AsyncConnection, which: ColumnElement[bool], values: Mapping[str, Any]) -> int:
    """Change all those rows; how many."""
    if not await _held(connection, which):
        return 0
    return int((await connection.execute(update(table).where(which).values(dict(values)))).rowcount)


def _settled(state: str, now: datetime) -> dict[str, Any]:
    return {"state": state, "due_at": None, "settled_at": now}


async def _changed(db: Database, org_id: str, outbox_id: int, values: Mapping[str, Any]) -> bool:
    statement = update(table).where(_is(org_id, outbox_id), table.c.due_at.is_not(None))
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(dict(values)))).rowcount == 1)


def _unread(org_id: str, site_id: str, person_id: str) -> ColumnElement[bool]:
    return and_(
        table.c.org_id == org_id,
        table.c.person_id == person_id,
        table.c.site_id == site_id,
        table.c.read_at.is_(None),
        table.c.state.not_in(("dropped", "merged")),
    )


def _is(org_id: str, outbox_id: int) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.outbox_id == outbox_id)
