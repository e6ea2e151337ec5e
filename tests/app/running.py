"""A whole installation under test: `commandcenter run` against the simulated site and a Bot API double."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulator.clock import SimClock
from simulator.default_site import DEFAULT_SITE
from simulator.history import virtual_site
from simulator.server import Endpoints, serve
from tests.doubles.telegram_api import TelegramApi

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Installation:
    """A data folder, its environment, and what it talks to."""

    data: Path
    environment: dict[str, str]
    endpoints: Endpoints
    telegram: TelegramApi

    async def command(self, *arguments: str) -> str:
        """Run another `commandcenter` command on the same data; its standard output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", *arguments), env=self.environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, (arguments, out)
        return out.decode()

    @contextlib.asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """`commandcenter run` while the block lasts; its log goes to run.log in the data folder."""
        with (self.data / "run.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "run", *arguments), env=self.environment, cwd=ROOT, stderr=log
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 20)

    async def all_settled(self, *, timeout_s: float = 10.0) -> None:
        """Wait until every received message is dealt with and committed."""
        query = "SELECT count(*) FROM inbox WHERE state IN ('received', 'answered')"
        async with asyncio.timeout(timeout_s):
            while True:
                with contextlib.closing(
                    sqlite3.connect(f"file:{self.data / 'commandcenter.db'}?mode=ro", uri=True)
                ) as db:
                    if db.execute(query).fetchone() == (0,):
                        return
                await asyncio.sleep(0.05)

    async def logged(self, event: str, *, timeout_s: float = 30.0) -> str:
        """Wait until the log tells of `event`; the log so far."""
        async with asyncio.timeout(timeout_s):
            while True:
                text = (self.data / "run.log").read_text(encoding="utf-8") if (self.data / "run.log").exists() else ""
                if event in text:
                    return text
                await asyncio.sleep(0.1)


def children_of(pid: int) -> dict[str, int]:
    """The roles that run under a `commandcenter run`, with their process ids (Linux)."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            if int(stat[1]) == pid and "--role" in words:
                found[words[words.index("--role") + 1]] = int(folder.name)
    return found


def resident_mb(pid: int) -> float:
    """A process's resident memory in MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextlib.asynccontextmanager
async def installation(data: Path, extra: Mapping[str, str] | None = None) -> AsyncIterator[Installation]:
    """The simulated site, a Bot API double and a data folder that describes both."""
    now = datetime.now(UTC)
    world = virtual_site(DEFAULT_SITE, seed=1, end=now, days=3)
    async with serve(world, SimClock(now)) as endpoints, TelegramApi() as telegram:
        data.mkdir(parents=True, exist_ok=True)
        (data / "commandcenter.toml").write_text(site_file(endpoints), encoding="utf-8")
        clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY")}
        environment = clean | {
            "COMMANDCENTER_DATA": str(data),
            "SOLARK_USERNAME": endpoints.solark_username,
            "SOLARK_PASSWORD": endpoints.solark_password,
            "OPEN_METEO_BASE_URL": endpoints.open_meteo_url,
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "TELEGRAM_API_BASE_URL": telegram.url,
            "TELEGRAM_LONG_POLL_TIMEOUT_S": "2",
            "WEB_PORT": "0",
        }
        yield Installation(data, environment | dict(extra or {}), endpoints, telegram)


def site_file(endpoints: Endpoints) -> str:
    """The project's example with the simulator's addresses in it."""
    text = (ROOT / "commandcenter.toml").read_text(encoding="utf-8")
    shelly_host, _, shelly_port = endpoints.shelly_urls["garage"].partition(":")
    for old, new in (
        ("plant_id = 123456", f'plant_id = 123456\nbase_url = "{endpoints.solark_url}"\npoll_interval_s = 5'),
        ('host = "venus.local"', f'host = "{endpoints.mqtt_host}"\nport = {endpoints.mqtt_port}'),
        ('host = "192.168.1.50"', f'host = "{shelly_host}"\nport = {shelly_port}\npoll_interval_s = 5'),
    ):
        assert old in text
        text = text.replace(old, new)
    return text
