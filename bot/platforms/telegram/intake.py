"""What polling and webhooks share: who we are, the commands, and updates handed to the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog
from telegram import Bot, Update
from telegram.error import TelegramError

from bot.commands.command import Command
from bot.message import Message
from bot.platforms.telegram.client import reason
from bot.platforms.telegram.parse import Me, message_from_update, tap_from_update
from bot.platforms.telegram.registering import Registered, register_commands
from bot.platforms.telegram.send import TelegramOutlet
from bot.ports import Outlet

log = structlog.get_logger()

# Everything else (edits, reactions, members that come and go) stays with Telegram.
ALLOWED_UPDATES = (Update.MESSAGE, Update.CALLBACK_QUERY)


class Chat(Protocol):
    """Who takes messages on."""

    async def handle(self, message: Message, outlet: Outlet) -> object:
        """Commit and queue the message; raise when that failed."""
        ...

    async def resume(self, outlet: Outlet) -> int:
        """Take up what an earlier run left."""
        ...


class Intake:
    """Hands what updates hold to the chat; `me` is known after `begin`."""

    def __init__(
        self, bot: Bot, chat: Chat, outlet: TelegramOutlet, commands: Sequence[Command], registered: Registered | None
    ) -> None:
        self._bot = bot
        self._chat = chat
        self._outlet = outlet
        self._commands = commands
        self._registered = registered
        self._releasing: set[asyncio.Task[None]] = set()
        self.me: Me | None = None

    @property
    def username(self) -> str:
        """Our name on Telegram; empty before `begin`."""
        return self.me.username if self.me is not None else ""

    async def begin(self) -> None:
        """Learn who we are, register the commands, take up what an earlier run left."""
        await self._bot.initialize()
        self.me = Me(self._bot.id, self._bot.username)
        await register_commands(self._bot, self._commands, self._registered)
        await self._outlet.begin()
        await self._chat.resume(self._outlet)

    async def close(self) -> None:
        """Close the connections to Telegram."""
        await asyncio.gather(*self._releasing)
        await self._outlet.close()
        await self._bot.shutdown()

    async def read(self, update: Update) -> Message | None:
        """The message or tap in an update; a tapped button stops turning at once, whatever becomes of the tap."""
        if self.me is None:
            return None
        if update.callback_query is not None:
            task = asyncio.create_task(self._release_button(update.callback_query.id))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)
            return tap_from_update(update, datetime.now(UTC))
        if update.message is not None and update.message.migrate_to_chat_id is not None:
            # A group that became a supergroup has a new id from now on.
            await self._outlet.moved(str(update.message.chat.id), str(update.message.migrate_to_chat_id))
        return message_from_update(update, self.me)

    async def take_on(self, message: Message) -> None:
        """Hand a message to the chat; an exception means that the chat does not have it."""
        await self._chat.handle(message, self._outlet)

    async def _release_button(self, query_id: str) -> None:
        try:
            await self._bot.answer_callback_query(query_id)
        except TelegramError as error:  # after a restart the query may be too old; the tap still counts
            log.info("telegram_tap_not_answered", reason=reason(error, self._bot))
