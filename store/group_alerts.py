"""Which open groups hear the site's alerts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, select, update

from store.audit import append_in
from store.control_tables import open_groups as table
from store.database import Database


async def put(
    db: Database, org_id: str, site_id: str, platform: str, chat_id: str, on: bool, *, by: str, now: datetime
) -> bool:
    """Whether a group hears them, with an audit row where that changes; False when the group is not open."""
    this = and_(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.platform == platform,
        table.c.chat_id == chat_id,
    )
    async with db.begin() as connection:
        before: bool | None = (await connection.execute(select(table.c.alerts).where(this))).scalar_one_or_none()
        if before is None:
            return False
        if before is not on:
            await connection.execute(update(table).where(this).values(alerts=on))
            await append_in(
                connection,
                org_id,
                site_id=site_id,
                actor=by,
                action="group_alerts_changed",
                subject=f"{platform}:{chat_id}",
                details={"on": on},
                now=now,
            )
    return True


async def listening(db: Database, org_id: str, site_id: str) -> list[tuple[str, str]]:
    """The platform and chat id of each group that hears the site's alerts."""
    query = (
        select(table.c.platform, table.c.chat_id)
        .where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.alerts.is_(True))
        .order_by(table.c.platform, table.c.chat_id)
    )
    async with db.read() as connection:
        return [(row[0], row[1]) for row in await connection.execute(query)]
