"""Absences that are over: kept, shared by all who live there, and not taken for usual days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from energy.reading import Reading
from services.outlook_inputs import everybody_away, outlook_inputs
from services.outlook_reckoning import ForecastTask, make_forecasts
from services.outlook_training import TrainTask, train
from services.scope import DEFAULT_ORG_ID as ORG
from services.trained_models import ModelRef
from simulator.default_site import DEFAULT_SITE
from store import absences, people, readings
from store.absences import Absence
from store.database import Database, sqlite_url

NOW = datetime(2026, 6, 1, 19, tzinfo=UTC)
DAY = timedelta(days=1)
SITE = DEFAULT_SITE.model_copy(update={"miner": (), "array": ()})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url(tmp_path / "c.db"), migrate=True)
    yield opened
    await opened.close()


async def inhabitant(database: Database, name: str) -> str:
    async with database.begin() as connection:
        person_id = await people.create_in(connection, ORG, name, now=NOW - 90 * DAY)
        await people.grant_in(connection, ORG, SITE.id, person_id, "owner", granted_by=None)
    return person_id


async def away(database: Database, person_id: str, begins: datetime, until: datetime) -> None:
    await absences.add(database, ORG, Absence(person_id, begins, until, ""), now=begins)


async def test_only_when_everybody_was_away_was_the_home_empty(database: Database) -> None:
    ann, ben = await inhabitant(database, "Ann"), await inhabitant(database, "Ben")
    await away(database, ann, NOW - 20 * DAY, NOW - 10 * DAY)
    await away(database, ann, NOW - 2 * DAY, NOW + 5 * DAY)
    await away(database, ben, NOW - 15 * DAY, NOW + 9 * DAY)
    assert await absences.cancel(database, ORG, ben, NOW - 12 * DAY)  # back early
    await away(database, ben, NOW + DAY, NOW + 3 * DAY)
    found = await everybody_away(database, ORG, SITE, since=NOW - 60 * DAY, now=NOW)
    spans = [(NOW - 15 * DAY, NOW - 12 * DAY), (NOW + DAY, NOW + 3 * DAY)]
    assert found == tuple((int(a.timestamp()), int(b.timestamp())) for a, b in spans)


async def test_the_first_day_at_home_is_forecast_as_a_usual_one(database: Database, tmp_path: Path) -> None:
    ann = await inhabitant(database, "Ann")
    begins, ends = NOW - 15 * DAY, NOW - DAY / 4
    await away(database, ann, begins, NOW + 2 * DAY)
    assert await absences.cancel(database, ORG, ann, ends)
    rng = np.random.default_rng(1)
    rows = []
    for n in range(40 * 96):
        at = NOW - 40 * DAY + n * timedelta(minutes=15)
        watts = 150.0 if begins <= at < ends else 1_000.0 * float(rng.lognormal(0, 0.3))
        rows.append(Reading(site_id=SITE.id, source="t", device_id="solark", taken_at=at, solar_w=0.0, load_w=watts))
    await readings.upsert(database, ORG, rows)
    inputs = await outlook_inputs(database, ORG, SITE, as_of=NOW, days=128, hours=48)
    now_s = int(NOW.timestamp())
    trained = train(TrainTask("load", inputs, now_s, tmp_path, "home", "one"))
    assert trained is not None
    ref = ModelRef(tmp_path, trained.path, trained.sha256, trained.version)
    said = make_forecasts(ForecastTask(inputs, now_s, 48, {"load": ref}, tmp_path / "home")).load
    assert said.band is not None
    assert 20_000 < said.band.p50[:24].sum() < 30_000  # Wh: 25 kWh on a usual day, 4 kWh in the empty home
    assert not any("unknown" in note for note in said.notes)
