"""Slots of recurring jobs: each (name, slot) is claimed once, whatever number of workers asks."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update

from store.database import Database
from store.dialect import insert_new
from store.tables import job_slots


async def claim(db: Database, org_id: str, name: str, slot: datetime, *, now: datetime | None = None) -> bool:
    """Whether the caller is the first to take this slot and shall do the work."""
    async with db.begin() as connection:
        row = {"org_id": org_id, "name": name, "slot": slot, "claimed_at": now or datetime.now(UTC)}
        return await insert_new(connection, job_slots, row)


async def finish(db: Database, org_id: str, name: str, slot: datetime, *, now: datetime | None = None) -> None:
    """Note that the work of a claimed slot is done."""
    statement = update(job_slots).where(
        job_slots.c.org_id == org_id, job_slots.c.name == name, job_slots.c.slot == slot
    )
    async with db.begin() as connection:
        await connection.execute(statement.values(finished_at=now or datetime.now(UTC)))


async def release(db: Database, org_id: str, name: str, slot: datetime) -> None:
    """Give a slot back whose work could not be done, so that somebody else may claim it; a finished one stays."""
    statement = delete(job_slots).where(
        job_slots.c.org_id == org_id,
        job_slots.c.name == name,
        job_slots.c.slot == slot,
        job_slots.c.finished_at.is_(None),
    )
    async with db.begin() as connection:
        await connection.execute(statement)


async def last_claimed(db: Database, org_id: str, name: str) -> datetime | None:
    """The newest slot that was claimed under this name, or None."""
    query = select(func.max(job_slots.c.slot)).where(job_slots.c.org_id == org_id, job_slots.c.name == name)
    async with db.read() as connection:
        newest: datetime | None = (await connection.execute(query)).scalar_one_or_none()
    return newest


async def forget_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop the slots before `moment`, keeping the newest of each name; how many."""
    newest = (
        select(job_slots.c.name, func.max(job_slots.c.slot).label("slot"))
        .where(job_slots.c.org_id == org_id)
        .group_by(job_slots.c.name)
        .subquery()
    )
    kept = select(newest.c.name).where(newest.c.name == job_slots.c.name, newest.c.slot == job_slots.c.slot)
    statement = delete(job_slots).where(job_slots.c.org_id == org_id, job_slots.c.slot < moment, ~kept.exists())
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)
