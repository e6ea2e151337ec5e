"""A real database with rows whose figures can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from energy.reading import Reading
from energy.site import Device, Limits, Prefer, Site, Sum
from services.scope import Scope
from store import readings, sites
from store.database import Database, sqlite_url

SITE = Site(
    id="ranch",
    name="Solar Shack",
    timezone="America/Los_Angeles",
    latitude=37.3,
    longitude=-121.9,
    limits=Limits(),
    device=(
        Device(id="solark", kind="solark_cloud", plant_id=1),
        Device(id="cerbo", kind="victron_mqtt", host="venus.local"),
    ),
    merge={"soc_pct": Prefer(prefer=("cerbo", "solark")), "solar_w": Sum(sum=("solark", "cerbo"))},
)
NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # Tuesday noon in Los Angeles


async def stocked(tmp_path: Path, rows: Iterable[Reading], *, site: Site = SITE, as_of: datetime = NOON) -> Scope:
    """A scope on a new database that holds `rows`."""
    database = await Database.open(sqlite_url(tmp_path / "commandcenter.db"), migrate=True)
    await sites.sync(database, "home", site)
    await readings.upsert(database, "home", list(rows))
    return Scope(database=database, site=site, as_of=as_of)


def reading(device: str, at: datetime, **values: float | bool | str | None) -> Reading:
    """A reading of the ranch."""
    return Reading(site_id="ranch", source="test", device_id=device, taken_at=at, **values)  # type: ignore[arg-type]


def every(step: timedelta, start: datetime, count: int) -> list[datetime]:
    """`count` instants from `start`, `step` apart."""
    return [start + step * i for i in range(count)]
