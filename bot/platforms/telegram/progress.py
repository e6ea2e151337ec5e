"""What is being done, in one line: a draft in private chats, one message that is edited elsewhere."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import structlog
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.message import Address
from bot.platforms.telegram.client import reason, retry_after_s
from bot.platforms.telegram.parse import PLATFORM
from bot.ports import ProgressRefs
from bot.standing import StandingLines
from bot.text import clean

log = structlog.get_logger()

_DRAFT_ID = 1  # one draft a chat: a new step takes the place of the last
_Place = tuple[int | str, int | None]  # chat, forum topic


@dataclass(slots=True)
class _Line:
    message_id: int | None = None
    shown: str = ""
    next_at: float = 0.0  # monotonic: when the platform takes the next change
    writing: asyncio.Task[None] | None = None


class ProgressLines:
    """The progress lines of one bot account, at Telegram's pace: an edit a second in private, one per 3 s in groups.

    A line is a message of its own, deleted once the answer stands there: an answer that was edited into it would
    notify nobody.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        private_every_s: float = 1.0,
        group_every_s: float = 3.0,
        refs: ProgressRefs | None = None,
    ) -> None:
        self._bot = bot
        self.standing = StandingLines(PLATFORM, refs, self._remove)
        self._private_every_s = private_every_s
        self._group_every_s = group_every_s
        self._drafts = True
        self._lines: dict[_Place, _Line] = {}

    async def show(self, chat_id: int | str, thread: int | None, text: str) -> None:
        """Show a step instead of the last one, as soon as the pace allows it."""
        private = isinstance(chat_id, int) and chat_id > 0
        if private and self._drafts and await self._draft(int(chat_id), thread, clean(text)):
            return
        line = self._lines.setdefault((chat_id, thread), _Line())
        await asyncio.sleep(max(0.0, line.next_at - time.monotonic()))
        line.next_at = time.monotonic() + (self._private_every_s if private else self._group_every_s)
        # Whoever shows progress is cancelled when the answer is ready. The message must be known all the same, or it
        # would stand there for ever.
        line.writing = asyncio.create_task(self._write(line, chat_id, thread, clean(text)))
        await asyncio.shield(line.writing)

    async def clear(self, chat_id: int | str, thread: int | None) -> None:
        """Take the line away; the answer stands there now."""
        place = _address(chat_id, thread)
        await self.standing.clear_left_over(place)
        line = self._lines.pop((chat_id, thread), None)
        if line is None:
            return
        if line.writing is not None:
            await line.writing
        if line.message_id is not None:
            await self.standing.remove(place, str(line.message_id))

    async def close(self) -> None:
        """Take away every line, also one that is on its way."""
        writing = [line.writing for line in self._lines.values() if line.writing is not None]
        await asyncio.gather(*writing, return_exceptions=True)
        self._lines.clear()
        await self.standing.close()

    async def _remove(self, address: Address, ref: str, words: str) -> bool:
        chat_id = int(address.chat_id) if address.chat_id.lstrip("-").isdigit() else address.chat_id
        try:
            try:
                await self._bot.delete_message(chat_id, int(ref))
            except BadRequest:  # older than two days, or no right to delete
                await self._bot.edit_message_text(words, chat_id, int(ref))
        except (BadRequest, Forbidden, ChatMigrated) as refusal:
            log.info("telegram_progress_left_behind", reason=reason(refusal, self._bot))
        except TelegramError as error:
            log.info("telegram_progress_not_removed", reason=reason(error, self._bot))
            return False
        return True

    async def _draft(self, chat_id: int, thread: int | None, text: str) -> bool:
        try:
            await self._bot.send_message_draft(chat_id, _DRAFT_ID, text, message_thread_id=thread)
        except (BadRequest, InvalidToken) as refusal:
            # A server that does not know drafts answers 404, which the SDK calls an invalid token.
            self._drafts = False
            log.info("telegram_drafts_off", reason=type(refusal).__name__)
            return False
        return True

    async def _write(self, line: _Line, chat_id: int | str, thread: int | None, text: str) -> None:
        if text == line.shown:
            return
        try:
            if line.message_id is None:
                message = await self._bot.send_message(
                    chat_id, text, message_thread_id=thread, disable_notification=True
                )
                line.message_id = message.message_id
                await self.standing.appeared(_address(chat_id, thread), str(message.message_id))
            else:
                await self._bot.edit_message_text(text, chat_id, line.message_id)
            line.shown = text
        except TelegramError as error:
            # The answer matters, not the line: it gets out of the way where Telegram asks for a pause.
            pause_s = retry_after_s(error) if isinstance(error, RetryAfter) else 0.0
            line.next_at = time.monotonic() + max(pause_s, self._group_every_s)
            log.debug("telegram_progress_not_shown", reason=reason(error, self._bot))


def _address(chat_id: int | str, thread: int | None) -> Address:
    return Address(PLATFORM, str(chat_id), str(thread) if thread is not None else None)
