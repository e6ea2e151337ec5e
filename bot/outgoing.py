"""What the courier needs from others: what waits to be told, and where messages stand that show an older state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bot.message import Address
from bot.reply import Reply

Level = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to tell somebody. `ways` to them, the best first; `tries` so many failed before.

    `content` is whatever the reply is made of.
    """

    outbox_id: int
    level: Level
    ways: Sequence[Address]
    tries: int = 0
    content: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Composed:
    """A reply, and which state of its alert message it shows (None: it is none)."""

    reply: Reply
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """Where an alert message stands, and which version: `ref` as `Sent.ref` names it, None: it cannot be changed."""

    address: Address
    ref: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Stale:
    """A message that shows an older state than its alerts are in."""

    posting_id: int
    address: Address
    ref: str
    version: int  # to be shown
    content: Any = field(default=None, compare=False)


class Outgoing(Protocol):
    """What waits to be told."""

    async def due(self, limit: int, in_hand: Collection[int]) -> Sequence[Entry]:
        """Claim what is due, critical ones first; it comes back when it is not settled within a minute.

        `in_hand` are still being delivered: they are left alone, whatever the clock did to their claim.
        """
        ...

    async def reply(self, entry: Entry, address: Address, *, buttons: bool, charts: bool) -> Composed:
        """What is said there. Without `buttons` the text says what to type instead; without `charts` none is drawn."""
        ...

    async def sent(self, outbox_id: int, posting: Posting | None) -> None:
        """It arrived; None for what is no alert message."""
        ...

    async def failed(self, outbox_id: int, reason: str, *, again_in_s: float | None) -> None:
        """It did not arrive; None gives it up."""
        ...

    async def dead(self, entry: Entry, address: Address, reason: str) -> None:
        """Nothing can be sent there any more: it is no way, until somebody writes from it or adds it again."""
        ...

    async def later(self, outbox_id: int, reason: str, *, in_s: float) -> None:
        """Nothing was tried: it comes again then, and that is no failure."""
        ...

    async def stale(self) -> Sequence[Stale]:
        """Claim messages that show an older state; they come back when they are not settled within a minute."""
        ...

    async def stale_reply(self, stale: Stale) -> Reply:
        """What the message is to show."""
        ...

    async def shown(self, posting_id: int, version: int) -> None:
        """The message shows this state now."""
        ...

    async def unchangeable(self, posting_id: int) -> None:
        """Nobody can change the message (any more)."""
        ...

    async def change_later(self, posting_id: int, *, in_s: float) -> None:
        """The platform wants a pause before the message is changed."""
        ...

    async def beat(self) -> None:
        """The loop is alive."""
        ...
