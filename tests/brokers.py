"""Real MQTT brokers on loopback for tests: mosquitto where it is installed, else the embedded amqtt."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from simulator.victron.broker import embedded_broker

HOST = "127.0.0.1"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Mosquitto:
    """A mosquitto process on a port of its own, which tests may kill, freeze and start again."""

    folder: Path
    port: int
    tls_port: int
    lines: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until it listens."""
        assert MOSQUITTO, "mosquitto is not installed"
        config = self.folder / f"mosquitto-{self.port}.conf"
        config.write_text("\n".join(("persistence false", f"listener {self.port} {HOST}", *self.lines)) + "\n")
        self.process = _spawn([MOSQUITTO, "-c", str(config)])
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(f"mosquitto did not start with {config.read_text()}")
            try:
                _, writer = await asyncio.open_connection(HOST, self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise TimeoutError("mosquitto does not listen")

    async def stop(self, *, abruptly: bool = False) -> None:
        """End the process; `abruptly` is a kill -9."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.kill() if abruptly else self.process.terminate()
        await asyncio.to_thread(self.process.wait, 5)
        self.process = None

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay up and nothing moves."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _write_passwords(file: Path, users: dict[str, str]) -> None:
    file.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
    subprocess.run(["mosquitto_passwd", "-U", str(file)], check=True)
    file.chmod(0o644)  # mosquitto drops to a user of its own when it is started by root


def let_in(folder: Path) -> None:
    """Let mosquitto's own user through to `folder`, which pytest keeps for the user who runs it."""
    whole = Path(tempfile.gettempdir()).resolve()
    for each in (folder, *folder.parents):
        if each.resolve() == whole:
            return
        if each.stat().st_uid == os.getuid():
            each.chmod(each.stat().st_mode | 0o111)


@asynccontextmanager
async def mosquitto(
    folder: Path, *, users: dict[str, str] | None = None, certificate: tuple[Path, Path] | None = None
) -> AsyncIterator[Mosquitto]:
    """A mosquitto; with `users` it wants one of these passwords, with `certificate` (cert, key) TLS at `tls_port`."""
    lines = [f"allow_anonymous {'false' if users else 'true'}"]
    if users:
        passwords = folder / "passwords"
        _write_passwords(passwords, users)
        lines.append(f"password_file {passwords}")
    tls_port = free_port()
    if certificate:
        lines += [f"listener {tls_port} {HOST}", f"certfile {certificate[0]}", f"keyfile {certificate[1]}"]
    let_in(folder)
    broker = Mosquitto(folder, free_port(), tls_port, tuple(lines))
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@asynccontextmanager
async def any_broker(folder: Path, *, users: dict[str, str] | None = None) -> AsyncIterator[int]:
    """The port of a broker: mosquitto where there is one, else amqtt. With `users` it wants one of these passwords."""
    if MOSQUITTO:
        async with mosquitto(folder, users=users) as broker:
            yield broker.port
        return

    def admits(username: str | None, password: str | None) -> bool:
        return users is None or (username is not None and users.get(username) == password)

    async with embedded_broker(admits=admits) as embedded:
        yield embedded.port
