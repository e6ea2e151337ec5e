"""What waits for a moment, after the clock was set back.

A row's `due_at` is a moment of the clock that it was set by, and `set_at` is what that clock showed. Where `set_at`
lies in the future, the clock was set back since, and nobody knows how long the row has waited: it begins its wait anew,
so it waits once more what was asked for at the most, and never for the clock to catch up.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Table, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from store.columns import to_ms
from store.dialect import skip_locked


async def in_this_clock(
    connection: AsyncConnection, table: Table, key: Column[int], stepped: ColumnElement[bool], now: datetime
) -> None:
    """Move `due_at` and `set_at` of the rows that `stepped` picks by as much as the clock was set back."""
    query = skip_locked(connection, select(key).where(stepped).order_by(key).limit(10_000))
    found = [row[0] for row in await connection.execute(query)]
    if not found:
        return
    due_ms, set_ms = type_coerce(table.c.due_at, BigInteger), type_coerce(table.c.set_at, BigInteger)
    values = {"due_at": to_ms(now) + (due_ms - set_ms), "set_at": now}
    for start in range(0, len(found), 500):
        await connection.execute(update(table).where(key.in_(found[start : start + 500])).values(values))
