"""Readings and their hourly rollups: writing, the newest state, series of a field, export.

`as_of` hides every row taken later, so that a question "as it was at 14:00" gets the answer of that time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Select, and_, bindparam, case, func, select, type_coerce, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.cadence import local_cadences_s, median_cadence_s
from energy.reading import NUMERIC_FIELDS, READING_COLUMNS, Quality, Reading
from energy.rollup import HOUR_S, Rollup
from energy.series import Series
from store.columns import from_ms, to_ms
from store.database import Database
from store.merging import unique_seconds
from store.rejections import RejectedCount, count_rejections, rejected_since
from store.tables import readings as table
from store.tables import rollups
from store.upsert import upsert, upsert_in

__all__ = [
    "RejectedCount",
    "count_rejections",
    "devices",
    "field_rollups",
    "field_rows",
    "latest",
    "newer",
    "rejected_since",
    "span",
    "stream",
    "upsert",
    "upsert_in",
]

_SLICE = timedelta(days=1)
_FOREVER_MS = 2**62
_SERIES_FIELDS = (*NUMERIC_FIELDS, "grid_present")  # a flag is 1 or 0
_taken_at_ms = type_coerce(table.c.taken_at, BigInteger)
_reading_columns = [table.c[name] for name in READING_COLUMNS]


def _devices() -> Any:
    """The devices with rows: hops along the primary key from one to the next, instead of walking over all rows."""
    of_site = and_(table.c.org_id == bindparam("org_id"), table.c.site_id == bindparam("site_id"))
    first = select(func.min(table.c.device_id).label("device_id")).where(of_site).cte("devices", recursive=True)
    following = select(func.min(table.c.device_id)).where(of_site, table.c.device_id > first.c.device_id)
    return first.union_all(select(following.scalar_subquery()).where(first.c.device_id.is_not(None)))


_DEVICES = _devices()
_OF_DEVICE = and_(
    table.c.org_id == bindparam("org_id"),
    table.c.site_id == bindparam("site_id"),
    table.c.device_id == _DEVICES.c.device_id,
)


def _newest() -> Select[Any]:
    other = table.alias("newer")
    newest_at = (
        select(func.max(type_coerce(other.c.taken_at, BigInteger)))
        .where(
            other.c.org_id == bindparam("org_id"),
            other.c.site_id == bindparam("site_id"),
            other.c.device_id == _DEVICES.c.device_id,
            type_coerce(other.c.taken_at, BigInteger) <= bindparam("until"),
        )
        .scalar_subquery()
    )
    return select(*_reading_columns).select_from(_DEVICES).join(table, and_(_OF_DEVICE, _taken_at_ms == newest_at))


def _edge(newest: bool) -> Any:
    edge = func.max(_taken_at_ms) if newest else func.min(_taken_at_ms)
    of_device = and_(_OF_DEVICE, _taken_at_ms >= bindparam("start"), _taken_at_ms <= bindparam("until"))
    return select(edge).where(of_device).correlate(_DEVICES).scalar_subquery()


_DEVICE_IDS = select(_DEVICES.c.device_id).where(_DEVICES.c.device_id.is_not(None)).order_by(_DEVICES.c.device_id)
_NEWEST = _newest()
_SPAN = select(_edge(newest=False), _edge(newest=True)).select_from(_DEVICES)


def _as_number(name: str) -> Any:
    if name == "grid_present":
        return case((table.c.grid_present, 1.0), else_=0.0)
    return table.c[name]


# With the ids written out both planners go straight to each device's stretch of the key; joined with the list of
# devices, SQLite walked over all rows of the site.
_OF_SITE_BETWEEN = and_(
    table.c.org_id == bindparam("org_id"),
    table.c.site_id == bindparam("site_id"),
    table.c.device_id.in_(bindparam("devices", expanding=True)),
    _taken_at_ms >= bindparam("start"),
    _taken_at_ms < bindparam("end"),
)
_ROWS = {
    name: select(table.c.device_id, _taken_at_ms, _as_number(name))
    .where(_OF_SITE_BETWEEN, table.c[name].is_not(None))
    .order_by(table.c.device_id, _taken_at_ms)
    for name in _SERIES_FIELDS
}
_SLICE_OF_ALL = select(*_reading_columns).where(_OF_SITE_BETWEEN).order_by(_taken_at_ms, table.c.device_id)
_ROLLUPS = (
    select(
        rollups.c.device_id,
        rollups.c.hour_start,
        rollups.c.mean,
        rollups.c.minimum,
        rollups.c.minimum_at,
        rollups.c.maximum,
        rollups.c.maximum_at,
        rollups.c.covered_s,
        rollups.c.positive_mean,
        rollups.c.negative_mean,
    )
    .where(
        rollups.c.org_id == bindparam("org_id"),
        rollups.c.site_id == bindparam("site_id"),
        rollups.c.field == bindparam("field"),
        rollups.c.device_id.in_(bindparam("devices", expanding=True)),
        rollups.c.hour_start >= bindparam("start"),
        rollups.c.hour_start < bindparam("end"),
    )
    .order_by(rollups.c.device_id, rollups.c.hour_start)
)


async def devices(db: Database, org_id: str, site_id: str) -> list[str]:
    """The ids of the devices that have readings, in alphabetical order."""
    async with db.read() as connection:
        return await _device_ids(connection, org_id, site_id)


async def span(
    db: Database, org_id: str, site_id: str, *, as_of: datetime | None = None
) -> tuple[datetime, datetime] | None:
    """When the first and the last visible reading were taken (aware UTC), or None without readings."""
    async with db.read() as connection:
        edges = await _edges(connection, org_id, site_id, -_FOREVER_MS, _last_visible_ms(as_of))
    return None if edges is None else (from_ms(edges[0]), from_ms(edges[1]))


async def latest(db: Database, org_id: str, site_id: str, *, as_of: datetime) -> dict[str, Reading]:
    """The newest visible reading of each device."""
    values = {"org_id": org_id, "site_id": site_id, "until": to_ms(as_of)}
    async with db.read() as connection:
        found = [_reading(row) for row in await connection.execute(_NEWEST, values)]
    return {reading.device_id: reading for reading in sorted(found, key=lambda r: r.device_id)}


async def field_rows(
    db: Database, org_id: str, site_id: str, field: str, start: datetime, end: datetime, as_of: datetime
) -> dict[str, Series]:
    """Per device the known rows of a field with start <= taken_at < end, not later than `as_of`.

    Times are whole seconds (of several rows in one second the last counts), the cadence is the median of the rows.
    `grid_present` comes as 1 and 0. Raises ValueError for a text field or one that does not exist.
    """
    if field not in _ROWS:
        raise ValueError(f'"{field}" has no series; the fields are {", ".join(_SERIES_FIELDS)}')
    values: dict[str, Any] = {
        "org_id": org_id,
        "site_id": site_id,
        "start": to_ms(start),
        "end": min(to_ms(end), to_ms(as_of) + 1),
    }
    async with db.read() as connection:
        values["devices"] = await _device_ids(connection, org_id, site_id)
        rows = (await connection.execute(_ROWS[field], values)).all()
    return {device_id: _series(device_id, rows[first:last]) for device_id, first, last in _blocks(rows)}


async def field_rollups(
    db: Database,
    org_id: str,
    site_id: str,
    field: str,
    start: datetime,
    end: datetime,
    *,
    as_of: datetime | None = None,
) -> dict[str, list[Rollup]]:
    """Per device the rollups of the hours that begin in [start, end), in the order of time.

    With `as_of` only of hours that were over by then: an hour that is still running holds rows that are not visible.
    """
    end_s = -(-to_ms(end) // 1000)
    if as_of is not None:
        end_s = min(end_s, to_ms(as_of) // 1000 - HOUR_S + 1)
    values: dict[str, Any] = {
        "org_id": org_id,
        "site_id": site_id,
        "field": field,
        "start": -(-to_ms(start) // 1000),
        "end": end_s,
    }
    async with db.read() as connection:
        values["devices"] = await _device_ids(connection, org_id, site_id)
        rows = (await connection.execute(_ROLLUPS, values)).all()
    return {device_id: [_rollup(row) for row in rows[first:last]] for device_id, first, last in _blocks(rows)}


async def newer(
    db: Database, org_id: str, site_id: str, known: Mapping[str, datetime], *, until: datetime
) -> list[Reading]:
    """The rows of each device of `known` that were taken at that moment of it or later, up to and with `until`.

    In the order of time, of each device apart; the row of that very moment is there again, lest it was replaced.
    """
    if not known:
        return []
    names = sorted(known)
    values: dict[str, Any] = {"org_id": org_id, "site_id": site_id, "until": to_ms(until)}
    for number, name in enumerate(names):
        values |= {f"device_{number}": name, f"since_{number}": to_ms(known[name])}
    async with db.read() as connection:
        return [_reading(row) for row in await connection.execute(_newer_of(len(names)), values)]


@lru_cache(maxsize=64)
def _newer_of(devices: int) -> Any:
    """One stretch of the key for each device: planners take it for what it is, unlike a list of conditions."""
    parts = [
        select(*_reading_columns).where(
            table.c.org_id == bindparam("org_id"),
            table.c.site_id == bindparam("site_id"),
            table.c.device_id == bindparam(f"device_{number}"),
            _taken_at_ms >= bindparam(f"since_{number}"),
            _taken_at_ms <= bindparam("until"),
        )
        for number in range(devices)
    ]
    return union_all(*parts).order_by("device_id", "taken_at") if devices > 1 else parts[0].order_by(_taken_at_ms)


async def stream(
    db: Database, org_id: str, site_id: str, start: datetime | None, end: datetime | None, as_of: datetime
) -> AsyncIterator[Reading]:
    """All visible readings with start <= taken_at < end (None = open), in the order of time, then of device.

    Reads a day at a time and holds no transaction open while the caller works on it.
    """
    of_site: dict[str, Any] = {"org_id": org_id, "site_id": site_id}
    until_ms = min(_FOREVER_MS if end is None else to_ms(end), to_ms(as_of) + 1)
    at_ms = -_FOREVER_MS if start is None else to_ms(start)
    slice_ms = _SLICE // timedelta(milliseconds=1)
    while True:
        async with db.read() as connection:
            edges = await _edges(connection, org_id, site_id, at_ms, until_ms - 1)
            if edges is None:
                return
            stop_ms = min(edges[0] + slice_ms, until_ms)
            ids = await _device_ids(connection, org_id, site_id)
            values = of_site | {"devices": ids, "start": edges[0], "end": stop_ms}
            rows = (await connection.execute(_SLICE_OF_ALL, values)).all()
        for row in rows:
            yield _reading(row)
        at_ms = stop_ms


async def _device_ids(connection: AsyncConnection, org_id: str, site_id: str) -> list[str]:
    return [row[0] for row in await connection.execute(_DEVICE_IDS, {"org_id": org_id, "site_id": site_id})]


async def _edges(
    connection: AsyncConnection, org_id: str, site_id: str, start_ms: int, last_ms: int
) -> tuple[int, int] | None:
    values = {"org_id": org_id, "site_id": site_id, "start": start_ms, "until": last_ms}
    found = [row for row in await connection.execute(_SPAN, values) if row[0] is not None]
    return (min(row[0] for row in found), max(row[1] for row in found)) if found else None


def _last_visible_ms(as_of: datetime | None) -> int:
    return _FOREVER_MS if as_of is None else to_ms(as_of)


def _blocks(rows: Any) -> list[tuple[str, int, int]]:
    """(device, first, last) of the stretches of rows of one device; rows are in the order of devices."""
    found: list[tuple[str, int, int]] = []
    first = 0
    while first < len(rows):
        device_id = rows[first][0]
        last = first
        step = len(rows)
        while step:  # gallops: thousands of rows of a device cost a dozen comparisons
            if last + step <= len(rows) and rows[last + step - 1][0] == device_id:
                last += step
            else:
                step //= 2
        found.append((device_id, first, last))
        first = last
    return found


def _series(device_id: str, rows: Any) -> Series:
    times_ms = np.fromiter((row[1] for row in rows), np.int64, len(rows))
    found = np.fromiter((row[2] for row in rows), np.float64, len(rows))
    times, values = unique_seconds(times_ms, found)
    return Series(times, values, median_cadence_s(times), device_id, local_cadences_s(times))


def _rollup(row: Any) -> Rollup:
    _, start_s, mean, low, low_at, high, high_at, covered_s, positive, negative = row
    return Rollup(start_s, mean, low, low_at, high, high_at, covered_s, positive, negative)


def _reading(row: Any) -> Reading:
    values = dict(zip(READING_COLUMNS, row, strict=True))
    codes = values["fault_codes"]
    values["fault_codes"] = None if codes is None else tuple(codes)
    values["quality"] = Quality(values["quality"])
    return Reading(**values)
