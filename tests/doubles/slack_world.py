"""What there is in the workspace of the Slack double, and what can go wrong in a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.doubles.slack_blocks import SeenButton, seen_buttons, seen_text

TEAM, BOT_USER = "T0RANCH", "U0BOT"


@dataclass
class Channel:
    id: str
    kind: str  # "im", "channel"
    user: str | None = None
    has_bot: bool = True
    archived: bool = False


@dataclass
class Posted:
    """A message of the bot, as it stands now."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread: str | None = None
    alone: str | None = None  # the one who sees it
    files: list[bytes] = field(default_factory=list)
    alt: str = ""
    edits: int = 0
    pinned: bool = False
    at: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return seen_text(self.blocks, self.text)

    @property
    def buttons(self) -> list[SeenButton]:
        return [button for row in seen_buttons(self.blocks) for button in row]


@dataclass(frozen=True)
class Failure:
    """What happens to a call instead of an answer."""

    status: int = 200
    error: str = ""
    retry_after_s: int | None = None
    lands: bool = False  # it is done all the same
    hangs_s: float = 0.0
    cuts: bool = False  # the connection is cut instead of answered


def too_many(retry_after_s: int) -> Failure:
    return Failure(429, "ratelimited", retry_after_s)


def lost_answer() -> Failure:
    return Failure(lands=True, cuts=True)


@dataclass
class ResponseWay:
    channel: str
    user: str
    ephemeral_ts: str | None = None
    uses: int = 0
    until: float = 0.0
