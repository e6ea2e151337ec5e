"""What plans may do at a site, where a person has said so in chat: advise, ask each time, or act by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database
from store.dialect import insert_for
from store.forecast_tables import plan_modes as table

Mode = Literal["advise", "ask", "automatic"]


@dataclass(frozen=True, slots=True)
class PlanMode:
    """The mode, who set it (a person's id, or a part of ours) and when."""

    mode: Mode
    set_by: str
    set_at: datetime


async def get(db: Database, org_id: str, site_id: str) -> PlanMode | None:
    """What a person has set; None while the site's settings say."""
    async with db.read() as connection:
        return await get_in(connection, org_id, site_id)


async def get_in(connection: AsyncConnection, org_id: str, site_id: str) -> PlanMode | None:
    """`get` inside the caller's transaction."""
    query = select(table.c.mode, table.c.set_by, table.c.set_at).where(
        table.c.org_id == org_id, table.c.site_id == site_id
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else PlanMode(row.mode, row.set_by, row.set_at)


async def put(db: Database, org_id: str, site_id: str, mode: PlanMode) -> None:
    """Set the mode."""
    async with db.begin() as connection:
        await put_in(connection, org_id, site_id, mode)


async def put_in(connection: AsyncConnection, org_id: str, site_id: str, mode: PlanMode) -> None:
    """`put` inside the caller's transaction."""
    values = {"mode": mode.mode, "set_by": mode.set_by, "set_at": mode.set_at}
    statement = insert_for(connection, table).values(org_id=org_id, site_id=site_id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["org_id", "site_id"], set_=values))
