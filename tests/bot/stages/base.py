"""What the adapter contract needs of a platform's stage: people who write and tap, and what they see.

A stage is a bot on a double of its platform for as long as a block runs:

    async with stage(house) as s:
        await s.say("how is the battery?")

`tests/bot/stages/<platform>.py` has this `stage`; `tests/bot/test_adapter_contract.py` lists the platforms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.commands.command import Command, Context, Parameter
from bot.message import Address
from bot.ports import Outlet
from bot.reply import Reply, say
from tests.bot.house import House


async def _run(scope: object, context: Context, arguments: str) -> Reply:
    return say(arguments)  # never called: the house has commands of its own


# What every stage registers with its platform.
COMMANDS = (
    Command("status", "How the site is doing", _run),
    Command(
        "miners",
        "The miners: start, stop, auto",
        _run,
        parameters=(
            Parameter("action", "What to do", choices=("start", "stop", "auto")),
            Parameter("miner", "Which miner", completes="miners"),
        ),
    ),
    Command("link", "One more account of yours", _run, private=True),
    Command("report", "What the month was like", None, until="reports"),
)

# What a platform may not have; the reason is the skipped test's.
Lack = Literal["groups", "people", "edits", "failures", "repeats", "restarts"]
Failure = Literal["later", "never", "lost"]  # asked to wait; refused for good; arrived, but the answer to us was lost


@dataclass(frozen=True, slots=True)
class Native:
    """How the dialect writes marked-up text, with {} for the text; found in `Seen.markup`."""

    bold: str
    code: str
    block: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One message of the bot as people see it now, with the edits that were made."""

    text: str  # as a reader sees it: without the dialect's marks, markup that is inert in full
    buttons: tuple[str, ...] = ()  # the labels, row by row
    pictures: int = 0
    ref: str = ""  # as `Sent.ref` names it
    chat_id: str = ""
    markup: str = ""  # as it was sent
    alt: tuple[str, ...] = ()  # the pictures' texts, where the platform keeps them apart from the text
    previews: bool = False  # whether the platform would fetch a link in it


class Stage(Protocol):
    """See the module's text. A user's external id is the text in `user`; whoever writes first exists from then on."""

    @property
    def platform(self) -> str: ...

    @property
    def outlet(self) -> Outlet: ...

    @property
    def native(self) -> Native: ...

    @property
    def lacks(self) -> Mapping[Lack, str]: ...

    def address(self, user: str = "7", *, group: bool = False) -> Address:
        """The direct chat with a user, or the one group that all of them are in."""
        ...

    async def say(self, text: str, *, user: str = "7", group: bool = False, name: str = "Ann") -> None:
        """Write to the bot; in the group naming it, as people there have to."""
        ...

    async def command(self, text: str, *, user: str = "7", group: bool = False) -> None:
        """Call a command ("/status solar") in the platform's native way."""
        ...

    async def tap(self, seen: Seen, label: str, *, user: str = "7") -> None:
        """Tap a button of a message, in the chat where it stands."""
        ...

    async def again(self) -> None:
        """Let the platform deliver the last thing that somebody did once more."""
        ...

    async def restart(self) -> None:
        """End the adapter and start it anew, in the same house."""
        ...

    def seen(self, *, chat_id: str | None = None) -> list[Seen]:
        """What stands there now, oldest first; deleted messages and progress that is gone do not."""
        ...

    def fail_next(self, how: Failure) -> None:
        """What happens to the next message of the bot."""
        ...


OpenStage = Callable[[House], AbstractAsyncContextManager[Stage]]


async def until(condition: Callable[[], object], *, timeout_s: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
