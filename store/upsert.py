"""Writing readings: fast in bulk, the hourly rollups in the same transaction."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import and_, delete, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import BigInteger

from energy.reading import NUMERIC_FIELDS, Reading
from energy.rollup import HOUR_S, Rollup
from store.columns import to_ms
from store.database import Database
from store.dialect import insert_for, lock
from store.merging import VALUE_COLUMNS, Row, Run, field_rollups_of, merged_row, runs
from store.tables import readings as table
from store.tables import rollups

CHUNK = 4_000
_KEY = ("org_id", "site_id", "device_id", "taken_at")
_ROLLUP_KEY = ("org_id", "site_id", "field", "device_id", "hour_start")
_ROLLUP_VALUES = (
    "mean",
    "minimum",
    "minimum_at",
    "maximum",
    "maximum_at",
    "covered_s",
    "positive_mean",
    "negative_mean",
)
_values_of = attrgetter(*VALUE_COLUMNS)
_taken_at_ms = type_coerce(table.c.taken_at, BigInteger)


async def upsert(db: Database, org_id: str, readings: Sequence[Reading]) -> int:
    """Store readings in one transaction, in any order and from any number of devices, late ones too.

    The key is (site, device, taken_at in whole milliseconds). A second report of an instant replaces the first,
    except that a backfilled one only fills what a live one left unknown. Rollups of the hours around are worked
    out anew. Returns how many rows are new or different: storing the same readings again changes nothing.
    """
    if not readings:
        return 0
    async with db.begin() as connection:
        return await upsert_in(connection, org_id, readings)


async def upsert_in(connection: AsyncConnection, org_id: str, readings: Sequence[Reading]) -> int:
    """`upsert` inside a transaction of the caller, who may store more with it."""
    by_device: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings:
        by_device.setdefault((reading.site_id, reading.device_id), []).append(reading)
    changed = 0
    for (site_id, device_id), rows in sorted(by_device.items()):
        await lock(connection, "readings", org_id, site_id, device_id)
        rows.sort(key=attrgetter("taken_at"))
        for start in range(0, len(rows), CHUNK):
            changed += await _upsert_chunk(connection, (org_id, site_id, device_id), rows[start : start + CHUNK])
    return changed


async def _upsert_chunk(connection: AsyncConnection, device: tuple[str, str, str], chunk: list[Reading]) -> int:
    incoming: dict[int, Row] = {}
    for reading in chunk:
        at, row = to_ms(reading.taken_at), _row(reading)
        incoming[at] = merged_row(incoming[at], row) if at in incoming else row
    changed: dict[int, Row] = {}
    rows_of: list[tuple[Run, dict[int, Row]]] = []
    replaced = False
    times = list(incoming)  # rising, as the chunk is
    for run in runs(times):
        first, until = run.needed_ms
        rows = await _stored(connection, device, first, until)
        touched = False
        for at in times[bisect_left(times, first) : bisect_left(times, until)]:
            before = rows.get(at)
            after = incoming[at] if before is None else merged_row(before, incoming[at])
            if before == after:
                continue
            replaced = replaced or before is not None
            touched = True
            rows[at] = changed[at] = after
        if touched:
            rows_of.append((run, rows))
    if not changed:
        return 0
    await _write_rows(connection, device, changed)
    for run, rows in rows_of:
        await _write_rollups(connection, device, run, list(field_rollups_of(rows, run)), may_vanish=replaced)
    return len(changed)


def _row(reading: Reading) -> Row:
    row = _values_of(reading)
    codes = reading.fault_codes
    return row if codes is None else (*row[:-3], list(codes), *row[-2:])


async def _stored(connection: AsyncConnection, device: tuple[str, str, str], first: int, until: int) -> dict[int, Row]:
    columns = (table.c[name] for name in VALUE_COLUMNS)
    query = select(_taken_at_ms, *columns).where(_is(table, device), _taken_at_ms >= first, _taken_at_ms < until)
    return {row[0]: tuple(row[1:]) for row in await connection.execute(query)}


async def _write_rows(connection: AsyncConnection, device: tuple[str, str, str], rows: dict[int, Row]) -> None:
    insert = insert_for(connection, table)
    statement = insert.on_conflict_do_update(
        index_elements=_KEY, set_={name: insert.excluded[name] for name in VALUE_COLUMNS}
    )
    await connection.execute(statement, _records(device, rows))


def _records(device: tuple[str, str, str], rows: dict[int, Row]) -> list[dict[str, Any]]:
    names = (*_KEY, *VALUE_COLUMNS)
    return [dict(zip(names, (*device, at, *row), strict=True)) for at, row in rows.items()]


async def _write_rollups(
    connection: AsyncConnection,
    device: tuple[str, str, str],
    run: Run,
    found: list[tuple[str, Rollup]],
    *,
    may_vanish: bool,
) -> None:
    org_id, site_id, device_id = device
    if may_vanish:  # a value that became unknown may have been the only one of its hour
        hours = and_(rollups.c.hour_start >= run.first * HOUR_S, rollups.c.hour_start <= run.last * HOUR_S)
        fields = rollups.c.field.in_(NUMERIC_FIELDS)
        await connection.execute(delete(rollups).where(_is(rollups, device), fields, hours))
    if not found:
        return
    insert = insert_for(connection, rollups)
    statement = insert.on_conflict_do_update(
        index_elements=_ROLLUP_KEY, set_={name: insert.excluded[name] for name in _ROLLUP_VALUES}
    )
    await connection.execute(
        statement,
        [
            {
                "org_id": org_id,
                "site_id": site_id,
                "field": field,
                "device_id": device_id,
                "hour_start": r.start_s,
                "mean": r.mean,
                "minimum": r.minimum,
                "minimum_at": r.minimum_at_s,
                "maximum": r.maximum,
                "maximum_at": r.maximum_at_s,
                "covered_s": r.covered_s,
                "positive_mean": r.positive_mean,
                "negative_mean": r.negative_mean,
            }
            for field, r in found
        ],
    )


def _is(of: Any, device: tuple[str, str, str]) -> ColumnElement[bool]:
    org_id, site_id, device_id = device
    return and_(of.c.org_id == org_id, of.c.site_id == site_id, of.c.device_id == device_id)
