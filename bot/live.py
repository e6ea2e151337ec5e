"""Live messages: one pinned message a chat, whose figures are put in again each minute.

One that ends says so, without figures: figures that nobody renews must not be taken for those of now.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.message import Address, Sender
from bot.ports import Outlet, Sent, TryLater, Undeliverable
from bot.reply import Reply, say

log = structlog.get_logger()

EVERY_S = 60.0
MOST_TRIES_TO_END = 90  # a platform that lets nobody change an old message allows it again after an hour
ENDED = say("This live message has ended. /live starts a new one.")


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A message that is kept up to date, for the person who asked for it."""

    address: Address
    sender: Sender
    ref: str

    @property
    def chat(self) -> tuple[str, str]:
        """The chat, whichever the thread: it has one live message at the most."""
        return self.address.platform, self.address.chat_id


class LiveStore(Protocol):
    """Which messages are live; it outlives the process."""

    async def put(self, message: LiveMessage) -> None:
        """Keep this one, instead of any other in its chat."""
        ...

    async def remove(self, address: Address) -> None:
        """Forget the chat's."""
        ...

    async def all(self) -> Sequence[LiveMessage]:
        """Everything that is live."""
        ...


# The figures as the person may see them now; None when they may not any more, or in this chat.
Compose = Callable[[LiveMessage], Awaitable[Reply | None]]


class LiveBoard:
    """Keeps the live messages up to date until it is cancelled."""

    def __init__(
        self, store: LiveStore, outlets: Mapping[str, Outlet], compose: Compose, *, every_s: float = EVERY_S
    ) -> None:
        self._store = store
        self._outlets = outlets
        self._compose = compose
        self._every_s = every_s
        self._ending: dict[LiveMessage, int] = {}  # what could not be told yet that it has ended, and how often tried
        # A chat's message is renewed, replaced and ended one at a time: an ended one must not get figures again.
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self, address: Address, sender: Sender, ref: str) -> None:
        """See `bot.ports.LiveMessages`."""
        message = LiveMessage(address, sender, ref)
        async with self._locks[message.chat]:
            before = await self._of(message.chat)
            await self._store.put(message)
            if before is not None and before.ref != ref:
                await self._end(before)

    async def end(self, address: Address) -> None:
        """See `bot.ports.LiveMessages`."""
        chat = (address.platform, address.chat_id)
        async with self._locks[chat]:
            message = await self._of(chat)
            if message is not None:
                await self._over(message, "asked for")

    async def run(self) -> None:
        """Renew all of them, wait, and again."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.renew()
            except Exception:  # the database may be busy; the next minute comes
                log.exception("live_failed")

    async def renew(self) -> None:
        """Put the figures of now into every live message; one that cannot be changed any more is forgotten."""
        for message in tuple(self._ending):
            async with self._locks[message.chat]:
                await self._end(message)
        for message in await self._store.all():
            try:
                async with self._locks[message.chat]:
                    if await self._of(message.chat) == message:  # neither ended nor replaced meanwhile
                        await self._renew(message)
            except Exception:  # the other chats' figures go on
                log.exception("live_not_renewed", platform=message.address.platform)

    async def _renew(self, message: LiveMessage) -> None:
        outlet = self._outlets.get(message.address.platform)
        if outlet is None:
            return
        reply = await self._compose(message)
        if reply is None:
            await self._over(message, "not allowed here any more")
            return
        match await outlet.edit(message.address, message.ref, reply):
            case Undeliverable(stands=True):
                await self._afresh(message, reply, outlet)
            case Undeliverable(reason):
                await self._over(message, reason)
            case TryLater(after_s):
                log.debug("live_waits", platform=message.address.platform, after_s=after_s)
            case _:
                pass

    async def _afresh(self, message: LiveMessage, reply: Reply, outlet: Outlet) -> None:
        """A new message goes on where the platform lets nobody change the old one any more."""
        match await outlet.send(message.address, reply, ()):
            case Sent(ref=str(ref)):
                await self._store.put(LiveMessage(message.address, message.sender, ref))
                await outlet.pin(message.address, ref)
                await self._end(message)
                log.info("live_goes_on_in_a_new_message", platform=outlet.platform)
            case Undeliverable(reason):
                await self._over(message, reason)
            case Sent():  # nobody knows which message to renew, and one more each minute helps nobody
                await self._over(message, "the new message was not confirmed")
            case TryLater():
                log.debug("live_waits", platform=outlet.platform)

    async def _over(self, message: LiveMessage, reason: str) -> None:
        await self._store.remove(message.address)
        log.info("live_ended", platform=message.address.platform, reason=reason)
        await self._end(message)

    async def _end(self, message: LiveMessage) -> None:
        """Say in the message that it has ended and take its pin; again with the next round where that must wait."""
        tries = self._ending.pop(message, 0)
        outlet = self._outlets.get(message.address.platform)
        if outlet is None:
            return
        try:
            if not tries:
                await outlet.unpin(message.address, message.ref)
            match await outlet.edit(message.address, message.ref, ENDED):
                case TryLater() | Undeliverable(stands=True) if tries < MOST_TRIES_TO_END:
                    self._ending[message] = tries + 1
                case _:
                    pass
        except Exception:  # its figures carry their date; whoever ends it must not fail
            log.exception("live_end_not_shown", platform=outlet.platform)

    async def _of(self, chat: tuple[str, str]) -> LiveMessage | None:
        return next((message for message in await self._store.all() if message.chat == chat), None)
