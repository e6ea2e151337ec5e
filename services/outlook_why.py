"""Why the plan does what it does at a moment: reasons of miners and battery, what comes next, what it would take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from energy.following import GOOD_FOR
from energy.plan.plan import PlanStep, Reason
from energy.site import Miner
from services import plan_modes
from services.miners import find_miners, miner_states
from services.outlook_values import Next, Nothing, PlanMode, WhyItem, WhyView
from services.plan_changes import differs, would_change
from services.scope import Scope, require
from services.times_ahead import moment_ahead, utc
from store import plans

if TYPE_CHECKING:
    from services.miners import MinerState
    from store.plans import StoredPlan

_NOW = timedelta(minutes=2)


async def why(scope: Scope, miner: str | None = None, at: datetime | None = None) -> WhyView | Nothing:
    """The reasons of the step that runs now (or at `at`), of each miner or of one, and of the battery.

    For a moment that is past the plan that was in force then is asked. `miner` is an id or a name as people write it;
    raises UnknownMiner for one that is not there.
    """
    require(scope, "viewer")
    site = scope.site
    chosen = site.miner if miner is None else find_miners(site, miner)
    moment = scope.as_of if at is None else at
    is_now = abs(moment - scope.as_of) < _NOW
    stored = await plans.newest(scope.database, scope.org_id, site.id, as_of=min(scope.as_of, moment))
    if stored is None:
        past = " by then" if moment < scope.as_of and not is_now else " yet"
        return Nothing(
            f"No plan had been made{past}, so there is nothing to explain; /miners log says what was switched."
        )
    step = stored.plan.step_at(moment.timestamp())
    if step is None:
        return Nothing(_outside(scope, stored, moment))
    ahead = tuple(each for each in stored.plan.steps if each.start_s >= step.start_s)
    age = scope.as_of - stored.planned_at if is_now or moment > scope.as_of else moment - stored.planned_at
    mode = (await plan_modes.mode_of(scope.database, scope.org_id, site)).mode
    states = {state.miner.id: state for state in await miner_states(scope)} if is_now else {}
    items = [_miner(scope, each, ahead, states.get(each.id), mode, age) for each in chosen]
    if site.battery is not None and (miner is None or not items):
        items.append(_battery(ahead))
    return WhyView(
        at=moment,
        is_now=is_now,
        planned_at=stored.planned_at,
        age=age,
        old=age > GOOD_FOR,
        because=stored.because,
        mode=mode,
        items=tuple(items),
        violations=tuple(v.text for v in stored.plan.violations if v.scenario == "p50"),
        notes=stored.plan.notes,
    )


def _outside(scope: Scope, stored: StoredPlan, moment: datetime) -> str:
    first, last = utc(stored.plan.steps[0].start_s), utc(stored.plan.steps[-1].end_s)
    if moment >= last:
        return f"The plan ends {moment_ahead(scope, last)}, so it has no reason for {_when(scope, moment)} yet."
    return f"The plan begins {moment_ahead(scope, first)}; before that there is none."


def _when(scope: Scope, moment: datetime) -> str:
    words = moment_ahead(scope, moment)
    return words.removeprefix("at ").removeprefix("on ")


def _miner(
    scope: Scope, miner: Miner, ahead: Sequence[PlanStep], state: MinerState | None, mode: PlanMode, age: timedelta
) -> WhyItem:
    step = ahead[0]
    on = miner.id in step.on
    reason = step.miner_reasons.get(miner.id) or Reason("unknown", "The plan was made without this miner.")
    after = next((each for each in ahead if (miner.id in each.on) is not on), None)
    return WhyItem(
        miner_id=miner.id,
        name=miner.name,
        planned_on=on if miner.id in step.miner_reasons else None,
        really_on=None if state is None else state.on,
        reason=reason.text,
        code=reason.code,
        figures=dict(reason.figures),
        until=utc(ahead[-1].end_s if after is None else after.start_s),
        next=None if after is None else Next(utc(after.start_s), not on, after.miner_reasons[miner.id].text),
        would_change=would_change(scope.site, miner, step, ahead, scope.units),
        differs=differs(state, on if miner.id in step.miner_reasons else None, mode, age=age, too_old=age > GOOD_FOR),
    )


def _battery(ahead: Sequence[PlanStep]) -> WhyItem:
    """The battery's reason; the next one is where it does something else, such as giving instead of charging."""
    reason = ahead[0].battery_reason
    after = next((each for each in ahead if each.battery_reason.code != reason.code), None)
    return WhyItem(
        miner_id=None,
        name="battery",
        planned_on=None,
        really_on=None,
        reason=reason.text,
        code=reason.code,
        figures=dict(reason.figures),
        until=utc(ahead[-1].end_s if after is None else after.start_s),
        next=None if after is None else Next(utc(after.start_s), True, after.battery_reason.text),
        would_change="",
    )
