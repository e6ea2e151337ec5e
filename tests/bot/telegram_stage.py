"""A bot on the Bot API double, for as long as a block runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pydantic import SecretStr

from bot.platforms.telegram.client import connect
from bot.platforms.telegram.ingress import TelegramPolling
from bot.platforms.telegram.send import TelegramOutlet
from tests.bot.house import House
from tests.doubles.telegram_api import TelegramApi

COMMANDS = (("status", "How the site is doing"), ("help", "What you can ask"))


class KeptOffset:
    def __init__(self) -> None:
        self.value: int | None = None

    async def load(self) -> int | None:
        return self.value

    async def save(self, offset: int) -> None:
        self.value = offset


@contextlib.asynccontextmanager
async def running(
    api: TelegramApi, house: House, *, offset: KeptOffset | None = None, token: str = "", kill: bool = False
) -> AsyncIterator[TelegramPolling]:
    """A bot until the block ends; with `kill` nothing is finished or saved then."""
    bot = connect(SecretStr(token or api.token), api.url, reply_timeout_s=1.0)
    chat = house.chat()
    outlet = TelegramOutlet(bot, first_pause_s=0.05)
    polling = TelegramPolling(
        bot, chat, outlet, offset=offset, commands=COMMANDS, first_pause_s=0.02, longest_pause_s=0.1
    )
    task = asyncio.create_task(polling.run())
    try:
        yield polling
    finally:
        task.cancel()
        await chat.close(drain_s=0 if kill else 5)
        await asyncio.gather(task, return_exceptions=True)
        await polling.close()


async def until(condition: object, *, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)
