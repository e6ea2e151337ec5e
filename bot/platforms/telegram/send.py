"""Replies to Telegram: what goes as text, what as a photo, and what each refusal means."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from telegram import Bot, LinkPreviewOptions
from telegram.constants import ChatAction, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.message import Address
from bot.platforms.telegram.client import reason, retry_after_s
from bot.platforms.telegram.parse import PLATFORM
from bot.platforms.telegram.render import caption, fits_caption, render, visible
from bot.ports import PartSent, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply
from bot.text import clean

log = structlog.get_logger()

MAX_PHOTO_BYTES = 10 * 1024 * 1024
# What the HTTP library raises when a request cannot have reached the server (RuntimeError: the client is closed). After
# anything else the message may have landed, and sending it again would show it twice.
_NOT_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "RuntimeError", "UnsupportedProtocol"}
)
_DRAFT_ID = 1  # one draft a chat: a new step takes the place of the last
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

_CHAT_GONE = ("chat not found", "chat_id is empty", "peer_id_invalid", "user not found")


@dataclass(frozen=True, slots=True)
class _Part:
    html: str
    picture: Picture | None = None


class TelegramOutlet:
    """Sends replies with one bot account. Buttons come with the commands that need them."""

    platform = PLATFORM
    local = False
    has_forms = False

    def __init__(
        self, bot: Bot, *, on_migrated: Callable[[str, str], None] | None = None, first_pause_s: float = 2.0
    ) -> None:
        self._bot = bot
        self._first_pause_s = first_pause_s
        self._on_migrated = on_migrated
        self._moved: dict[str, str] = {}
        self._failures = 0
        self._drafts = True

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        """Send the parts from `from_part` on; see `Outlet.send`."""
        parts = _parts(reply, pictures)
        confirmed = True
        for number, part in enumerate(parts):
            if number < from_part:
                continue
            result = await self._send_part(address, part)
            match result:
                case TryLater():
                    return replace(result, next_part=number)
                case Undeliverable():
                    return result
                case Sent():
                    confirmed = confirmed and result.confirmed
            if part_sent is not None and number + 1 < len(parts):
                await part_sent(number + 1)
        return Sent(confirmed)

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        """Put the reply in the place of message `ref`; see `Outlet.edit`."""
        parts = render(reply.blocks)
        if len(parts) != 1:
            return Undeliverable("a message can only be changed to a text that fits into one message")
        try:
            await self._bot.edit_message_text(
                parts[0],
                self._chat_id(address),
                int(ref),
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
            )
        except TelegramError as error:
            return self._result(error)
        return Sent(ref=ref)

    async def pin(self, address: Address, ref: str) -> bool:
        """Pin without a notification; see `Outlet.pin`."""
        try:
            return await self._bot.pin_chat_message(self._chat_id(address), int(ref), disable_notification=True)
        except TelegramError as error:
            log.info("telegram_not_pinned", reason=reason(error, self._bot))
            return False

    async def show_working(self, address: Address) -> None:
        """The typing indicator; Telegram shows it for five seconds."""
        await self._bot.send_chat_action(self._chat_id(address), ChatAction.TYPING, message_thread_id=_thread(address))

    async def show_progress(self, address: Address, text: str) -> None:
        """The step as a draft, which Telegram shows in private chats and forgets; groups see the typing indicator."""
        chat_id = self._chat_id(address)
        if not self._drafts or not isinstance(chat_id, int) or chat_id <= 0:
            return
        try:
            await self._bot.send_message_draft(chat_id, _DRAFT_ID, clean(text), message_thread_id=_thread(address))
        except (BadRequest, InvalidToken) as refusal:
            # A server that does not know drafts answers 404, which the SDK calls an invalid token.
            self._drafts = False
            log.info("telegram_drafts_off", reason=type(refusal).__name__)

    async def _send_part(self, address: Address, part: _Part) -> SendResult:
        try:
            await self._post(address, part)
        except ChatMigrated as moved:
            self._note_move(address.chat_id, str(moved.new_chat_id))
            return await self._retried(address, part)
        except BadRequest as refusal:
            return await self._after_refusal(address, part, refusal)
        except TelegramError as error:
            return self._result(error)
        self._failures = 0
        return Sent()

    async def _after_refusal(self, address: Address, part: _Part, refusal: BadRequest) -> SendResult:
        """A refusal that a changed message can mend is mended; the rest will never arrive."""
        words = refusal.message.lower()
        if "thread not found" in words and address.thread:
            return await self._retried(replace(address, thread=None), part)
        if "parse entities" in words:
            log.error("telegram_markup_refused", reason=reason(refusal, self._bot))
            return await self._retried(address, part, marked_up=False)
        if part.picture is not None and not any(gone in words for gone in _CHAT_GONE):
            log.warning("telegram_photo_refused", reason=reason(refusal, self._bot))
            note = "(The chart could not be sent as a picture.)"
            return await self._retried(address, _Part(f"{part.html}\n\n{note}" if part.html else note))
        return Undeliverable(reason(refusal, self._bot))

    async def _retried(self, address: Address, part: _Part, *, marked_up: bool = True) -> SendResult:
        try:
            await self._post(address, part, marked_up=marked_up)
        except TelegramError as error:
            return self._result(error)
        return Sent()

    async def _post(self, address: Address, part: _Part, *, marked_up: bool = True) -> None:
        chat_id = self._chat_id(address)
        html = part.html if marked_up else visible(part.html)
        parse_mode = ParseMode.HTML if marked_up else None
        if part.picture is None:
            await self._bot.send_message(
                chat_id,
                html,
                parse_mode=parse_mode,
                message_thread_id=_thread(address),
                link_preview_options=_NO_PREVIEW,
            )
        else:
            await self._bot.send_photo(
                chat_id,
                part.picture.png,
                caption=html or None,
                parse_mode=parse_mode,
                message_thread_id=_thread(address),
                filename=f"{part.picture.slug}.png",
            )

    def _result(self, error: TelegramError) -> SendResult:
        words = reason(error, self._bot)
        if isinstance(error, RetryAfter):
            return TryLater(retry_after_s(error) + random.uniform(0.05, 0.25))
        if isinstance(error, InvalidToken):
            log.error("telegram_token_refused", reason=words)
            return TryLater(60.0)
        if isinstance(error, Forbidden | BadRequest | ChatMigrated):
            return Undeliverable(words)
        if isinstance(error, NetworkError):
            cause = type(error.__cause__).__name__ if error.__cause__ is not None else None
            if cause is not None and cause not in _NOT_SENT:
                return Sent(confirmed=False)
            self._failures += 1
            return TryLater(
                min(60.0, self._first_pause_s * 2.0 ** min(self._failures - 1, 6)) * random.uniform(0.5, 1.0)
            )
        return Undeliverable(words)

    def _chat_id(self, address: Address) -> int | str:
        chat_id = self._moved.get(address.chat_id, address.chat_id)
        return int(chat_id) if chat_id.lstrip("-").isdigit() else chat_id

    def _note_move(self, old: str, new: str) -> None:
        log.info("telegram_chat_migrated", old_chat_id=old, new_chat_id=new)
        self._moved[old] = new
        if self._on_migrated is not None:
            self._on_migrated(old, new)


def _parts(reply: Reply, pictures: Sequence[Picture]) -> list[_Part]:
    """The text under the first photo where it fits there, else before the photos; the same for the same reply."""
    texts = render(reply.blocks)
    sendable = [picture for picture in pictures if len(picture.png) <= MAX_PHOTO_BYTES]
    if not sendable:
        return [_Part(text) for text in texts]
    if fits_caption(texts):
        first = _Part(texts[0] if texts else caption(sendable[0].alt), sendable[0])
        return [first, *(_Part(caption(picture.alt), picture) for picture in sendable[1:])]
    return [*(_Part(text) for text in texts), *(_Part(caption(picture.alt), picture) for picture in sendable)]


def _thread(address: Address) -> int | None:
    return int(address.thread) if address.thread else None
