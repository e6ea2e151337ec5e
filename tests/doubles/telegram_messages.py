"""The messages in the chats of the Bot API double: sent, changed, deleted."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import Any

from tests.doubles.telegram_markup import Keyboard, Refused, checked_keyboard, checked_text


@dataclass(frozen=True)
class Delivered:
    """A message that reached a chat."""

    method: str
    chat_id: int
    text: str  # as a reader sees it
    markup: str  # as it was sent
    thread_id: int | None
    photo: bytes | None
    fields: dict[str, str]
    at: float
    message_id: int = 0
    keyboard: Keyboard = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(button["text"] for row in self.keyboard for button in row)


class Messages:
    """`sent` as they were sent, `shown` as people see them now."""

    def __init__(self) -> None:
        self.sent: list[Delivered] = []
        self.shown: dict[tuple[int, int], Delivered] = {}
        self.blocked: set[int] = set()
        self.changed_at: list[float] = []  # monotonic, of each edit
        self._ids = itertools.count(2)

    def next_id(self) -> int:
        return next(self._ids)

    def deliver(self, method: str, fields: dict[str, str], key: str, limit: int, photo: bytes | None) -> Any:
        chat_id = self.chat(fields)
        text, keyboard = checked_text(fields, key, limit), checked_keyboard(fields)
        thread = fields.get("message_thread_id")
        if thread == "1":
            raise Refused(400, "Bad Request: message thread not found")
        sent = Delivered(
            method,
            chat_id,
            text,
            fields.get(key, ""),
            int(thread) if thread else None,
            photo,
            fields,
            time.perf_counter(),
            self.next_id(),
            keyboard,
        )
        self.sent.append(sent)
        self.shown[chat_id, sent.message_id] = sent
        return self.told(sent)

    def edit(self, fields: dict[str, str], key: str, limit: int) -> Any:
        place = self.place(fields, "edit")
        old = self.shown[place]
        if key and key != ("text" if old.photo is None else "caption"):
            raise Refused(400, f"Bad Request: there is no {key} in the message to edit")
        text = checked_text(fields, key, limit) if key else old.text
        new = replace(
            old,
            text=text,
            markup=fields.get(key, "") if key else old.markup,
            keyboard=checked_keyboard(fields),
            fields=fields if key else old.fields,
        )
        if (new.text, new.markup, new.keyboard) == (old.text, old.markup, old.keyboard):
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message",
            )
        self.shown[place] = new
        self.changed_at.append(time.monotonic())
        return self.told(new)

    def place(self, fields: dict[str, str], verb: str) -> tuple[int, int]:
        place = self.chat(fields), int(fields["message_id"])
        if place not in self.shown:
            raise Refused(400, f"Bad Request: message to {verb} not found")
        return place

    def told(self, shown: Delivered) -> dict[str, Any]:
        """The message as the API tells of it."""
        chat = {"id": shown.chat_id, "type": "private" if shown.chat_id > 0 else "supergroup"}
        message: dict[str, Any] = {"message_id": shown.message_id, "date": int(time.time()), "chat": chat}
        if shown.thread_id is not None:
            message |= {"message_thread_id": shown.thread_id, "is_topic_message": True}
        if shown.photo is not None:
            message["photo"] = [{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 6}]
        if shown.text:
            message["text" if shown.photo is None else "caption"] = shown.text
        return message

    def chat(self, fields: dict[str, str]) -> int:
        try:
            chat_id = int(fields["chat_id"])
        except (KeyError, ValueError):
            raise Refused(400, "Bad Request: chat not found") from None
        if chat_id in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat_id


def checked_photo(files: dict[str, bytes]) -> bytes:
    photo = next(iter(files.values()), b"")
    if not photo.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8")):
        raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
    return photo
