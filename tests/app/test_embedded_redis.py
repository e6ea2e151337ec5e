"""The embedded server: a socket and nothing else, kept running, adopted after a kill, and gone at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.embedded_redis import AlreadyRunning, RedisDidNotStart, embedded_redis, sole_use

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import asyncio, sys
from pathlib import Path
from app.embedded_redis import embedded_redis, sole_use

async def main():
    with sole_use(Path(sys.argv[1])):
        async with embedded_redis(Path(sys.argv[1])) as url:
            print(url, flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


def _pid(data_dir: Path) -> int:
    return int((data_dir / "redis" / "redis.pid").read_text())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True


async def _ask(url: str, *command: str):
    client = Redis.from_url(url)
    try:
        return await client.execute_command(*command)
    finally:
        await client.aclose()


def _listening_inodes() -> set[str]:
    lines = [*Path("/proc/net/tcp").read_text().splitlines(), *Path("/proc/net/tcp6").read_text().splitlines()]
    return {fields[9] for fields in map(str.split, lines) if fields[3] == "0A"}


async def test_it_listens_on_its_socket_alone_and_only_for_this_user(tmp_path):
    async with embedded_redis(tmp_path) as url:
        info = await _ask(url, "INFO", "server")
        socket = tmp_path / "redis" / "redis.sock"
        assert int(info["tcp_port"]) == 0
        assert socket.stat().st_mode & 0o077 == 0
        assert socket.parent.stat().st_mode & 0o077 == 0
        if Path("/proc/net/tcp").exists():
            handles = [os.readlink(handle) for handle in Path(f"/proc/{_pid(tmp_path)}/fd").iterdir()]
            held = {handle.removeprefix("socket:[").removesuffix("]") for handle in handles}
            assert held
            assert not held & _listening_inodes()


async def test_what_was_written_survives_a_restart_and_stopping_leaves_no_process_and_no_socket(tmp_path):
    async with embedded_redis(tmp_path) as url:
        await _ask(url, "SET", "kept", "1")
        pid = _pid(tmp_path)
    assert not _alive(pid)
    assert {path.name for path in (tmp_path / "redis").iterdir()} == {"appendonlydir", "redis.log"}
    async with embedded_redis(tmp_path) as url:
        assert await _ask(url, "GET", "kept") == b"1"


async def test_a_folder_with_a_long_path_gets_a_short_socket_which_goes_with_it(tmp_path):
    data_dir = tmp_path / ("long" * 30) / "data"
    before = set(Path(tempfile.gettempdir()).glob("cc-redis-*"))
    async with embedded_redis(data_dir) as url:
        assert await _ask(url, "PING")
        (short,) = set(Path(tempfile.gettempdir()).glob("cc-redis-*")) - before
        assert short.stat().st_mode & 0o077 == 0
        assert len(url) < 110
    assert set(Path(tempfile.gettempdir()).glob("cc-redis-*")) == before
    assert not (data_dir / "redis" / "socket_dir").exists()


async def test_a_server_that_dies_is_started_again(tmp_path):
    with capture_logs() as logs:
        async with embedded_redis(tmp_path) as url:
            first = _pid(tmp_path)
            os.kill(first, signal.SIGKILL)
            for _ in range(150):
                await asyncio.sleep(0.02)
                if [entry for entry in logs if entry["event"] == "redis_started"][1:]:
                    break
            assert await _ask(url, "PING")
            assert _pid(tmp_path) != first
    assert [entry["event"] for entry in logs] == ["redis_started", "redis_died", "redis_started"]


async def test_after_a_kill_of_the_owner_the_server_is_adopted_and_ends_with_the_new_owner(tmp_path):
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(tmp_path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    async with asyncio.timeout(10):
        while not (line := await owner.stdout.readline()).startswith(b"unix://"):
            assert line
    url = line.decode().strip()
    with pytest.raises(AlreadyRunning, match=f"{tmp_path} is in use by another commandcenter"), sole_use(tmp_path):
        pass
    await _ask(url, "SET", "kept", "1")
    pid = _pid(tmp_path)
    owner.kill()
    await owner.communicate()
    assert _alive(pid)
    with sole_use(tmp_path), capture_logs() as logs:
        async with embedded_redis(tmp_path) as again:
            assert again == url
            assert _pid(tmp_path) == pid
            assert await _ask(again, "GET", "kept") == b"1"
    assert [entry["event"] for entry in logs] == ["redis_adopted"]
    for _ in range(100):
        if not _alive(pid):
            break
        await asyncio.sleep(0.02)
    assert not _alive(pid)
    assert {path.name for path in (tmp_path / "redis").iterdir()} == {"appendonlydir", "redis.log"}


async def test_a_pid_file_that_names_somebody_else_s_process_harms_nobody(tmp_path):
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "redis.pid").write_text(str(bystander.pid))
    async with embedded_redis(tmp_path) as url:
        assert await _ask(url, "PING")
    assert _alive(bystander.pid)
    bystander.kill()
    await bystander.wait()


async def test_a_file_that_cannot_be_read_any_more_is_put_aside(tmp_path):
    async with embedded_redis(tmp_path) as url:
        await _ask(url, "SET", "kept", "1")
    for part in (tmp_path / "redis" / "appendonlydir").glob("*.aof"):
        part.write_bytes(b"*3\r\nnonsense" * 50)
    with capture_logs() as logs:
        async with embedded_redis(tmp_path) as url:
            assert await _ask(url, "GET", "kept") is None
    assert "redis_file_put_aside" in [entry["event"] for entry in logs]
    assert (tmp_path / "redis" / "appendonlydir.unreadable").is_dir()


async def test_a_server_that_cannot_start_says_where_its_log_is(tmp_path):
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "redis.log").mkdir()  # nothing can be logged there
    with pytest.raises(RedisDidNotStart, match=r"redis\.log, or set REDIS_URL"):
        async with embedded_redis(tmp_path):
            pass
