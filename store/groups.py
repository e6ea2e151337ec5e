"""The group chats that an owner opened: there the site's figures may be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audit import append_in
from store.control_tables import open_groups as table
from store.database import Database
from store.dialect import insert_new


async def open_group(
    db: Database, org_id: str, site_id: str, platform: str, chat_id: str, *, by: str, now: datetime
) -> bool:
    """Open a group, with an audit row; False when it was open before."""
    row = {
        "org_id": org_id,
        "site_id": site_id,
        "platform": platform,
        "chat_id": chat_id,
        "opened_by": by,
        "opened_at": now,
        "alerts": False,
        "brief_at": None,
    }
    async with db.begin() as connection:
        opened = await insert_new(connection, table, row)
        if opened:
            subject = f"{platform}:{chat_id}"
            await append_in(
                connection, org_id, site_id=site_id, actor=by, action="group_opened", subject=subject, now=now
            )
    return opened


async def close_group(
    db: Database, org_id: str, site_id: str, platform: str, chat_id: str, *, by: str, now: datetime
) -> bool:
    """Close a group, with an audit row; False when it was not open."""
    async with db.begin() as connection:
        result = await connection.execute(delete(table).where(_is(org_id, site_id, platform, chat_id)))
        closed = bool(result.rowcount == 1)
        if closed:
            subject = f"{platform}:{chat_id}"
            await append_in(
                connection, org_id, site_id=site_id, actor=by, action="group_closed", subject=subject, now=now
            )
    return closed


async def is_open(db: Database, org_id: str, site_id: str, platform: str, chat_id: str) -> bool:
    """Whether an owner opened this group for the site."""
    query = select(table.c.chat_id).where(_is(org_id, site_id, platform, chat_id))
    async with db.read() as connection:
        return (await connection.execute(query)).first() is not None


async def move_in(connection: AsyncConnection, org_id: str, platform: str, old_chat_id: str, new_chat_id: str) -> None:
    """The platform gave a group a new id (Telegram does when it becomes a supergroup)."""
    of_platform = and_(table.c.org_id == org_id, table.c.platform == platform)
    await connection.execute(delete(table).where(of_platform, table.c.chat_id == new_chat_id))
    statement = update(table).where(of_platform, table.c.chat_id == old_chat_id)
    await connection.execute(statement.values(chat_id=new_chat_id))


def _is(org_id: str, site_id: str, platform: str, chat_id: str) -> ColumnElement[bool]:
    return and_(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.platform == platform,
        table.c.chat_id == chat_id,
    )
