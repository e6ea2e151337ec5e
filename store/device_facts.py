"""What devices say of themselves: model, firmware, settings. A new row only when something changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from store.database import Database
from store.dialect import insert_for, lock
from store.tables import device_facts as table


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """A device's own word. `settings` has the unit in each name; `taken_at` is when it was confirmed last (UTC)."""

    device_id: str
    kind: str
    model: str | None
    firmware: str | None
    settings: Mapping[str, Any]
    taken_at: datetime


async def put(
    db: Database,
    org_id: str,
    site_id: str,
    *,
    device_id: str,
    kind: str,
    model: str | None,
    firmware: str | None,
    settings: Mapping[str, Any],
    taken_at: datetime,
) -> None:
    """Keep what a device said at `taken_at`; the same again only confirms the row that is there."""
    facts = {"kind": kind, "model": model, "firmware": firmware, "settings": dict(settings)}
    of_device = (table.c.org_id == org_id, table.c.site_id == site_id, table.c.device_id == device_id)
    in_force = select(table.c.taken_at, table.c.confirmed_at, table.c.facts).where(
        *of_device, table.c.taken_at <= taken_at
    )
    async with db.begin() as connection:
        await lock(connection, "device_facts", org_id, site_id, device_id)
        row = (await connection.execute(in_force.order_by(table.c.taken_at.desc()).limit(1))).one_or_none()
        if row is not None and row.facts == facts:
            confirm = update(table).where(*of_device, table.c.taken_at == row.taken_at)
            await connection.execute(confirm.values(confirmed_at=max(row.confirmed_at, taken_at)))
            return
        insert = insert_for(connection, table).values(
            org_id=org_id,
            site_id=site_id,
            device_id=device_id,
            taken_at=taken_at,
            confirmed_at=taken_at,
            facts=facts,
        )
        await connection.execute(
            insert.on_conflict_do_update(
                index_elements=["org_id", "site_id", "device_id", "taken_at"], set_={"facts": facts}
            )
        )


async def all_of(db: Database, org_id: str, site_id: str, *, as_of: datetime) -> dict[str, StoredFacts]:
    """What each device of the site had last said by `as_of`."""
    of_site = (table.c.org_id == org_id, table.c.site_id == site_id, table.c.taken_at <= as_of)
    newest = (
        select(table.c.device_id, func.max(table.c.taken_at).label("taken_at"))
        .where(*of_site)
        .group_by(table.c.device_id)
        .subquery()
    )
    query = (
        select(table.c.device_id, table.c.confirmed_at, table.c.facts)
        .join(newest, (table.c.device_id == newest.c.device_id) & (table.c.taken_at == newest.c.taken_at))
        .where(*of_site)
        .order_by(table.c.device_id)
    )
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
    return {
        row.device_id: StoredFacts(row.device_id, taken_at=min(row.confirmed_at, as_of), **row.facts) for row in rows
    }


async def get(db: Database, org_id: str, site_id: str, device_id: str, *, as_of: datetime) -> StoredFacts | None:
    """What one device had last said by `as_of`, or None."""
    return (await all_of(db, org_id, site_id, as_of=as_of)).get(device_id)
