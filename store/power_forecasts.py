"""The forecasts that a vendor makes of a site's powers, as they were issued: one more source beside our own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from energy.weather import IssuedPower, PowerHour
from store.columns import from_ms, to_ms
from store.database import Database
from store.dialect import insert_new
from store.weather_tables import power_forecasts as table


async def insert(db: Database, org_id: str, site_id: str, issued: IssuedPower) -> bool:
    """Archive one; False, and nothing is overwritten, when one of this source and issue time is there already."""
    row = {
        "org_id": org_id,
        "site_id": site_id,
        "source": issued.source,
        "issued_at": issued.issued_at,
        "hours": {
            "start_ms": [to_ms(hour.start) for hour in issued.hours],
            "solar_w": [hour.solar_w for hour in issued.hours],
            "load_w": [hour.load_w for hour in issued.hours],
        },
    }
    async with db.begin() as connection:
        return await insert_new(connection, table, row)


async def latest_issued(db: Database, org_id: str, site_id: str, *, as_of: datetime, source: str) -> IssuedPower | None:
    """What `source` had foreseen by `as_of`: its newest forecast issued by then, or None."""
    query = (
        select(table.c.issued_at, table.c.hours)
        .where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.source == source,
            table.c.issued_at <= as_of,
        )
        .order_by(table.c.issued_at.desc())
        .limit(1)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    columns = zip(row.hours["start_ms"], row.hours["solar_w"], row.hours["load_w"], strict=True)
    return IssuedPower(row.issued_at, source, tuple(PowerHour(from_ms(at), solar, load) for at, solar, load in columns))


async def forget_before(db: Database, org_id: str, site_id: str, moment: datetime) -> int:
    """Drop the forecasts that were issued before `moment`; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.issued_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)
