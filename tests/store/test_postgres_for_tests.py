"""The server that the tests start leaves nothing behind, whatever becomes of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.postgres import SERVER, PostgresServer

STARTER = """
import time
from tests.postgres import running_server
with running_server() as server:
    print(server.url_of("postgres"), flush=True)
    time.sleep(60)
"""
ROOT = Path(__file__).parents[2]


def test_each_test_gets_a_database_of_its_own(postgres_server: PostgresServer) -> None:
    urls = [postgres_server.new_database() for _ in range(2)]
    with psycopg.connect(urls[0], autocommit=True) as connection:
        connection.execute("DELETE FROM alembic_version")
    with psycopg.connect(urls[1]) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    for url in urls:
        postgres_server.drop(url)


@pytest.mark.skipif(SERVER is not None, reason="TEST_POSTGRES_URL: the server is somebody else's, and stays")
def test_a_server_whose_tests_are_killed_ends_and_takes_its_files_along(postgres_server: PostgresServer) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert starter.stdout is not None
    url = starter.stdout.readline().strip()
    psycopg.connect(url).close()
    folder = Path(str(make_url(url).query["host"]))
    pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    until = time.monotonic() + 20
    while (folder.exists() or alive(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
