"""The ways to a person: the direct chats in which they wrote to us."""

from __future__ import annotations

from datetime import datetime

from services.scope import DEFAULT_ORG_ID
from store import groups, places, routes
from store.database import Database
from store.routes import Route as Route


async def seen(database: Database, person_id: str, platform: str, chat_id: str, now: datetime) -> None:
    """The person wrote in this direct chat."""
    await routes.seen(database, DEFAULT_ORG_ID, person_id, platform, chat_id, now)


async def of_person(database: Database, person_id: str) -> list[Route]:
    """Where the person can be reached, the chat used last first; dead ones are left out."""
    found = await routes.of_person(database, DEFAULT_ORG_ID, person_id)
    return [route for route in found if route.dead_reason is None]


async def mark_dead(database: Database, platform: str, chat_id: str, reason: str) -> bool:
    """Nothing can be sent there until the person writes from it; False when that was known."""
    return await routes.mark_dead(database, DEFAULT_ORG_ID, platform, chat_id, reason)


async def moved(database: Database, platform: str, old_chat_id: str, new_chat_id: str) -> None:
    """The platform gave a chat a new id: it stays a route, an open group stays open, and its buttons go on working."""
    async with database.begin() as connection:
        for move_in in (routes.move_in, groups.move_in, places.move_in):
            await move_in(connection, DEFAULT_ORG_ID, platform, old_chat_id, new_chat_id)
