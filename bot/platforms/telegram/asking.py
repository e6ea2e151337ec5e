"""Which bot a token is."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr
from telegram.error import Forbidden, InvalidToken, TelegramError

from bot.platforms.asking import NotAccepted, NotAsked
from bot.platforms.telegram.client import OFFICIAL_API, connect, reason


async def account(token: SecretStr, api_base_url: str | None, *, timeout_s: float) -> str:
    """The bot's name ("@ranch_bot"). Raises `NotAccepted` or `NotAsked`."""
    bot = connect(token, api_base_url or OFFICIAL_API, reply_timeout_s=timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            await bot.initialize()  # which is getMe
    except (InvalidToken, Forbidden) as error:
        raise NotAccepted("Telegram refused the token; check TELEGRAM_BOT_TOKEN") from error
    except TelegramError as error:
        raise NotAsked(reason(error, bot)) from error
    except TimeoutError as error:
        raise NotAsked(f"no answer within {timeout_s:g} s") from error
    finally:
        await bot.shutdown()
    return f"@{bot.username}"
