"""One process at a time: a lock that the operating system or Postgres itself gives back when its holder dies."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from sqlalchemy import text

from store.database import Database

log = structlog.get_logger()
LOOK_EVERY_S = 1.0


@contextlib.asynccontextmanager
async def sole(database: Database, name: str, *, look_every_s: float = LOOK_EVERY_S) -> AsyncIterator[None]:
    """Hold `name` on this database while the block runs; wait for it where another process holds it, and say so."""
    waiting = False
    while True:
        async with _try(database, name) as held:
            if held:
                if waiting:
                    log.info("lock_taken_over", name=name)
                yield
                return
        if not waiting:
            log.warning("lock_held_by_another", name=name, remedy="this process stands by until the other one ends")
        waiting = True
        await asyncio.sleep(look_every_s)


def _try(database: Database, name: str) -> contextlib.AbstractAsyncContextManager[bool]:
    file = database.file
    return _file_lock(file, name) if file is not None else _advisory_lock(database, name)


@contextlib.asynccontextmanager
async def _file_lock(database_file: Path, name: str) -> AsyncIterator[bool]:
    # A file of its own: closing any handle on the database itself would drop SQLite's locks.
    with database_file.with_name(f"{database_file.name}.{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


@contextlib.asynccontextmanager
async def _advisory_lock(database: Database, name: str) -> AsyncIterator[bool]:
    key = int.from_bytes(hashlib.sha256(f"commandcenter {name}".encode()).digest()[:8], signed=True)
    async with database.session() as connection:
        held = bool((await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key})).scalar_one())
        try:
            yield held
        finally:
            if held:
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
