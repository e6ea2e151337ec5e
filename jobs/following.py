"""Following the plan: what it wants of the miners now, while the site's mode is automatic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from energy.following import Wanted, wanted_at
from jobs.work import Work
from services.plan_modes import Mode, mode_of
from store import plans
from store.plans import StoredPlan

EVENT = "plan_not_followed"
LOOK_EVERY_S = 5.0  # a plan is large, and is asked for every second
HELD_S = 300.0  # without a plan to follow miners start nothing by themselves for so long: the first plan is on its way
NONE_TO_FOLLOW = (
    "There is no plan that is new enough to follow, so the miners keep to their own levels; see /plan, and the "
    "worker's log."
)


class Following:
    """One worker's look at the newest plan, kept for a few seconds, and longer where it cannot be asked for."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked_at_s: float | None = None
        self._mode: Mode | None = None  # None: not known yet
        self._newest: StoredPlan | None = None
        self._without_since_s: float | None = None
        self.held = False  # there is none to follow, or this is not known yet, but soon there may be: start nothing
        self.missing: str | None = None  # why there is none to follow, in a sentence; None while none is to be

    @property
    def automatic(self) -> bool:
        """Whether the site's mode is automatic, as far as is known."""
        return self._mode == "automatic"

    async def wanted(self, now: datetime) -> Mapping[str, Wanted] | None:
        """What the plan wants of each miner at `now`; None: miners keep to their own levels, see also `held`.

        Whatever is wrong with the database or with plans, the last good plan is followed for as long as it holds, and
        after that it ends so: the limits are held without plans. The levels start nothing in the first minutes, as a
        plan that comes then might stop it right away.
        """
        await self._look(now)
        found = None if self._newest is None else wanted_at(self._newest.plan, self._newest.planned_at, now)
        self._note_without(self._mode in (None, "automatic") and found is None)
        if not self.automatic:
            self.missing = None
            return None
        self.missing = NONE_TO_FOLLOW if found is None and not self.held else ""
        return found

    def _note_without(self, without: bool) -> None:
        now_s = self._work.monotonic()
        if not without:
            self._without_since_s = None
        elif self._without_since_s is None:
            self._without_since_s = now_s
        self.held = self._without_since_s is not None and now_s - self._without_since_s < HELD_S

    async def _look(self, now: datetime) -> None:
        """Ask for the mode and the plan, every few seconds. Where that fails, what was known stays."""
        work, now_s = self._work, self._work.monotonic()
        if self._looked_at_s is not None and 0 <= now_s - self._looked_at_s < LOOK_EVERY_S:
            return
        self._looked_at_s = now_s
        try:
            self._mode = (await mode_of(work.database, work.org_id, work.site)).mode
            newest = None
            if self.automatic:
                newest = await plans.newest(work.database, work.org_id, work.site.id, as_of=now)
            if newest is not None and newest.mode != "automatic":
                newest = None  # made to another end: it knows nothing of people's words; the next one is on its way
            if newest is not None:
                wanted_at(newest.plan, newest.planned_at, now)  # a plan that cannot be taken fails here
        except Exception as error:  # noqa: BLE001  the plan from before stands in, and it is logged
            work.surprises.failed(EVENT, work.site.id, error)
        else:
            self._newest = newest
            work.surprises.succeeded(EVENT, work.site.id)
