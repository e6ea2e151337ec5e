"""A plan reckoned, with the battery's way under it and without it: what a child process does. It opens no database."""

from __future__ import annotations

from dataclasses import dataclass

from energy.cells.courses import as_is, band_of, of_plan, reserve_forecast
from energy.forecast.hours import Band
from energy.plan.plan import Plan
from energy.plan.planner import fallback_plan, make_plan
from energy.plan.problem import Problem
from energy.site import Site

TIME_LIMIT_S = 3.0


@dataclass(frozen=True)
class Solved:
    """The plan; the battery's bands under it ("soc") and with the miners left as they are ("soc_as_is"), each with why
    the reserve is reached or kept. No band without a battery."""

    plan: Plan
    bands: tuple[tuple[Band, str], ...]


def solved(site: Site, problem: Problem, last: Plan | None, issued_s: int) -> Solved:
    """The best plan, held steady against the last one."""
    return _with_bands(site, problem, make_plan(problem, last=last, time_limit_s=TIME_LIMIT_S), issued_s)


def solved_simply(site: Site, problem: Problem, last: Plan | None, issued_s: int, why: str) -> Solved:
    """The rule-based plan, where the best one did not come; `why` stands in its notes."""
    return _with_bands(site, problem, fallback_plan(problem, why, last=last), issued_s)


def _with_bands(site: Site, problem: Problem, plan: Plan, issued_s: int) -> Solved:
    battery = problem.battery
    under = of_plan(
        plan,
        soc_pct=None if battery is None else battery.soc_pct,
        usable_kwh=None if battery is None else battery.usable_kwh,
    )
    found: list[tuple[Band, str]] = []
    for course, band in (
        (under, band_of(under, issued_s, "soc")),
        (without := as_is(problem), band_of(without, issued_s, "soc_as_is")),
    ):
        reserve_pct = None if battery is None else battery.reserve_pct
        reserve = reserve_forecast(course, site, issued_s, reserve_pct=reserve_pct)
        if band is not None and reserve is not None:
            found.append((band, reserve.because))
    return Solved(plan, tuple(found))
