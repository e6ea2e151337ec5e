"""Following the plan: what it wants of the miners now, while the site's mode is automatic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from energy.following import Wanted, wanted_at
from jobs.work import Work
from services.plan_modes import mode_of
from store import plans
from store.plans import StoredPlan

EVENT = "plan_not_followed"
LOOK_EVERY_S = 5.0  # a plan is large, and is asked for every second
NONE_TO_FOLLOW = (
    "There is no plan that is new enough to follow, so the miners keep to their own levels; see /plan, and the "
    "worker's log."
)


class Following:
    """One worker's look at the newest plan, kept for a few seconds."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked_at_s: float | None = None
        self._automatic = False
        self._newest: StoredPlan | None = None
        self.missing: str | None = None  # why there is none to follow, in a sentence; None while none is to be

    async def wanted(self, now: datetime) -> Mapping[str, Wanted] | None:
        """What the plan wants of each miner at `now`; None: miners keep to their own levels.

        Whatever is wrong with plans, it ends so: the limits are held without them.
        """
        try:
            await self._look(now)
            found = None if self._newest is None else wanted_at(self._newest.plan, self._newest.planned_at, now)
        except Exception as error:  # noqa: BLE001  the miners' own levels stand in, and it is logged
            self._work.surprises.failed(EVENT, self._work.site.id, error)
            return None
        self._work.surprises.succeeded(EVENT, self._work.site.id)
        if not self._automatic:
            self.missing = None
            return None
        self.missing = NONE_TO_FOLLOW if found is None else ""
        return found

    async def _look(self, now: datetime) -> None:
        work, now_s = self._work, self._work.monotonic()
        if self._looked_at_s is not None and 0 <= now_s - self._looked_at_s < LOOK_EVERY_S:
            return
        self._automatic = (await mode_of(work.database, work.org_id, work.site)).mode == "automatic"
        self._newest = (
            await plans.newest(work.database, work.org_id, work.site.id, as_of=now) if self._automatic else None
        )
        self._looked_at_s = now_s
