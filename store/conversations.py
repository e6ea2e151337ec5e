"""What was said in each chat: turns of a question and its answer, with the figures and what they cost."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, func, insert, select

from store.database import Database
from store.dialect import insert_new
from store.tables import conversations, messages


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A question and its answer. `figures` are the answer's, as plain data."""

    question: str
    answer: str
    person_id: str | None
    agent: str | None
    mode: str | None
    figures: tuple[Mapping[str, Any], ...]
    asked_at: datetime


async def conversation(
    db: Database,
    org_id: str,
    site_id: str,
    platform: str,
    chat_id: str,
    thread: str | None = None,
    *,
    now: datetime | None = None,
) -> str:
    """The id of the conversation in this chat (and thread); it begins with the first call."""
    here = and_(
        conversations.c.org_id == org_id,
        conversations.c.platform == platform,
        conversations.c.chat_id == chat_id,
        conversations.c.thread == (thread or ""),
    )
    query = select(conversations.c.conversation_id).where(here)
    async with db.read() as connection:
        found = (await connection.execute(query)).scalar_one_or_none()
    if found is not None:
        return str(found)
    async with db.begin() as connection:
        row = {
            "conversation_id": uuid.uuid4().hex,
            "org_id": org_id,
            "site_id": site_id,
            "platform": platform,
            "chat_id": chat_id,
            "thread": thread or "",
            "created_at": now or datetime.now(UTC),
        }
        await insert_new(connection, conversations, row)
        return str((await connection.execute(query)).scalar_one())


async def add_turn(
    db: Database,
    org_id: str,
    conversation_id: str,
    *,
    question: str,
    answer: str,
    person_id: str | None = None,
    figures: Sequence[Mapping[str, Any]] = (),
    agent: str | None = None,
    mode: str | None = None,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    now: datetime | None = None,
) -> None:
    """Keep a question and its answer, both or neither."""
    both = {
        "org_id": org_id,
        "conversation_id": conversation_id,
        "person_id": person_id,
        "created_at": now or datetime.now(UTC),
    }
    asked = {"role": "person", "text": question, "prompt_tokens": 0, "completion_tokens": 0}
    answered = {
        "role": "assistant",
        "text": answer,
        "figures": [dict(figure) for figure in figures],
        "agent": agent,
        "mode": mode,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
    }
    async with db.begin() as connection:
        await connection.execute(insert(messages).values(both | asked))
        await connection.execute(insert(messages).values(both | answered))


async def last_turns(
    db: Database, org_id: str, conversation_id: str, count: int, *, as_of: datetime | None = None
) -> list[StoredTurn]:
    """The last `count` turns, oldest first; with `as_of` only those that had been kept by then."""
    query = select(messages).where(messages.c.org_id == org_id, messages.c.conversation_id == conversation_id)
    if as_of is not None:
        query = query.where(messages.c.created_at <= as_of)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(messages.c.message_id.desc()).limit(2 * count))).all()
    rows = rows[::-1]
    return [
        StoredTurn(
            asked.text, told.text, asked.person_id, told.agent, told.mode, tuple(told.figures or ()), asked.created_at
        )
        for asked, told in zip(rows[::2], rows[1::2], strict=False)
    ]


async def tokens_used(db: Database, org_id: str, since: datetime, *, person_id: str | None = None) -> int:
    """Model tokens, prompts and completions, from `since` on: of one person, or of everybody."""
    total = func.coalesce(func.sum(messages.c.prompt_tokens + messages.c.completion_tokens), 0)
    query = select(total).where(messages.c.org_id == org_id, messages.c.created_at >= since)
    if person_id is not None:
        query = query.where(messages.c.person_id == person_id)
    async with db.read() as connection:
        return int((await connection.execute(query)).scalar_one())
