"""What people have to be told on our own initiative: kept until it arrived, claimed for a while by who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import notices as table
from store.database import Database
from store.dialect import insert_new, lock

Level = Literal["info", "warning", "critical"]
RESULT = "/result/"  # a site's id, with which all other keys begin, has no slash


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """Something to tell a person (`person_id`), at a place (`address`) or wherever they can be reached.

    With a `once_key` it is told once, however often it is added. `RESULT` before a request's id makes the key of what
    became of that request: its asker wants to know it, whatever their quiet hours.
    """

    site_id: str
    level: Level
    text: str
    person_id: str | None = None
    address: Mapping[str, Any] | None = None
    once_key: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that waits; `tries` so many failed before."""

    notice_id: int
    site_id: str
    person_id: str | None
    address: Mapping[str, Any] | None
    level: Level
    text: str
    created_at: datetime
    tries: int
    once_key: str | None

    @property
    def is_result(self) -> bool:
        """Whether it tells what became of a request."""
        return self.once_key is not None and self.once_key.startswith(RESULT)


_COLUMNS = [table.c[name] for name in Notice.__dataclass_fields__]


async def add(db: Database, org_id: str, notice: NewNotice, *, now: datetime) -> bool:
    """`add_in` in a transaction of its own."""
    async with db.begin() as connection:
        return await add_in(connection, org_id, notice, now=now)


async def add_in(connection: AsyncConnection, org_id: str, notice: NewNotice, *, now: datetime) -> bool:
    """Keep a notice until it is told, in the transaction of what it tells of; False when its key was there before."""
    row = {
        "org_id": org_id,
        "site_id": notice.site_id,
        "once_key": notice.once_key,
        "person_id": notice.person_id,
        "address": None if notice.address is None else dict(notice.address),
        "level": notice.level,
        "text": notice.text,
        "created_at": now,
        "due_at": now,
        "tries": 0,
    }
    return await insert_new(connection, table, row)


async def claim_due(db: Database, org_id: str, now: datetime, lease_s: float = 60.0, limit: int = 50) -> list[Notice]:
    """Take what is due, oldest first; it is due again after `lease_s` unless it is settled."""
    query = (
        select(*_COLUMNS)
        .where(table.c.org_id == org_id, table.c.due_at <= now)
        .order_by(table.c.due_at, table.c.notice_id)
        .limit(limit)
    )
    async with db.read() as connection:
        if (await connection.execute(query.limit(1))).first() is None:
            return []
    async with db.begin() as connection:
        await lock(connection, "notices", org_id)
        due = [Notice(*row) for row in await connection.execute(query)]
        claimed = table.c.notice_id.in_([notice.notice_id for notice in due])
        await connection.execute(update(table).where(claimed).values(due_at=now + timedelta(seconds=lease_s)))
    return due


async def sent(db: Database, org_id: str, notice_id: int, *, now: datetime) -> bool:
    """It arrived. False when it was settled before."""
    statement = update(table).where(_waits(org_id, notice_id))
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(due_at=None, sent_at=now))).rowcount == 1)


async def failed(db: Database, org_id: str, notice_id: int, reason: str, *, next_try_at: datetime | None) -> bool:
    """It did not arrive; None gives it up. False when it was settled before."""
    statement = update(table).where(_waits(org_id, notice_id))
    values = {"due_at": next_try_at, "tries": table.c.tries + 1, "last_reason": reason[:500]}
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(values))).rowcount == 1)


async def put_off(db: Database, org_id: str, notice_id: int, reason: str, *, until: datetime) -> bool:
    """It is to wait, which is no failed try. False when it was settled before."""
    statement = update(table).where(_waits(org_id, notice_id))
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(due_at=until, last_reason=reason))).rowcount == 1)


async def drop(db: Database, org_id: str, notice_id: int, reason: str) -> bool:
    """Nobody wants to hear it: settled, with the reason kept. False when it was settled before."""
    statement = update(table).where(_waits(org_id, notice_id))
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(due_at=None, last_reason=reason))).rowcount == 1)


async def forget_settled_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop settled notices that were added before `moment`; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.due_at.is_(None), table.c.created_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


def _waits(org_id: str, notice_id: int) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.notice_id == notice_id, table.c.due_at.is_not(None))
