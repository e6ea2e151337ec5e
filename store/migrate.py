"""Bring a database up to date with Alembic: all revisions in one transaction, or none.

Only imported when there is something to migrate: Alembic costs a third of a second.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from store import revision
from store.database import normal_url, place, prepare_file, take_over_transactions
from store.errors import StoreError

log = structlog.get_logger()

SCRIPTS = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 7_204_611  # any number, the same for all of our processes
_ALEMBIC = threading.Lock()  # its context is global to the process


async def migrate(url: str) -> str:
    """Apply all missing revisions and return the revision reached. Works in any event loop, and in a thread.

    Several processes may call it at once: the first migrates, the others find nothing to do. Raises a StoreError:
    DatabaseTooNew, NotOurDatabase, DatabaseIncomplete, DatabaseUnreachable, or itself when a revision failed; the
    database then is as it was before.
    """
    return await asyncio.to_thread(migrate_blocking, url)


def migrate_blocking(url: str, scripts: Path = SCRIPTS) -> str:
    """`migrate` for callers without an event loop."""
    target = normal_url(url)
    where = place(target)
    prepare_file(target)
    sqlite = target.get_backend_name() == "sqlite"
    engine = create_engine(target.set(drivername="sqlite+pysqlite") if sqlite else target)
    if sqlite:
        take_over_transactions(engine)
    try:
        with _ALEMBIC, revision.explained(where), engine.begin() as connection:
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
            before = revision.current(connection, where)
            _upgrade(connection, scripts, where, before)
            after = connection.execute(text(f"SELECT version_num FROM {revision.VERSION_TABLE}")).scalar_one()
    finally:
        engine.dispose()
    if after != before:
        log.info("database_migrated", database=where, before=before, after=after)
    return str(after)


def _upgrade(connection: Connection, scripts: Path, where: str, before: str | None) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except Exception as error:
        raise StoreError(
            f"{where} could not be brought up to date ({error}); nothing was changed, it still is "
            f"{'empty' if before is None else 'at revision ' + before}"
        ) from error
