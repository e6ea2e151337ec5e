"""How far a platform's stream of updates has been taken over, such as Telegram's update offset."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from store.database import Database
from store.dialect import insert_for
from store.tables import platform_offsets as table


async def load(db: Database, org_id: str, platform: str, name: str) -> int | None:
    """The stored offset, or None when there is none yet."""
    query = select(table.c.value).where(table.c.org_id == org_id, table.c.platform == platform, table.c.name == name)
    async with db.read() as connection:
        return (await connection.execute(query)).scalar_one_or_none()


async def save(db: Database, org_id: str, platform: str, name: str, value: int, *, now: datetime | None = None) -> None:
    """Store the offset. It may go back: platforms start their numbers anew after a pause."""
    values = {"value": value, "updated_at": now or datetime.now(UTC)}
    key = {"org_id": org_id, "platform": platform, "name": name}
    async with db.begin() as connection:
        insert = insert_for(connection, table).values(key | values)
        await connection.execute(
            insert.on_conflict_do_update(index_elements=["org_id", "platform", "name"], set_=values)
        )
