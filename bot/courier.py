"""The courier: what the worker has to tell people goes out through the bot, which holds the platforms' connections.

A notice is claimed for a while, sent, and settled: at least once, and twice only when the process dies in between.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from bot.message import Address
from bot.ports import Outlet, Places, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Bold, Paragraph, Reply, Text
from bot.text import blocks_from_text

log = structlog.get_logger()

LOOK_EVERY_S = 2.0  # where no wake-up arrives
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0
MOST_TRIES = 50

Level = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class DueNotice:
    """Something to tell somebody. `addresses` are the ways to them, best first; `tries` so many failed before."""

    notice_id: int
    level: Level
    text: str
    addresses: Sequence[Address]
    tries: int


class Notices(Protocol):
    """What waits to be told."""

    async def due(self) -> Sequence[DueNotice]:
        """Claim what is due; it comes back when it is not settled within a minute."""
        ...

    async def sent(self, notice_id: int) -> None:
        """It arrived."""
        ...

    async def failed(self, notice_id: int, reason: str, *, again_in_s: float | None) -> None:
        """It did not; None gives it up."""
        ...


Wait = Callable[[float], Awaitable[None]]  # returns at a wake-up, after so many seconds at the latest


class Courier:
    """Delivers notices until it is cancelled, by the first of a person's ways that takes them."""

    def __init__(self, notices: Notices, places: Places, outlets: Mapping[str, Outlet], wait: Wait) -> None:
        self._notices = notices
        self._places = places
        self._outlets = outlets
        self._wait = wait

    async def run(self) -> None:
        """Look, deliver, wait. A failure is logged and the next look comes all the same."""
        while True:
            try:
                await self.deliver_due()
            except Exception:  # the database may be locked or full; what waits stays there
                log.exception("courier_failed")
            await self._wait(LOOK_EVERY_S)

    async def deliver_due(self) -> int:
        """Deliver what is due, people side by side; how many arrived."""
        due = await self._notices.due()
        return sum(await asyncio.gather(*(self._deliver(notice) for notice in due)))

    async def _deliver(self, notice: DueNotice) -> bool:
        reply = notice_reply(notice)
        reasons: list[str] = []
        pauses_s: list[float] = []
        for address in notice.addresses:
            outlet = self._outlets.get(address.platform)
            if outlet is None:
                reasons.append(f"{address.platform} is not connected")
                continue
            match await self._sent(outlet, address, reply):
                case Sent():
                    await self._notices.sent(notice.notice_id)
                    return True
                case TryLater(after_s):
                    reasons.append(f"{address.platform} asks for a pause")
                    pauses_s.append(after_s)
                case Undeliverable(reason, dead):
                    reasons.append(f"{address.platform}: {reason}")
                    if dead:
                        await self._places.dead(address, reason)
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(notice.tries, 10), LONGEST_PAUSE_S)
        pause_s = max(pause_s, min(pauses_s, default=0.0)) * random.uniform(1.0, 1.25)
        given_up = notice.tries + 1 >= MOST_TRIES
        reason = "; ".join(reasons) or "no chat of this person is known"
        log.warning("notice_not_delivered", notice=notice.notice_id, reason=reason, given_up=given_up)
        await self._notices.failed(notice.notice_id, reason, again_in_s=None if given_up else pause_s)
        return False

    async def _sent(self, outlet: Outlet, address: Address, reply: Reply) -> SendResult:
        try:
            return await outlet.send(address, reply, ())
        except Exception as error:  # one adapter's fault must not keep the notice from the person's other chats
            log.exception("notice_send_failed", platform=outlet.platform)
            return Undeliverable(type(error).__name__)


def notice_reply(notice: DueNotice) -> Reply:
    """The notice as people see it; what is critical says so first."""
    blocks = blocks_from_text(notice.text)
    if notice.level != "critical":
        return Reply(blocks)
    match blocks:
        case (Paragraph(inlines), *rest):
            return Reply((Paragraph((Bold("Critical:"), Text(" "), *inlines)), *rest))
        case _:
            return Reply((Paragraph((Bold("Critical:"),)), *blocks))
