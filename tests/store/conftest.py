"""A fresh database per test: a SQLite file, or with TEST_POSTGRES_URL (a server's superuser URL) one on Postgres."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from store.database import Database, normal_url, sqlite_url

SERVER = os.environ.get("TEST_POSTGRES_URL")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    if SERVER is None:
        yield sqlite_url(tmp_path / "commandcenter.db")
        return
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(normal_url(SERVER), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = await Database.open(url, migrate=True)
    yield opened
    await opened.close()
