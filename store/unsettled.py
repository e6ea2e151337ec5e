"""What is still on its way to people: entries that nobody was told of yet, and messages that show an older version."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from store.alert_tables import outbox, postings
from store.database import Database
from store.messages import LEASE_S

CLAIM = timedelta(seconds=LEASE_S)  # of what is being delivered right now


async def unsettled(db: Database, org_id: str, now: datetime) -> int:
    """How many entries and changes are due, or are being delivered, at `now` (aware UTC)."""
    count = 0
    async with db.read() as connection:
        for table in (outbox, postings):
            query = select(func.count()).where(table.c.org_id == org_id, table.c.due_at <= now + CLAIM)
            count += int((await connection.execute(query)).scalar_one())
    return count
