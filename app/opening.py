"""Opening what a command works on: the database, the site, and the person who asks."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from app.settings import DATABASE_NAME, Settings, SettingsError
from energy.site import Site
from services.people import actor_named
from services.scope import DEFAULT_ORG_ID, Scope
from services.transfer import EARLIEST_YEAR, LATEST_YEAR
from store import sites
from store.database import Database, sqlite_url


def database_url(settings: Settings) -> str:
    """The database in use: `DATABASE_URL`, else SQLite in the data folder."""
    return settings.database_url or sqlite_url(settings.data_dir / DATABASE_NAME)


def queue_of(settings: Settings, site: Site) -> str:
    """The name under which this installation's workers meet in Redis, which other installations may share.

    It stands for the site and its database: replicas name the same Postgres, and a SQLite file belongs to its host.
    """
    where = settings.database_url or str(settings.data_dir.resolve())
    if not where.startswith("postgres"):
        where = f"{socket.gethostname()}:{where}"
    return f"cc:{site.id}:{hashlib.sha256(where.encode()).hexdigest()[:12]}"


@contextlib.asynccontextmanager
async def opened_database(settings: Settings, *, create: bool) -> AsyncIterator[Database]:
    """The database, migrated when `create` allows it; a missing file is an error otherwise."""
    settings.site()  # a mistake in the site file is told first: the rest may follow from it
    path = settings.data_dir / DATABASE_NAME
    if settings.database_url is None and not create and not path.exists():
        raise SettingsError(
            f"{path}: there is no database yet; start `commandcenter run`, import a file with `commandcenter import`, "
            "or try `commandcenter demo`"
        )
    try:
        database = await Database.open(database_url(settings), migrate=create)
    except ValueError as error:
        raise SettingsError(f"DATABASE_URL: {error}") from error
    try:
        yield database
    finally:
        await database.close()


async def site_of(settings: Settings, database: Database) -> Site:
    """The site that a command is about: the toml's, else the one in the database that `--site` names or that is alone.

    The toml is the truth: what it says is written to the database.
    """
    described = settings.site()
    if described is not None:
        await sites.sync(database, DEFAULT_ORG_ID, described)
        return described
    known = await sites.list_ids(database, DEFAULT_ORG_ID)
    wanted = settings.site_id or (known[0] if len(known) == 1 else None)
    if wanted is None:
        remedy = f"name one with --site ({', '.join(known)})" if known else f"describe it in {settings.site_file}"
        raise SettingsError(
            f"which site? There are {len(known)} in the database and no {settings.site_file.name}; {remedy}"
        )
    site = await sites.load(database, DEFAULT_ORG_ID, wanted)
    if site is None:
        raise SettingsError(f"--site {wanted}: there is no such site; known are {', '.join(known) or 'none'}")
    return site


async def scope_for(database: Database, site: Site, *, at: datetime | None = None, person: str | None = None) -> Scope:
    """What a person (by name or id; None = the host itself) sees of the site at a moment (None = now)."""
    scope = Scope(database=database, site=site, as_of=(at or datetime.now(UTC)).astimezone(UTC))
    if person is None:
        return scope
    actor = await actor_named(scope, person)
    if actor is None:
        raise SettingsError(f"--as {person}: there is no such person; see `commandcenter people`")
    return Scope(database=database, site=site, as_of=scope.as_of, actor=actor)


def moment(text: str, site: Site) -> datetime:
    """A moment from the command line: ISO-8601, in the site's time zone where no offset stands."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f'"{text}" is not a time; write 2026-11-20T14:05 or 2026-11-20T14:05:00-08:00') from error
    if not EARLIEST_YEAR <= parsed.year <= LATEST_YEAR:
        raise SettingsError(f'"{text}" lies outside the years {EARLIEST_YEAR} to {LATEST_YEAR}')
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=site.zone)
