"""Live messages: one pinned message a chat, whose figures are put in again each minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.message import Address, Sender
from bot.ports import Outlet, TryLater, Undeliverable
from bot.reply import Reply

log = structlog.get_logger()

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A message that is kept up to date, for the person who asked for it."""

    address: Address
    sender: Sender
    ref: str


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

    async def begin(self, address: Address, sender: Sender, ref: str) -> None:
        """See `bot.ports.LiveMessages`."""
        await self._store.put(LiveMessage(address, sender, ref))

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
        for message in await self._store.all():
            try:
                await self._renew(message)
            except Exception:  # the other chats' figures go on
                log.exception("live_not_renewed", platform=message.address.platform)

    async def _renew(self, message: LiveMessage) -> None:
        outlet = self._outlets.get(message.address.platform)
        if outlet is None:
            return
        reply = await self._compose(message)
        if reply is None:
            await self._store.remove(message.address)
            log.info("live_ended", platform=message.address.platform, reason="not allowed here any more")
            return
        match await outlet.edit(message.address, message.ref, reply):
            case Undeliverable(reason):
                await self._store.remove(message.address)
                log.info("live_ended", platform=message.address.platform, reason=reason)
            case TryLater(after_s):
                log.debug("live_waits", platform=message.address.platform, after_s=after_s)
            case _:
                pass
