"""The turns before a question that a model gets to read: few and short, whole pairs only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_TURNS = 3
MOST_CHARACTERS = 400


class TurnLike(Protocol):
    """A question and its answer, as the conversation's store keeps them."""

    @property
    def question(self) -> str:
        """What was asked."""

    @property
    def answer(self) -> str:
        """What was answered."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, shortened."""

    question: str
    answer: str


def recent(turns: Sequence[TurnLike]) -> tuple[Turn, ...]:
    """The last `MOST_TURNS` turns (oldest first), each text cut to `MOST_CHARACTERS`."""
    return tuple(Turn(_short(turn.question), _short(turn.answer)) for turn in turns[-MOST_TURNS:])


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
