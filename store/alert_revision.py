"""One number per site that moves whenever something about its alerts changed: all that a cache has to ask for."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.alert_tables import alert_revisions as table
from store.database import Database
from store.dialect import insert_for


async def revision(db: Database, org_id: str, site_id: str) -> int:
    """It moves with every change of the site's episodes, mutes and own rules; soft state (`alerts.keep`) excepted."""
    async with db.read() as connection:
        return await revision_in(connection, org_id, site_id)


async def revision_in(connection: AsyncConnection, org_id: str, site_id: str) -> int:
    """`revision` inside the caller's transaction."""
    query = select(table.c.revision).where(table.c.org_id == org_id, table.c.site_id == site_id)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def moved_in(connection: AsyncConnection, org_id: str, site_id: str) -> None:
    """Move it on, in the transaction of what changed."""
    statement = insert_for(connection, table).values(org_id=org_id, site_id=site_id, revision=1)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["org_id", "site_id"], set_={"revision": table.c.revision + 1})
    )
