"""How far the history from before the first start has been fetched: one row per device and local day."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select

from store.database import Database
from store.dialect import insert_for
from store.tables import backfill_progress as table

_KEY = ["org_id", "site_id", "device_id", "day"]


async def mark_done(
    db: Database,
    org_id: str,
    site_id: str,
    device_id: str,
    day: date,
    *,
    readings: int = 0,
    complete: bool = True,
    now: datetime | None = None,
) -> None:
    """Note that a day's readings are stored. With `complete=False` the day will be asked for again."""
    values = {"readings": readings, "complete": complete, "updated_at": now or datetime.now(UTC)}
    key = {"org_id": org_id, "site_id": site_id, "device_id": device_id, "day": day}
    async with db.begin() as connection:
        insert = insert_for(connection, table).values(key | values)
        await connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=values))


async def days_done(db: Database, org_id: str, site_id: str, device_id: str) -> set[date]:
    """The days that need not be fetched again."""
    query = select(table.c.day).where(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.device_id == device_id,
        table.c.complete.is_(True),
    )
    async with db.read() as connection:
        return set((await connection.execute(query)).scalars())
