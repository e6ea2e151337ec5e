"""What an answer carries: its text, the figures behind it, the calls that produced them, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from charts.specs import ChartSpec

Mode = Literal["basic", "model"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a tool found. Either `taken_at` (an instant) or `start` and `end` (a period, half-open) is set.

    `value` is None when the figure is unknown; a moment ("when did it cross 2500 W") is an ISO-8601 text with offset.
    `source` is what people call the device ("Victron", "SolArk + Victron") or "settings". `age_s` counts from the
    scope's `as_of`. Instants are aware.
    """

    name: str
    value: float | str | None
    unit: str
    taken_at: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    source: str | None = None
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that was called: its name, the arguments it was given, and how long it took (ms)."""

    name: str
    arguments: dict[str, Any]
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question's answer. `agent` names the specialist that wrote it; `as_of` is the moment that it speaks of.

    `figures` starts with those that the text speaks of. `mode` is "model" when a language model wrote the text and
    "basic" when the local one did. `notes` are short sentences for the person that are not part of the answer itself
    ("Basic mode: the language model took too long."). `proposals` are the ids of control requests that somebody has to
    confirm before anything happens.
    """

    text: str
    agent: str
    mode: Mode
    as_of: datetime
    tools: tuple[ToolCall, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[ChartSpec, ...] = ()
    model_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    elapsed_ms: float = 0.0
    notes: tuple[str, ...] = field(default=())
    proposals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A crew member's name and its text."""

    speaker: str
    text: str
