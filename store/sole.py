"""One process at a time: a lock that the operating system or Postgres itself gives back when its holder dies."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database
from store.errors import StoreError

log = structlog.get_logger()
LOOK_EVERY_S = 1.0
CHECK_EVERY_S = 2.0
GIVE_BACK_WITHIN_S = 5.0


class LockLost(StoreError):
    """The session with the database that held the lock is gone: another process may hold it by now."""


class Lock:
    """A lock while it is held. That of a file lasts as long as its process; that of a session may be lost before."""

    def __init__(self, session: AsyncConnection | None = None) -> None:
        self._session = session

    @property
    def may_be_lost(self) -> bool:
        """Whether `check` has to be called now and then."""
        return self._session is not None

    async def check(self, *, within_s: float) -> None:
        """Raise `LockLost` where the session does not answer in time."""
        if self._session is None:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._session.execute(text("SELECT 1"))
        except Exception as error:  # whatever the session has: nobody can say that it still holds the lock
            raise LockLost("the session that held the lock does not answer any more") from error

    async def watch(self, *, every_s: float = CHECK_EVERY_S) -> None:
        """Check for as long as it may be lost; raises `LockLost`. To run beside what the lock is for."""
        while self.may_be_lost:
            await asyncio.sleep(every_s)
            await self.check(within_s=every_s)


@contextlib.asynccontextmanager
async def sole(database: Database, name: str, *, look_every_s: float = LOOK_EVERY_S) -> AsyncIterator[Lock]:
    """Hold `name` on this database while the block runs; wait for it where another process holds it, and say so.

    The block runs the lock's `watch`, and ends with it.
    """
    waiting = False
    while True:
        async with try_lock(database, name) as held:
            if held is not None:
                if waiting:
                    if held.may_be_lost:  # who lost it notices that by its next check
                        await asyncio.sleep(2 * CHECK_EVERY_S)
                    log.info("lock_taken_over", name=name)
                yield held
                return
        if not waiting:
            log.warning("lock_held_by_another", name=name, remedy="this process stands by until the other one ends")
        waiting = True
        await asyncio.sleep(look_every_s)


def try_lock(database: Database, name: str) -> contextlib.AbstractAsyncContextManager[Lock | None]:
    """Hold `name` while the block runs; None where another process holds it."""
    file = database.file
    return _file_lock(file, name) if file is not None else _advisory_lock(database, name)


@contextlib.asynccontextmanager
async def _file_lock(database_file: Path, name: str) -> AsyncIterator[Lock | None]:
    # A file of its own: closing any handle on the database itself would drop SQLite's locks.
    handle = _opened(database_file.with_name(f"{database_file.name}.{name}.lock"))
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
        else:
            yield Lock()
    finally:
        os.close(handle)


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)  # a disk that takes no writes: the file of last time will do


@contextlib.asynccontextmanager
async def _advisory_lock(database: Database, name: str) -> AsyncIterator[Lock | None]:
    key = int.from_bytes(hashlib.sha256(f"commandcenter {name}".encode()).digest()[:8], signed=True)
    async with database.session() as connection:
        held = bool((await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key})).scalar_one())
        try:
            yield Lock(connection) if held else None
        finally:
            if held:
                await _given_back(connection, key)


async def _given_back(connection: AsyncConnection, key: int) -> None:
    try:
        async with asyncio.timeout(GIVE_BACK_WITHIN_S):
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
    except Exception:  # the session is broken or silent: its end gives the lock back
        log.debug("lock_not_given_back", exc_info=True)
        await connection.invalidate()
