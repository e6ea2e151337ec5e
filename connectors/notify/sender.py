"""What every way to a person has in common: a message goes out, and what became of it comes back as a value.

The reasons are for people (the owner reads them in the dead letters): they name the remedy and hold no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Level = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class OutMessage:
    """One message. `key` is the same whenever it is sent again, so that whoever gets it twice can tell.

    `png` is a picture and `alt` its text for those who do not see it.
    """

    title: str
    text: str
    level: Level
    key: str
    png: bytes | None = None
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """It was taken; `ref` is what the other side calls it.

    Where no answer came back it is `Later`: an alert that arrives twice is better than one that is lost.
    """

    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing wrong with the message: send again after `after_s` (s), or when the caller thinks fit (None)."""

    after_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Never:
    """Repeating it helps nobody. `dead`: nothing at all can be sent to this target until a person mends it."""

    reason: str
    dead: bool = False


Outcome = Delivered | Later | Never


class Sender(Protocol):
    """One way to people."""

    @property
    def kind(self) -> str:
        """ "email", "sms", "webhook" or "apprise"."""
        ...

    async def send(self, target: str, message: OutMessage) -> Outcome:
        """Send to a target of this kind. Trouble of whatever kind is a result, not an exception."""
        ...

    async def check(self) -> str | None:
        """Ask whether our own credentials are good, sending nothing; what is wrong in words, None when all is well."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
