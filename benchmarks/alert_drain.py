"""A thousand alerts at once, told at the pace that each platform permits.

`python -m benchmarks.alert_drain [--alerts N]`. One alert in ten is critical. They wait in a real outbox (SQLite) for
80 people on Telegram, Slack and Discord; courier and outlets are the real ones, the platforms are doubles on
loopback. What is critical must leave first, everything must arrive once, and in about the time that the platforms'
limits make of it (bot/pacing.py).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog

from app.chat_outgoing import StoredOutgoing
from app.chat_ports import StoredPlaces
from benchmarks.alert_house import ORG, SITE, ledger, owners
from benchmarks.table import Row, print_table
from bot.courier import Courier
from bot.message import Address
from bot.pacing import PACES, Limit
from bot.ports import Outlet, PartSent, SendResult, Sent
from bot.reply import Picture, Reply
from energy.alerts.episode import Episode, Event, State
from energy.alerts.rule import Level, Signal
from store import alerts, messages, outbox, people
from store.alerts import Change
from store.database import Database, sqlite_url
from tests.bot.house import House, draw

PEOPLE = {"telegram": 60, "slack": 10, "discord": 10}
SHARES = {"telegram": 0.6, "slack": 0.2, "discord": 0.2}
CRITICAL_EVERY = 10
WITHIN_S = 240.0
_NAME = re.compile(r"\bA\d{4}\b")


@dataclass
class Watched:
    """An outlet that notes what left when."""

    outlet: Any
    left: list[tuple[float, str, str]] = field(default_factory=list)  # monotonic s, chat, alert

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outlet, name)

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        result: SendResult = await self.outlet.send(address, reply, pictures, from_part=from_part, part_sent=part_sent)
        if isinstance(result, Sent):
            found = _NAME.search(str(reply))
            self.left.append((time.monotonic(), address.chat_id, found[0] if found else ""))
        return result


@dataclass(frozen=True, slots=True)
class Drained:
    """What happened on one platform: seconds until all, and all critical ones, had left; and what the limits allow."""

    platform: str
    alerts: int
    took_s: float
    critical_s: float
    ideal_s: float
    arrived: int
    lost: int
    doubled: int
    out_of_order: int

    @property
    def line(self) -> str:
        """A line of the table."""
        times = " ".join(f"{seconds:>8.1f} s" for seconds in (self.took_s, self.ideal_s, self.critical_s))
        return f"  {self.platform:9} {self.alerts:>6} {times} {self.lost:>6} {self.doubled:>8} {self.out_of_order:>8}"


def ideal_s(platform: str, in_all: int, most_in_a_chat: int) -> float:
    """The least time (s) that the platform's limits allow."""
    pace = PACES[platform]
    return max([_least_s(pace.all, in_all), _least_s(pace.direct, most_in_a_chat)])


