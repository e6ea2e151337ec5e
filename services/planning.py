"""What a plan for now is made from, and what of the newest plan holds now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from energy.plan.problem import Problem
from energy.site import Site
from store.database import Database


@dataclass(frozen=True, slots=True)
class NoPlan:
    """There is nothing to plan from: what is missing, and what to do about it, in whole sentences."""

    says: str


async def problem_now(database: Database, org_id: str, site: Site, now: datetime) -> Problem | NoPlan:
    """The planning problem of a site at `now` (aware UTC), out of what is known by then; or why there is none."""
    raise NotImplementedError
