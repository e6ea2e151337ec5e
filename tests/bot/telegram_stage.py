"""A bot on the Bot API double, for as long as a block runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pydantic import SecretStr

from bot.platforms.telegram.client import connect
from bot.platforms.telegram.ingress import TelegramPolling
from bot.platforms.telegram.send import TelegramOutlet
from bot.ports import ProgressRefs
from tests.bot.house import House
from tests.bot.stages.base import COMMANDS, until
from tests.doubles.telegram_api import TelegramApi

__all__ = ["COMMANDS", "KeptHash", "KeptOffset", "running", "until"]


class KeptHash:
    """What was registered last."""

    def __init__(self) -> None:
        self.value: str | None = None

    async def known(self) -> str | None:
        return self.value

    async def keep(self, digest: str) -> None:
        self.value = digest


class KeptOffset:
    def __init__(self) -> None:
        self.value: int | None = None

    async def load(self) -> int | None:
        return self.value

    async def save(self, offset: int) -> None:
        self.value = offset


@contextlib.asynccontextmanager
async def running(
    api: TelegramApi,
    house: House,
    *,
    offset: KeptOffset | None = None,
    registered: KeptHash | None = None,
    token: str = "",
    kill: bool = False,
    progress_refs: ProgressRefs | None = None,
) -> AsyncIterator[TelegramPolling]:
    """A bot until the block ends; with `kill` nothing is finished or saved then."""
    bot = connect(SecretStr(token or api.token), api.url, reply_timeout_s=1.0)
    chat = house.chat()
    polling = TelegramPolling(
        bot,
        chat,
        TelegramOutlet(bot, first_pause_s=0.05, group_edit_every_s=0.2, progress_refs=progress_refs),
        offset=offset,
        commands=COMMANDS,
        registered=registered,
        first_pause_s=0.02,
        longest_pause_s=0.1,
    )
    task = asyncio.create_task(polling.run())
    try:
        yield polling
    finally:
        task.cancel()
        await chat.close(drain_s=0 if kill else 5)
        await asyncio.gather(task, return_exceptions=True)
        await polling.close()
