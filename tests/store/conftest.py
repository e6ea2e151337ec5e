from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database, sqlite_url


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url(tmp_path / "commandcenter.db"), migrate=True)
    yield opened
    await opened.close()
