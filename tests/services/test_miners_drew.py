"""The house's own load where no meter tells the miners' power: a real store, real relay states and changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy.forecast.load_site import LoadSite
from energy.reading import Reading
from services.outlook_inputs import Measured, OutlookInputs, Weather, measured
from services.outlook_reckoning import ForecastTask, make_forecasts
from services.scope import DEFAULT_ORG_ID
from simulator.default_site import DEFAULT_SITE as SITE
from store import readings, relays
from store.database import Database, sqlite_url
from store.relays import RelayState, Switching

NOW = datetime(2026, 6, 1, 19, tzinfo=UTC)
SINCE = NOW - timedelta(hours=8)
RATED_W = sum(miner.power_w for miner in SITE.miner)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url(tmp_path / "c.db"), migrate=True)
    yield opened
    await opened.close()


async def told(database: Database, device: str, **values: float) -> None:
    moments = [SINCE + timedelta(minutes=n) for n in range(0, 8 * 60, 5)]
    rows = [Reading(site_id=SITE.id, source="t", device_id=device, taken_at=moment, **values) for moment in moments]
    await readings.upsert(database, DEFAULT_ORG_ID, rows)


async def look(database: Database) -> Measured:
    return await measured(database, DEFAULT_ORG_ID, SITE, start=SINCE, as_of=NOW)


async def test_a_relay_without_a_meter_counts_with_the_rating_for_as_long_as_it_was_on(database: Database) -> None:
    await told(database, "solark", solar_w=0.0, load_w=900.0 + RATED_W)
    off_at = SINCE + timedelta(hours=4, minutes=30)
    for miner in SITE.miner:
        await relays.put(database, DEFAULT_ORG_ID, SITE.id, RelayState(miner_id=miner.id, on=False))
        async with database.begin() as connection:
            change = Switching(miner.id, off_at, on=False, changed_by="us", request_id=None)
            await relays.note_switch_in(connection, DEFAULT_ORG_ID, SITE.id, change)
    found = await look(database)
    assert found.base_load_w.values[:4] == pytest.approx(900.0)
    assert found.base_load_w.values[4] == pytest.approx(900.0 + RATED_W / 2)
    assert found.base_load_w.values[5:] == pytest.approx(900.0 + RATED_W)  # it is off: all of it is the house's
    assert (found.rated_hours, found.unknown_hours) == (8, 0)


async def test_what_a_meter_tells_counts_before_the_rating(database: Database) -> None:
    await told(database, "solark", solar_w=0.0, load_w=5_000.0)
    await told(database, "garage", miner_w=4_000.0)
    for miner in SITE.miner:
        await relays.put(database, DEFAULT_ORG_ID, SITE.id, RelayState(miner_id=miner.id, on=True))
    found = await look(database)
    assert found.base_load_w.values == pytest.approx(1_000.0)
    assert (found.rated_hours, found.unknown_hours) == (0, 0)


async def test_relays_that_were_never_read_leave_it_unknown_and_the_forecast_says_what_to_do(
    database: Database,
) -> None:
    await told(database, "solark", solar_w=0.0, load_w=5_000.0)
    found = await look(database)
    assert np.isnan(found.base_load_w.values).all()
    assert found.unknown_hours == 8
    inputs = OutlookInputs(None, LoadSite(ZoneInfo("UTC"), None, None), found, Weather())
    notes = make_forecasts(ForecastTask(inputs, int(NOW.timestamp()), 48)).load.notes
    assert "nobody knows what the miners took" in notes[0]
    assert "relays answer" in notes[0]
    assert any("no load of the house itself is known" in note for note in notes)
