"""What waits to be told, for the courier's tests: claims run out, and what was settled is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.courier import HOLD_S, Courier
from bot.message import Address
from bot.outgoing import Composed, Entry, Posting, Stale
from bot.pacing import Limit, Pace, Pacing
from bot.ports import Outlet
from bot.reply import Reply, say
from tests.bot.house import Wall, draw

HERE, THERE = Address("wall", "7"), Address("other", "8")
ENTRY = Entry(1, "info", (HERE,), content="s19-1 is on.")
QUICK = Pace(direct=(Limit(1, 0.05),), all=(Limit(5, 0.05),))
NO_LIMITS: Mapping[str, Pace] = {}


@dataclass
class PostOffice:
    """See `bot.outgoing.Outgoing`. Everything goes as a text, and shows version 1 of its message."""

    waiting: list[Entry] = field(default_factory=list)
    outdated: list[Stale] = field(default_factory=list)
    lease_s: float = 60.0
    arrived: list[tuple[int, Posting | None]] = field(default_factory=list)
    failures: list[tuple[int, str, float | None]] = field(default_factory=list)
    handed_back: list[tuple[int, float]] = field(default_factory=list)
    changed: list[tuple[int, int]] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    put_off: list[tuple[int, float]] = field(default_factory=list)
    dead_ways: list[tuple[str, str]] = field(default_factory=list)
    beats: int = 0
    broken: int = 0  # so many of the next settlements fail
    due_at: dict[int, float] = field(default_factory=dict)
    were_in_hand: list[tuple[int, ...]] = field(default_factory=list)

    async def due(self, limit: int, in_hand: Collection[int]) -> Sequence[Entry]:
        self.were_in_hand.append(tuple(in_hand))
        now = asyncio.get_running_loop().time()
        ready = [each for each in self.waiting if self.due_at.get(each.outbox_id, 0.0) <= now]
        ready.sort(key=lambda each: each.level != "critical")
        for each in ready[:limit]:
            self.due_at[each.outbox_id] = now + self.lease_s
        return ready[:limit]

    async def reply(self, entry: Entry, address: Address, *, buttons: bool, charts: bool) -> Composed:
        text = str(entry.content) if buttons else f"{entry.content} Reply in chat: /ack 1"
        return Composed(say(text), version=1)

    async def sent(self, outbox_id: int, posting: Posting | None) -> None:
        if self.broken:
            self.broken -= 1
            raise OSError("database is locked")
        self.arrived.append((outbox_id, posting))
        self.waiting = [each for each in self.waiting if each.outbox_id != outbox_id]

    async def failed(self, outbox_id: int, reason: str, *, again_in_s: float | None) -> None:
        self.failures.append((outbox_id, reason, again_in_s))
        again = [replace(each, tries=each.tries + 1) for each in self.waiting if each.outbox_id == outbox_id]
        self.waiting = [each for each in self.waiting if each.outbox_id != outbox_id]
        if again_in_s is not None:
            self.waiting += again
            self.due_at[outbox_id] = asyncio.get_running_loop().time() + again_in_s

    async def dead(self, entry: Entry, address: Address, reason: str) -> None:
        self.dead_ways.append((address.chat_id, reason))

    async def later(self, outbox_id: int, reason: str, *, in_s: float) -> None:
        self.handed_back.append((outbox_id, in_s))
        self.due_at[outbox_id] = asyncio.get_running_loop().time() + in_s

    async def stale(self) -> Sequence[Stale]:
        outdated, self.outdated = self.outdated, []
        return outdated

    async def stale_reply(self, stale: Stale) -> Reply:
        return say(str(stale.content))

    async def shown(self, posting_id: int, version: int) -> None:
        self.changed.append((posting_id, version))

    async def unchangeable(self, posting_id: int) -> None:
        self.given_up.append(posting_id)

    async def change_later(self, posting_id: int, *, in_s: float) -> None:
        self.put_off.append((posting_id, in_s))

    async def beat(self) -> None:
        self.beats += 1


async def soon(seconds: float) -> None:
    await asyncio.sleep(0.001)


def courier(
    office: PostOffice,
    *walls: Outlet,
    paces: Mapping[str, Pace] = NO_LIMITS,
    hold_s: float = HOLD_S,
) -> Courier:
    outlets = {wall.platform: wall for wall in walls or (Wall(),)}
    return Courier(office, outlets, soon, draw, pacing=Pacing(paces), hold_s=hold_s)


async def delivered(courier: Courier) -> None:
    """One look, until everything of it is delivered or handed back."""
    await courier.take_up()
    await courier.idle()
