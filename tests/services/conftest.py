"""The ranch, opened and closed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.ranch import Ranch, ranch


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[Ranch]:
    made = await ranch(tmp_path)
    yield made
    await made.database.close()
