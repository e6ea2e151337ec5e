import asyncio
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from store import revision
from store.database import Database, normal_url, sqlite_url
from store.errors import (
    DatabaseIncomplete,
    DatabaseNotMigrated,
    DatabaseTooNew,
    DatabaseUnreachable,
    NotOurDatabase,
    StoreError,
)
from store.migrate import SCRIPTS, migrate, migrate_blocking
from store.tables import metadata

ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
BROKEN = """
from alembic import op
import sqlalchemy as sa
revision = "0002"
down_revision = "0001"
def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer))
    op.execute("INSERT INTO half VALUES (1)")
    op.execute("ALTER TABLE readings ADD COLUMN halfway INTEGER")
    {last}
"""


def objects(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        found = {row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    connection.close()
    return found


def scripts_with(folder: Path, last: str) -> Path:
    """The real migrations and one more, whose last step is `last`."""
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text((SCRIPTS / "env.py").read_text())
    for script in (SCRIPTS / "versions").glob("*.py"):
        (folder / "versions" / script.name).write_text(script.read_text())
    (folder / "versions" / "0002_broken.py").write_text(BROKEN.format(last=last))
    return folder


async def test_migrations_from_empty_make_exactly_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "new" / "commandcenter.db"
    assert await migrate(sqlite_url(path)) == revision.HEAD
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        names = connection.execute(text("SELECT sql FROM sqlite_master WHERE name IN ('readings', 'rollups')"))
        assert all("WITHOUT ROWID" in row[0] for row in names)
    engine.dispose()


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == revision.KNOWN


async def test_a_database_that_does_not_exist_is_named_with_the_remedy_and_not_created(tmp_path: Path) -> None:
    path = tmp_path / "absent.db"
    with pytest.raises(DatabaseNotMigrated, match=r"absent\.db does not exist; run `commandcenter migrate`"):
        await Database.open(sqlite_url(path))
    assert not path.exists()


async def test_an_empty_database_is_not_used_before_it_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(DatabaseNotMigrated, match="is empty"):
        await Database.open(sqlite_url(path))
    database = await Database.open(sqlite_url(path), migrate=True)
    await database.close()
    await (await Database.open(sqlite_url(path))).close()


@pytest.mark.parametrize("migrating", [True, False])
async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path, migrating: bool) -> None:
    path = tmp_path / "newer.db"
    await migrate(sqlite_url(path))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    before = objects(path)
    with pytest.raises(DatabaseTooNew) as refused:
        await Database.open(sqlite_url(path), migrate=migrating)
    for word in ("newer.db", "0999", revision.HEAD, "restore a backup"):
        assert word in str(refused.value)
    assert objects(path) == before


async def test_what_is_not_our_database_is_refused(tmp_path: Path) -> None:
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"this is a letter, not a database" * 200)
    with pytest.raises(NotOurDatabase, match=r"noise\.db is not a usable database"):
        await Database.open(sqlite_url(noise), migrate=True)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.close()
    with pytest.raises(NotOurDatabase, match="recipes"):
        await Database.open(sqlite_url(foreign), migrate=True)


@pytest.mark.parametrize("damage", ["DROP TABLE rollups", "DROP TABLE alembic_version", "DELETE FROM alembic_version"])
@pytest.mark.parametrize("migrating", [True, False])
async def test_half_a_database_is_refused(tmp_path: Path, damage: str, migrating: bool) -> None:
    path = tmp_path / "half.db"
    await migrate(sqlite_url(path))
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()
    before = objects(path)
    with pytest.raises(DatabaseIncomplete, match=r"lacks (its revision|the tables rollups).* restore a backup"):
        await Database.open(sqlite_url(path), migrate=migrating)
    assert objects(path) == before


async def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnreachable, match=r"file/a\.db cannot be opened .* choose a file"):
        await Database.open(sqlite_url(tmp_path / "file" / "a.db"), migrate=True)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(DatabaseUnreachable, match=r"folder\.db cannot be opened"):
        await Database.open(sqlite_url(tmp_path / "folder.db"))


async def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        await Database.open("postgresql://cc:secret@127.0.0.1:9/energy?connect_timeout=2")
    assert "127.0.0.1:9/energy" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_migration_that_fails_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "commandcenter.db"
    migrate_blocking(sqlite_url(path))
    before = objects(path)
    scripts = scripts_with(tmp_path / "scripts", 'op.execute("INSERT INTO no_such_table VALUES (1)")')
    with pytest.raises(StoreError, match="nothing was changed, it still is at revision 0001"):
        migrate_blocking(sqlite_url(path), scripts)
    assert objects(path) == before
    assert migrate_blocking(sqlite_url(path)) == revision.HEAD


