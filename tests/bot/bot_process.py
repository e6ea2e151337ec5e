"""A bot in a process of its own, for tests that kill it: python -m tests.bot.bot_process DATABASE API_URL TOKEN

The chat, the database and Telegram's client are the real ones; the assistant repeats the question after 20 ms.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from app.chat_ports import StoredOffset, stored_chat
from bot.platforms.telegram.client import connect
from bot.platforms.telegram.ingress import TelegramPolling
from bot.platforms.telegram.send import TelegramOutlet
from store.database import Database
from tests.bot.house import ZONE, Assistant, Commands, Live, draw
from tests.doubles.ranch import RANCH


async def run(database_url: str, api_url: str, token: str) -> None:
    database = await Database.open(database_url)

    async def before(question: str) -> None:
        await asyncio.sleep(0.02)

    async def scope_for(person: Any) -> Any:
        return SimpleNamespace(zone=ZONE)

    chat = stored_chat(
        database,
        RANCH,
        commands=Commands(),
        live=Live(),
        assistant=Assistant(before=before),
        render=draw,
        scope_for=scope_for,
    )
    bot = connect(SecretStr(token), api_url)
    await TelegramPolling(bot, chat, TelegramOutlet(bot), offset=StoredOffset(database, "telegram")).run()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