def _least_s(limits: Sequence[Limit], count: int) -> float:
    return max(((count - 1) // limit.count * limit.per_s for limit in limits), default=0.0)


def is_critical(number: int) -> bool:
    """Whether the alert of that number is a critical one; they are spread evenly."""
    return number % CRITICAL_EVERY == CRITICAL_EVERY - 1


async def _queued(database: Database, chats: dict[str, list[str]], count: int) -> Counter[str]:
    """Queue the alerts, each with a message of its own for one person; how many for each platform."""
    now = datetime.now(UTC)
    await owners(database, [(name, chat) for name, its in chats.items() for chat in its], now)
    known = await people.list_people(database, ORG)
    by_platform: dict[str, list[str]] = {name: [] for name in chats}
    for person in known:
        by_platform[person.identities[0].platform].append(person.person_id)
    plan = [name for name, share in SHARES.items() for _ in range(round(share * count))]
    given: Counter[str] = Counter()
    random.Random(1).shuffle(plan)
    async with database.begin() as connection:
        for number, platform in enumerate(plan):
            level = Level.CRITICAL if is_critical(given[platform]) else Level.WARNING
            rule_id = "inverter_fault" if level is Level.CRITICAL else "inverter_warning"
            name = f"A{number:04}"
            signal = Signal(rule_id=rule_id, active=True, subject=name, what=f"The inverter reports {name}.")
            episode = Episode(
                rule_id=rule_id,
                subject=name,
                level=level,
                state=State.FIRING,
                number=1,
                since=now,
                signal=signal,
                fired_at=now,
                first_told_at=now,
                told_at=now,
            )
            change = Change(None, episode, (Event("fired", episode, now, tell=True),))
            (stored,) = await alerts.apply_in(connection, ORG, SITE.id, [change], now=now)
            message = await messages.create_in(
                connection,
                ORG,
                SITE.id,
                group_name="inverter",
                level=level.value,
                episode_ids=[stored.episode_id],
                now=now,
            )
            whose = by_platform[platform][given[platform] // CRITICAL_EVERY % len(by_platform[platform])]
            entry = outbox.NewEntry(
                site_id=SITE.id, kind="alert", level=level.value, person_id=whose, message_id=message.message_id
            )
            await outbox.add_in(connection, ORG, entry, now=now)
            given[platform] += 1
    return given


async def drained(folder: Path, count: int) -> list[Drained]:
    """Queue so many alerts and let them go."""
    async with contextlib.AsyncExitStack() as stack:
        stages = {
            name: await stack.enter_async_context(import_module(f"tests.bot.stages.{name}").stage(House()))
            for name in PEOPLE
        }
        chats = {
            name: [stage.address(str(1_000 + n)).chat_id for n in range(PEOPLE[name])] for name, stage in stages.items()
        }
        database = await Database.open(sqlite_url(folder / "commandcenter.db"), migrate=True)
        stack.push_async_callback(database.close)
        given = await _queued(database, chats, count)
        watched = {name: Watched(stage.outlet) for name, stage in stages.items()}
        outlets: dict[str, Outlet] = dict(watched)  # type: ignore[arg-type]  # what it lacks, the real one has
        outgoing = StoredOutgoing(database, SITE, StoredPlaces(database, SITE))
        courier = Courier(outgoing, outlets, asyncio.sleep, draw)
        began = time.monotonic()
        work = asyncio.create_task(courier.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                while (await ledger(database)).waiting:
                    await asyncio.sleep(0.2)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        levels = {
            each.episode.subject: each.episode.level for each in (await alerts.newest(database, ORG, SITE.id)).values()
        }
        return [
            _drained(name, watched[name].left, given[name], began, levels, [s.text for s in stages[name].seen()])
            for name in stages
        ]


def _drained(
    platform: str,
    left: Sequence[tuple[float, str, str]],
    given: int,
    began: float,
    levels: dict[str, Level],
    texts: Sequence[str],
) -> Drained:
    critical = [at for at, _, name in left if levels[name] is Level.CRITICAL]
    by_chat: dict[str, list[Level]] = {}
    for _, chat, name in left:
        by_chat.setdefault(chat, []).append(levels[name])
    late = sum(
        found.rank < max((level.rank for level in its[place:]), default=0)
        for its in by_chat.values()
        for place, found in enumerate(its)
    )
    seen = Counter(name for text in texts for name in _NAME.findall(text)[:1])
    return Drained(
        platform=platform,
        alerts=given,
        took_s=max(at for at, _, _ in left) - began,
        critical_s=max(critical) - began,
        ideal_s=ideal_s(platform, given, max(len(its) for its in by_chat.values())),
        arrived=len(seen),
        lost=given - len(seen),
        doubled=seen.total() - len(seen),
        out_of_order=late,
    )


def main() -> int:
    """Print the table; 1 when something was lost, doubled, out of order, or much slower than it may be."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--alerts", type=int, default=1_000)
    asked = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="alert-drain-") as folder:
        found = asyncio.run(drained(Path(folder), asked.alerts))
    print(f"{asked.alerts:,} alerts at once, {sum(PEOPLE.values())} people")
    print(
        f"  {'':9} {'alerts':>6} {'took':>10} {'ideal':>10} {'critical':>10} {'lost':>6} {'doubled':>8} {'too late':>8}"
    )
    for each in found:
        print(each.line)
    return print_table(
        "Drain",
        [
            Row("lost", sum(each.lost for each in found), "", 0),
            Row("doubled", sum(each.doubled for each in found), "", 0),
            Row("told before something critical in the same chat", sum(each.out_of_order for each in found), "", 0),
            Row("time against the ideal, at worst", max(each.took_s / each.ideal_s for each in found), "x", 1.5),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
