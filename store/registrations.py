"""Which commands a platform was last told of, as a hash: it is told again only when they changed."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from store.control_tables import registrations as table
from store.database import Database
from store.dialect import insert_for


async def get(db: Database, org_id: str, platform: str, name: str) -> str | None:
    """The hash that was kept last, or None."""
    query = select(table.c.hash).where(table.c.org_id == org_id, table.c.platform == platform, table.c.name == name)
    async with db.read() as connection:
        known: str | None = (await connection.execute(query)).scalar_one_or_none()
    return known


async def put(db: Database, org_id: str, platform: str, name: str, kept: str, *, now: datetime | None = None) -> None:
    """Keep the hash of what the platform was told."""
    values = {"hash": kept, "updated_at": now or datetime.now(UTC)}
    async with db.begin() as connection:
        statement = insert_for(connection, table).values(org_id=org_id, platform=platform, name=name, **values)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["org_id", "platform", "name"], set_=values)
        )
