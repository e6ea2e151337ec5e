"""Telegram updates as our messages, and nothing else: no network, no state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from telegram import Chat, MaybeInaccessibleMessage, MessageEntity, Update
from telegram import Message as TelegramMessage
from telegram.constants import ChatType

from bot.message import Address, Attachment, Message, Sender
from bot.reply import FORM
from bot.text import clean, clean_name

PLATFORM = "telegram"
GENERAL_TOPIC = 1


@dataclass(frozen=True, slots=True)
class Me:
    """Our own account, so that a message to us can be told from one to somebody else."""

    user_id: int
    username: str


def message_from_update(update: Update, me: Me) -> Message | None:
    """The message in an update, or None when it holds none for us: an edit, a service message, another bot's."""
    telegram = update.message
    if telegram is None or telegram.from_user is None or telegram.from_user.is_bot:
        return None
    if not _is_heard(telegram.chat):
        return None
    attachments = _attachments(telegram)
    text = telegram.text or telegram.caption or ""
    if not text and not attachments:
        return None
    direct = telegram.chat.type == ChatType.PRIVATE
    text, addressed = _for_us(telegram, text, me)
    return Message(
        address=Address(PLATFORM, str(telegram.chat.id), _thread(telegram)),
        sender=Sender(PLATFORM, str(telegram.from_user.id), clean_name(telegram.from_user.full_name)),
        text=clean(text),
        sent_at=telegram.date,
        key=f"{update.update_id}:{telegram.chat.id}:{telegram.message_id}",
        attachments=attachments,
        direct=direct,
        addressed=direct or addressed,
    )


def tap_from_update(update: Update, now: datetime) -> Message | None:
    """The tap in an update, or None when the button cannot be one of ours. Taps carry no time of their own.

    A message that holds the button may be too old for Telegram to show it ("inaccessible"); its chat and id still are
    known. Only messages that were sent by way of a bot's inline mode, which we have not, come without a chat.
    """
    query = update.callback_query
    if query is None or query.message is None or not query.data or not _is_heard(query.message.chat):
        return None
    if query.data.startswith(FORM):
        return None  # there are no forms here: only a client that was tampered with sends this
    chat = query.message.chat
    return Message(
        address=Address(PLATFORM, str(chat.id), _thread(query.message)),
        sender=Sender(PLATFORM, str(query.from_user.id), clean_name(query.from_user.full_name)),
        text="",
        sent_at=now,
        key=f"{update.update_id}:tap:{query.id}",
        direct=chat.type == ChatType.PRIVATE,
        token=clean(query.data),
        ref=str(query.message.message_id),
    )


def _is_heard(chat: Chat) -> bool:
    return chat.type in (ChatType.PRIVATE, ChatType.GROUP, ChatType.SUPERGROUP)


def _for_us(telegram: TelegramMessage, text: str, me: Me) -> tuple[str, bool]:
    """The text without our name in it, and whether it is meant for us rather than for the group."""
    addressed = False
    reply = telegram.reply_to_message
    if reply is not None and reply.from_user is not None and reply.from_user.id == me.user_id:
        addressed = True
    mention = f"@{me.username}".lower()
    for entity, covered in sorted(_entities(telegram).items(), key=lambda item: -item[0].offset):
        if entity.type == MessageEntity.BOT_COMMAND:
            command, at, name = covered.partition("@")
            if at and name.lower() != me.username.lower():
                return text, False
            if entity.offset == 0:
                addressed = True
                text = command + text[len(covered) :]
        elif entity.type == MessageEntity.MENTION and covered.lower() == mention:
            addressed = True
            text = _without(text, covered)
        elif entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == me.user_id:
            addressed = True
    return text.strip(), addressed


def _entities(telegram: TelegramMessage) -> dict[MessageEntity, str]:
    # Offsets count UTF-16 units, which the SDK's own reader knows.
    if telegram.text:
        return telegram.parse_entities()
    return telegram.parse_caption_entities() if telegram.caption else {}


def _without(text: str, mention: str) -> str:
    before, _, after = text.rpartition(mention)
    return f"{before.rstrip()} {after.lstrip(' ,:')}" if before.strip() else after.lstrip(" ,:")


def _thread(telegram: MaybeInaccessibleMessage) -> str | None:
    """The forum topic. A reply chain outside a forum carries an id too, and the General topic must not be named."""
    if not isinstance(telegram, TelegramMessage):
        return None
    # The SDK reads an inaccessible message as one without a date: whether it is in a topic it does not say.
    in_topic = telegram.is_topic_message or not telegram.is_accessible
    thread_id = telegram.message_thread_id
    return str(thread_id) if in_topic and thread_id not in (None, GENERAL_TOPIC) else None


def _attachments(telegram: TelegramMessage) -> tuple[Attachment, ...]:
    if telegram.photo:
        return (Attachment("photo", telegram.photo[-1].file_size),)
    for kind in ("document", "voice", "audio", "video", "video_note", "animation"):
        held = getattr(telegram, kind)
        if held is not None:
            return (Attachment(kind, held.file_size),)
    if telegram.location is not None:
        return (Attachment("location"),)
    return (Attachment("sticker", telegram.sticker.file_size),) if telegram.sticker is not None else ()
