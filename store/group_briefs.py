"""When open groups get the daily brief."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select, update

from store.audit import append_in
from store.control_tables import open_groups as table
from store.database import Database


@dataclass(frozen=True, slots=True)
class GroupBrief:
    """A group and the local time at which it gets the brief (`07:30`)."""

    platform: str
    chat_id: str
    brief_at: str


async def put(
    db: Database,
    org_id: str,
    site_id: str,
    platform: str,
    chat_id: str,
    brief_at: str | None,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Set a group's time (None: no brief), with an audit row; False when the group is not open."""
    this = and_(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.platform == platform,
        table.c.chat_id == chat_id,
    )
    async with db.begin() as connection:
        result = await connection.execute(update(table).where(this).values(brief_at=brief_at))
        if result.rowcount != 1:
            return False
        await append_in(
            connection,
            org_id,
            site_id=site_id,
            actor=by,
            action="group_brief_set",
            subject=f"{platform}:{chat_id}",
            details={"brief_at": brief_at},
            now=now,
        )
    return True


async def all_of(db: Database, org_id: str, site_id: str) -> list[GroupBrief]:
    """The groups of a site that get the brief."""
    query = select(table.c.platform, table.c.chat_id, table.c.brief_at).where(
        table.c.org_id == org_id, table.c.site_id == site_id, table.c.brief_at.is_not(None)
    )
    async with db.read() as connection:
        return [GroupBrief(*row) for row in await connection.execute(query.order_by(table.c.platform, table.c.chat_id))]
