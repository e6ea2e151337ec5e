"""When each part of the program was last at work, and whether it stopped on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from store.alert_tables import heartbeats as table
from store.database import Database
from store.dialect import insert_for

PARTS = ("poll", "evaluate", "deliver", "worker")


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life; `clean` when it was the goodbye of an orderly stop."""

    at: datetime
    clean: bool


async def beat(db: Database, org_id: str, name: str, now: datetime, *, clean_stop: bool = False) -> None:
    """A sign of life of "poll:<site>", "evaluate:<site>", "deliver:<site>" or "worker:<site>"."""
    values = {"at": now, "clean": clean_stop}
    async with db.begin() as connection:
        statement = insert_for(connection, table).values(org_id=org_id, name=name, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["org_id", "name"], set_=values))


async def of_site(db: Database, org_id: str, site_id: str) -> dict[str, Beat]:
    """The last sign of life of each part of a site, by name."""
    names = [f"{part}:{site_id}" for part in PARTS]
    query = select(table.c.name, table.c.at, table.c.clean).where(table.c.org_id == org_id, table.c.name.in_(names))
    async with db.read() as connection:
        return {row[0]: Beat(row[1], row[2]) for row in await connection.execute(query)}
