"""What Slack sends as our messages, and nothing else: no network, no state.

An account is "TEAM:USER". Both ids are immutable; the team is the author's own, so that a guest of a shared channel
(Slack Connect) is never taken for somebody of the workspace. Ids of users are unique across the workspaces of one
Enterprise organisation, so there the organisation's id and our workspace's count as the same team.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.message import Address, Attachment, Message, Sender
from bot.reply import FORM
from bot.text import clean, clean_name

PLATFORM = "slack"
EPHEMERAL = "~"  # begins the ref of a message that one person sees alone
_WORDS_OF_PEOPLE = frozenset({None, "", "file_share", "thread_broadcast"})
_MARKED = re.compile(r"<([^<>\n]*)>")


@dataclass(frozen=True, slots=True)
class Me:
    """Our own account, so that a message to us can be told from one to somebody else."""

    team_id: str
    user_id: str
    enterprise_id: str | None = None

    def account(self, user_id: str, team_id: str | None) -> str:
        """The immutable id of somebody's account; see the module's text."""
        ours = team_id in (None, "", self.team_id) or (team_id == self.enterprise_id)
        return f"{self.team_id if ours else team_id}:{user_id}"


@dataclass(frozen=True, slots=True)
class Via:
    """An interaction's own way to answer: whoever began it sees the answer, alone. Part of an `Address` as text."""

    user_id: str
    url: str

    def __str__(self) -> str:
        return f"{self.user_id} {self.url}"

    @classmethod
    def of(cls, address: Address) -> Via | None:
        """The way that an address holds."""
        user_id, _, url = (address.via or "").partition(" ")
        return cls(user_id, url) if url else None


def message_from_event(body: Mapping[str, Any], me: Me) -> Message | None:
    """The message in an event, or None when it holds none for us: an edit, a join, a bot's, something without words.

    A mention in a channel comes as two events, `message` and `app_mention`; both give the same key.
    """
    event = body.get("event")
    if not isinstance(event, Mapping) or event.get("type") not in ("message", "app_mention"):
        return None
    user, channel, ts = event.get("user"), event.get("channel"), event.get("ts")
    if not (isinstance(user, str) and isinstance(channel, str) and isinstance(ts, str)):
        return None
    if event.get("bot_id") or event.get("hidden") or event.get("edited") or user == me.user_id:
        return None
    if event.get("subtype") not in _WORDS_OF_PEOPLE:
        return None
    direct = event.get("channel_type") == "im" or channel.startswith("D")
    text, named = plain_text(str(event.get("text") or ""), me)
    attachments = _attachments(event)
    if not text and not attachments and not named:
        return None
    return Message(
        address=Address(PLATFORM, channel, event.get("thread_ts") or (None if direct else ts)),
        sender=Sender(
            PLATFORM, me.account(user, event.get("user_team") or event.get("team")), _name(event.get("user_profile"))
        ),
        text=text,
        sent_at=_time(ts),
        key=f"{body.get('team_id') or me.team_id}:{channel}:{ts}",
        attachments=attachments,
        direct=direct,
        addressed=direct or named or event.get("type") == "app_mention",
    )


def message_from_command(body: Mapping[str, Any], me: Me, *, direct: bool, now: datetime) -> Message:
    """`/cc status` as "/status"; `/cc` alone as "/help".

    `direct`: it was typed in the chat with us. Elsewhere the answer goes to whoever typed it, alone.
    """
    user, channel = str(body["user_id"]), str(body["channel_id"])
    text = plain_text(str(body.get("text") or ""), me)[0].lstrip("/ ")
    via = None if direct else str(Via(user, str(body.get("response_url") or "")))
    return Message(
        address=Address(PLATFORM, channel, via=via),
        sender=Sender(PLATFORM, me.account(user, body.get("team_id")), clean_name(str(body.get("user_name") or ""))),
        text=f"/{text or 'help'}",
        sent_at=now,
        key=f"{me.team_id}:{channel}:command:{body['trigger_id']}",
        direct=direct,
    )


def message_from_tap(body: Mapping[str, Any], me: Me, *, direct: bool, now: datetime) -> Message | None:
    """A tap on one of our buttons; None for anything else that can be touched."""
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    place, user = _place(body), body.get("user") or {}
    token = action.get("value")
    if action.get("type") != "button" or not token or place is None or not user.get("id"):
        return None
    channel, thread, ref = place
    url = str(body.get("response_url") or "")
    alone = ref.startswith(EPHEMERAL)
    return Message(
        address=Address(PLATFORM, channel, thread, via=str(Via(user["id"], url)) if alone and url else None),
        sender=_sender(user, me, body),
        text="",
        sent_at=now,
        key=f"{me.team_id}:{channel}:tap:{user['id']}:{ref}:{action.get('action_ts')}",
        direct=direct,
        token=str(token),
        ref=ref,
    )


