"""The connection to the database: SQLite in WAL mode by default, Postgres by its URL.

database = await Database.open(sqlite_url(path), migrate=True)
async with database.begin() as connection:   # one transaction, committed at the end
    ...
async with database.read() as connection:    # for queries only
    ...
await database.close()
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection as AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store import revision
from store.errors import DatabaseNotMigrated, DatabaseUnreachable

BUSY_TIMEOUT_MS = 60_000  # a year of readings being imported takes its time on a small computer
_READ_ONLY = "commandcenter_read_only"

# Order matters: the time-out first, so that switching to WAL waits for another process that does the same.
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8000",
    "PRAGMA journal_size_limit = 67108864",
)


def sqlite_url(path: str | Path) -> str:
    """The URL of a SQLite file; relative paths start at the working directory."""
    return URL.create("sqlite+aiosqlite", database=str(Path(path).expanduser().resolve())).render_as_string()


def normal_url(url: str) -> URL:
    """The URL with our drivers. Raises ValueError for databases that are not supported, naming those that are."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError("this is no address of a database; use sqlite:///FILE or postgresql://…") from error
    backend = "postgresql" if parsed.drivername.startswith("postgres") else parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ValueError(f'database "{backend}" is not supported; use sqlite:///FILE or postgresql://…')
    if parsed.database in (None, "", ":memory:") or "mode=memory" in url:
        raise ValueError("a database in memory is not supported: each connection would see its own; name a file")
    return parsed.set(drivername="sqlite+aiosqlite")


def place(url: URL) -> str:
    """How messages name the database: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    return f"the database {url.render_as_string(hide_password=True)}"


def prepare_file(url: URL) -> None:
    """Create the SQLite file and its folder for this user alone; its -wal and -shm files take over the mode.

    Raises DatabaseUnreachable where that is not allowed, and for an existing file that cannot be written to.
    """
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    path = Path(url.database)
    reason = None
    # An existing file is not opened, only looked at: closing it again would drop the locks that other connections of
    # this process hold on it (POSIX locks belong to the process).
    if path.exists():
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            reason = "not a file that may be read and written"
    else:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            reason = None if path.is_file() else "the folder's name belongs to a file"
        except OSError as error:
            reason = error.strerror or str(error)
    if reason is not None:
        raise DatabaseUnreachable(f"{place(url)} cannot be opened ({reason}); choose a file that may be written to")


class ClosingConnection(sqlite3.Connection):
    """Closing it ends its statements too.

    SQLite keeps a closed connection alive, and its lock on the database with it, while a statement of it is not
    finished. The cursor of a task that was cancelled lives on in the traceback until garbage is collected: long
    enough to lock every other writer out.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        made = super().cursor(*arguments, **options)
        self._cursors.add(made)
        return made

    def close(self) -> None:
        for cursor in list(self._cursors):
            cursor.close()
        super().close()


def take_over_transactions(engine: Any) -> None:
    """Let SQLAlchemy begin SQLite's transactions: the driver by itself begins too late, and never around DDL.

    Writers begin IMMEDIATE, so that they wait for each other at the start and never fail in the middle.
    """

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    def begun(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


class Database:
    """One engine with its pool. Open it with `Database.open`, in the event loop that uses it; close it at the end."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**{_READ_ONLY: True})
        self._one_writer = asyncio.Lock() if engine.dialect.name == "sqlite" else None
        self._writing: asyncio.Task[Any] | None = None
        self._shared: dict[asyncio.Task[Any], AsyncConnection] = {}

    @classmethod
    async def open(cls, url: str, *, migrate: bool = False) -> Database:
        """Connect and check the revision; with `migrate` bring an empty or older database up to date first.

        Raises DatabaseTooNew, DatabaseNotMigrated, DatabaseIncomplete, NotOurDatabase or DatabaseUnreachable, each
        naming the remedy (all are StoreError); ValueError for a URL that is not supported.
        """
        target = normal_url(url)
        if target.get_backend_name() == "sqlite" and not migrate and not Path(str(target.database)).exists():
            raise DatabaseNotMigrated(f"{place(target)} does not exist; run `commandcenter migrate` to create it")
        prepare_file(target)
        options = {"factory": ClosingConnection} if target.get_backend_name() == "sqlite" else {}
        engine = create_async_engine(target, pool_size=5, max_overflow=10, connect_args=options)
        if target.get_backend_name() == "sqlite":
            take_over_transactions(engine.sync_engine)
        database = cls(engine)
        try:
            if migrate and await database._revision(place(target)) != revision.HEAD:
                from store.migrate import migrate as run_migrations

                await run_migrations(url)
            revision.require_head(await database._revision(place(target)), place(target))
        except BaseException:
            await database.close()
            raise
        return database

    async def _revision(self, where: str) -> str | None:
        with revision.explained(where):
            async with self._reading.connect() as connection:
                return await connection.run_sync(revision.current, where)

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None on a server."""
        name = self._engine.url.database
        return Path(name) if self.dialect == "sqlite" and name else None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the caller's own, outside of any transaction: for locks that a session holds."""
        options = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        async with options.connect() as connection:
            yield connection

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: committed at the end of the block, rolled back by an exception.

        Writers of this process queue up here in order, rather than in SQLite's polling for its lock. A second one
        inside the block of the same task could only wait for itself, so it raises RuntimeError.
        """
        if self._one_writer is None:
            async with self._engine.begin() as connection, _discarded_when_cancelled(connection):
                yield connection
            return
        task = asyncio.current_task()
        if self._writing is not None and self._writing is task:
            raise RuntimeError("this task already has a transaction open: pass its connection on, or end it first")
        async with self._one_writer:
            self._writing = task
            try:
                async with self._engine.begin() as connection:
                    yield connection
            finally:
                self._writing = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """For queries: sees no half transaction, waits for no writer; on SQLite all queries see the same moment."""
        task = asyncio.current_task()
        shared = None if task is None else self._shared.get(task)
        if shared is not None:
            yield shared
            return
        async with self._reading.connect() as connection, _discarded_when_cancelled(connection):
            yield connection

    @asynccontextmanager
    async def one_read(self) -> AsyncIterator[None]:
        """Every `read` of this task inside the block is part of one transaction: many short queries cost less so.

        What is written meanwhile may not be seen inside, so that nothing should be.
        """
        task = asyncio.current_task()
        async with self.read() as connection:
            if task is None or task in self._shared:
                yield
                return
            self._shared[task] = connection
            try:
                yield
            finally:
                del self._shared[task]

    async def close(self) -> None:
        """Close all connections; those in use are closed when they are given back."""
        await self._engine.dispose()


@asynccontextmanager
async def _discarded_when_cancelled(connection: AsyncConnection) -> AsyncIterator[None]:
    """A Postgres connection whose task was cancelled is closed and not used again.

    Its driver (psycopg 3.3) may have been stopped between a bulk statement and its results: it then raises an
    AssertionError in place of the cancellation, and the next user of the connection would get the old results.
    """
    try:
        yield
    except BaseException as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling() and connection.dialect.name == "postgresql":
            if not connection.closed:
                await connection.invalidate()
            if not isinstance(error, asyncio.CancelledError):
                raise asyncio.CancelledError from error
        raise
