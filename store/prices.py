"""Prices as a service told them: of energy by the hour, and of hash; each with when it was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select

from energy.prices import PriceHour
from store.database import Database
from store.dialect import insert_for, insert_new
from store.price_tables import hash_prices
from store.price_tables import prices as table


@dataclass(frozen=True, slots=True)
class SeenHashPrice:
    """A hash price (per PH/s and day) and when it was last heard."""

    seen_at: datetime
    per_phs_day: float


async def put(db: Database, org_id: str, site_id: str, hours: Sequence[PriceHour], *, now: datetime) -> int:
    """Keep prices heard at `now`, the newer word on an hour in place of the older; how many are new or different."""
    changed = 0
    async with db.begin() as connection:
        insert = insert_for(connection, table)
        new = insert.excluded
        statement = insert.on_conflict_do_update(
            index_elements=("org_id", "site_id", "starts_at"),
            set_={name: new[name] for name in ("import_per_kwh", "export_per_kwh", "seen_at")},
            where=or_(
                table.c.import_per_kwh != new.import_per_kwh,
                table.c.export_per_kwh.is_distinct_from(new.export_per_kwh),
            ),
        )
        for hour in hours:
            row = {
                "org_id": org_id,
                "site_id": site_id,
                "starts_at": hour.start,
                "import_per_kwh": hour.import_per_kwh,
                "export_per_kwh": hour.export_per_kwh,
                "seen_at": now,
            }
            result = await connection.execute(statement, row, execution_options={"preserve_rowcount": True})
            changed += int(result.rowcount)
    return changed


async def between(
    db: Database, org_id: str, site_id: str, start: datetime, end: datetime, *, as_of: datetime
) -> list[PriceHour]:
    """The prices that begin in [start, end) as far as they were heard by `as_of`, in order."""
    query = (
        select(table.c.starts_at, table.c.import_per_kwh, table.c.export_per_kwh)
        .where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.starts_at >= start,
            table.c.starts_at < end,
            table.c.seen_at <= as_of,
        )
        .order_by(table.c.starts_at)
    )
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
    return [PriceHour(row.starts_at, row.import_per_kwh, row.export_per_kwh) for row in rows]


async def changed_at(db: Database, org_id: str, site_id: str, start: datetime, *, as_of: datetime) -> datetime | None:
    """When a price that begins at `start` or later was last heard to be new or different, by `as_of`; None if none."""
    query = select(func.max(table.c.seen_at, type_=table.c.seen_at.type)).where(
        table.c.org_id == org_id, table.c.site_id == site_id, table.c.starts_at >= start, table.c.seen_at <= as_of
    )
    async with db.read() as connection:
        found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def put_hash_price(db: Database, org_id: str, site_id: str, per_phs_day: float, *, now: datetime) -> bool:
    """Keep the hash price heard at `now`; whether it was the first word of that moment."""
    row = {"org_id": org_id, "site_id": site_id, "seen_at": now, "per_phs_day": per_phs_day}
    async with db.begin() as connection:
        return await insert_new(connection, hash_prices, row)


async def newest_hash_price(db: Database, org_id: str, site_id: str, *, as_of: datetime) -> SeenHashPrice | None:
    """The hash price that was heard last by `as_of`, however long ago."""
    query = (
        select(hash_prices.c.seen_at, hash_prices.c.per_phs_day)
        .where(hash_prices.c.org_id == org_id, hash_prices.c.site_id == site_id, hash_prices.c.seen_at <= as_of)
        .order_by(hash_prices.c.seen_at.desc())
        .limit(1)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else SeenHashPrice(row.seen_at, row.per_phs_day)


async def forget_before(db: Database, org_id: str, site_id: str, moment: datetime) -> int:
    """Drop the prices of hours, and the hash prices heard, before `moment`; how many."""
    dropped = 0
    async with db.begin() as connection:
        for each, at in ((table, table.c.starts_at), (hash_prices, hash_prices.c.seen_at)):
            statement = delete(each).where(each.c.org_id == org_id, each.c.site_id == site_id, at < moment)
            dropped += int((await connection.execute(statement)).rowcount)
    return dropped
