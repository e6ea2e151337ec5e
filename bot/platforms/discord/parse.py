"""Discord's messages and interactions as our messages, and nothing else: no network, no state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import discord

from bot.commands.command import Command
from bot.message import Address, Attachment, Message, Sender
from bot.reply import FORM
from bot.text import clean, clean_name

PLATFORM = "discord"
# `Address.via`: of an interaction its bare id; of a message its id after one of these. In a group the answer is shown
# as a reply to the message, in a direct chat it simply follows.
REPLY_TO, ANSWER_TO = "reply:", "to:"
_LONGEST_TEXT = 16_000  # far more than Discord passes on, and enough for the chat to refuse it


def message_from(message: discord.Message, me: int) -> Message | None:
    """The message in a gateway event, or None when it is not for us: another bot's, a webhook's, a service message.

    Without the privileged intent a group's message comes without its text unless it mentions us; it is not for us then.
    """
    if message.author.bot or message.webhook_id is not None:
        return None
    if message.type not in (discord.MessageType.default, discord.MessageType.reply):
        return None
    direct = message.guild is None and isinstance(message.channel, discord.DMChannel)
    addressed = direct or any(each.id == me for each in message.mentions)
    text = message.content[:_LONGEST_TEXT]
    attachments = tuple(Attachment(_kind(each.content_type), each.size) for each in message.attachments)
    if not text and not attachments:
        return None
    return Message(
        address=_address(message.channel, message.channel.id, f"{ANSWER_TO if direct else REPLY_TO}{message.id}"),
        sender=sender_of(message.author),
        text=clean(_without_name(text, me)),
        sent_at=message.created_at,
        key=str(message.id),
        attachments=attachments,
        direct=direct,
        addressed=addressed,
    )


def sender_of(user: discord.abc.User) -> Sender:
    """Who it is: the snowflake is the identity, the name is only shown."""
    return Sender(PLATFORM, str(user.id), clean_name(user.display_name))


def is_direct(interaction: discord.Interaction[Any]) -> bool:
    """Whether it comes from the chat between one person and the bot.

    A chat between two people, where an app can be used that one of them installed, looks the same but for its context.
    """
    if interaction.guild_id is not None or interaction.context.private_channel:
        return False
    return isinstance(interaction.channel, discord.DMChannel)


def command_call(interaction: discord.Interaction[Any], commands: Sequence[Command]) -> Message:
    """A called command as the text that somebody would write: its options in the table's order."""
    data: Any = interaction.data or {}
    given = {str(option["name"]): str(option.get("value", "")) for option in data.get("options", ())}
    name = str(data.get("name", ""))
    order = next((each.parameters for each in commands if each.name == name), ())
    words = [given[parameter.name] for parameter in order if parameter.name in given]
    return _message(interaction, clean(" ".join([f"/{name}", *words])).strip()[:_LONGEST_TEXT])


def tap(interaction: discord.Interaction[Any], token: str) -> Message:
    """A tap on a button."""
    return _message(interaction, "", token=token, ref=_ref(interaction))


def form_sent(interaction: discord.Interaction[Any]) -> Message:
    """A form that was sent in."""
    data: Any = interaction.data or {}
    fields = tuple((name, clean(value)) for name, value in _fields(data.get("components", ())))
    return _message(interaction, "", token=str(data.get("custom_id", FORM)), ref=_ref(interaction), form=fields)


def completion_of(
    interaction: discord.Interaction[Any], commands: Sequence[Command]
) -> tuple[str | None, Sequence[str], str]:
    """What somebody types: the list that completes it (or None), its fixed choices, and what stands there so far."""
    data: Any = interaction.data or {}
    command = next((each for each in commands if each.name == data.get("name")), None)
    focused = next((option for option in data.get("options", ()) if option.get("focused")), None)
    if command is None or focused is None:
        return None, (), ""
    parameter = next((each for each in command.parameters if each.name == focused["name"]), None)
    if parameter is None:
        return None, (), ""
    return parameter.completes, parameter.choices, str(focused.get("value", ""))


def _message(interaction: discord.Interaction[Any], text: str, **more: Any) -> Message:
    channel = interaction.channel
    return Message(
        address=_address(channel, channel.id if channel is not None else 0, str(interaction.id)),
        sender=sender_of(interaction.user),
        text=text,
        sent_at=interaction.created_at,
        key=str(interaction.id),
        direct=is_direct(interaction),
        addressed=True,
        **more,
    )


def _ref(interaction: discord.Interaction[Any]) -> str | None:
    return str(interaction.message.id) if interaction.message is not None else None


def _address(channel: Any, channel_id: int, via: str) -> Address:
    """A thread is a place inside its channel, so that a channel which an owner opened is open in its threads too."""
    if isinstance(channel, discord.Thread):
        return Address(PLATFORM, str(channel.parent_id), str(channel.id), via)
    return Address(PLATFORM, str(channel_id), None, via)


def _fields(components: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Text inputs and selections, in labels (as we send them) or in rows (as older clients do)."""
    found: list[tuple[str, str]] = []
    for component in components:
        inner = [component["component"]] if "component" in component else component.get("components", [])
        found += _fields(inner)
        if "custom_id" in component:
            values = component.get("values")
            found.append((component["custom_id"], str(values[0] if values else component.get("value") or "")))
    return found


def _without_name(text: str, me: int) -> str:
    """The text without our mention in it."""
    return re.sub(rf"\s*<@!?{me}>[\s,:]*", " ", text).strip()


def _kind(content_type: str | None) -> str:
    major = (content_type or "").partition("/")[0]
    return {"image": "photo", "audio": "audio", "video": "video"}.get(major, "document")
