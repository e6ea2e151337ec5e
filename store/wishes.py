"""What is wanted of each miner: on, off, automatic, or left as a hand at the relay put it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import wishes as table
from store.database import Database
from store.dialect import insert_for

Mode = Literal["on", "off", "auto", "hand_on", "hand_off"]


@dataclass(frozen=True, slots=True)
class Wish:
    """The newest wish for a miner. After `until` it is as it was before.

    `set_by` is a person's id, or a part of ours.
    """

    miner_id: str
    mode: Mode
    until: datetime | None
    set_by: str
    set_at: datetime
    request_id: str | None = None


_COLUMNS = [table.c[name] for name in Wish.__dataclass_fields__]


async def put(db: Database, org_id: str, site_id: str, wish: Wish) -> None:
    """Replace the wish for a miner."""
    async with db.begin() as connection:
        await put_in(connection, org_id, site_id, wish)


async def put_in(connection: AsyncConnection, org_id: str, site_id: str, wish: Wish) -> None:
    """`put` inside the caller's transaction."""
    values = {
        "mode": wish.mode,
        "until": wish.until,
        "set_by": wish.set_by,
        "set_at": wish.set_at,
        "request_id": wish.request_id,
    }
    statement = insert_for(connection, table).values(org_id=org_id, site_id=site_id, miner_id=wish.miner_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["org_id", "site_id", "miner_id"], set_=values)
    )


async def all_of(db: Database, org_id: str, site_id: str) -> dict[str, Wish]:
    """The wishes of a site by miner id; a miner that nobody wanted anything of has none."""
    query = select(*_COLUMNS).where(table.c.org_id == org_id, table.c.site_id == site_id)
    async with db.read() as connection:
        return {row.miner_id: Wish(**row._mapping) for row in await connection.execute(query)}
