"""The house of the adapter contract, whose commands say what a test wants, and how its tests look at a stage."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

import pytest

from bot.commands.command import Call, Context
from bot.reply import Button, Reply
from tests.bot.house import Commands, House
from tests.bot.stages.base import Lack, Seen, Stage, until

START, CANCEL = Button("Start", "t-start", "primary"), Button("Cancel", "t-cancel", "danger")
HOSTILE = (
    "<b>garage</b>",
    "*shed*",
    "_barn_",
    "~hall~",
    "`tank`",
    "```\nfence\n```",
    "||secret||",
    "&lt;i&gt; & co",
    "@everyone",
    "@here",
    "<!channel>",
    "<@7>",
    "<#5>",
    "<https://evil.example|here>",
    "[here](http://evil.example)",
    "# title",
    "> quote",
    "\\*backslash\\*",
    "{{mustache}} %s ${x}",
)
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")


@dataclass
class Saying(Commands):
    """/status says `reply` where it is set."""

    reply: Reply | None = None

    async def run(self, call: Call, scope: object, context: Context) -> Reply:
        said = await super().run(call, scope, context)
        return self.reply if self.reply is not None and call.command.name == "status" else said


@dataclass
class SayingHouse(House):
    commands: Saying = field(default_factory=Saying)


def needs(stage: Stage, *lacks: Lack) -> None:
    for lack in lacks:
        if lack in stage.lacks:
            pytest.skip(f"{stage.platform}: {stage.lacks[lack]}")


async def seen(stage: Stage, count: int = 1, *, timeout_s: float = 10.0) -> list[Seen]:
    """What stands there once it is `count` messages and nothing more comes."""
    await until(lambda: len(stage.seen()) >= count, timeout_s=timeout_s)
    await asyncio.sleep(0.05)
    shown = stage.seen()
    assert len(shown) == count, shown
    return shown


def readable(text: str) -> str:
    return _INVISIBLE.sub("", text)


def start_of(text: str) -> str:
    return readable(text).split("\n")[0]
