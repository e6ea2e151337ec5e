"""What was said before in a conversation, and keeping what is said now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from energy.site import Site
from services.scope import DEFAULT_ORG_ID
from store import conversations
from store.conversations import StoredTurn
from store.database import Database

TURNS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation takes place: a chat of a platform, and a thread in it."""

    platform: str
    chat_id: str
    thread: str | None


async def recent_turns(database: Database, site: Site, place: Place, count: int = TURNS) -> Sequence[StoredTurn]:
    """The last turns of the conversation, oldest first."""
    return await conversations.last_turns(database, DEFAULT_ORG_ID, await _id(database, site, place), count)


async def remember_turn(
    database: Database,
    site: Site,
    place: Place,
    *,
    person_id: str,
    question: str,
    answer: str,
    figures: Sequence[Mapping[str, Any]] = (),
    agent: str | None = None,
    mode: str | None = None,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
) -> None:
    """Keep a question and its answer, with the figures that the answer carried."""
    await conversations.add_turn(
        database,
        DEFAULT_ORG_ID,
        await _id(database, site, place),
        question=question,
        answer=answer,
        person_id=person_id,
        figures=figures,
        agent=agent,
        mode=mode,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


async def _id(database: Database, site: Site, place: Place) -> str:
    return await conversations.conversation(
        database, DEFAULT_ORG_ID, site.id, place.platform, place.chat_id, place.thread
    )
