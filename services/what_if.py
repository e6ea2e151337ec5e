"""What if: the plan with one thing changed, solved beside the plan as it is, in words with figures both ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from energy.periods import local_midnight
from energy.units import format_energy, format_percent
from services.outlook_values import Nothing
from services.planning import NoPlan, problem_now
from services.reckoning import ReckoningError
from services.scope import Scope, require
from services.times_ahead import day_ahead, moment_ahead, utc
from services.what_if_past import past_hours

if TYPE_CHECKING:
    from energy.plan.plan import Plan
    from energy.plan.problem import Problem
    from energy.plan.what_if import MoreBattery, WhatIf
    from services.reckoning import Reckons

log = structlog.get_logger()

Found = TypeVar("Found")

SOLVE_S = 3.0  # for each of the two plans
TIMEOUT_S = 20.0
MOST_EXTRA_KWH = 1_000.0
LONGEST_PAST = 92
_SAME = 0.005
_LATE = "That took too long to work out. Please try again in a minute."


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """The plan as it is and the changed one; `lines` are for people, the answer first.

    `money_change` counts what is stored at the end; levels are the lowest of the middle course (%).
    """

    as_it_is: Plan
    changed: Plan
    money_change: float
    currency: str
    lowest_pct: float | None
    lowest_before_pct: float | None
    miner_kwh_change: float
    import_kwh_change: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class MoreBatteryView:
    """What a bigger battery would have brought from `first` to `last` (local days)."""

    first: date
    last: date
    extra_kwh: float
    money_change: float
    currency: str
    import_kwh_change: float
    miner_kwh_change: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join(self.lines)


async def run_miners(scope: Scope, reckoner: Reckons, miners: Sequence[str], until: datetime) -> WhatIfView | Nothing:
    """What if these miners (ids) ran until then? Interlocks and limits still hold in it."""
    require(scope, "viewer")
    problem = await problem_now(scope.database, scope.org_id, scope.site, scope.as_of)
    if isinstance(problem, NoPlan):
        return Nothing(problem.says)
    if until <= scope.as_of:
        return Nothing("That time has passed; name a later one.")
    names = _and([each.name for each in problem.miners if each.id in miners])
    if not names:
        return Nothing("This site has no such miner; /miners lists them.")
    ends = utc(problem.steps.end_s)
    from services.what_if_reckonings import miners_run

    found = await _reckoned(reckoner, miners_run, problem, tuple(miners), int(until.timestamp()), SOLVE_S)
    if isinstance(found, Nothing):
        return found
    beyond = f" The plan looks no further than {moment_ahead(scope, ends).removeprefix('at ')}." if until > ends else ""
    return _view(scope, problem, found, f"running {names} until {_short(scope, until)}", beyond)


async def cloudy(
    scope: Scope, reckoner: Reckons, *, share: float | None = None, day: date | None = None
) -> WhatIfView | Nothing:
    """What if that local day (None: tomorrow) and those after it had this share (0 to 1) of the sun that is expected?

    Without a share the sun is what the cautious forecast says.
    """
    require(scope, "viewer")
    if share is not None and not 0 <= share <= 1:
        return Nothing("The share of sun must be between 0 and 100 %.")
    problem = await problem_now(scope.database, scope.org_id, scope.site, scope.as_of)
    if isinstance(problem, NoPlan):
        return Nothing(problem.says)
    day = day or scope.as_of.astimezone(scope.zone).date() + timedelta(days=1)
    begins = local_midnight(day, scope.zone)
    if begins.timestamp() >= problem.steps.end_s:
        ends = moment_ahead(scope, utc(problem.steps.end_s))
        return Nothing(f"The plan ends {ends}, so nothing can be said of that day yet.")
    from services.what_if_reckonings import less_sun

    from_s = int(max(begins, scope.as_of).timestamp())
    found = await _reckoned(reckoner, less_sun, problem, share, from_s, SOLVE_S)
    if isinstance(found, Nothing):
        return found
    sun = (
        "as little sun as the cautious forecast has"
        if share is None
        else f"only {format_percent(share * 100)} of the sun"
    )
    return _view(
        scope, problem, found, f"{sun} from {day_ahead(scope, max(begins, scope.as_of))} on", _less(found, from_s)
    )


async def more_battery(
    scope: Scope, reckoner: Reckons, extra_kwh: float, *, days: int = 30
) -> MoreBatteryView | Nothing:
    """What would this much more battery have brought in the last `days` whole local days?

    In both cases the miners run by the simple rule, on surplus sun; a month of plans would take minutes to solve.
    """
    require(scope, "viewer")
    site = scope.site
    if site.battery is None:
        return Nothing("This site has no battery; the owner describes it in commandcenter.toml under [battery].")
    if not 0 < extra_kwh <= MOST_EXTRA_KWH:
        return Nothing(f"More than 0 and at most {MOST_EXTRA_KWH:g} kWh can be tried.")
    past = await past_hours(scope, min(max(days, 1), LONGEST_PAST))
    if isinstance(past, Nothing):
        return past
    from services.what_if_reckonings import bigger_battery

    found = await _reckoned(
        reckoner, bigger_battery, site, past.series, extra_kwh, past.start_s, past.end_s, past.soc_pct
    )
    if isinstance(found, Nothing):
        return found
    first, last = (utc(s).astimezone(scope.zone).date() for s in (past.start_s, past.end_s - 3_600))
    return _bigger(scope, found, extra_kwh, first, last, past.notes)


async def _reckoned(reckoner: Reckons, function: Callable[..., Found], *args: Any) -> Found | Nothing:
    try:
        return await reckoner.once(function, *args, timeout_s=TIMEOUT_S)
    except ReckoningError as error:
        log.warning("what_if_failed", what=function.__name__, error=str(error))
        return Nothing(_LATE)


def _view(scope: Scope, problem: Problem, found: WhatIf, what: str, after: str) -> WhatIfView:
    before, then = found.as_it_is, found.changed
    low, was_low = (plan.lowest_soc("p50") for plan in (then, before))
    lines = [f"{_money(found.money_change, problem.currency)} than the plan: {what}.{after}"]
    lines.append(
        f"Mining: {_instead(then.miner_kwh, before.miner_kwh)}. Import: {_instead(then.import_kwh, before.import_kwh)}."
    )
    if low is not None and was_low is not None and problem.battery is not None:
        dull = then.lowest_soc("p10")
        risk = "" if dull is None else f"; with little sun {format_percent(round(dull[0]))}"
        lines.append(
            f"Battery: lowest {format_percent(round(low[0]))} {moment_ahead(scope, utc(low[1]))} instead of "
            f"{format_percent(round(was_low[0]))}{risk}; the reserve is {format_percent(problem.battery.reserve_pct)}."
        )
    said = {violation.text for violation in before.violations}
    new = [v.text for v in then.violations if v.text not in said and v.scenario == "p50"]
    lines += new[:2]
    return WhatIfView(
        as_it_is=before,
        changed=then,
        money_change=found.money_change,
        currency=problem.currency,
        lowest_pct=None if low is None else low[0],
        lowest_before_pct=None if was_low is None else was_low[0],
        miner_kwh_change=then.miner_kwh - before.miner_kwh,
        import_kwh_change=then.import_kwh - before.import_kwh,
        lines=tuple(lines),
    )


def _less(found: WhatIf, from_s: int) -> str:
    """How much sun that is less."""

    def kwh(plan: Plan) -> float:
        return sum(s.solar_w * s.hours for s in plan.steps if s.start_s >= from_s) / 1_000.0

    return f" That is {format_energy(kwh(found.changed))} instead of {format_energy(kwh(found.as_it_is))}."


def _bigger(
    scope: Scope, found: MoreBattery, extra_kwh: float, first: date, last: date, notes: tuple[str, ...]
) -> MoreBatteryView:
    was, then, currency = found.as_it_was, found.bigger, scope.site.economics.currency
    count = (last - first).days + 1
    lines = [
        f"{_money(found.money_change, currency)}: with {extra_kwh:g} kWh more battery from {first.isoformat()} to "
        f"{last.isoformat()} ({count} {'day' if count == 1 else 'days'}).",
        f"Import: {_instead(then.import_kwh, was.import_kwh)}. Export: {_instead(then.export_kwh, was.export_kwh)}.",
    ]
    if scope.site.miner:
        lines.append(
            f"Mining: {_instead(then.miner_kwh, was.miner_kwh)}, by the simple rule on surplus sun both times."
        )
    return MoreBatteryView(
        first=first,
        last=last,
        extra_kwh=extra_kwh,
        money_change=found.money_change,
        currency=currency,
        import_kwh_change=then.import_kwh - was.import_kwh,
        miner_kwh_change=then.miner_kwh - was.miner_kwh,
        lines=(*lines, *notes),
    )


def _money(change: float, currency: str) -> str:
    if abs(change) < _SAME:
        return "No more and no less money"
    return f"{abs(change):,.2f} {currency} {'more' if change > 0 else 'less'}"


def _instead(then: float, before: float) -> str:
    if abs(then - before) < 0.05:
        return f"{format_energy(then)} as before"
    return f"{format_energy(then)} instead of {format_energy(before)}"


def _short(scope: Scope, moment: datetime) -> str:
    return moment_ahead(scope, moment).removeprefix("at ").replace(" at ", " ").removeprefix("on ")


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
