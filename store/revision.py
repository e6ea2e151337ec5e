"""Which revision of the database this program needs: the plain check, without the weight of Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from store.errors import DatabaseNotMigrated, DatabaseTooNew, DatabaseUnreachable, NotOurDatabase

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

    Raises NotOurDatabase for something else, DatabaseTooNew for a revision that this program does not know.
    """
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in names:
        if names:
            listed = ", ".join(sorted(names)[:3])
            raise NotOurDatabase(
                f"{where} holds other tables ({listed}) and none of CommandCenter's; choose another database"
            )
        return None
    rows = [row[0] for row in connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))]
    if not rows:
        return None
    revision = str(rows[0])
    if len(rows) > 1 or revision not in KNOWN:
        raise DatabaseTooNew(
            f"{where} is at revision {', '.join(map(str, rows))}, and this CommandCenter knows {HEAD} at the most. "
            "A newer version has written it: install that version again, or restore a backup that is older than it"
        )
    return revision


def require_head(revision: str | None, where: str) -> None:
    """Raises DatabaseNotMigrated unless `revision` is the one that this program needs."""
    if revision == HEAD:
        return
    state = "is empty" if revision is None else f"is at revision {revision} and {HEAD} is needed"
    raise DatabaseNotMigrated(f"{where} {state}; make a backup, then run `commandcenter migrate`")
