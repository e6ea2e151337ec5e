"""The ways to a person: the direct chats in which they wrote, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import routes as table
from store.database import Database
from store.dialect import insert_for


@dataclass(frozen=True, slots=True)
class Route:
    """A direct chat. `dead_reason` says why nothing can be sent there until the person writes from it again."""

    platform: str
    chat_id: str
    last_used_at: datetime
    dead_reason: str | None


async def seen(db: Database, org_id: str, person_id: str, platform: str, chat_id: str, now: datetime) -> None:
    """The person wrote in this direct chat: it is a way to them, and alive."""
    values = {"person_id": person_id, "last_used_at": now, "dead_reason": None}
    async with db.begin() as connection:
        statement = insert_for(connection, table).values(org_id=org_id, platform=platform, chat_id=chat_id, **values)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["org_id", "platform", "chat_id"], set_=values)
        )


async def of_person(db: Database, org_id: str, person_id: str) -> list[Route]:
    """The person's direct chats: those that are alive first, the one used last at the top."""
    query = (
        select(table.c.platform, table.c.chat_id, table.c.last_used_at, table.c.dead_reason)
        .where(table.c.org_id == org_id, table.c.person_id == person_id)
        .order_by(table.c.last_used_at.desc(), table.c.platform, table.c.chat_id)
    )
    async with db.read() as connection:
        found = [Route(*row) for row in await connection.execute(query)]
    return sorted(found, key=lambda route: route.dead_reason is not None)


async def mark_dead(db: Database, org_id: str, platform: str, chat_id: str, reason: str) -> bool:
    """Nothing can be sent there any more; False when it was dead or unknown before."""
    statement = update(table).where(_is(org_id, platform, chat_id), table.c.dead_reason.is_(None))
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(dead_reason=reason[:500]))).rowcount == 1)


async def move_in(connection: AsyncConnection, org_id: str, platform: str, old_chat_id: str, new_chat_id: str) -> None:
    """The platform gave a chat a new id."""
    await connection.execute(delete(table).where(_is(org_id, platform, new_chat_id)))
    statement = update(table).where(_is(org_id, platform, old_chat_id))
    await connection.execute(statement.values(chat_id=new_chat_id))


def _is(org_id: str, platform: str, chat_id: str) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.platform == platform, table.c.chat_id == chat_id)
