"""Which revision of the database this program needs: the plain check, without the weight of Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from store.errors import (
    DatabaseIncomplete,
    DatabaseNotMigrated,
    DatabaseTooNew,
    DatabaseUnreachable,
    NotOurDatabase,
)
from store.tables import metadata

KNOWN = ("0001",)  # oldest first; the scripts are in store/migrations/versions
HEAD = KNOWN[-1]
VERSION_TABLE = "alembic_version"


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turns the driver's errors on connecting into NotOurDatabase and DatabaseUnreachable, with a remedy."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnreachable(
            f"{where} cannot be opened ({str(error.orig).strip()}); check that it runs, and who may read and write it"
        ) from error
    except DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise NotOurDatabase(
                f"{where} is not a usable database ({error.orig}); move it away, or restore it from a backup"
            ) from error
        raise


def current(connection: Connection, where: str) -> str | None:
    """The revision of the database, or None when it is empty. `where` names it in messages.

    Raises NotOurDatabase for something else, DatabaseIncomplete where a part is missing, and DatabaseTooNew for a
    revision that this program does not know.
    """
    names = set(inspect(connection).get_table_names())
    versioned = VERSION_TABLE in names
    rows = [row[0] for row in connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))] if versioned else []
    others = names - {VERSION_TABLE}
    if not rows and not others:
        return None
    ours = others & set(metadata.tables)
    if not rows and not ours:
        listed = ", ".join(sorted(others)[:3])
        raise NotOurDatabase(
            f"{where} holds other tables ({listed}) and none of CommandCenter's; choose another database"
        )
    if rows and (len(rows) > 1 or rows[0] not in KNOWN):
        raise DatabaseTooNew(
            f"{where} is at revision {', '.join(map(str, rows))}, and this CommandCenter knows {HEAD} at the most. "
            "A newer version has written it: install that version again, or restore a backup that is older than it"
        )
    missing = sorted(set(metadata.tables) - others)
    if not rows or (rows[0] == HEAD and missing):
        lacking = f"the tables {', '.join(missing[:3])}" if rows else "its revision"
        raise DatabaseIncomplete(
            f"{where} lacks {lacking}: a copy or a restore of it broke off; move it away and restore a backup"
        )
    return str(rows[0])


def require_head(revision: str | None, where: str) -> None:
    """Raises DatabaseNotMigrated unless `revision` is the one that this program needs."""
    if revision == HEAD:
        return
    state = "is empty" if revision is None else f"is at revision {revision} and {HEAD} is needed"
    raise DatabaseNotMigrated(f"{where} {state}; make a backup, then run `commandcenter migrate`")
