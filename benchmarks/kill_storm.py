"""Workers and bots killed at every moment, while faults come and go: nothing lost, and little told twice.

`python -m benchmarks.kill_storm [--kills 200] [--database URL] [--seed N]`. Two evaluators and two deliverers, each a
process of its own over a real database, tell eight people of a site's faults on a Telegram double. They are killed
with -9 as they evaluate, commit, claim, send, settle and edit, while Telegram answers storms of 429 and 503 and Redis
loses everything in the middle. Afterwards each person must have read of every fault (lost = 0), every message must show
that it is over, and no more may have come twice than processes were killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from app.embedded_redis import embedded_redis
from benchmarks.alert_house import Ledger, ledger, owners
from benchmarks.storm_processes import TOKEN, write_world
from benchmarks.table import Row, print_table
from store.database import Database, sqlite_url
from tests.doubles.telegram_api import Failure, TelegramApi, too_many

ROOT = Path(__file__).resolve().parents[1]
PHASES = {"evaluate": "evaluator", "commit": "evaluator"} | dict.fromkeys(
    ("claim", "send", "settle", "edit"), "deliverer"
)
AFTER_S = {"evaluate": 0.02, "commit": 0.005, "claim": 0.02, "send": 0.03, "settle": 0.01, "edit": 0.03}
CHATS = tuple(str(1_000 + number) for number in range(8))
EACH_ROLE = 2
KILLS_A_ROUND, FAULTS_A_ROUND = 4, 4
LATENCY_S = 0.015
JUMP_S = 61.0  # a claim has run out by then, and a new message begins
QUIET_S = 2.5  # longer than a pause that Telegram asks for
SETTLES_WITHIN_S = 120.0


class Unsettled(Exception):
    """What was to be told does not come to an end."""


@dataclass
class Victim:
    """A process that is started again whenever it was killed."""

    role: str
    arguments: Sequence[str]
    process: asyncio.subprocess.Process | None = None
    phase: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Condition = field(default_factory=asyncio.Condition)
    said_last: str = ""
    reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it; `ready` is set once it has opened everything."""
        self.ready.clear()
        command = (sys.executable, "-m", "benchmarks.storm_processes", self.role, *self.arguments)
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
        self.reading = asyncio.create_task(self._read(self.process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        complaints = asyncio.create_task(process.stderr.read())
        while line := (await process.stdout.readline()).decode().strip():
            if line == "ready":
                self.ready.set()
            async with self.entered:
                self.phase = line
                self.entered.notify_all()
        if await process.wait() != -signal.SIGKILL:
            raise RuntimeError(f"the {self.role} ended by itself: {(await complaints).decode()[-2_000:]}")
        complaints.cancel()

    async def killed_in(self, phase: str, after_s: float, within_s: float = 2.0) -> str:
        """Kill it so long after it enters the phase, or wherever it is when it does not come there; which it was."""
        await asyncio.wait_for(self.ready.wait(), 60)
        try:
            async with asyncio.timeout(within_s), self.entered:
                await self.entered.wait_for(lambda: self.phase == phase)
        except TimeoutError:
            phase = "elsewhere"
        await asyncio.sleep(after_s)
        await self.kill()
        return phase

    async def kill(self) -> None:
        """End it with -9."""
        assert self.process is not None
        assert self.reading is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self.reading


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `killed` by phase; `lost`: pairs of a person and a fault that they never read of; `doubled`:
    messages beyond one per entry; `not_over`: messages that go on showing a fault that is over."""

    killed: Counter[str]
    faults: int
    fired_wrongly: int
    sent: int
    entries: dict[str, int]
    refused: int
    lost: int
    doubled: int
    not_over: int

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return self.killed.total()


@dataclass
class Storm:
    """One storm, from the first fault to the last message."""

    database: Database
    api: TelegramApi
    world_file: Path
    redis_folder: Path
    victims: Sequence[Victim]
    dice: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    faults: dict[str, bool] = field(default_factory=dict)
    ahead_s: float = 0.0

    def change(self) -> None:
        """Let the processes see the world as it is now."""
        write_world(self.world_file, self.faults, self.ahead_s)

    async def run(self, kills: int) -> None:
        """Round after round: faults come and go under kills, then everything settles and the clock moves on."""
        rounds = max(2, -(-kills // KILLS_A_ROUND))
        for number in range(rounds):
            left = kills - self.killed.total()
            async with asyncio.TaskGroup() as group:
                killing = group.create_task(self._kill(min(left, -(-kills // rounds))))
                group.create_task(self._bad_weather(killing, wiped=number == rounds // 2))
                group.create_task(self._come_and_go(killing))
            await self.settle()
        for name in self.faults:
            self.faults[name] = False
        await self.settle()

    async def _kill(self, count: int) -> None:
        for _ in range(count):
            phase = self.dice.choice(list(PHASES))
            victim = self.dice.choice([each for each in self.victims if each.role == PHASES[phase]])
            self.killed[await victim.killed_in(phase, self.dice.uniform(0, AFTER_S[phase]))] += 1
            await victim.start()

    async def _bad_weather(self, killing: asyncio.Task[None], *, wiped: bool) -> None:
        """Storms of 429 and 503, and a Redis that forgets everything."""
        while not killing.done():
            await asyncio.sleep(self.dice.uniform(0.5, 2.0))
            storm = self.dice.choice([[too_many(1)] * 4, [Failure(503, "Service Unavailable")] * 4, [too_many(2)]])
            self.api.calm()  # storms pass, also where nobody spoke meanwhile
            self.api.fail(self.dice.choice(("sendMessage", "sendMessage", "editMessageText")), *storm)
            if wiped:
                wiped = False
                wipe(self.redis_folder)

    async def _come_and_go(self, killing: asyncio.Task[None]) -> None:
        """Four new faults, spread over the kills; each of the old ones ends, as half of the new ones do."""
        old = [name for name, active in self.faults.items() if active]
        for number in range(FAULTS_A_ROUND):
            name = f"F{len(self.faults) + 1:03}"
            self.faults[name] = True
            self.change()
            await self._nap(killing)
            if old:
                self.faults[old.pop()] = False
                self.change()
                await self._nap(killing)
            if number % 2:
                await self._stored("fired", name)
                self.faults[name] = False
                self.change()
                await self._nap(killing)

    async def _nap(self, killing: asyncio.Task[None]) -> None:
        await asyncio.wait([killing], timeout=self.dice.uniform(0.3, 2.0))

    async def _stored(self, kind: str, *names: str, within_s: float = 60.0) -> None:
        until = time.monotonic() + within_s
        while not all((await ledger(self.database)).of(kind, names)):
            if time.monotonic() > until:
                raise Unsettled(f"{', '.join(names)} never {kind}")
            await asyncio.sleep(0.05)

    async def settle(self) -> None:
        """Wait until everything is told and every message shows how it stands; claims of the dead run out."""
        self.api.calm()
        self.change()
        await asyncio.gather(*(victim.ready.wait() for victim in self.victims))
        await self._stored("fired", *self.faults)
        await self._stored("resolved", *(name for name, active in self.faults.items() if not active))
        until = time.monotonic() + SETTLES_WITHIN_S
        while (found := await self._still()).waiting or found.outdated:
            if time.monotonic() > until:
                raise Unsettled(f"{found.waiting} entries wait and {found.outdated} messages are out of date: {found}")
            self._jump()
        self._jump()

    def _jump(self) -> None:
        self.ahead_s += JUMP_S
        self.change()

    async def _still(self) -> Ledger:
        """What is stored once nothing moves any more."""
        seen, since = (await ledger(self.database), len(self.api.calls)), time.monotonic()
        while (seen[0].waiting or seen[0].outdated) and time.monotonic() - since < QUIET_S:
            await asyncio.sleep(0.1)
            now = (await ledger(self.database), len(self.api.calls))
            if now != seen:
                seen, since = now, time.monotonic()
        return seen[0]

    async def outcome(self) -> Outcome:
        """Count."""
        found = await ledger(self.database)
        read = {chat: "\n".join(each.text for each in self.api.standing(int(chat))) for chat in CHATS}
        fired = found.of("fired", list(self.faults)) + found.of("resolved", list(self.faults))
        return Outcome(
            killed=self.killed,
            faults=len(self.faults),
            fired_wrongly=sum(count != 1 for count in fired),
            sent=len(self.api.sent),
            entries=found.entries,
            refused=self.api.refused,
            lost=sum(name not in text for text in read.values() for name in self.faults) + found.entries.get("dead", 0),
            doubled=len(self.api.sent) - found.entries.get("sent", 0),
            not_over=sum("reports F" in each.text and "Over" not in each.text for each in self.api.standing()),
        )


def wipe(folder: Path) -> None:
    """Redis dies and has lost everything when it comes back."""
    pid = int((folder / "redis.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder / "appendonlydir", ignore_errors=True)


async def storm(kills: int, folder: Path, *, url: str | None = None, seed: int = 1) -> Outcome:
    """Kill so many processes; the database is a SQLite file in `folder`, or the migrated one at `url`."""
    url = url or sqlite_url(folder / "commandcenter.db")
    database = await Database.open(url, migrate=True)
    await owners(database, [("telegram", chat) for chat in CHATS], datetime.now(UTC))
    world_file = folder / "world.json"
    write_world(world_file, {}, 0.0)
    api = TelegramApi(token=TOKEN)
    api.latency_s = LATENCY_S
    async with api, embedded_redis(folder) as redis_url:
        arguments = (url, str(world_file), redis_url, api.url)
        victims = [Victim(role, arguments) for role in ("evaluator", "deliverer") for _ in range(EACH_ROLE)]
        work = Storm(database, api, world_file, folder / "redis", victims, random.Random(seed))
        try:
            await asyncio.gather(*(victim.start() for victim in victims))
            await work.run(kills)
            return await work.outcome()
        finally:
            await asyncio.gather(*(victim.kill() for victim in victims), return_exceptions=True)
            await database.close()


def main() -> int:
    """Print what came of it; 1 when something was lost, or told twice too often."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--database", help="the URL of an empty database; a SQLite file without it")
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-storm-") as folder:
        found = asyncio.run(storm(asked.kills, Path(folder), url=asked.database, seed=asked.seed))
    print(f"{found.kills} kills: " + ", ".join(f"{count} {phase}" for phase, count in found.killed.most_common()))
    print(f"{found.faults} faults, {len(CHATS)} people, {found.refused} answers of 429 and 503, Redis wiped once")
    print("entries: " + ", ".join(f"{count} {state}" for state, count in sorted(found.entries.items())))
    print(f"messages sent: {found.sent}; it took {time.monotonic() - began:.0f} s")
    return print_table(
        "Kill storm",
        [
            Row("kills", found.kills, "", asked.kills, at_least=True),
            Row("lost", found.lost, "", 0),
            Row("doubled", found.doubled, "", found.kills),
            Row("faults that fired or ended not once", found.fired_wrongly, "", 0),
            # The first of two copies of a message is nobody's: whoever sent it was killed before it was written down.
            Row("messages that show an old state", found.not_over, "", found.doubled),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
