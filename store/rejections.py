"""Values that were refused, counted per device, field and UTC day: what `doctor` tells the owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import select

from energy.reading import Reading, Rejection
from store.database import Database
from store.dialect import insert_for
from store.tables import rejected_readings as table


@dataclass(frozen=True, slots=True)
class RejectedCount:
    """How often a device's field was refused on a UTC day, and why the last time."""

    device_id: str
    field: str
    day: date
    times: int
    last_reason: str
    last_at: datetime


async def count_rejections(
    db: Database, org_id: str, rejections: Sequence[tuple[Reading, Rejection]], *, now: datetime
) -> None:
    """Count refused values under the day of `now` (aware)."""
    now = now.astimezone(UTC)
    async with db.begin() as connection:
        for reading, rejection in rejections:
            values = {"times": 1, "last_reason": rejection.reason, "last_at": now}
            insert = insert_for(connection, table).values(
                org_id=org_id,
                site_id=reading.site_id,
                device_id=reading.device_id,
                field=rejection.field,
                day=now.date(),
                **values,
            )
            await connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["org_id", "site_id", "device_id", "field", "day"],
                    set_=values | {"times": table.c.times + 1},
                )
            )


async def rejected_since(db: Database, org_id: str, site_id: str, since: datetime) -> list[RejectedCount]:
    """The counts from the UTC day of `since` on, newest first."""
    query = (
        select(table.c.device_id, table.c.field, table.c.day, table.c.times, table.c.last_reason, table.c.last_at)
        .where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.day >= since.astimezone(UTC).date())
        .order_by(table.c.last_at.desc(), table.c.device_id, table.c.field)
    )
    async with db.read() as connection:
        return [RejectedCount(*row) for row in await connection.execute(query)]
