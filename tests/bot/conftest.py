from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.doubles.telegram_api import TelegramApi


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with TelegramApi() as double:
        yield double
