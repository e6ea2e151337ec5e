"""Replies to Telegram: what goes as text, what as a photo, what is changed, and what each refusal means."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions
from telegram import Message as TelegramMessage
from telegram.constants import ChatAction, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.message import Address
from bot.platforms.telegram.client import reason, retry_after_s
from bot.platforms.telegram.keyboard import keyboard
from bot.platforms.telegram.parse import PLATFORM
from bot.platforms.telegram.progress import ProgressLines
from bot.platforms.telegram.render import caption, fits_caption, render, visible
from bot.ports import PartSent, ProgressRefs, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply

log = structlog.get_logger()

MAX_PHOTO_BYTES = 10 * 1024 * 1024
# What the HTTP library raises when a request cannot have reached the server (RuntimeError: the client is closed). After
# anything else the message may have landed, and sending it again would show it twice.
_NOT_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "RuntimeError", "UnsupportedProtocol"}
)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_CHAT_GONE = ("chat not found", "chat_id is empty", "peer_id_invalid", "user not found")
_TOPIC_GONE = ("thread not found", "topic_deleted", "topic_id_invalid")
_MOST_MENDS = 3  # a moved group whose topic is gone and whose photo is refused

Moved = Callable[[str, str], Awaitable[None]]  # the chat's old id and its new one


@dataclass(frozen=True, slots=True)
class _Part:
    html: str
    picture: Picture | None = None
    markup: InlineKeyboardMarkup | None = None
    marked_up: bool = True


class TelegramOutlet:
    """Sends replies with one bot account. `on_moved` hears of groups whose id has changed."""

    platform = PLATFORM
    local = False
    has_forms = False
    has_buttons = True

    def __init__(
        self,
        bot: Bot,
        *,
        on_moved: Moved | None = None,
        first_pause_s: float = 2.0,
        group_edit_every_s: float = 3.0,
        progress_refs: ProgressRefs | None = None,
    ) -> None:
        self._bot = bot
        self._first_pause_s = first_pause_s
        self._on_moved = on_moved
        self._moved: dict[str, str] = {}
        self._failures = 0
        self._progress = ProgressLines(bot, group_every_s=group_edit_every_s, refs=progress_refs)

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
        confirmed, ref = True, None
        for number, part in enumerate(parts):
            if number < from_part:
                continue
            result = await self._send_part(address, part)
            if isinstance(result, TryLater):
                return replace(result, next_part=number, ref=ref)
            await self._progress.clear(self._chat_id(address), _thread(address))
            if isinstance(result, Undeliverable):
                return result
            confirmed = confirmed and result.confirmed
            ref = result.ref if number == _text_part(parts) else ref
            if part_sent is not None and number + 1 < len(parts):
                await part_sent(number + 1)
        return Sent(confirmed, ref)

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        """Put the reply in the place of what message `ref` shows; see `Outlet.edit`."""
        if not ref.isdigit():
            return Undeliverable(f'"{ref}" is no message id of Telegram')
        chat_id = self._chat_id(address)
        await self._progress.clear(chat_id, _thread(address))
        try:
            changed = await self._change(chat_id, int(ref), reply)
        except ChatMigrated as moved:
            await self.moved(address.chat_id, str(moved.new_chat_id))
            return Undeliverable("the group moved, and its earlier messages cannot be changed any more")
        except BadRequest as refusal:
            if "not modified" in refusal.message.lower():
                return Sent(ref=ref)
            return self._result(refusal)
        except TelegramError as error:
            return self._result(error, repeatable=True)
        return Sent(ref=ref) if changed else Undeliverable("the new text does not fit into the old message")

    async def pin(self, address: Address, ref: str) -> bool:
        """Pin without a notification; see `Outlet.pin`."""
        if not ref.isdigit():
            return False
        try:
            return await self._bot.pin_chat_message(self._chat_id(address), int(ref), disable_notification=True)
        except TelegramError as error:
            log.info("telegram_not_pinned", reason=reason(error, self._bot))
            return False

    async def unpin(self, address: Address, ref: str) -> bool:
        """See `Outlet.unpin`."""
        if not ref.isdigit():
            return False
        try:
            return await self._bot.unpin_chat_message(self._chat_id(address), int(ref))
        except TelegramError as error:
            log.info("telegram_not_unpinned", reason=reason(error, self._bot))
            return False

    async def show_working(self, address: Address) -> None:
        """The typing indicator; Telegram shows it for five seconds."""
        await self._bot.send_chat_action(self._chat_id(address), ChatAction.TYPING, message_thread_id=_thread(address))

    async def show_progress(self, address: Address, text: str) -> None:
        """The step as a draft, which Telegram shows in private chats and forgets, or in a line that is deleted."""
        await self._progress.show(self._chat_id(address), _thread(address), text)

    async def begin(self) -> None:
        """Take away the progress lines that an earlier run left."""
        await self._progress.standing.begin()

    async def close(self) -> None:
        """Take away the progress lines of answers that nobody works on any more."""
        await self._progress.close()

    async def moved(self, old: str, new: str) -> None:
        """Take note that a group became a supergroup, which has another id."""
        if self._moved.get(old) == new:
            return
        log.info("telegram_chat_migrated", old_chat_id=old, new_chat_id=new)
        self._moved[old] = new
        if self._on_moved is None:
            return
        try:
            await self._on_moved(old, new)
        except Exception:  # the reply must go; the next start hears of the move again
            log.exception("telegram_move_not_kept", old_chat_id=old, new_chat_id=new)

    async def _send_part(self, address: Address, part: _Part, mends: int = _MOST_MENDS) -> SendResult:
        """Send it; a refusal that a changed message can mend is mended."""
        mended: tuple[Address, _Part] | None
        refusal: TelegramError
        try:
            message = await self._post(address, part)
        except ChatMigrated as moved:
            await self.moved(address.chat_id, str(moved.new_chat_id))
            mended = (address, part)
            refusal = moved
        except BadRequest as error:
            mended, refusal = self._mended(address, part, error), error
        except TelegramError as error:
            return self._result(error)
        else:
            self._failures = 0
            return Sent(ref=str(message.message_id))
        if mended is None or not mends:
            return self._result(refusal)
        return await self._send_part(*mended, mends - 1)

    def _mended(self, address: Address, part: _Part, refusal: BadRequest) -> tuple[Address, _Part] | None:
        words = refusal.message.lower()
        if any(gone in words for gone in _CHAT_GONE):
            return None
        if any(gone in words for gone in _TOPIC_GONE) and address.thread:
            return replace(address, thread=None), part
        if "parse entities" in words and part.marked_up:
            log.error("telegram_markup_refused", reason=reason(refusal, self._bot))
            return address, replace(part, marked_up=False)
        if part.markup is not None and ("button" in words or "reply markup" in words):
            log.error("telegram_buttons_refused", reason=reason(refusal, self._bot))
            return address, replace(part, markup=None)
        if part.picture is not None:
            log.warning("telegram_photo_refused", reason=reason(refusal, self._bot))
            note = "(The chart could not be sent as a picture.)"
            return address, replace(part, html=f"{part.html}\n\n{note}" if part.html else note, picture=None)
        return None

    async def _post(self, address: Address, part: _Part) -> TelegramMessage:
        chat_id = self._chat_id(address)
        html = part.html if part.marked_up else visible(part.html)
        parse_mode = ParseMode.HTML if part.marked_up else None
        if part.picture is None:
            return await self._bot.send_message(
                chat_id,
                html,
                parse_mode=parse_mode,
                message_thread_id=_thread(address),
                link_preview_options=_NO_PREVIEW,
                reply_markup=part.markup,
            )
        return await self._bot.send_photo(
            chat_id,
            part.picture.png,
            caption=html or None,
            parse_mode=parse_mode,
            message_thread_id=_thread(address),
            filename=f"{part.picture.slug}.png",
            reply_markup=part.markup,
        )

    async def _change(self, chat_id: int | str, message_id: int, reply: Reply) -> bool:
        """False where the text does not fit; then only the buttons are taken away, since they are answered."""
        texts, markup = render(reply.blocks), keyboard(reply.buttons)
        if len(texts) == 1:
            try:
                await self._bot.edit_message_text(
                    texts[0],
                    chat_id,
                    message_id,
                    parse_mode=ParseMode.HTML,
                    link_preview_options=_NO_PREVIEW,
                    reply_markup=markup,
                )
                return True
            except BadRequest as refusal:
                if "no text in the message" not in refusal.message.lower():
                    raise
            if fits_caption(texts):  # a photo
                await self._bot.edit_message_caption(
                    chat_id, message_id, caption=texts[0], parse_mode=ParseMode.HTML, reply_markup=markup
                )
                return True
        await self._bot.edit_message_reply_markup(chat_id, message_id, reply_markup=None)
        return False

    def _result(self, error: TelegramError, *, repeatable: bool = False) -> SendResult:
        words = reason(error, self._bot)
        if isinstance(error, RetryAfter):
            return TryLater(retry_after_s(error) + random.uniform(0.05, 0.25))
        if isinstance(error, InvalidToken):
            log.error("telegram_token_refused", reason=words)
            return TryLater(60.0)
        if isinstance(error, Forbidden):  # blocked, kicked, deleted, never started
            return Undeliverable(words, dead=True)
        if isinstance(error, BadRequest | ChatMigrated):
            return Undeliverable(words, dead=any(gone in words.lower() for gone in _CHAT_GONE))
        cause = error.__cause__
        answered = cause is None or isinstance(cause, TelegramError)  # by whoever it was: it was not delivered
        if not answered and type(cause).__name__ not in _NOT_SENT and not repeatable:
            return Sent(confirmed=False)
        self._failures += 1
        doubled = self._first_pause_s * 2.0 ** min(self._failures - 1, 6)
        return TryLater(min(60.0, doubled) * random.uniform(0.5, 1.0))

    def _chat_id(self, address: Address) -> int | str:
        chat_id = self._moved.get(address.chat_id, address.chat_id)
        return int(chat_id) if chat_id.lstrip("-").isdigit() else chat_id


def _parts(reply: Reply, pictures: Sequence[Picture]) -> list[_Part]:
    """The text under the first photo where it fits there, else before the photos; the same for the same reply."""
    texts = render(reply.blocks)
    sendable = [picture for picture in pictures if len(picture.png) <= MAX_PHOTO_BYTES]
    if sendable and fits_caption(texts):
        first = _Part(texts[0] if texts else caption(sendable[0].alt), sendable[0])
        parts = [first, *(_Part(caption(picture.alt), picture) for picture in sendable[1:])]
    else:
        parts = [*(_Part(text) for text in texts), *(_Part(caption(picture.alt), picture) for picture in sendable)]
    if parts:
        last_text = _text_part(parts)
        parts[last_text] = replace(parts[last_text], markup=keyboard(reply.buttons))
    return parts


def _text_part(parts: Sequence[_Part]) -> int:
    """Which part holds the buttons and can be changed later: the last one with text of the reply."""
    texts = [number for number, part in enumerate(parts) if part.picture is None]
    return texts[-1] if texts else 0


def _thread(address: Address) -> int | None:
    return int(address.thread) if address.thread else None
