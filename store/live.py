"""Messages that are kept up to date: one a chat."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, select

from store.control_tables import live_messages as table
from store.database import Database
from store.dialect import insert_for


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A message (`ref`) in a chat, and the account for which it is kept up to date."""

    platform: str
    chat_id: str
    thread: str | None
    ref: str
    external_id: str
    name: str
    started_at: datetime


_COLUMNS = [table.c[name] for name in LiveMessage.__dataclass_fields__]


async def put(db: Database, org_id: str, site_id: str, message: LiveMessage) -> None:
    """Keep this message up to date, instead of any other in its chat."""
    values = asdict(message)
    key = {"org_id": org_id, "site_id": site_id, "platform": values.pop("platform"), "chat_id": values.pop("chat_id")}
    async with db.begin() as connection:
        statement = insert_for(connection, table).values(**key, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


async def remove(db: Database, org_id: str, site_id: str, platform: str, chat_id: str) -> bool:
    """Let the chat's message be; False when there was none."""
    statement = delete(table).where(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.platform == platform,
        table.c.chat_id == chat_id,
    )
    async with db.begin() as connection:
        return bool((await connection.execute(statement)).rowcount == 1)


async def all_of(db: Database, org_id: str, site_id: str) -> list[LiveMessage]:
    """The site's live messages, oldest first."""
    query = (
        select(*_COLUMNS)
        .where(table.c.org_id == org_id, table.c.site_id == site_id)
        .order_by(table.c.started_at, table.c.platform, table.c.chat_id)
    )
    async with db.read() as connection:
        return [LiveMessage(**row._mapping) for row in await connection.execute(query)]
