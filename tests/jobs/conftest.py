from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.embedded_redis import embedded_redis
from store.database import Database, sqlite_url


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url(tmp_path / "commandcenter.db"), migrate=True)
    yield opened
    await opened.close()


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    async with embedded_redis(tmp_path) as url:
        yield url
