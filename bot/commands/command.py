"""What a command is, and what it gets to work with.

Every platform's native way of calling a command ends in one text, "/miners stop s19-1", which `dispatch` reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot.message import Address
from bot.reply import Reply
from services.scope import Role

if TYPE_CHECKING:
    from services.scope import Scope

Completion = Literal["miners", "metrics", "periods", "preferences", "commands", "people", "alerts", "rules"]
Origin = Literal["typed", "tapped"]
STOP_WORDS = ("stop", "off")  # after /miners: these only ever switch off


@dataclass(frozen=True, slots=True)
class Parameter:
    """One word (or the rest of the words) after the command's name, in the order in which they are written.

    `choices` are all that is allowed; `completes` names the list that a platform offers while somebody types.
    """

    name: str
    about: str
    choices: tuple[str, ...] = ()
    completes: Completion | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Where and how a command was called. `key` is the same when the same message is handled again.

    `patience_s` is how long the reply may wait for the worker to have switched; after that the result comes later.
    """

    address: Address
    direct: bool
    origin: Origin
    key: str
    has_forms: bool
    platform: str
    sender_id: str  # the account's id on the platform
    patience_s: float = 8.0

    @property
    def place(self) -> str:
        """The conversation that a confirmation is bound to."""
        return self.address.key


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it was called: its arguments as they were written, without the name."""

    command: Command
    arguments: str


Run = Callable[["Scope", Context, str], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table. `run` None: its use case is not built yet; `until` says what will bring it.

    `private` commands are answered in a direct chat alone, also where an owner opened the group; `in_any_group` ones
    also where none did, as they tell nothing of the site.
    """

    name: str
    about: str  # at most 100 characters: Discord's limit for a description
    run: Run | None
    parameters: tuple[Parameter, ...] = ()
    examples: tuple[str, ...] = ()
    role: Role = "viewer"
    private: bool = False
    in_any_group: bool = False
    until: str = ""

    @property
    def available(self) -> bool:
        """Whether it does something; only such commands are registered with a platform."""
        return self.run is not None
