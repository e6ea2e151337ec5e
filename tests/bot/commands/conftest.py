from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.commands.stage import Stage, opened, write_history


@pytest.fixture(scope="session")
def thirty_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thirty_days")
    asyncio.run(write_history(folder))
    return folder


@pytest.fixture
async def stage(thirty_days: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    found = await opened(thirty_days, tmp_path)
    yield found
    await found.scope.database.close()
