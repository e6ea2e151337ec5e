"""Long polling: every update is taken on once, and the loop ends only when it is told to."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.commands.command import Command
from bot.platforms.telegram.client import reason, retry_after_s
from bot.platforms.telegram.intake import ALLOWED_UPDATES, Chat, Intake
from bot.platforms.telegram.registering import Registered
from bot.platforms.telegram.send import TelegramOutlet

log = structlog.get_logger()

# After a week without updates Telegram starts again at a random update id, below our offset perhaps; then we would
# wait for ever. Asking without an offset repeats at most what the inbox knows already.
FORGET_OFFSET_AFTER_S = 5 * 24 * 3600.0
_TRIES_PER_MESSAGE = 20


class Offset(Protocol):
    """Where the next update is expected, kept across restarts."""

    async def load(self) -> int | None:
        """The stored offset, or None."""
        ...

    async def save(self, offset: int) -> None:
        """Store it."""
        ...


class TelegramPolling:
    """Reads updates and hands messages to the chat. `ready` and `last_poll_age_s` feed /healthz."""

    name = "telegram"

    def __init__(
        self,
        bot: Bot,
        chat: Chat,
        outlet: TelegramOutlet,
        *,
        offset: Offset | None = None,
        commands: Sequence[Command] = (),
        registered: Registered | None = None,
        long_poll_s: int = 30,
        first_pause_s: float = 1.0,
        longest_pause_s: float = 60.0,
    ) -> None:
        self.outlet = outlet
        self._bot = bot
        self._intake = Intake(bot, chat, outlet, commands, registered)
        self._offset_store = offset
        self._long_poll_s = long_poll_s
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._offset: int | None = None
        self._trouble: str | None = None
        self._failures = 0
        self._last_poll = -1.0
        self._last_update = time.monotonic()

    @property
    def ready(self) -> bool:
        """Whether the last poll succeeded."""
        return self._last_poll >= 0 and self._trouble is None

    @property
    def trouble(self) -> str | None:
        """What is wrong at the moment, in words without secrets; None when nothing is."""
        return self._trouble

    @property
    def last_poll_age_s(self) -> float | None:
        """Seconds since the last successful poll, or None before the first."""
        return time.monotonic() - self._last_poll if self._last_poll >= 0 else None

    async def run(self) -> None:
        """Poll until cancelled. Whatever fails is said once, retried with growing pauses, and said again when over.

        The client stays open, for replies that are still on their way: close the chat next, then call `close`.
        """
        await self._until_done(self._begin)
        while True:
            await self._until_done(self._poll)

    async def close(self) -> None:
        """Close the connections to Telegram."""
        await self._intake.close()

    async def _begin(self) -> None:
        if self._offset_store is not None:
            self._offset = await self._offset_store.load()
        await self._intake.begin()

    async def _poll(self) -> None:
        if time.monotonic() - self._last_update > FORGET_OFFSET_AFTER_S:
            self._offset, self._last_update = None, time.monotonic()
        updates = await self._bot.get_updates(
            offset=self._offset,
            # The first poll returns at once, so that readiness is known soon.
            timeout=self._long_poll_s if self._last_poll >= 0 else 0,
            allowed_updates=ALLOWED_UPDATES,
        )
        self._recovered()
        for update in updates:
            await self._take_on(update)
            self._offset = update.update_id + 1
            self._last_update = time.monotonic()
        if updates and self._offset is not None and self._offset_store is not None:
            await self._offset_store.save(self._offset)

    async def _take_on(self, update: Update) -> None:
        """Hand a message over until the chat has it; the offset moves only then."""
        message = await self._intake.read(update)
        if message is None:
            return
        for attempt in range(1, _TRIES_PER_MESSAGE + 1):
            try:
                await self._intake.take_on(message)
            except Exception:  # the database may be locked or full; the message must wait, not be lost
                log.exception("message_not_taken_on", key=message.key, attempt=attempt)
                await asyncio.sleep(self._pause_s(attempt))
            else:
                return
        log.error("message_dropped", key=message.key, attempts=_TRIES_PER_MESSAGE)

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - a loop that ends on an error is a bot that has fallen silent
                await asyncio.sleep(await self._after_failure(error))
            else:
                return

    async def _after_failure(self, error: Exception) -> float:
        """Say what is wrong when it is new; returns the pause before the next try (s)."""
        self._failures += 1
        pause_s = self._pause_s(self._failures)
        if isinstance(error, Conflict):
            trouble = (
                "another process reads this bot's updates (409); stop it, or give this one a token of its own"
                if "webhook" not in error.message.lower()
                else "a webhook was set for this bot (409); it is removed so that polling can go on"
            )
            pause_s = max(pause_s, 5 * self._first_pause_s)
            if "webhook" in error.message.lower():
                await self._remove_webhook()
        elif isinstance(error, RetryAfter):
            trouble = "Telegram asks for a pause (429)"
            pause_s = max(pause_s, retry_after_s(error))
        elif isinstance(error, TelegramError):
            trouble = reason(error, self._bot)
            if isinstance(error, InvalidToken):
                pause_s = self._longest_pause_s
        else:
            trouble = f"unexpected {type(error).__name__}"
            log.error("telegram_polling_failed", exc_info=error)
        if trouble != self._trouble:
            log.error("telegram_not_ready", reason=trouble, retry_in_s=round(pause_s, 1))
        self._trouble = trouble
        return pause_s

    async def _remove_webhook(self) -> None:
        try:
            await self._bot.delete_webhook(drop_pending_updates=False)
        except TelegramError as error:
            log.warning("telegram_webhook_not_removed", reason=reason(error, self._bot))

    def _recovered(self) -> None:
        first = self._last_poll < 0
        self._last_poll = time.monotonic()
        if first or self._trouble is not None:
            log.info(
                "telegram_ready",
                username=self._intake.me.username if self._intake.me else "",
                after_failures=self._failures,
            )
        self._trouble = None
        self._failures = 0

    def _pause_s(self, failures: int) -> float:
        """Doubling, with jitter so that many bots do not come back at the same instant."""
        doubled = self._first_pause_s * 2.0 ** min(failures - 1, 10)
        return min(self._longest_pause_s, doubled) * random.uniform(0.5, 1.0)
