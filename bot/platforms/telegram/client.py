"""The SDK's client, with our time limits and our base address, and errors whose words may be logged."""

from __future__ import annotations

import logging
from datetime import timedelta

from pydantic import SecretStr
from telegram import Bot
from telegram.error import InvalidToken, RetryAfter, TelegramError

from bot.platforms.telegram.requests import ApiRequest, UpdatesRequest

OFFICIAL_API = "https://api.telegram.org"


def connect(token: SecretStr, api_base_url: str = OFFICIAL_API, *, reply_timeout_s: float = 20.0) -> Bot:
    """A client for the token; it opens no connection before its first call.

    `api_base_url` is TELEGRAM_API_BASE_URL: the server's root, from which `/bot` and `/file/bot` derive.
    """
    # The HTTP library logs every address at INFO, and Telegram's addresses hold the token.
    http_log = logging.getLogger("httpx")
    http_log.setLevel(max(http_log.level, logging.WARNING))
    root = api_base_url.rstrip("/")
    return Bot(
        token.get_secret_value(),
        base_url=f"{root}/bot",
        base_file_url=f"{root}/file/bot",
        request=ApiRequest(
            connection_pool_size=32,
            read_timeout=reply_timeout_s,
            write_timeout=reply_timeout_s,
            connect_timeout=10.0,
            pool_timeout=30.0,
            media_write_timeout=3 * reply_timeout_s,
        ),
        get_updates_request=UpdatesRequest(connection_pool_size=1, read_timeout=10.0, connect_timeout=10.0),
    )


def reason(error: TelegramError, bot: Bot) -> str:
    """What went wrong, without the token (the SDK writes it into some of its messages)."""
    if isinstance(error, InvalidToken):
        return "Telegram refused the token; check TELEGRAM_BOT_TOKEN"
    return f"{type(error).__name__}: {error.message}".replace(bot.token, "[token]")[:300]  # it may quote a whole page


def retry_after_s(error: RetryAfter) -> float:
    """The seconds that Telegram asks us to wait (a number or a timedelta, depending on the SDK's settings)."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
