"""The progress lines that stand in chats, known across restarts."""

from __future__ import annotations

from services.scope import DEFAULT_ORG_ID
from store import progress
from store.database import Database
from store.progress import ProgressLine as ProgressLine


async def keep(database: Database, line: ProgressLine) -> None:
    """The line stands there now."""
    await progress.keep(database, DEFAULT_ORG_ID, line)


async def forget(database: Database, line: ProgressLine) -> None:
    """The line is gone."""
    await progress.forget(database, DEFAULT_ORG_ID, line)


async def all_of(database: Database, platform: str) -> list[ProgressLine]:
    """The lines that stand on a platform."""
    return await progress.all_of(database, DEFAULT_ORG_ID, platform)
