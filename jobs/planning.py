"""Plans: made every quarter of an hour and when something happens that they did not expect, kept with why.

A plan is reckoned in a child process. Where that fails or is late, the rule-based plan stands in: there is always one
while there is something to plan from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from energy.conditions import usable
from energy.merge import merge
from energy.plan.plan import Plan
from energy.plan.problem import MIDDLE, Problem
from energy.units import format_percent
from jobs.claims import NotDone, claim_slot, release_slot, slot_of
from jobs.work import Work
from services.conditions import conditions
from services.plan_asks import ask_for_changes
from services.plan_modes import mode_of
from services.plan_solving import Solved, solved, solved_simply
from services.planning import NoPlan, prepare
from services.reckoning import InlineReckoner, ReckoningError
from store import forecasts, plans, prices, readings, relays, wishes
from store.forecasts import StoredForecast
from store.plans import StoredPlan

log = structlog.get_logger()
EVERY = "as every 15 minutes"
QUARTER = timedelta(minutes=15)
AGAIN_AFTER = timedelta(minutes=3)  # between two plans that something unexpected brings
KEPT_FOR = timedelta(hours=3)  # an older plan is nothing to be steady against
OFF_PLAN_PCT = 5.0
HASH_PRICE_MOVES = 0.01  # by less it is nothing to plan anew for
WITHIN_S = 30.0
WOKEN_EVERY_S = 5.0
NO_PLAN = "no_plan"
PLANNING = "planning"
PLANS_FOR = timedelta(minutes=2)  # the longest that one plan takes, with its rule-based one after a late solver


async def make_plan(work: Work) -> None:
    """The plan of the quarter hour, unless one was made just before; and what is asked of people by it."""
    async with work.planning, _alone(work) as ours:
        if not ours:
            raise NotDone  # the next tick sees what the other one has made
        newest = await plans.newest(work.database, work.org_id, work.site.id, as_of=work.clock())
        if newest is None or work.clock() - newest.planned_at > AGAIN_AFTER:
            await make_plan_now(work, EVERY)
    await _ask(work)


async def plan_on_events(work: Work) -> None:
    """A new plan where something happened that the newest one did not expect; and what is asked of people by now."""
    async with work.planning:
        if await unexpected(work) is not None:
            async with _alone(work) as ours:
                # What was unexpected may have been planned for meanwhile, by another worker.
                if ours and (because := await unexpected(work)) is not None:
                    await make_plan_now(work, because)
    await _ask(work)


@asynccontextmanager
async def _alone(work: Work) -> AsyncIterator[bool]:
    """Whether this worker is the only one that plans while the block runs; for a short while if it is killed in it."""
    slot = slot_of(work.clock() + PLANS_FOR / 4, PLANS_FOR.total_seconds())  # jobs begin with the minute, slots do not
    ours = await claim_slot(work, PLANNING, slot, PLANS_FOR.total_seconds())
    try:
        yield ours
    finally:
        if ours:
            await release_slot(work, PLANNING, slot)


async def keep_planning(work: Work) -> None:
    """Look for what is unexpected whenever somebody wakes "plan": a new forecast, another mode."""
    if work.wake is None:
        return
    async with work.wake.listening("plan") as woken:
        async for _ in woken:
            await planned_when_woken(work)


async def planned_when_woken(work: Work) -> None:
    """`plan_on_events` on one of the workers that were woken. What goes wrong is logged: the schedule comes again."""
    try:
        if await claim_slot(work, "plan_woken", slot_of(work.clock(), WOKEN_EVERY_S), WOKEN_EVERY_S):
            await plan_on_events(work)
    except Exception as error:  # noqa: BLE001  whatever it is, the next wake-up comes, and it is logged
        work.surprises.failed("plan_not_made", work.site.id, error)
    else:
        work.surprises.succeeded("plan_not_made", work.site.id)


async def make_plan_now(work: Work, because: str) -> StoredPlan | NoPlan:
    """Make and keep a plan for now; `because` says why now, after "made". Without what it needs there is none."""
    now, site = work.clock(), work.site
    async with work.database.one_read():
        prepared = await prepare(work.database, work.org_id, site, now)
        last = await plans.newest(work.database, work.org_id, site.id, as_of=now)
    if isinstance(prepared, NoPlan):
        if work.said.get(NO_PLAN) != prepared.says:
            work.said[NO_PLAN] = prepared.says
            log.warning(NO_PLAN, site=site.id, reason=prepared.says)
        return prepared
    if work.said.pop(NO_PLAN, None) is not None:
        log.info("plan_again", site=site.id)
    steady = await _steady(work, last, now)
    found = await _solved(work, prepared.problem, steady, int(now.timestamp()))
    plan = found.plan
    stored = StoredPlan(None, now, because, prepared.mode, plan, prepared.forecast_issued_at)
    foreseen = [StoredForecast(band.target, band, notes=(why,)) for band, why in found.bands]
    plan_id = await plans.put(work.database, work.org_id, site.id, stored, foreseen)
    log.debug("plan_made", site=site.id, because=because, method=plan.method, changes=len(plan.changes))
    return replace(stored, plan_id=plan_id)


async def _steady(work: Work, last: StoredPlan | None, now: datetime) -> Plan | None:
    """The plan to be steady against. One without the solver counts no longer than the good one that it moved on."""
    if last is None or now - last.planned_at > KEPT_FOR:
        return None
    if last.plan.method == "fallback":
        kept = await plans.between(work.database, work.org_id, work.site.id, now - KEPT_FOR, now)
        if not any(each.plan.method == "milp" for each in kept):
            return None
    return last.plan


async def _solved(work: Work, problem: Problem, last: Plan | None, issued_s: int) -> Solved:
    reckoner = work.reckoner or InlineReckoner()
    try:
        found = await reckoner.warm(solved, work.site, problem, last, issued_s, timeout_s=WITHIN_S)
    except ReckoningError as error:
        work.surprises.failed("plan_not_solved", work.site.id, error)
        return await asyncio.to_thread(solved_simply, work.site, problem, last, issued_s, str(error))
    work.surprises.succeeded("plan_not_solved", work.site.id)
    return found


async def _ask(work: Work) -> None:
    if await ask_for_changes(work.database, work.org_id, work.site, work.clock()):
        await work.wake_up("notices")


async def unexpected(work: Work) -> str | None:
    """Why the newest plan does not fit any more, after "made because"; None while it does.

    All of it is read from the database, so that it is seen by whichever worker looks first, restarted or not.
    """
    now, site, database, org_id = work.clock(), work.site, work.database, work.org_id
    newest = await plans.newest(database, org_id, site.id, as_of=now)
    if newest is None:
        return "because there is none yet"
    mode = (await mode_of(database, org_id, site)).mode
    if mode != newest.mode:
        return f"because the mode is {mode} now"
    if now - newest.planned_at < AGAIN_AFTER:
        return None
    if (moved := await _moved(work, newest)) is not None:
        return moved
    issued = [await forecasts.newest(database, org_id, site.id, target, as_of=now) for target in ("solar", "load")]
    known = [each.issued_at for each in issued if each is not None]
    if len(known) == 2 and newest.forecast_issued_at is not None and min(known) > newest.forecast_issued_at:
        return "because a new forecast came"
    if (priced := await _priced(work, newest)) is not None:
        return priced
    return await _off_plan(work, newest)


async def _moved(work: Work, newest: StoredPlan) -> str | None:
    """A relay that was switched otherwise than by us, or a person's word on a miner, since the plan was made."""
    wanted = await wishes.all_of(work.database, work.org_id, work.site.id)
    states = await relays.all_of(work.database, work.org_id, work.site.id)
    for miner in work.site.miner:
        wish, state = wanted.get(miner.id), states.get(miner.id)
        if wish is not None and wish.set_at > newest.planned_at:
            return f"because {miner.id} is wanted {wish.mode.replace('_', ' ')} since"
        if state is None or state.changed_at is None or state.changed_by == "us":
            continue
        if state.changed_at > newest.planned_at:
            return f"because {miner.id} was switched {'on' if state.on else 'off'}, and not by us"
    return None


