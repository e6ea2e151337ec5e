"""The weather as it was observed, and the alerts of the weather agencies with when they were heard of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.weather import WeatherAlert, WeatherNow
from store.columns import storable
from store.database import Database
from store.dialect import insert_for, insert_new
from store.weather_tables import weather_alerts, weather_observations

_KEPT_APART = ("taken_at", "source", "alerts", "attribution")


async def put(db: Database, org_id: str, site_id: str, seen: WeatherNow, *, now: datetime) -> bool:
    """Keep what was seen and its alerts, heard of at `now`; False when this moment of the source was known already."""
    observed = {name: value for name, value in asdict(seen).items() if name not in _KEPT_APART}
    if seen.description is not None:
        observed["description"] = storable(seen.description)
    row = {
        "org_id": org_id,
        "site_id": site_id,
        "source": seen.source,
        "taken_at": seen.taken_at,
        "seen_at": now,
        "observed": observed,
        "attribution": seen.attribution,
    }
    async with db.begin() as connection:
        new = await insert_new(connection, weather_observations, row)
        for alert in seen.alerts:
            await _put_alert(connection, (org_id, site_id, seen.source), alert, now)
    return new


async def latest(db: Database, org_id: str, site_id: str, *, as_of: datetime) -> WeatherNow | None:
    """What was known at `as_of`: the newest weather, with the alerts that its source told with it and are not over."""
    table = weather_observations
    query = (
        select(table.c.source, table.c.taken_at, table.c.seen_at, table.c.observed, table.c.attribution)
        .where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.seen_at <= as_of)
        .order_by(table.c.taken_at.desc(), table.c.source)
        .limit(1)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        alerts = await _alerts(connection, org_id, site_id, row.source, as_of, since=row.seen_at)
    return WeatherNow(
        taken_at=row.taken_at, source=row.source, alerts=alerts, attribution=row.attribution, **row.observed
    )


async def forget_before(db: Database, org_id: str, site_id: str, moment: datetime) -> int:
    """Drop what was seen before `moment`, and the alerts that were over by then; how many."""
    seen = weather_observations
    dropped = 0
    async with db.begin() as connection:
        for table, over in ((seen, seen.c.taken_at), (weather_alerts, weather_alerts.c.ends_at)):
            statement = delete(table).where(table.c.org_id == org_id, table.c.site_id == site_id, over < moment)
            dropped += int((await connection.execute(statement)).rowcount)
    return dropped


async def _put_alert(
    connection: AsyncConnection, source: tuple[str, str, str], alert: WeatherAlert, now: datetime
) -> None:
    org_id, site_id, name = source
    insert = insert_for(connection, weather_alerts).values(
        org_id=org_id,
        site_id=site_id,
        source=name,
        alert_key=_key_of(alert),
        starts_at=alert.start,
        ends_at=alert.end,
        alert={
            "sender": storable(alert.sender),
            "event": storable(alert.event),
            "description": storable(alert.description),
            "tags": [storable(tag) for tag in alert.tags],
        },
        first_seen_at=now,
        last_seen_at=now,
    )
    statement = insert.on_conflict_do_update(
        index_elements=("org_id", "site_id", "source", "alert_key"),
        set_={"alert": insert.excluded.alert, "last_seen_at": insert.excluded.last_seen_at},
    )
    await connection.execute(statement)


async def _alerts(
    connection: AsyncConnection, org_id: str, site_id: str, source: str, as_of: datetime, *, since: datetime
) -> tuple[WeatherAlert, ...]:
    """Those not over at `as_of` that the source told in its last answer, which came at `since` or later."""
    table = weather_alerts
    query = (
        select(table.c.starts_at, table.c.ends_at, table.c.alert)
        .where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.source == source,
            table.c.ends_at > as_of,
            table.c.first_seen_at <= as_of,
            table.c.last_seen_at >= since,
        )
        .order_by(table.c.starts_at, table.c.alert_key)
    )
    return tuple(_alert(row.starts_at, row.ends_at, row.alert) for row in await connection.execute(query))


def _alert(start: datetime, end: datetime, told: Mapping[str, Any]) -> WeatherAlert:
    return WeatherAlert(told["sender"], told["event"], start, end, told["description"], tuple(told["tags"]))


def _key_of(alert: WeatherAlert) -> str:
    words = (alert.sender, alert.event, alert.start.isoformat(), alert.end.isoformat())
    return hashlib.blake2b("\x1f".join(words).encode("utf-8", "replace"), digest_size=12).hexdigest()