def message_from_form(body: Mapping[str, Any], me: Me, *, now: datetime) -> Message | None:
    """A form that was sent in, addressed to the chat in which it was opened."""
    view, user = body.get("view") or {}, body.get("user") or {}
    name = str(view.get("callback_id") or "")
    place = form_place(view)
    if not name.startswith(FORM) or place is None or not user.get("id"):
        return None
    address, direct, ref = place
    blocks = (view.get("state") or {}).get("values") or {}
    return Message(
        address=address,
        sender=_sender(user, me, body),
        text="",
        sent_at=now,
        key=f"{me.team_id}:form:{view.get('id')}",
        direct=direct,
        token=name,
        ref=ref,
        form=tuple((block, entered(next(iter(held.values()), {}))) for block, held in blocks.items()),
    )


def place_of_form(message: Message) -> str:
    """What a form carries along, so that its answer finds the way back to the tap that opened it."""
    address = message.address
    return json.dumps([address.chat_id, address.thread, address.via, message.direct, message.ref])


def form_place(view: Mapping[str, Any]) -> tuple[Address, bool, str | None] | None:
    """The chat that `place_of_form` wrote into a form; whether it is direct; the message that held the button."""
    try:
        channel, thread, via, direct, ref = json.loads(view.get("private_metadata") or "")
    except (ValueError, TypeError):
        return None
    return Address(PLATFORM, channel, thread, via), direct is True, ref


def sender_of(body: Mapping[str, Any], me: Me) -> Sender:
    """Who touched a button or a form."""
    return _sender(body.get("user") or {}, me, body)


def entered(element: Mapping[str, Any]) -> str:
    """What stands in a field, or was chosen in a list."""
    option = element.get("selected_option")
    return clean(str((option.get("value") if isinstance(option, Mapping) else element.get("value")) or ""))


def plain_text(text: str, me: Me) -> tuple[str, bool]:
    """Slack's marked-up text as it was typed, without our own name, and whether our name was in it."""
    named = False

    def shown(match: re.Match[str]) -> str:
        nonlocal named
        target, _, label = match[1].partition("|")
        if target == f"@{me.user_id}":
            named = True
            return ""
        return label or target

    typed = html.unescape(_MARKED.sub(shown, text))
    # What stands around our name belongs to it: "<@us>: how is the battery" asks how the battery is.
    return (clean(typed).strip().lstrip(",: ") if named else clean(typed).strip()), named


def _sender(user: Mapping[str, Any], me: Me, body: Mapping[str, Any]) -> Sender:
    team = user.get("team_id") or (body.get("team") or {}).get("id")
    name = str(user.get("name") or user.get("username") or "")
    return Sender(PLATFORM, me.account(str(user.get("id") or ""), team), clean_name(name))


def _place(body: Mapping[str, Any]) -> tuple[str, str | None, str] | None:
    """Channel, thread and ref of the message that was touched."""
    container, message = body.get("container") or {}, body.get("message") or {}
    channel = container.get("channel_id") or (body.get("channel") or {}).get("id")
    ts = container.get("message_ts") or message.get("ts")
    if not channel or not ts:
        return None
    thread = container.get("thread_ts") or message.get("thread_ts")
    # A message that began a thread of its own names itself; the conversation is still the one that it was sent in.
    return str(channel), thread if thread != ts else None, f"{EPHEMERAL if container.get('is_ephemeral') else ''}{ts}"


def _name(profile: Any) -> str:
    """The name that an event tells; empty where it tells none, as most do."""
    if not isinstance(profile, Mapping):
        return ""
    name = str(profile.get("display_name") or profile.get("real_name") or "")
    return clean_name(name) if name else ""


def _attachments(event: Mapping[str, Any]) -> tuple[Attachment, ...]:
    files = [file for file in event.get("files") or () if isinstance(file, Mapping)]
    return tuple(Attachment(str(file.get("filetype") or "file"), _size(file.get("size"))) for file in files)


def _size(size: Any) -> int | None:
    return size if isinstance(size, int) else None


def _time(ts: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)
