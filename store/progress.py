"""Progress lines that stand in chats: one row when a line appears, gone when the line goes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, select

from store.control_tables import progress_lines as table
from store.database import Database
from store.dialect import insert_for


class ProgressLine(NamedTuple):
    """The message `ref` in a chat."""

    platform: str
    chat_id: str
    thread: str | None
    ref: str


async def keep(db: Database, org_id: str, line: ProgressLine) -> None:
    """The line stands there now."""
    async with db.begin() as connection:
        statement = insert_for(connection, table).values(org_id=org_id, **line._asdict())
        await connection.execute(statement.on_conflict_do_nothing())


async def forget(db: Database, org_id: str, line: ProgressLine) -> bool:
    """The line is gone; False when that was known."""
    statement = delete(table).where(
        table.c.org_id == org_id,
        table.c.platform == line.platform,
        table.c.chat_id == line.chat_id,
        table.c.ref == line.ref,
    )
    async with db.begin() as connection:
        return bool((await connection.execute(statement)).rowcount == 1)


async def all_of(db: Database, org_id: str, platform: str) -> list[ProgressLine]:
    """The lines that stand on a platform."""
    query = (
        select(table.c.platform, table.c.chat_id, table.c.thread, table.c.ref)
        .where(table.c.org_id == org_id, table.c.platform == platform)
        .order_by(table.c.chat_id, table.c.ref)
    )
    async with db.read() as connection:
        return [ProgressLine(*row) for row in await connection.execute(query)]
