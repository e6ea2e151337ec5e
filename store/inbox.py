"""Messages from their arrival until their reply has gone: received -> answered -> settled.

Each step is committed before the next begins. After a restart `pending` gives what is left: a message without a
reply is answered now, one with a reply only has to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, null, select, update

from store.database import Database
from store.dialect import insert_new
from store.tables import inbox


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message that is not settled. `reply` is set when it was answered."""

    key: str
    message: dict[str, Any] | None
    reply: dict[str, Any] | None
    received_at: datetime


async def receive(
    db: Database,
    org_id: str,
    platform: str,
    key: str,
    message: Mapping[str, Any] | None = None,
    *,
    now: datetime | None = None,
) -> bool:
    """Commit a message under the platform's key for it; False when the key was received before."""
    row = {
        "org_id": org_id,
        "platform": platform,
        "key": key,
        "state": "received",
        "message": None if message is None else dict(message),
        "received_at": now or datetime.now(UTC),
    }
    async with db.begin() as connection:
        return await insert_new(connection, inbox, row)


async def answered(db: Database, org_id: str, platform: str, key: str, reply: Mapping[str, Any]) -> bool:
    """Commit the reply before it is sent, and again when a part of it has gone. False once it is settled."""
    statement = update(inbox).where(_is(org_id, platform, key), inbox.c.state != "settled")
    async with db.begin() as connection:
        result = await connection.execute(statement.values(state="answered", reply=dict(reply)))
        return bool(result.rowcount == 1)


async def settled(db: Database, org_id: str, platform: str, key: str, *, now: datetime | None = None) -> bool:
    """Commit that nothing is left to do. False when that was known already.

    The key stays, for messages that are delivered again; the texts go.
    """
    statement = update(inbox).where(_is(org_id, platform, key), inbox.c.state != "settled")
    values = {"state": "settled", "message": null(), "reply": null(), "settled_at": now or datetime.now(UTC)}
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(values))).rowcount == 1)


async def pending(db: Database, org_id: str, platform: str) -> list[PendingMessage]:
    """Everything that is not settled, oldest first."""
    query = (
        select(inbox.c.key, inbox.c.message, inbox.c.reply, inbox.c.received_at)
        .where(inbox.c.org_id == org_id, inbox.c.platform == platform, inbox.c.state.in_(("received", "answered")))
        .order_by(inbox.c.received_at, inbox.c.key)
    )
    async with db.read() as connection:
        return [PendingMessage(*row) for row in await connection.execute(query)]


async def forget_settled_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop the keys of messages that were settled before `moment`; how many. Platforms repeat for a day at the most."""
    statement = delete(inbox).where(inbox.c.org_id == org_id, inbox.c.state == "settled", inbox.c.settled_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


def _is(org_id: str, platform: str, key: str) -> ColumnElement[bool]:
    return and_(inbox.c.org_id == org_id, inbox.c.platform == platform, inbox.c.key == key)
