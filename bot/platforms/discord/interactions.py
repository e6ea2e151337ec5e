"""Interactions that can still be answered: a command called, a button tapped, a form sent in.

Discord gives three seconds for a first answer and fifteen minutes for the rest. They live in memory: after a restart
the answer goes into the chat itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

ANSWERABLE_S = 14.5 * 60.0  # of Discord's fifteen minutes

# new: nothing said yet. thinking: "… is thinking" stands there, to be replaced. silent: a tap was acknowledged, the
# message with the button stands as it was. answered: further words are messages of their own.
State = Literal["new", "thinking", "silent", "answered"]


@dataclass
class Answerable:
    """One interaction. Whoever answers holds `lock`, so that it is answered first only once."""

    interaction_id: int
    token: str
    private: bool  # only the person who asked sees the answer
    direct: bool
    received_at: float
    source_ref: str | None = None  # the message that holds the button
    state: State = "new"
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Interactions:
    """What can be answered, by the interaction's id as `Address.via` carries it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._open: dict[str, Answerable] = {}

    def open(
        self, interaction_id: int, token: str, *, private: bool, direct: bool, source_ref: str | None
    ) -> Answerable | None:
        """Note an interaction; None when it was delivered before."""
        self._forget_old()
        via = str(interaction_id)
        if via in self._open:
            return None
        opened = Answerable(interaction_id, token, private, direct, self._monotonic(), source_ref)
        self._open[via] = opened
        return opened

    def find(self, via: str | None) -> Answerable | None:
        """The interaction, while it can be answered."""
        held = self._open.get(via or "")
        if held is None or self._monotonic() - held.received_at < ANSWERABLE_S:
            return held
        self.close(held)
        return None

    def close(self, answerable: Answerable) -> None:
        """It cannot be answered any more."""
        self._open.pop(str(answerable.interaction_id), None)

    def _forget_old(self) -> None:
        oldest = self._monotonic() - ANSWERABLE_S
        for via in [via for via, held in self._open.items() if held.received_at < oldest]:
            del self._open[via]
