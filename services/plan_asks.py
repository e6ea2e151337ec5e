"""Changes that the plan asks for, one by one, while the site's mode is "ask"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.control import Accepted, RefusedBy
from services.scope import Scope


@dataclass(frozen=True, slots=True)
class PlanAsk:
    """A miner that the plan wants on or off. `until`: for how long the plan wants it so; then it is asked no more.

    `because` is the plan's reason, a whole sentence with figures. The entry of the outbox (kind "plan") holds the same
    as `data`: ask_id, miner_id, miner, on, until (ISO), because.
    """

    ask_id: str
    miner_id: str
    on: bool
    until: datetime
    because: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The question is over: why, in a sentence."""

    says: str


@dataclass(frozen=True, slots=True)
class Declined:
    """It is left as it is until the plan changes, as `says` tells."""

    says: str


async def current(scope: Scope) -> tuple[PlanAsk, ...]:
    """What the plan asks for now: nothing unless the mode is "ask"."""
    raise NotImplementedError


async def approve(scope: Scope, ask_id: str, *, place: str) -> Accepted | RefusedBy | Gone:
    """Do it, for operators: the order is made and confirmed in the name of the actor, with the interlocks of now.

    The same answer any number of times does it once. Raises `Refused`, with an audit row, for everybody else.
    """
    raise NotImplementedError


async def decline(scope: Scope, ask_id: str) -> Declined | Gone:
    """Leave the miner as it is until the plan changes, for operators, with an audit row."""
    raise NotImplementedError
