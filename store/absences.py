"""When people are away. One absence a person: a new one takes the place of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

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
    replaced = delete(table).where(
        table.c.org_id == org_id, table.c.person_id == absence.person_id, table.c.until_at > now
    )
    row = {
        "org_id": org_id,
        "person_id": absence.person_id,
        "from_at": absence.from_at,
        "until_at": absence.until_at,
        "note": absence.note,
        "created_at": now,
    }
    async with db.begin() as connection:
        await connection.execute(replaced)
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


async def cancel(db: Database, org_id: str, person_id: str, now: datetime) -> bool:
    """The person is back, or stays; False when there was no absence."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.person_id == person_id, table.c.until_at > now)
    async with db.begin() as connection:
        return bool((await connection.execute(statement)).rowcount)
