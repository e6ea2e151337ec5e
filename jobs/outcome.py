"""What came of switching one miner."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from energy.interlocks import Block
from jobs.telling import as_json

End = Literal["done", "refused", "failed", "expired", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended, in a sentence and in figures. `already`: the relay stood so before we did anything."""

    state: End
    says: str
    on: bool | None = None
    power_w: float | None = None
    timer_until: datetime | None = None
    already: bool = False
    blocks: tuple[Block, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in the results of a request."""
        return {
            "state": self.state,
            "says": self.says,
            "on": self.on,
            "power_w": self.power_w,
            "timer_until": None if self.timer_until is None else self.timer_until.isoformat(),
            "already": self.already,
            "blocks": as_json(self.blocks),
        }


@dataclass(frozen=True, slots=True)
class TooLate:
    """Why a command is not carried out any more, as a clause."""

    state: Literal["superseded", "expired"]
    says: str


def overall(outcomes: Collection[Outcome]) -> Literal["done", "refused", "failed", "expired"]:
    """How the whole request ended: failed when anything did, done when anything was done, else refused."""
    states = {outcome.state for outcome in outcomes}
    if "failed" in states:
        return "failed"
    return "done" if "done" in states else "refused"
