"""Replies on their way out: charts drawn, sent part by part, again where the platform asks for a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.answering import Delivery
from bot.drawing import drawn
from bot.message import Message
from bot.ports import LiveMessages, Outlet, PartSent, Places, Renderer, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply, say

log = structlog.get_logger()

Keep = Callable[[Delivery], Awaitable[None]]
Allowed = Callable[[], Awaitable[bool]]
PAUSE_AFTER_FAILURE_S = 30.0
NOT_KEPT = say("The live message may not have arrived, and I cannot keep it up to date. Please send /live again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    """Sends replies for `Chat`."""

    render: Renderer
    places: Places
    live: LiveMessages
    render_timeout_s: float
    give_up_after_s: float

    async def drawn(self, reply: Reply) -> tuple[Reply, tuple[Picture, ...]]:
        """The charts as pictures; see `bot.drawing`."""
        return await drawn(reply, self.render, self.render_timeout_s)

    async def deliver(
        self,
        message: Message,
        delivery: Delivery,
        reply: Reply,
        pictures: Sequence[Picture],
        outlet: Outlet,
        keep: Keep,
        still_allowed: Allowed,
    ) -> bool:
        """Send, waiting where the platform asks for it. False leaves the reply for later.

        After a wait `still_allowed` is asked: people are removed and groups closed meanwhile.
        """
        part = delivery.parts_sent
        waited_s = 0.0

        async def part_sent(count: int) -> None:
            nonlocal part
            part = count
            await keep(replace(delivery, parts_sent=count))

        while True:
            match await self._sent(message, reply, pictures, outlet, part, part_sent):
                case Sent(confirmed, ref):
                    if not confirmed:
                        log.warning("send_unconfirmed", platform=outlet.platform, key=message.key)
                    await self._live(message, reply, ref, outlet, confirmed=confirmed)
                    return True
                case Undeliverable(reason, dead):
                    log.warning("reply_undeliverable", platform=outlet.platform, key=message.key, reason=reason)
                    if dead:
                        await self.places.dead(message.address, reason)
                    return True
                case TryLater(after_s, next_part):
                    if waited_s + after_s > self.give_up_after_s:
                        log.error("reply_given_up", platform=outlet.platform, key=message.key, waited_s=waited_s)
                        return False
                    part = max(part, next_part)
                    waited_s += after_s
                    await asyncio.sleep(after_s)
                    if not await still_allowed():
                        log.info("reply_withheld", platform=outlet.platform, key=message.key)
                        return True

    async def _sent(
        self,
        message: Message,
        reply: Reply,
        pictures: Sequence[Picture],
        outlet: Outlet,
        part: int,
        part_sent: PartSent,
    ) -> SendResult:
        try:
            result = await self._replaced(message, reply, pictures, outlet) if not part else None
            if result is not None:
                return result
            return await outlet.send(message.address, reply, pictures, from_part=part, part_sent=part_sent)
        except Exception:  # an adapter's own fault must not cost the reply
            log.exception("send_failed", platform=outlet.platform, key=message.key)
            return TryLater(PAUSE_AFTER_FAILURE_S, part)

    async def _replaced(
        self, message: Message, reply: Reply, pictures: Sequence[Picture], outlet: Outlet
    ) -> SendResult | None:
        """The result of putting the reply where the tapped button was; None where it must be sent instead."""
        if not reply.replaces or message.ref is None or pictures:
            return None
        result = await outlet.edit(message.address, message.ref, reply)
        return None if isinstance(result, Undeliverable) else result

    async def _live(self, message: Message, reply: Reply, ref: str | None, outlet: Outlet, *, confirmed: bool) -> None:
        """What follows from a live message that stands there now, and from the word that it has ended."""
        try:
            if reply.kind == "live_off":
                await self.live.end(message.address)
            elif reply.kind == "live" and not confirmed:
                log.warning("live_not_kept", platform=outlet.platform, key=message.key, reason="no way to change it")
                await outlet.send(message.address, NOT_KEPT, ())
            elif reply.kind == "live" and ref is not None:
                await self.live.begin(message.address, message.sender, ref)
                await outlet.pin(message.address, ref)
        except Exception:  # the figures stand there with their date; they only grow old
            log.exception("live_not_kept", platform=outlet.platform, key=message.key)
