"""The outbox as its earlier callers know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from store import outbox
from store.alert_tables import outbox as table
from store.database import Database
from store.outbox import RESULT as RESULT
from store.outbox import Entry as Entry
from store.outbox import Level as Level
from store.outbox import NewEntry as NewNotice
from store.outbox import add as add
from store.outbox import add_in as add_in
from store.outbox import forget_settled_before as forget_settled_before
from store.outbox import sent as sent

__all__ = ["NewNotice", "Notice"]


@dataclass(frozen=True, slots=True)
class Notice(Entry):
    """An entry under its earlier name."""

    @property
    def notice_id(self) -> int:
        return self.outbox_id


async def claim_due(db: Database, org_id: str, now: datetime, lease_s: float = 60.0, limit: int = 50) -> list[Notice]:
    """`outbox.claim_due`."""
    found = await outbox.claim_due(db, org_id, now, lease_s=lease_s, limit=limit)
    return [Notice(*(getattr(entry, name) for name in Entry.__dataclass_fields__)) for entry in found]


async def failed(db: Database, org_id: str, notice_id: int, reason: str, *, next_try_at: datetime | None) -> bool:
    """`outbox.failed`, at the moment of the claim."""
    now = await _claimed_at(db, org_id, notice_id)
    return now is not None and await outbox.failed(db, org_id, notice_id, reason, now=now, next_try_at=next_try_at)


async def put_off(db: Database, org_id: str, notice_id: int, reason: str, *, until: datetime) -> bool:
    """`outbox.put_off`, at the moment of the claim."""
    now = await _claimed_at(db, org_id, notice_id)
    return now is not None and await outbox.put_off(db, org_id, notice_id, reason, now=now, until=until)


async def drop(db: Database, org_id: str, notice_id: int, reason: str) -> bool:
    """`outbox.drop`, at the moment of the claim."""
    now = await _claimed_at(db, org_id, notice_id)
    return now is not None and await outbox.drop(db, org_id, notice_id, reason, now=now)


async def _claimed_at(db: Database, org_id: str, notice_id: int) -> datetime | None:
    query = select(table.c.set_at).where(table.c.org_id == org_id, table.c.outbox_id == notice_id)
    async with db.read() as connection:
        moment: datetime | None = (await connection.execute(query)).scalar_one_or_none()
    return moment
