"""Webhooks: Telegram calls us, and every call that cannot prove to come from it is refused."""

from __future__ import annotations

import asyncio
import hmac
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from pydantic import SecretStr
from telegram import Bot, Update
from telegram.error import RetryAfter, TelegramError

from bot.commands.command import Command
from bot.platforms.telegram.client import reason, retry_after_s
from bot.platforms.telegram.intake import ALLOWED_UPDATES, Chat, Intake
from bot.platforms.telegram.registering import Registered
from bot.platforms.telegram.send import TelegramOutlet

log = structlog.get_logger()

SECRET_HEADER = "x-telegram-bot-api-secret-token"
LARGEST_BODY_BYTES = 1_000_000
_CONNECTIONS = 40  # Telegram's default: so many calls at once
_RECENT_S = 300.0


class TelegramWebhook:
    """Sets the webhook, keeps it set, and takes updates on. `ready` and `last_poll_age_s` feed /healthz.

    Polling elsewhere with the same token removes the webhook; it is set again at the next look.
    """

    name = "telegram"

    def __init__(
        self,
        bot: Bot,
        chat: Chat,
        outlet: TelegramOutlet,
        *,
        url: str,
        secret: SecretStr,
        commands: Sequence[Command] = (),
        registered: Registered | None = None,
        look_every_s: float = 60.0,
        first_pause_s: float = 1.0,
        longest_pause_s: float = 60.0,
    ) -> None:
        if not secret.get_secret_value():
            raise ValueError("a webhook without a secret would believe everybody; set TELEGRAM_WEBHOOK_SECRET")
        self.outlet = outlet
        self._bot = bot
        self._intake = Intake(bot, chat, outlet, commands, registered)
        self._url = url
        self._secret = secret
        self._look_every_s = look_every_s
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._set = False
        self._trouble: str | None = None
        self._heard = -1.0
        self._failures = 0

    @property
    def ready(self) -> bool:
        """Whether the webhook stands and Telegram gets through."""
        return self._set and self._trouble is None

    @property
    def trouble(self) -> str | None:
        """What is wrong at the moment, in words without secrets; None when nothing is."""
        return self._trouble

    @property
    def last_poll_age_s(self) -> float | None:
        """Seconds since Telegram called us or answered a look at the webhook, or None before the first."""
        return time.monotonic() - self._heard if self._heard >= 0 else None

    async def run(self) -> None:
        """Set the webhook, and look after it until cancelled; it stays set, and Telegram keeps what comes meanwhile."""
        await self._until_done(self._begin)
        while True:
            await asyncio.sleep(self._look_every_s)
            await self._until_done(self._look)

    async def close(self) -> None:
        """Close the connections to Telegram."""
        await self._intake.close()

    async def handle_request(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """What Telegram hears to a call: 200 once the chat has the update, else a reason to call again, or 401."""
        given = next((value for name, value in headers.items() if name.lower() == SECRET_HEADER), "")
        if not hmac.compare_digest(given.encode(), self._secret.get_secret_value().encode()):
            log.warning("telegram_webhook_refused", reason="wrong secret" if given else "no secret")
            return 401, b""
        if len(body) > LARGEST_BODY_BYTES:
            return 413, b""
        if self._intake.me is None:
            return 503, b""  # not begun yet; Telegram calls again
        update = _update(body, self._bot)
        if update is None:
            return 200, b""  # calling again with the same would hold up every later update
        self._heard = time.monotonic()
        try:
            message = await self._intake.read(update)
            if message is not None:
                await self._intake.take_on(message)
        except Exception:  # the database may be locked or full; Telegram keeps the update and calls again
            log.exception("message_not_taken_on", update=update.update_id)
            return 503, b""
        return 200, b""

    async def _begin(self) -> None:
        await self._intake.begin()
        await self._set_webhook()
        self._recovered()

    async def _set_webhook(self) -> None:
        await self._bot.set_webhook(
            self._url,
            secret_token=self._secret.get_secret_value(),
            allowed_updates=ALLOWED_UPDATES,
            max_connections=_CONNECTIONS,
        )
        self._set = True
        self._heard = time.monotonic()

    async def _look(self) -> None:
        """See whether the webhook still stands, and whether Telegram gets through to it."""
        info = await self._bot.get_webhook_info()
        if info.url != self._url:
            log.warning("telegram_webhook_was_changed", remedy="let one process alone use this bot's token")
            await self._set_webhook()
        self._heard = time.monotonic()
        failed_at = info.last_error_date
        if info.pending_update_count and failed_at is not None and time.time() - failed_at.timestamp() < _RECENT_S:
            self._say(f"Telegram cannot deliver to the webhook: {info.last_error_message}")
        elif self._trouble is not None:
            self._recovered()

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - a loop that ends on an error is a bot that has fallen silent
                self._failures += 1
                await asyncio.sleep(self._after_failure(error))
            else:
                self._failures = 0
                return

    def _after_failure(self, error: Exception) -> float:
        """Say what is wrong when it is new; returns the pause before the next try (s)."""
        doubled = self._first_pause_s * 2.0 ** min(self._failures - 1, 10)
        pause_s = min(self._longest_pause_s, doubled) * random.uniform(0.5, 1.0)
        if isinstance(error, RetryAfter):
            pause_s = max(pause_s, retry_after_s(error))
        if isinstance(error, TelegramError):
            self._say(reason(error, self._bot))
        else:
            log.error("telegram_webhook_failed", exc_info=error)
            self._say(f"unexpected {type(error).__name__}")
        return pause_s

    def _recovered(self) -> None:
        log.info("telegram_ready", username=self._intake.username, after_failures=self._failures, by="webhook")
        self._trouble = None

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.error("telegram_not_ready", reason=trouble)
        self._trouble = trouble


def _update(body: bytes, bot: Bot) -> Update | None:
    try:
        data: Any = json.loads(body)
        return Update.de_json(data, bot)
    except Exception as error:  # noqa: BLE001 - whatever the SDK stumbles over
        log.warning("telegram_update_unreadable", error=type(error).__name__, size_bytes=len(body))
        return None
