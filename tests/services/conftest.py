"""The ranch, opened and closed; with alerts on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database
from tests.postgres import database as database
from tests.postgres import postgres_server as postgres_server
from tests.postgres import postgres_url as postgres_url
from tests.postgres import sqlite_template as sqlite_template
from tests.postgres import url as url
from tests.services.alert_stage import Desk
from tests.services.ranch import Ranch, ranch, settled


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[Ranch]:
    made = await ranch(tmp_path)
    yield made
    await made.database.close()


@pytest.fixture
async def desk(database: Database, url: str) -> Desk:
    """The ranch with its alerts, on SQLite and on Postgres; everybody has a chat in Telegram."""
    made = Desk(await settled(database, url))
    for name in made.ranch.people:
        await made.reach(name)
    return made
