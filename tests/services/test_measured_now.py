"""What a plan takes for the sun and the load of now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from energy.reading import Reading
from services.measured_now import MeasuredNow, measured_now
from services.scope import DEFAULT_ORG_ID
from simulator.default_site import DEFAULT_SITE as SITE
from store import readings
from store.database import Database, sqlite_url
from store.relays import Switching

NOW = datetime(2026, 6, 1, 19, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url(tmp_path / "c.db"), migrate=True)
    yield opened
    await opened.close()


async def told(database: Database, device: str, minutes_ago: range, **values: float) -> None:
    rows = [
        Reading(site_id=SITE.id, source="t", device_id=device, taken_at=NOW - timedelta(minutes=m), **values)
        for m in minutes_ago
    ]
    await readings.upsert(database, DEFAULT_ORG_ID, rows)


async def look(database: Database, *switched: Switching) -> MeasuredNow:
    return await measured_now(database, DEFAULT_ORG_ID, SITE, NOW, states={}, switched=switched)


async def test_a_kettle_of_a_minute_hardly_counts(database):
    await told(database, "solark", range(1, 30), solar_w=6_000.0, load_w=4_800.0)
    await told(database, "solark", range(3, 4), solar_w=6_000.0, load_w=7_800.0)
    await told(database, "garage", range(1, 30), miner_w=3_900.0)
    found = await look(database)
    assert found.solar_w == pytest.approx(6_000)
    assert found.base_load_w == pytest.approx(900 + 3_000 / 15, abs=20)


async def test_the_load_is_unknown_while_meters_lag_behind_a_switch(database):
    await told(database, "solark", range(1, 30), solar_w=6_000.0, load_w=4_800.0)
    await told(database, "garage", range(1, 30), miner_w=0.0)
    change = Switching("s21", NOW - timedelta(minutes=8), on=False, changed_by="us", request_id=None)
    assert (await look(database, change)).base_load_w is None
    long_ago = Switching("s21", NOW - timedelta(minutes=25), on=False, changed_by="us", request_id=None)
    assert (await look(database, long_ago)).base_load_w == pytest.approx(4_800)


async def test_what_nobody_told_for_long_is_unknown(database):
    await told(database, "solark", range(40, 90), solar_w=6_000.0, load_w=900.0)
    assert await look(database) == MeasuredNow(None, None)
