"""The messages that are kept up to date, one a chat."""

from __future__ import annotations

from energy.site import Site
from services.scope import DEFAULT_ORG_ID
from store import live
from store.database import Database
from store.live import LiveMessage as LiveMessage


async def put(database: Database, site: Site, message: LiveMessage) -> None:
    """Keep a message up to date, instead of any other in its chat."""
    await live.put(database, DEFAULT_ORG_ID, site.id, message)


async def forget(database: Database, site: Site, platform: str, chat_id: str) -> bool:
    """Let the chat's message be, in whichever thread it stands; False when there was none."""
    return await live.remove(database, DEFAULT_ORG_ID, site.id, platform, chat_id)


async def all_of(database: Database, site: Site) -> list[LiveMessage]:
    """The site's live messages, oldest first."""
    return await live.all_of(database, DEFAULT_ORG_ID, site.id)
