"""What if: the same problem with one thing changed, beside the plan as it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from energy.plan.plan import Plan
from energy.plan.planner import make_plan
from energy.plan.prices import stored_value_per_kwh, with_known_prices
from energy.plan.problem import LOW, MIDDLE, Problem
from energy.plan.replay import Forecaster, Replayed, Strategy, replay
from energy.plan.simple_forecast import HourlySeries
from energy.site import Site


@dataclass(frozen=True)
class WhatIf:
    """Two plans and a sentence. `money_change` counts the energy that is stored at the end."""

    as_it_is: Plan
    changed: Plan
    money_change: float
    lowest_soc_pct: float | None
    text: str


@dataclass(frozen=True)
class MoreBattery:
    """What a bigger battery would have brought over a time that is past."""

    as_it_was: Replayed
    bigger: Replayed
    money_change: float
    text: str


def run_miners(problem: Problem, miner_ids: Collection[str], until_s: int, *, time_limit_s: float = 3.0) -> WhatIf:
    """What if these miners run until then? Limits still hold: where they stop one, the plan's violations say so.

    Raises ValueError for a miner that is not there, or a time that has passed.
    """
    unknown = sorted(set(miner_ids) - {m.id for m in problem.miners})
    if unknown:
        there = ", ".join(m.id for m in problem.miners) or "none"
        raise ValueError(f"there is no miner {', '.join(unknown)}; the miners are {there}")
    if until_s <= problem.steps.starts_s[0]:
        raise ValueError("the time has passed; name a later one")
    wanted = replace(
        problem,
        miners=tuple(replace(m, run_until_s=until_s) if m.id in miner_ids else m for m in problem.miners),
    )
    names = " and ".join(m.name for m in problem.miners if m.id in miner_ids)
    until = datetime.fromtimestamp(until_s, UTC).astimezone(ZoneInfo(problem.zone))
    return _beside(problem, wanted, f"Running {names} until {until:%a %H:%M}", time_limit_s)


def cloudy(problem: Problem, *, sun_share: float | None = None, from_s: int = 0, time_limit_s: float = 3.0) -> WhatIf:
    """What if it is cloudy from then on: the cautious scenario as the middle one, or this share of the middle sun."""
    if sun_share is not None and not 0 <= sun_share <= 1:
        raise ValueError("the share of sun must be between 0 and 1")
    low = next((s for s in problem.scenarios if s.name == LOW), None)
    later = problem.steps.starts_s >= from_s
    middle = problem.middle.solar_w
    if sun_share is not None:
        dark = middle * sun_share
    elif low is not None:
        dark = low.solar_w
    else:
        raise ValueError("there is no cautious scenario; name a share of sun")
    scenarios = tuple(
        replace(s, solar_w=s.solar_w * (~later) + (dark if s.name == MIDDLE else s.solar_w.clip(max=dark)) * later)
        for s in problem.scenarios
    )
    kwh = float(((middle - scenarios[problem.scenarios.index(problem.middle)].solar_w) * problem.steps.hours).sum())
    return _beside(problem, replace(problem, scenarios=scenarios), f"With {kwh / 1_000:.0f} kWh less sun", time_limit_s)


def more_battery(
    site: Site,
    series: HourlySeries,
    extra_kwh: float,
    *,
    from_s: int,
    until_s: int,
    forecaster: Forecaster,
    strategy: Strategy = "ours",
    soc_pct: float = 60.0,
    hours: float = 24.0,
    every_h: int = 3,
) -> MoreBattery:
    """What this much more battery would have brought in a time that is past; its power grows with it.

    A plan each third hour for a day ahead, so that a month takes a minute or so.
    """
    if site.battery is None or extra_kwh <= 0:
        raise ValueError("the site needs a [battery], and the battery to add more than 0 kWh")
    share = 1.0 + extra_kwh / site.battery.usable_kwh
    powers = {
        name: None if watts is None else watts * share
        for name, watts in (
            ("max_charge_w", site.battery.max_charge_w),
            ("max_discharge_w", site.battery.max_discharge_w),
        )
    }
    bank = site.battery.model_copy(update={"usable_kwh": site.battery.usable_kwh + extra_kwh, **powers})
    bigger_site = site.model_copy(update={"battery": bank})
    was, bigger = (
        replay(
            s,
            series,
            strategy,
            from_s=from_s,
            until_s=until_s,
            forecaster=forecaster,
            soc_pct=soc_pct,
            hours=hours,
            every_h=every_h,
        )
        for s in (site, bigger_site)
    )
    change, days = bigger.money - was.money, (until_s - from_s) / 86_400
    verb = "saved" if change >= 0 else "lost"
    text = (
        f"{extra_kwh:g} kWh more battery would have {verb} {abs(change):.2f} {site.economics.currency} in {days:.0f} "
        f"days: {was.import_kwh - bigger.import_kwh:.0f} kWh less import, {bigger.miner_kwh - was.miner_kwh:.0f} kWh "
        f"more mining, {was.export_kwh - bigger.export_kwh:.0f} kWh less export."
    )
    return MoreBattery(was, bigger, change, text)


def _beside(problem: Problem, other: Problem, what: str, time_limit_s: float) -> WhatIf:
    as_it_is = make_plan(problem, time_limit_s=time_limit_s)
    changed = make_plan(other, time_limit_s=time_limit_s)
    change = _worth(other, changed) - _worth(problem, as_it_is)
    lowest = changed.lowest_soc(MIDDLE)
    text = f"{what} would {'bring' if change >= 0 else 'cost'} {abs(change):.2f} {problem.currency}"
    text += f" and {changed.miner_kwh - as_it_is.miner_kwh:+.1f} kWh of mining"
    if lowest is not None:
        at = datetime.fromtimestamp(lowest[1], UTC).astimezone(ZoneInfo(problem.zone))
        text += f"; the battery is lowest at {at:%a %H:%M} with {lowest[0]:.0f} %"
    text += "."
    before = {v.text for v in as_it_is.violations}
    text += "".join(f" {v.text}" for v in changed.violations if v.text not in before)
    return WhatIf(as_it_is, changed, change, None if lowest is None else lowest[0], text)


def _worth(problem: Problem, plan: Plan) -> float:
    if problem.battery is None:
        return plan.money
    known, _ = with_known_prices(problem)
    return plan.money + problem.battery.kwh(plan.steps[-1].soc_pct[MIDDLE]) * stored_value_per_kwh(known)