def test_a_migration_killed_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "commandcenter.db"
    migrate_blocking(sqlite_url(path))
    before = objects(path)
    scripts = scripts_with(tmp_path / "scripts", "import os; os.kill(os.getpid(), 9)")
    program = f"""
        from pathlib import Path
        from store.database import sqlite_url
        from store.migrate import migrate_blocking
        migrate_blocking(sqlite_url({str(path)!r}), Path({str(scripts)!r}))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False).returncode == -9
    assert objects(path) == before


async def test_several_may_migrate_at_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "commandcenter.db")
    other = sqlite_url(tmp_path / "other.db")
    assert set(await asyncio.gather(*(migrate(u) for u in (url, other, url, url)))) == {revision.HEAD}


def test_migrating_works_in_a_thread_without_a_loop(tmp_path: Path) -> None:
    reached: list[str] = []
    url = sqlite_url(tmp_path / "commandcenter.db")
    thread = threading.Thread(target=lambda: reached.append(asyncio.run(migrate(url))))
    thread.start()
    thread.join(20)
    assert reached == [revision.HEAD]


def test_opening_a_current_database_does_not_load_alembic(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "commandcenter.db")
    migrate_blocking(url)
    program = f"""
        import asyncio, sys
        from store.database import Database
        async def main():
            database = await Database.open({url!r}, migrate=True)
            await database.close()
        asyncio.run(main())
        sys.exit("alembic" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False).returncode == 0


# About the file and its settings, of which a server has neither.
@ON_SQLITE
async def test_the_file_is_private_and_in_wal_mode_with_foreign_keys(database: Database, tmp_path: Path) -> None:
    async with database.read() as connection:
        for pragma, expected in {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1}.items():
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one() == expected
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("commandcenter.db*")}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


# SQLite's driver by itself would commit before DDL (`take_over_transactions`).
@ON_SQLITE
async def test_an_exception_rolls_the_transaction_back_and_the_next_one_goes_on(database: Database) -> None:
    async def fail() -> None:
        async with database.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE scratch (id INTEGER)")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.begin() as connection:
        names = await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'scratch'")
        assert names.all() == []


async def test_a_cancelled_writer_leaves_no_lock_behind(database: Database) -> None:
    async def hold() -> None:
        async with database.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM sites")
            await asyncio.sleep(60)

    writer = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    async with asyncio.timeout(2), database.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM sites")


# Postgres has as many writers as connections: two transactions of a task are two of them.
@ON_SQLITE
async def test_a_transaction_within_a_transaction_is_refused_instead_of_waiting_for_ever(database: Database) -> None:
    async with database.begin():
        with pytest.raises(RuntimeError, match="already has a transaction"):
            async with database.begin():
                pass
    async with database.begin():
        pass


# On Postgres each query sees what is committed by then (read committed), as `Database.read` says.
@ON_SQLITE
async def test_a_reader_sees_a_snapshot_while_somebody_writes(database: Database) -> None:
    count = "SELECT count(*) FROM platform_offsets"
    async with database.read() as reader:
        assert (await reader.exec_driver_sql(count)).scalar_one() == 0
        async with database.begin() as writer:
            await writer.exec_driver_sql("INSERT INTO platform_offsets VALUES ('home', 'telegram', 'x', 1, 1)")
        assert (await reader.exec_driver_sql(count)).scalar_one() == 0
    async with database.read() as reader:
        assert (await reader.exec_driver_sql(count)).scalar_one() == 1


def test_urls_are_brought_to_our_drivers_and_passwords_stay_out_of_messages() -> None:
    assert normal_url("postgres://cc:secret@db/energy").drivername == "postgresql+psycopg"
    assert normal_url("sqlite:///a.db").drivername == "sqlite+aiosqlite"
    with pytest.raises(ValueError, match='"mysql" is not supported'):
        normal_url("mysql://x/y")
    with pytest.raises(ValueError, match="in memory"):
        normal_url("sqlite://")
    assert os.path.isabs(normal_url(sqlite_url("here.db")).database or "")


async def test_the_reads_of_one_task_are_one_transaction_and_those_of_others_are_not(database: Database) -> None:
    async def other() -> object:
        async with database.read() as connection:
            return connection

    async with database.one_read():
        async with database.read() as first, database.read() as second:
            assert first is second
        async with database.one_read(), database.read() as inner:
            assert inner is first
        assert await asyncio.create_task(other()) is not first
    async with database.read() as after:
        assert after is not first
