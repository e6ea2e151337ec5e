"""Weather forecasts as they were issued: models are trained and scored on what was known at the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from energy.weather import IssuedForecast, WeatherHour
from store.columns import from_ms, to_ms
from store.database import Database
from store.dialect import insert_new
from store.tables import weather_forecasts as table

_COLUMNS = ("temperature_c", "cloud_cover_pct", "ghi_w_m2", "dni_w_m2", "dhi_w_m2")


async def insert(db: Database, org_id: str, site_id: str, issued: IssuedForecast) -> bool:
    """Archive a forecast; False, and nothing changed, when the one of this source and issue time is there already."""
    return await insert_all(db, org_id, site_id, [issued]) == 1


async def insert_all(db: Database, org_id: str, site_id: str, issued: Sequence[IssuedForecast]) -> int:
    """`insert` of many in one transaction; how many were new."""
    new = 0
    async with db.begin() as connection:
        for each in issued:
            row = {
                "org_id": org_id,
                "site_id": site_id,
                "source": each.source,
                "issued_at": each.issued_at,
                "hours": _packed(each.hours),
                "attribution": each.attribution,
            }
            new += await insert_new(connection, table, row)
    return new


async def latest_issued(
    db: Database, org_id: str, site_id: str, *, as_of: datetime, source: str | None = None
) -> IssuedForecast | None:
    """What was known at `as_of`: the newest forecast issued by then (of any source unless one is named), or None."""
    of_site = (table.c.org_id == org_id, table.c.site_id == site_id)
    # The key's index alone finds it: the hours are large, and there are thousands of forecasts.
    keys = select(table.c.source, table.c.issued_at).where(*of_site, table.c.issued_at <= as_of)
    if source is not None:
        keys = keys.where(table.c.source == source)
    newest = keys.order_by(table.c.issued_at.desc(), table.c.source).limit(1).subquery()
    query = _forecasts(org_id, site_id).join(
        newest, (table.c.source == newest.c.source) & (table.c.issued_at == newest.c.issued_at)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else _forecast(row)


async def issued_between(
    db: Database, org_id: str, site_id: str, start: datetime, end: datetime
) -> list[IssuedForecast]:
    """All forecasts issued in [start, end), in the order of issue."""
    query = _forecasts(org_id, site_id).where(table.c.issued_at >= start, table.c.issued_at < end)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.issued_at))).all()
    return [_forecast(row) for row in rows]


@dataclass(frozen=True, slots=True)
class PackedIssue:
    """A forecast as it is stored: one list per variable, in the order of `start_ms`. For those who read hundreds."""

    issued_at: datetime
    source: str
    start_ms: Sequence[int]
    columns: Mapping[str, Sequence[float | None]]  # temperature_c, cloud_cover_pct, ghi_w_m2, dni_w_m2, dhi_w_m2
    tilted_w_m2: Mapping[str, Sequence[float | None]]


async def issues(db: Database, org_id: str, site_id: str, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """When forecasts were issued in [start, end), and by which source, in the order of issue."""
    query = select(table.c.issued_at, table.c.source).where(
        table.c.org_id == org_id, table.c.site_id == site_id, table.c.issued_at >= start, table.c.issued_at < end
    )
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.issued_at, table.c.source))).all()
    return [(row.issued_at, row.source) for row in rows]


async def packed(db: Database, org_id: str, site_id: str, keys: Sequence[tuple[datetime, str]]) -> list[PackedIssue]:
    """The forecasts of those issue times and sources, in the order of issue."""
    if not keys:
        return []
    query = _forecasts(org_id, site_id).where(table.c.issued_at.in_({issued_at for issued_at, _ in keys}))
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.issued_at))).all()
    wanted = set(keys)
    return [
        PackedIssue(
            row.issued_at,
            row.source,
            row.hours["start_ms"],
            {name: row.hours[name] for name in _COLUMNS},
            row.hours["tilted_w_m2"],
        )
        for row in rows
        if (row.issued_at, row.source) in wanted
    ]


async def forget(db: Database, org_id: str, site_id: str, issued: Sequence[datetime]) -> int:
    """Drop the forecasts of those issue times; how many."""
    dropped = 0
    async with db.begin() as connection:
        for moment in issued:
            one = (table.c.org_id == org_id, table.c.site_id == site_id, table.c.issued_at == moment)
            dropped += int((await connection.execute(delete(table).where(*one))).rowcount)
    return dropped


async def forget_before(db: Database, org_id: str, site_id: str, moment: datetime) -> int:
    """Drop the forecasts that were issued before `moment`; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.issued_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


def _forecasts(org_id: str, site_id: str) -> Any:
    return select(table.c.issued_at, table.c.source, table.c.hours, table.c.attribution).where(
        table.c.org_id == org_id, table.c.site_id == site_id
    )


def _packed(hours: tuple[WeatherHour, ...]) -> dict[str, Any]:
    """One list per variable: a quarter of the size of one object per hour."""
    arrays = sorted({name for hour in hours for name in hour.tilted_w_m2})
    return {
        "start_ms": [to_ms(hour.start) for hour in hours],
        **{column: [getattr(hour, column) for hour in hours] for column in _COLUMNS},
        "tilted_w_m2": {name: [hour.tilted_w_m2.get(name) for hour in hours] for name in arrays},
    }


def _forecast(row: Any) -> IssuedForecast:
    packed: Mapping[str, Any] = row.hours
    hours = tuple(
        WeatherHour(
            start=from_ms(start_ms),
            **{column: packed[column][index] for column in _COLUMNS},
            tilted_w_m2={name: values[index] for name, values in packed["tilted_w_m2"].items()},
        )
        for index, start_ms in enumerate(packed["start_ms"])
    )
    return IssuedForecast(row.issued_at, row.source, hours, row.attribution)
