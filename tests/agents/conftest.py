"""A ranch with nine days of 5-minute readings in a real database, and assistants over a scripted model server."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from services.scope import Scope
from store.database import Database, sqlite_url
from store.readings import upsert
from tests.doubles.openai_server import Script, Server, Step, serve
from tests.doubles.ranch import NOW, RANCH, ranch_readings


@pytest.fixture(scope="session")
def ranch_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the ranch's readings; copied, never written."""
    path = tmp_path_factory.mktemp("ranch") / "ranch.db"

    async def fill() -> None:
        database = await Database.open(sqlite_url(path), migrate=True)
        await upsert(database, "home", ranch_readings())
        await database.close()

    asyncio.run(fill())
    return path


@pytest.fixture
async def scope(ranch_file: Path, tmp_path: Path) -> AsyncIterator[Scope]:
    """The host's view of the ranch at 14:02."""
    copy = tmp_path / "ranch.db"
    shutil.copy(ranch_file, copy)
    database = await Database.open(sqlite_url(copy))
    yield Scope(database, RANCH, NOW)
    await database.close()


@pytest.fixture
async def empty_scope(tmp_path: Path) -> AsyncIterator[Scope]:
    """The ranch before its first reading."""
    database = await Database.open(sqlite_url(tmp_path / "empty.db"), migrate=True)
    yield Scope(database, RANCH, NOW)
    await database.close()


@contextlib.asynccontextmanager
async def assisted(script: Script | Sequence[Step], **settings: Any) -> AsyncIterator[tuple[Assistant, Server]]:
    """An assistant whose model is a scripted server."""
    async with serve(script) as server:
        chosen = {"model": "scripted", "timeout_s": 5.0, "max_retries": 1} | settings
        assistant = Assistant(
            Models.build(ModelSettings(api_key=SecretStr("sk-test"), base_url=server.base_url, **chosen))
        )
        try:
            yield assistant, server
        finally:
            await assistant.close()


Assisted = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Assistant, Server]]]
