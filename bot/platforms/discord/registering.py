"""The commands as Discord lists them, sent only when they changed: new ones are limited to 200 a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from bot.commands.command import Command, Parameter
from bot.platforms.discord.client import DiscordFailure, Wire
from bot.platforms.discord.forms import cut

log = structlog.get_logger()

_CHAT_INPUT, _STRING = 1, 3
_IN_GUILDS, _WITH_THE_BOT = 0, 1  # not in private chats between people: the bot is no member there
_ABOUT, _CHOICES = 100, 25


class Registered(Protocol):
    """The hash of the commands that Discord has."""

    async def known(self) -> str | None:
        """The stored hash, or None."""
        ...

    async def keep(self, digest: str) -> None:
        """Store it."""
        ...


def command_list(commands: Sequence[Command]) -> list[dict[str, Any]]:
    """The available commands as Discord's API takes them."""
    return [
        {
            "name": command.name,
            "description": cut(command.about, _ABOUT),
            "type": _CHAT_INPUT,
            "contexts": [_IN_GUILDS, _WITH_THE_BOT],
            "options": [_option(parameter) for parameter in command.parameters],
        }
        for command in commands
        if command.available
    ]


async def register(wire: Wire, commands: Sequence[Command], registered: Registered) -> None:
    """Bring Discord's list up to date. A failure is said and costs nothing else; the next start tries again."""
    wanted = command_list(commands)
    digest = hashlib.sha256(json.dumps([wire.application_id, wanted], sort_keys=True).encode()).hexdigest()
    try:
        if await registered.known() == digest:
            return
        await wire.call(
            "PUT", "/applications/{application_id}/commands", wanted, application_id=str(wire.application_id)
        )
        await registered.keep(digest)
    except DiscordFailure as failure:
        log.warning("discord_commands_not_registered", reason=str(failure))
    except Exception:  # the store may be locked or full; a bot without a fresh command list is still a bot
        log.exception("discord_commands_not_registered")
    else:
        log.info("discord_commands_registered", count=len(wanted))


def _option(parameter: Parameter) -> dict[str, Any]:
    option: dict[str, Any] = {
        "type": _STRING,
        "name": parameter.name,
        "description": cut(parameter.about, _ABOUT),
        "required": False,
    }
    if parameter.choices and len(parameter.choices) <= _CHOICES:
        option["choices"] = [{"name": choice, "value": choice} for choice in parameter.choices]
    elif parameter.choices or parameter.completes:
        option["autocomplete"] = True
    return option
