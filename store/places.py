"""Places (`telegram:-100:44`: platform, chat, topic) to which something is bound, when their chat gets a new id."""

from __future__ import annotations

from sqlalchemy import func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import buttons, control_requests


async def move_in(connection: AsyncConnection, org_id: str, platform: str, old_chat_id: str, new_chat_id: str) -> None:
    """Buttons, and what waits to be confirmed, are bound to the chat's new id, in whichever topic they stand."""
    old, new = f"{platform}:{old_chat_id}", f"{platform}:{new_chat_id}"
    for table in (buttons, control_requests):
        in_topic = func.substr(table.c.place, 1, len(old) + 1) == f"{old}:"
        statement = update(table).where(table.c.org_id == org_id, or_(table.c.place == old, in_topic))
        await connection.execute(statement.values(place=new + func.substr(table.c.place, len(old) + 1)))