async def _priced(work: Work, newest: StoredPlan) -> str | None:
    """Prices of hours to come, or a hash price, that were heard since the plan was made and are new to it."""
    now, site, place = work.clock(), work.site, (work.database, work.org_id, work.site.id)
    if site.plan.prices_url is not None:
        changed_at = await prices.changed_at(*place, now, as_of=now)
        if changed_at is not None and changed_at > newest.planned_at:
            return "because new energy prices came"
    if site.plan.hashprice_url is not None:
        seen = await prices.newest_hash_price(*place, as_of=now)
        before = await prices.newest_hash_price(*place, as_of=newest.planned_at)
        was = site.economics.hashprice_per_phs_day if before is None else before.per_phs_day
        if seen is not None and abs(seen.per_phs_day - was) > HASH_PRICE_MOVES * was:
            return f"because the hash price is {seen.per_phs_day:.4g} {site.economics.currency} now, and was {was:.4g}"
    return None


async def _off_plan(work: Work, newest: StoredPlan) -> str | None:
    """The grid that went away or came back, or a battery that is elsewhere than planned."""
    now, site = work.clock(), work.site
    c = await conditions(work.database, work.org_id, site, now)
    if site.grid.present and c.grid_present is not None:
        earlier = await readings.latest(work.database, work.org_id, site.id, as_of=newest.planned_at)
        before = merge(site, earlier, now=newest.planned_at)["grid_present"].value
        if isinstance(before, bool) and before is not c.grid_present:
            return "because the grid is back" if c.grid_present else "because the grid went away"
    if site.battery is None:
        return None
    soc_pct, planned_pct = usable(c.soc_pct, now), planned_soc(newest.plan, now, site.battery.usable_kwh)
    if soc_pct is None or planned_pct is None or abs(soc_pct - planned_pct) < OFF_PLAN_PCT:
        return None
    is_at, was_to_be = format_percent(round(soc_pct)), format_percent(round(planned_pct))
    return f"because the battery is at {is_at}; planned were {was_to_be}"


def planned_soc(plan: Plan, now: datetime, usable_kwh: float) -> float | None:
    """The battery's level (%) that the plan has for this moment, between the ends of its steps; None where unknown."""
    now_s = now.timestamp()
    before: float | None = None
    for step in plan.steps:
        after = step.soc_pct.get(MIDDLE)
        if step.start_s <= now_s < step.end_s:
            if after is None:
                return None
            if before is None:  # the first step: from what flows in it
                before = after - step.battery_charge_w * step.hours / usable_kwh / 10.0
            return before + (after - before) * (now_s - step.start_s) / (step.end_s - step.start_s)
        before = after
    return None
