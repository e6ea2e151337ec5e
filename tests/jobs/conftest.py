"""The worker's tests: on SQLite, and those of control on Postgres too.

`make test` runs the Postgres half of the most telling ones; that of the others is marked `slow`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.embedded_redis import embedded_redis
from tests.postgres import database as database
from tests.postgres import postgres_server as postgres_server
from tests.postgres import postgres_url as postgres_url
from tests.postgres import sqlite_file
from tests.postgres import sqlite_template as sqlite_template

ON_BOTH = frozenset(
    f"tests.jobs.test_{name}"
    for name in (
        "after_failures",
        "claims",
        "control",
        "control_process",
        "grid_charge",
        "moving",
        "one_at_a_time",
        "order_of_commands",
        "stopping",
        "trouble",
        "turned_by_hand",
        "watch_killed",
        "watch_relays",
        "watch_sources",
        "watch_worker",
    )
)
ALWAYS_ON_BOTH = frozenset(
    (
        "test_two_workers_do_everything_once",
        "test_a_start_is_switched_with_a_timer_read_back_and_told",
        "test_a_push_is_judged_at_once_and_what_it_brings_wakes_the_courier",
    )
)
SQLITE_ALONE = frozenset(  # SQLite's own lock, or its file, is what they are about
    (
        "test_limits_hold_while_the_database_takes_no_writes",
        "test_what_fails_while_the_database_is_away_is_told_when_it_is_back",
        "test_what_fails_while_the_database_refuses_all_is_told_by_the_next_worker",
    )
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The tests of control, once for each kind of database."""
    name = metafunc.function.__name__
    if "url" in metafunc.fixturenames and metafunc.module.__name__ in ON_BOTH and name not in SQLITE_ALONE:
        marks = () if name in ALWAYS_ON_BOTH else (pytest.mark.slow,)
        metafunc.parametrize("url", ["sqlite", pytest.param("postgres", marks=marks)], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database of the test's own."""
    if getattr(request, "param", "sqlite") == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return sqlite_file(request.getfixturevalue("sqlite_template"), tmp_path)


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    async with embedded_redis(tmp_path) as url:
        yield url
