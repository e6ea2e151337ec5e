"""The few places where SQLite and Postgres differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Insert = sqlite.Insert | postgresql.Insert


def insert_for(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, of the connection's dialect; both have the same methods."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


async def insert_new(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there already; whether it was new. Decides between callers at the same time."""
    statement = insert_for(connection, table).values(dict(row)).on_conflict_do_nothing()
    # Without the option Postgres' driver does not tell how many rows an INSERT made.
    result = await connection.execute(statement, execution_options={"preserve_rowcount": True})
    return bool(result.rowcount == 1)


async def lock(connection: AsyncConnection, *names: str) -> None:
    """Hold what `names` stand for until the transaction ends, against other writers.

    SQLite has one writer at a time, so the transaction itself is the lock (`Database.begin` starts it at once).
    """
    if connection.dialect.name == "postgresql":
        digest = hashlib.blake2b("\x1f".join(names).encode(), digest_size=8).digest()
        await connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest, "big", signed=True))))


def skip_locked(connection: AsyncConnection, query: Select[Any]) -> Select[Any]:
    """The query with its rows locked until the transaction ends, without those that somebody else has locked.

    SQLite has one writer at a time: in a writer's transaction nobody else holds a row.
    """
    if connection.dialect.name == "postgresql":
        return query.with_for_update(skip_locked=True)
    return query
