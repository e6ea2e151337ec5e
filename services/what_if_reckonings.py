"""What the child process of a what-if runs: nothing but energy code, so that it loads quickly."""

from __future__ import annotations

from collections.abc import Collection

from energy.plan.problem import Problem
from energy.plan.simple_forecast import HourlySeries, perfect_scenarios
from energy.plan.what_if import MoreBattery, WhatIf
from energy.plan.what_if import cloudy as _cloudy
from energy.plan.what_if import more_battery as _more_battery
from energy.plan.what_if import run_miners as _run_miners
from energy.site import Site


def miners_run(problem: Problem, miner_ids: Collection[str], until_s: int, time_limit_s: float) -> WhatIf:
    """These miners on until then."""
    return _run_miners(problem, miner_ids, until_s, time_limit_s=time_limit_s)


def less_sun(problem: Problem, sun_share: float | None, from_s: int, time_limit_s: float) -> WhatIf:
    """From then on that share of the sun, or what the cautious scenario has."""
    return _cloudy(problem, sun_share=sun_share, from_s=from_s, time_limit_s=time_limit_s)


def bigger_battery(
    site: Site, series: HourlySeries, extra_kwh: float, from_s: int, until_s: int, soc_pct: float
) -> MoreBattery:
    """So much more battery over a time that is past.

    Both run the miners by the simple rule, on surplus sun: a month of plans would take minutes to solve.
    """
    return _more_battery(
        site,
        series,
        extra_kwh,
        from_s=from_s,
        until_s=until_s,
        forecaster=perfect_scenarios,
        strategy="threshold",
        soc_pct=soc_pct,
    )
