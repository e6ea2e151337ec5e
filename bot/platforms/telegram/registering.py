"""The command list that Telegram's clients show while somebody types "/"."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog
from telegram import Bot, BotCommand, BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats
from telegram.constants import BotCommandLimit
from telegram.error import TelegramError

from bot.commands.command import Command
from bot.platforms.telegram.client import reason

log = structlog.get_logger()

MOST_COMMANDS = 100
_NAME = re.compile(r"[a-z0-9_]{1,32}")


class Registered(Protocol):
    """What was registered last, kept across restarts."""

    async def known(self) -> str | None:
        """The hash of the commands that the platform has, or None."""
        ...

    async def keep(self, digest: str) -> None:
        """Store it."""
        ...


async def register_commands(bot: Bot, commands: Sequence[Command], registered: Registered | None) -> None:
    """Tell Telegram which commands there are when that has changed; a failure is logged and stops nothing."""
    private = command_list(commands)
    groups = command_list(command for command in commands if not command.private)
    if not private:
        return
    digest = hashlib.sha256(json.dumps([bot.id, private, groups]).encode()).hexdigest()
    try:
        if registered is not None and await registered.known() == digest:
            return
        for entries, scope in ((private, BotCommandScopeAllPrivateChats()), (groups, BotCommandScopeAllGroupChats())):
            await bot.set_my_commands([BotCommand(name, about) for name, about in entries], scope=scope)
        if registered is not None:
            await registered.keep(digest)
        log.info("telegram_commands_registered", private=len(private), groups=len(groups))
    except TelegramError as error:
        log.warning("telegram_commands_not_registered", reason=reason(error, bot))
    except Exception:  # whatever keeps the hash: the chat works without it
        log.exception("telegram_commands_not_registered")


def command_list(commands: Iterable[Command]) -> list[tuple[str, str]]:
    """Name and description of the available commands, as Telegram takes them."""
    entries = []
    for command in commands:
        if not command.available:
            continue
        if not _NAME.fullmatch(command.name):
            log.error("telegram_command_left_out", name=command.name, remedy="a-z, 0-9 and _, at most 32 of them")
            continue
        entries.append((command.name, command.about[: int(BotCommandLimit.MAX_DESCRIPTION)] or command.name))
    return entries[:MOST_COMMANDS]
