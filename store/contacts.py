"""The ways to a person beside the chats: webhooks and addresses of services. A target may hold a secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, select, update

from store.alert_tables import contacts as table
from store.columns import storable
from store.database import Database
from store.dialect import insert_new

Kind = Literal["webhook", "apprise"]


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to a person. `label` is how it is shown; `dead_reason` says why nothing is sent there any more."""

    contact_id: int
    person_id: str
    kind: Kind
    target: str = field(repr=False)
    label: str
    created_at: datetime
    dead_reason: str | None


_COLUMNS = [table.c[name] for name in Contact.__dataclass_fields__]


async def add(
    db: Database, org_id: str, person_id: str, *, kind: Kind, target: str, label: str, now: datetime
) -> Contact | None:
    """A new way to a person; None when they have it already. One that was dead is alive again, and returned."""
    row = {
        "org_id": org_id,
        "person_id": person_id,
        "kind": kind,
        "target": target,
        "label": storable(label),
        "created_at": now,
        "dead_reason": None,
    }
    same = and_(table.c.org_id == org_id, table.c.person_id == person_id, table.c.target == target)
    async with db.begin() as connection:
        if not await insert_new(connection, table, row):
            revived = update(table).where(same, table.c.dead_reason.is_not(None))
            if (await connection.execute(revived.values(dead_reason=None))).rowcount != 1:
                return None
        return Contact(*(await connection.execute(select(*_COLUMNS).where(same))).one())


async def remove(db: Database, org_id: str, person_id: str, contact_id: int) -> bool:
    """Drop a way; False when it is not that person's."""
    statement = delete(table).where(_is(org_id, contact_id), table.c.person_id == person_id)
    async with db.begin() as connection:
        return bool((await connection.execute(statement)).rowcount == 1)


async def of_person(db: Database, org_id: str, person_id: str) -> list[Contact]:
    """A person's ways, the oldest first, dead ones last."""
    query = (
        select(*_COLUMNS).where(table.c.org_id == org_id, table.c.person_id == person_id).order_by(table.c.contact_id)
    )
    async with db.read() as connection:
        found = [Contact(*row) for row in await connection.execute(query)]
    return sorted(found, key=lambda contact: contact.dead_reason is not None)


async def get(db: Database, org_id: str, contact_id: int) -> Contact | None:
    """A way by its number."""
    async with db.read() as connection:
        row = (await connection.execute(select(*_COLUMNS).where(_is(org_id, contact_id)))).one_or_none()
    return None if row is None else Contact(*row)


async def mark_dead(db: Database, org_id: str, contact_id: int, reason: str) -> bool:
    """Nothing arrives there any more; False when it was dead or unknown before."""
    statement = update(table).where(_is(org_id, contact_id), table.c.dead_reason.is_(None))
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(dead_reason=storable(reason, 500)))).rowcount == 1)


def _is(org_id: str, contact_id: int) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.contact_id == contact_id)
