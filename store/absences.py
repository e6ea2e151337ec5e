"""When people are away. One absence a person at a time: a new one takes the place of the one before.

Absences that are over stay, up to the moment when they ended: the empty home's load is learned from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import absences as table
from store.database import Database


@dataclass(frozen=True, slots=True)
class Absence:
    """From when until when (UTC) a person is away, and what they said about it."""

    person_id: str
    from_at: datetime
    until_at: datetime
    note: str


_COLUMNS = [table.c[name] for name in Absence.__dataclass_fields__]


async def add(db: Database, org_id: str, absence: Absence, *, now: datetime) -> None:
    """Note an absence; whatever else was planned from `now` on is replaced by it."""
    if absence.until_at <= absence.from_at:
        raise ValueError("an absence ends after it begins")
    row = {
        "org_id": org_id,
        "person_id": absence.person_id,
        "from_at": absence.from_at,
        "until_at": absence.until_at,
        "note": absence.note,
        "created_at": now,
    }
    async with db.begin() as connection:
        await _end_in(connection, org_id, absence.person_id, now)
        await connection.execute(insert(table).values(row))


async def current(db: Database, org_id: str, person_id: str, now: datetime) -> Absence | None:
    """The absence that lasts at `now` or is still to come; None when there is none."""
    query = (
        select(*_COLUMNS)
        .where(table.c.org_id == org_id, table.c.person_id == person_id, table.c.until_at > now)
        .order_by(table.c.until_at)
        .limit(1)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else Absence(**row._mapping)


async def since(db: Database, org_id: str, person_id: str, moment: datetime) -> list[Absence]:
    """The absences that lasted after `moment`, those that are over too; the earliest first."""
    query = (
        select(*_COLUMNS)
        .where(table.c.org_id == org_id, table.c.person_id == person_id, table.c.until_at > moment)
        .order_by(table.c.from_at, table.c.until_at)
    )
    async with db.read() as connection:
        return [Absence(**row._mapping) for row in await connection.execute(query)]


async def cancel(db: Database, org_id: str, person_id: str, now: datetime) -> bool:
    """The person is back, or stays; False when there was no absence."""
    async with db.begin() as connection:
        return await _end_in(connection, org_id, person_id, now) > 0


async def _end_in(connection: AsyncConnection, org_id: str, person_id: str, now: datetime) -> int:
    """End what lasts at `now`, and forget what has not begun; how many these were."""
    lasting = (table.c.org_id == org_id, table.c.person_id == person_id, table.c.until_at > now)
    forgotten = await connection.execute(delete(table).where(*lasting, table.c.from_at >= now))
    ended = await connection.execute(update(table).where(*lasting).values(until_at=now))
    return forgotten.rowcount + ended.rowcount
