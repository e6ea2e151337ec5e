"""The two processes that the kill storm kills: `... evaluator|deliverer DATABASE WORLD_FILE REDIS TELEGRAM` (URLs).

They are made of the real parts (Watching; Courier, StoredOutgoing, Telegram's client and outlet, the wake-up through
Redis) and say on their standard output which phase they are about to enter, so that they can be killed in it. What the
site's inverter reports, and how far its clock is ahead of the real one, stands in the world file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from benchmarks.alert_house import ORG, SITE
from bot.courier import Courier, Wait
from bot.message import Address
from bot.outgoing import Entry, Posting
from bot.ports import Outlet, PartSent, SendResult
from bot.reply import Picture, Reply
from energy.alerts.evaluate import Judged
from energy.alerts.rule import Signal
from energy.alerts.table import BY_ID
from services.watching import Watching
from store.database import AsyncConnection, Database
from store.wake import Wake

LOOK_EVERY_S = 0.05
# Critical ones of four groups, so that each fault is a message of its own; a storm has no time to wait for them.
RULES = tuple(
    replace(BY_ID[name], for_s=0.0, keep_firing_s=1.0, cooldown_s=0.0)
    for name in ("inverter_fault", "battery_critical", "grid_outage", "battery_unknown")
)
TOKEN = "123456:TEST-token_of-the-double"  # the double's


def say(phase: str) -> None:
    """Tell the parent what comes now."""
    print(phase, flush=True)


@dataclass
class World:
    """What the parent wrote last: which faults the inverter reports, and its clock."""

    file: Path
    seen: tuple[int, int] = (0, 0)
    faults: Mapping[str, bool] = field(default_factory=dict)
    ahead: timedelta = timedelta(0)

    def read(self) -> None:
        """Read it again where it was written since."""
        status = self.file.stat()
        if (status.st_mtime_ns, status.st_ino) != self.seen:
            self.seen = status.st_mtime_ns, status.st_ino
            said = json.loads(self.file.read_text())
            self.faults, self.ahead = said["faults"], timedelta(seconds=said["ahead_s"])

    def now(self) -> datetime:
        """The time there."""
        self.read()
        return datetime.now(UTC) + self.ahead

    def judged(self) -> list[Judged]:
        """What the rule sees of every fault that was ever reported."""
        self.read()
        return [
            (
                rule,
                Signal(
                    rule_id=rule.id,
                    subject=code,
                    active=active,
                    devices=("cerbo",),
                    steady=True,
                    what=f"The inverter reports {code}.",
                ),
            )
            for number, (code, active) in enumerate(self.faults.items())
            for rule in [RULES[number % len(RULES)]]
        ]


def write_world(file: Path, faults: Mapping[str, bool], ahead_s: float) -> None:
    """Change the world in one step."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"faults": dict(faults), "ahead_s": ahead_s}))
    new.replace(file)


class Announcing(Database):
    """A database that says when it is about to commit."""

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        async with super().begin() as connection:
            yield connection
            say("commit")


async def evaluator(url: str, world: World, redis_url: str) -> None:
    """Look at the site again and again."""
    wake = Wake(redis_url, "storm")
    watching = Watching(await Announcing.open(url), ORG, SITE, wake=wake.publish)
    say("ready")
    while True:
        now = world.now()
        say("evaluate")
        await watching.carry_on(world.judged(), now)
        await watching.escalate(now)
        await asyncio.sleep(LOOK_EVERY_S)


class AnnouncedOutgoing:
    """`bot.outgoing.Outgoing` that says what it is about to do."""

    def __init__(self, outgoing: Any) -> None:
        self._outgoing = outgoing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outgoing, name)

    async def due(self, limit: int, in_hand: Collection[int]) -> Sequence[Entry]:
        say("claim")
        found: Sequence[Entry] = await self._outgoing.due(limit, in_hand)
        return found

    async def sent(self, outbox_id: int, posting: Posting | None) -> None:
        say("settle")
        await self._outgoing.sent(outbox_id, posting)


class AnnouncedOutlet:
    """A platform's outlet that says when something is about to leave."""

    def __init__(self, outlet: Any) -> None:
        self._outlet = outlet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        say("send")
        result: SendResult = await self._outlet.send(address, reply, pictures, from_part=from_part, part_sent=part_sent)
        return result

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        say("edit")
        result: SendResult = await self._outlet.edit(address, ref, reply)
        return result


async def deliverer(url: str, world: World, redis_url: str, telegram_url: str) -> None:
    """Deliver what is due."""
    from app.chat_outgoing import StoredOutgoing
    from app.chat_ports import StoredPlaces
    from bot.platforms.telegram.client import connect
    from bot.platforms.telegram.send import TelegramOutlet
    from charts.render import render

    database = await Database.open(url)
    stored = StoredOutgoing(database, SITE, StoredPlaces(database, SITE, world.now), world.now)
    outlet: Any = AnnouncedOutlet(TelegramOutlet(connect(SecretStr(TOKEN), telegram_url)))
    outgoing: Any = AnnouncedOutgoing(stored)
    outlets: dict[str, Outlet] = {"telegram": outlet}
    async with woken(redis_url) as wait:
        say("ready")
        await Courier(outgoing, outlets, wait, render).run()


@contextlib.asynccontextmanager
async def woken(redis_url: str, look_every_s: float = 0.3) -> AsyncIterator[Wait]:
    """A wait that ends early when there is something to tell; without `look_every_s` sooner than a bot's does."""
    wake, event = Wake(redis_url, "storm"), asyncio.Event()

    async def listen() -> None:
        async with wake.listening("notices") as heard:
            async for _ in heard:
                event.set()

    async def wait(seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), min(seconds, look_every_s))
        event.clear()

    task = asyncio.create_task(listen())
    try:
        yield wait
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await wake.close()


def main(role: str, url: str, world_file: str, redis_url: str, telegram_url: str) -> None:
    """Run until killed."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    world = World(Path(world_file))
    asyncio.run(
        evaluator(url, world, redis_url) if role == "evaluator" else deliverer(url, world, redis_url, telegram_url)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
