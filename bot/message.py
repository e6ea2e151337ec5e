"""A message as every platform's parser hands it over: where it came from, who wrote it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    """A place that can be written to. `thread` is a forum topic or a thread inside the chat.

    `via` is a better way for the one reply to what came in (a platform's own handle of an interaction); where it does
    not work any more, the chat itself is written to. It is no part of the place.
    """

    platform: str
    chat_id: str
    thread: str | None = None
    via: str | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """One text per conversation; messages with the same key are answered in order."""
        return f"{self.platform}:{self.chat_id}" + (f":{self.thread}" if self.thread else "")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote: the platform's immutable id decides who it is, the name is only shown."""

    platform: str
    external_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something sent along with, or instead of, text."""

    kind: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `key` is the same whenever the platform delivers it again.

    `direct` is a chat between one person and the bot; in any other chat `addressed` says whether the message was
    meant for the bot (a command, a mention, a reply to it).

    A tap on a button, and a form that was sent in, are messages too: `token` is what the button or form carried (it is
    believed only after the lookup on our side), `ref` the message that holds the button, `form` the form's fields.
    """

    address: Address
    sender: Sender
    text: str
    sent_at: datetime
    key: str
    attachments: tuple[Attachment, ...] = ()
    direct: bool = True
    addressed: bool = True
    token: str | None = None
    ref: str | None = None
    form: tuple[tuple[str, str], ...] = ()


def message_to_json(message: Message) -> dict[str, Any]:
    """Plain data from which `message_from_json` rebuilds the message after a restart."""
    return {
        "platform": message.address.platform,
        "chat_id": message.address.chat_id,
        "thread": message.address.thread,
        "via": message.address.via,
        "external_id": message.sender.external_id,
        "name": message.sender.name,
        "text": message.text,
        "sent_at": message.sent_at.isoformat(),
        "key": message.key,
        "attachments": [[a.kind, a.size_bytes] for a in message.attachments],
        "direct": message.direct,
        "addressed": message.addressed,
        "token": message.token,
        "ref": message.ref,
        "form": [list(field) for field in message.form],
    }


def message_from_json(data: dict[str, Any]) -> Message:
    """The message that `message_to_json` wrote down."""
    return Message(
        address=Address(data["platform"], data["chat_id"], data["thread"], data["via"]),
        sender=Sender(data["platform"], data["external_id"], data["name"]),
        text=data["text"],
        sent_at=datetime.fromisoformat(data["sent_at"]),
        key=data["key"],
        attachments=tuple(Attachment(kind, size) for kind, size in data["attachments"]),
        direct=data["direct"],
        addressed=data["addressed"],
        token=data["token"],
        ref=data["ref"],
        form=tuple((name, text) for name, text in data["form"]),
    )
