"""Our own forecasts as they were issued: what was said of solar, load and battery, and from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database
from store.dialect import insert_new
from store.forecast_tables import forecasts as table

if TYPE_CHECKING:
    from energy.forecast.hours import Band, Floats, Target

_DECIMALS = 3  # of W, or of % for the battery's charge: a third of the size of what floats have


@dataclass(frozen=True)
class StoredForecast:
    """A band as it was issued. `notes` are for people; `weights` are of the members; the weather is what it used."""

    target: Target
    band: Band
    notes: tuple[str, ...] = ()
    weather_source: str | None = None
    weather_issued_at: datetime | None = None
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def issued_at(self) -> datetime:
        """When it was issued (aware UTC)."""
        return datetime.fromtimestamp(self.band.issued_s, UTC)


async def put(db: Database, org_id: str, site_id: str, stored: StoredForecast) -> bool:
    """Keep a forecast; False, and nothing changed, when one of this target and issue time is there already.

    Values keep three decimals.
    """
    async with db.begin() as connection:
        return await put_in(connection, org_id, site_id, stored)


async def put_in(connection: AsyncConnection, org_id: str, site_id: str, stored: StoredForecast) -> bool:
    """`put` within a transaction."""
    band = stored.band
    row = {
        "org_id": org_id,
        "site_id": site_id,
        "target": stored.target,
        "issued_at": stored.issued_at,
        "model": band.model,
        "version": band.version,
        "hours": {
            "start_s": band.starts_s.tolist(),
            "p10": _packed(band.p10),
            "p50": _packed(band.p50),
            "p90": _packed(band.p90),
        },
        "notes": list(stored.notes),
        "weights": {name: round(float(weight), 4) for name, weight in stored.weights.items()},
        "weather_source": stored.weather_source,
        "weather_issued_at": stored.weather_issued_at,
    }
    return await insert_new(connection, table, row)


async def newest(db: Database, org_id: str, site_id: str, target: Target, *, as_of: datetime) -> StoredForecast | None:
    """What was known at `as_of`: the newest forecast of `target` issued by then, or None."""
    query = _of(org_id, site_id, target).where(table.c.issued_at <= as_of).order_by(table.c.issued_at.desc()).limit(1)
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else _stored(row)


async def issued_between(
    db: Database, org_id: str, site_id: str, target: Target, start: datetime, end: datetime
) -> list[StoredForecast]:
    """All forecasts of `target` issued in [start, end), in the order of issue."""
    query = _of(org_id, site_id, target).where(table.c.issued_at >= start, table.c.issued_at < end)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.issued_at))).all()
    return [_stored(row) for row in rows]


async def issue_times(
    db: Database, org_id: str, site_id: str, start: datetime, end: datetime
) -> list[tuple[Target, datetime]]:
    """What was issued in [start, end), in the order of issue, without its hours."""
    query = select(table.c.target, table.c.issued_at).where(
        table.c.org_id == org_id, table.c.site_id == site_id, table.c.issued_at >= start, table.c.issued_at < end
    )
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.issued_at, table.c.target))).all()
    return [(row.target, row.issued_at) for row in rows]


async def forget(db: Database, org_id: str, site_id: str, issued: Sequence[tuple[Target, datetime]]) -> int:
    """Drop those forecasts; how many."""
    dropped = 0
    async with db.begin() as connection:
        for target, moment in issued:
            one = delete(table).where(
                table.c.org_id == org_id,
                table.c.site_id == site_id,
                table.c.target == target,
                table.c.issued_at == moment,
            )
            dropped += int((await connection.execute(one)).rowcount)
    return dropped


async def forget_before(db: Database, org_id: str, site_id: str, moment: datetime) -> int:
    """Drop the forecasts that were issued before `moment`; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.issued_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


def _of(org_id: str, site_id: str, target: Target) -> Any:
    return select(*table.c).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.target == target)


def _packed(values: Floats) -> list[float]:
    found: list[float] = values.round(_DECIMALS).tolist()
    return found


def _stored(row: Any) -> StoredForecast:
    import numpy as np

    from energy.forecast.hours import Band

    hours: Mapping[str, list[float]] = row.hours
    p10, p50, p90 = (np.array(hours[name], dtype=np.float64) for name in ("p10", "p50", "p90"))
    issued_s = int(row.issued_at.timestamp())
    starts_s = np.array(hours["start_s"], dtype=np.int64)
    return StoredForecast(
        target=row.target,
        band=Band(row.target, issued_s, starts_s, p10, p50, p90, row.model, row.version),
        notes=tuple(row.notes),
        weather_source=row.weather_source,
        weather_issued_at=row.weather_issued_at,
        weights=dict(row.weights),
    )
