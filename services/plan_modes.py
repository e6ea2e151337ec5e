"""What a site does with its plans: it advises, asks before each change, or follows them by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from energy.site import Site
from services.authority import authorised
from services.scope import Scope
from store import audit, plan_modes
from store.database import AsyncConnection, Database
from store.dialect import lock
from store.plan_modes import PlanMode

Mode = Literal["advise", "ask", "automatic"]
MODES: tuple[Mode, ...] = ("advise", "ask", "automatic")
ACTION = "plan_mode"
LOCK = "plan"


@dataclass(frozen=True, slots=True)
class ModeNow:
    """The mode, and who set it when; `set_by` None: the site's settings say so. `set_by` is a person's id or "host"."""

    mode: Mode
    set_by: str | None = None
    set_at: datetime | None = None


async def mode_of(database: Database, org_id: str, site: Site) -> ModeNow:
    """The mode of a site."""
    async with database.read() as connection:
        return await mode_in(connection, org_id, site)


async def mode_in(connection: AsyncConnection, org_id: str, site: Site) -> ModeNow:
    """`mode_of` inside the caller's transaction."""
    found = await plan_modes.get_in(connection, org_id, site.id)
    return ModeNow(site.plan.mode) if found is None else ModeNow(found.mode, found.set_by, found.set_at)


async def set_mode(scope: Scope, mode: Mode) -> ModeNow:
    """Set the mode, for owners, with an audit row; a plan is made at once. Raises `Refused` for everybody else."""
    scope = await authorised(scope, "owner", ACTION, {"mode": mode})
    before = await mode_of(scope.database, scope.org_id, scope.site)
    by, now = scope.actor.person_id or scope.actor.name, scope.now
    async with scope.database.begin() as connection:
        await lock(connection, LOCK, scope.org_id, scope.site.id)  # questions of the plan are settled one at a time
        await plan_modes.put_in(connection, scope.org_id, scope.site.id, PlanMode(mode, by, now))
        await audit.append_in(
            connection,
            scope.org_id,
            site_id=scope.site.id,
            actor=by,
            action=ACTION,
            subject=mode,
            details={
                "says": f"Plans: {mode}; it was {before.mode}.",
                "mode": mode,
                "before": before.mode,
                "name": scope.actor.name,
            },
            now=now,
        )
    await scope.wake("plan")
    return ModeNow(mode, by, now)
