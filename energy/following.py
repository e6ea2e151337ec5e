"""What a plan wants of each miner at a moment, for whoever follows it or asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from energy.plan.plan import Plan

GOOD_FOR = timedelta(minutes=45)  # three plans may fail before a plan is too old to be followed
SKEW = timedelta(minutes=1)  # two hosts' clocks may differ by so much


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whether the plan wants a miner on, since when and until when in one go (aware UTC), and why in a sentence.

    `code` is the reason's kind, such as "surplus".
    """

    on: bool
    since: datetime
    until: datetime
    because: str
    code: str = ""

    @property
    def clause(self) -> str:
        """The reason as it goes on after a colon."""
        text = self.because.removeprefix("Off: ").rstrip(".")
        return text if text[:2].isupper() else text[:1].lower() + text[1:]


def wanted_at(plan: Plan, planned_at: datetime, now: datetime) -> Mapping[str, Wanted] | None:
    """What the plan that was made at `planned_at` wants now, by miner; None where it is too old or does not cover now.

    A plan from the future is none: a clock was set back since, and the plan is for another time.
    """
    if not -SKEW <= now - planned_at <= GOOD_FOR:
        return None
    now_s = now.timestamp()
    at = next((index for index, step in enumerate(plan.steps) if step.start_s <= now_s < step.end_s), None)
    if at is None:
        return None
    return {miner_id: _wanted(plan, at, miner_id) for miner_id in plan.steps[at].miner_reasons}


def _wanted(plan: Plan, at: int, miner_id: str) -> Wanted:
    on = miner_id in plan.steps[at].on
    first = last = at
    while first > 0 and (miner_id in plan.steps[first - 1].on) is on:
        first -= 1
    while last + 1 < len(plan.steps) and (miner_id in plan.steps[last + 1].on) is on:
        last += 1
    return Wanted(
        on,
        datetime.fromtimestamp(plan.steps[first].start_s, UTC),
        datetime.fromtimestamp(plan.steps[last].end_s, UTC),
        plan.steps[at].miner_reasons[miner_id].text,
        plan.steps[at].miner_reasons[miner_id].code,
    )
