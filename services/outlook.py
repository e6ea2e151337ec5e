"""Looking ahead, for chat: the forecast, the battery's course, the plan and its mode. Reads what the jobs stored.

Whoever has a role on the site may look. Nothing that was made or measured after `scope.as_of` is seen.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from energy.following import GOOD_FOR
from energy.plan.plan import Plan, PlanStep
from energy.units import format_duration, format_energy, format_percent
from services import history, plan_modes
from services.outlook_course import course_of
from services.outlook_days import ahead, days_of
from services.outlook_values import BatteryView as BatteryView
from services.outlook_values import DayView, LevelAt
from services.outlook_values import ForecastView as ForecastView
from services.outlook_values import Nothing as Nothing
from services.outlook_values import PlanMode as PlanMode
from services.outlook_values import PlanView as PlanView
from services.outlook_values import WeekView as WeekView
from services.outlook_values import WhyView as WhyView
from services.outlook_week import week_view as week_view
from services.outlook_why import why as why
from services.plan_runs import battery_runs, hours_ahead, miner_runs, steps_ahead
from services.plan_wishes import strictest_limits
from services.planning import NoPlan, problem_now
from services.scope import Scope, require
from services.state import current_state
from services.times_ahead import moment_ahead, utc
from store import forecasts, people, plans

if TYPE_CHECKING:
    from energy.forecast.hours import Band, Floats, Target
    from energy.periods import Period
    from energy.site import Site
    from store.forecasts import StoredForecast
    from store.plans import StoredPlan

FORECAST_OLD = timedelta(hours=3)  # it is made every hour
PLAN_OLD = GOOD_FOR
MOST_HOURS = 48
_POWERS: tuple[Target, ...] = ("solar", "load")
_LEVELS: tuple[Target, ...] = ("soc", "soc_as_is")


async def forecast_view(scope: Scope, hours: int = MOST_HOURS) -> ForecastView | Nothing:
    """Solar and load of the next hours, by the newest forecast that was known then."""
    require(scope, "viewer")
    found: list[StoredForecast] = []
    bands: dict[str, Band] = {}
    for target in _POWERS:
        stored = await forecasts.newest(scope.database, scope.org_id, scope.site.id, target, as_of=scope.as_of)
        band = None if stored is None else _within(ahead(stored.band, scope.as_of.timestamp()), scope.as_of, hours)
        if stored is not None and band is not None:
            found.append(stored)
            bands[target] = band
    if not found:
        return Nothing(await _no_forecast(scope))
    solar, load = bands.get("solar"), bands.get("load")
    days = days_of(solar, load, scope.as_of, scope.zone)
    newest = max(found, key=lambda stored: stored.issued_at)
    oldest = min(stored.issued_at for stored in found)
    weather = next((stored for stored in found if stored.weather_issued_at is not None), newest)
    age = scope.as_of - oldest
    return ForecastView(
        issued_at=oldest,
        age=age,
        old=age > FORECAST_OLD,
        days=tuple([await _with_measured(scope, day) for day in days]),
        solar=solar,
        load=load,
        clear_w=None if solar is None else _clear_w(scope, solar),
        weather_source=weather.weather_source,
        weather_issued_at=weather.weather_issued_at,
        weather_age=None if weather.weather_issued_at is None else scope.as_of - weather.weather_issued_at,
        notes=tuple(dict.fromkeys(_sentence(note) for stored in found for note in stored.notes)),
    )


async def battery_view(scope: Scope) -> BatteryView | Nothing:
    """The battery's level to come, under the plan and with everything left as it is, and the reserve's risk."""
    require(scope, "viewer")
    site = scope.site
    if site.battery is None:
        return Nothing("This site has no battery; the owner describes it in commandcenter.toml under [battery].")
    state = await current_state(scope)
    bound = await bound_site(scope)
    soc = state.number("soc_pct")
    found: list[StoredForecast] = []
    courses = []
    for target in _LEVELS:
        stored = await forecasts.newest(scope.database, scope.org_id, site.id, target, as_of=scope.as_of)
        course = None if stored is None else course_of(stored.band, bound, now=scope.as_of, soc_pct=soc)
        courses.append(course)
        if stored is not None and course is not None:
            found.append(stored)
    if not found:
        return Nothing(await _no_course(scope))
    issued_at = min(stored.issued_at for stored in found)
    age = scope.as_of - issued_at
    mode = await plan_mode(scope)
    first = "soc" if mode != "advise" or courses[1] is None else "soc_as_is"
    return BatteryView(
        soc_pct=soc,
        read_at=None if soc is None else state["soc_pct"].taken_at,
        issued_at=issued_at,
        age=age,
        old=age > PLAN_OLD,
        plan=courses[0],
        as_is=courses[1],
        reserve_pct=bound.limits.safe_min_soc_pct,
        floor_pct=bound.limits.min_soc_pct,
        usable_kwh=site.battery.usable_kwh,
        mode=mode,
        because=next((note for stored in found if stored.target == first for note in stored.notes), ""),
    )


async def plan_view(scope: Scope) -> PlanView | Nothing:
    """What the newest plan does from now on, in runs that people can read."""
    require(scope, "viewer")
    stored = await plans.newest(scope.database, scope.org_id, scope.site.id, as_of=scope.as_of)
    if stored is None:
        return Nothing(await _no_plan(scope))
    steps = steps_ahead(stored.plan.steps, scope.as_of)
    if not steps:
        made = moment_ahead(scope, stored.planned_at)
        return Nothing(f"The last plan was made {made} and is over. {await _no_plan(scope)}")
    return _view(replace(scope, site=await bound_site(scope)), stored, steps, await plan_mode(scope))


def only_battery(view: WhyView) -> WhyView:
    """The reasons of the battery alone."""
    return replace(view, items=tuple(item for item in view.items if item.miner_id is None))


async def plan_mode(scope: Scope) -> PlanMode:
    """Whether the site's plan is advice, asks each time, or is followed."""
    return (await plan_modes.mode_of(scope.database, scope.org_id, scope.site)).mode


async def set_mode(scope: Scope, mode: PlanMode) -> None:
    """Set it. Owners alone, with an audit row; raises `Refused` for everybody else."""
    await plan_modes.set_mode(scope, mode)


_REMEDY = "the worker makes one every 15 minutes while it runs, and /health says what is silent"


async def _no_plan(scope: Scope) -> str:
    """Why there is no plan, with the remedy."""
    if scope.site.battery is None and not scope.site.miner:
        return "There is nothing to plan: this site has neither a battery nor miners in commandcenter.toml."
    problem = await problem_now(scope.database, scope.org_id, scope.site, scope.as_of)
    return problem.says if isinstance(problem, NoPlan) else f"No plan has been made yet; {_REMEDY}."


async def bound_site(scope: Scope) -> Site:
    """The site with the limits that plans keep: the owners' own where those are stricter."""
    here = await people.on_site(scope.database, scope.org_id, scope.site.id)
    owners = [each.preferences for each in here if each.role == "owner"]
    return scope.site.model_copy(update={"limits": strictest_limits(scope.site, owners)})


async def _no_forecast(scope: Scope) -> str:
    site = scope.site
    if site.latitude is None or site.longitude is None:
        return "There is no forecast: the site's place is unknown. Set latitude and longitude in commandcenter.toml."
    if not site.array:
        return "There is no forecast: no panels are described. Add them in commandcenter.toml under [[array]]."
    past = await forecasts.newest(scope.database, scope.org_id, site.id, "solar", as_of=scope.as_of)
    remedy = "the worker makes one every hour while it runs, and /health says what is silent"
    if past is None:
        return f"No forecast has been made yet; {remedy}."
    age = format_duration(scope.as_of - past.issued_at)
    return f"The last forecast is {age} old and reaches no hour to come; {remedy}."


async def _no_course(scope: Scope) -> str:
    past = await forecasts.newest(scope.database, scope.org_id, scope.site.id, "soc", as_of=scope.as_of)
    if past is None:
        return f"The battery's course is not known yet, as no plan has been made; {_REMEDY}."
    age = format_duration(scope.as_of - past.issued_at)
    return f"The last course of the battery is {age} old and reaches no hour to come; {_REMEDY}."


def _within(band: Band, now: datetime, hours: int) -> Band | None:
    """The band up to so many hours from now; None where nothing of it is known."""
    kept = band.starts_s < (now + timedelta(hours=hours)).timestamp()
    if not bool(np.isfinite(band.p50[kept]).any()):
        return None
    return replace(band, starts_s=band.starts_s[kept], p10=band.p10[kept], p50=band.p50[kept], p90=band.p90[kept])


async def _with_measured(scope: Scope, day: DayView) -> DayView:
    """The day with what was measured of it, if it is today."""
    from energy.periods import Period

    if not day.start <= scope.as_of < day.end:
        return day
    today = Period(day.start, scope.as_of, "today")
    return replace(
        day,
        solar_so_far_kwh=await _measured(scope, "solar_w", today),
        load_so_far_kwh=await _base_load(scope, today),
    )


def _sentence(note: str) -> str:
    """A note of a model for people."""
    text = f"{note[:1].upper()}{note[1:]}"
    return text if text.endswith(".") else f"{text}."


async def _measured(scope: Scope, field: str, period: Period) -> float | None:
    if period.end <= period.start:
        return None
    energy = (await history.statistics(scope, field, period)).energy
    return None if energy is None else energy.net_kwh


async def _base_load(scope: Scope, period: Period) -> float | None:
    """The house's load without the miners; None where what these took is not known."""
    load = await _measured(scope, "load_w", period)
    if load is None or not scope.site.miner:
        return load
    miners = await _measured(scope, "miner_w", period)
    return None if miners is None else max(load - miners, 0.0)


def _clear_w(scope: Scope, solar: Band) -> Floats | None:
    from energy.clear_sky import clear_sky_w

    if not scope.site.array:
        return None
    # Each call is the mean of the half hour before its moment.
    halves = [
        [clear_sky_w(scope.site, utc(start_s + minutes * 60)) for minutes in (30, 60)]
        for start_s in solar.starts_s.tolist()
    ]
    known = [[0.0 if watts is None else watts for watts in pair] for pair in halves]
    found: Floats = np.array(known).mean(axis=1)
    return found


def _view(scope: Scope, stored: StoredPlan, steps: tuple[PlanStep, ...], mode: PlanMode) -> PlanView:
    plan, site, now = stored.plan, scope.site, scope.as_of
    age = now - stored.planned_at
    parts = [(step, hours_ahead(step, now)) for step in steps]
    lowest, lowest_low = _lowest(steps, "p50"), _lowest(steps, "p10")

    def kwh(values: list[float]) -> float:
        return sum(watts * hours for watts, (_, hours) in zip(values, parts, strict=True)) / 1_000.0

    money = sum((s.hash_value + s.export_revenue - s.import_cost - s.wear_cost) * hours / s.hours for s, hours in parts)
    violations, risks = _kept_apart(scope, plan, lowest, lowest_low)
    return PlanView(
        planned_at=stored.planned_at,
        age=age,
        old=age > PLAN_OLD,
        because=stored.because,
        mode=mode,
        method=plan.method,
        until=utc(steps[-1].end_s),
        runs=miner_runs(site, steps, now),
        battery_runs=battery_runs(steps, now),
        money=money,
        currency=site.economics.currency,
        miner_kwh=kwh([s.miner_w for s in steps]),
        import_kwh=kwh([max(s.grid_import_w, 0.0) for s in steps]),
        export_kwh=kwh([max(-s.grid_import_w, 0.0) for s in steps]),
        solar_kwh=kwh([s.solar_w for s in steps]),
        load_kwh=kwh([s.base_load_w for s in steps]),
        lowest=lowest,
        lowest_if_dull=lowest_low,
        full_at=next((utc(s.end_s) for s in steps if s.soc_pct.get("p50", 0.0) >= 99.0), None),
        risks=risks,
        violations=violations,
        notes=plan.notes,
        changes=tuple(change.reason.text for change in plan.changes),
        has_miners=bool(site.miner),
        steps=steps,
        plan=plan,
        forecast_issued_at=stored.forecast_issued_at,
    )


def _lowest(steps: tuple[PlanStep, ...], scenario: str) -> LevelAt | None:
    ends = [(step.soc_pct[scenario], step.end_s) for step in steps if scenario in step.soc_pct]
    return LevelAt(min(ends)[0], utc(min(ends)[1])) if ends else None


def _kept_apart(
    scope: Scope, plan: Plan, lowest: LevelAt | None, lowest_low: LevelAt | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is not kept in the middle case, and what only the cautious one says: that is a risk."""
    middle = [v for v in plan.violations if v.scenario == "p50"]
    violations = [v.text for v in middle if v.code not in ("reserve", "hard_floor", "short")]
    violations += [
        f"The house lacks {format_energy(v.amount)} that nothing can give." for v in middle if v.code == "short"
    ]
    below = {v.code for v in middle} & {"reserve", "hard_floor"}
    if below and lowest is not None:
        violations.insert(0, _falls(scope, "The battery", lowest, floor="hard_floor" in below))
    risks: list[str] = []
    limits = scope.site.limits
    if lowest_low is not None and not below and lowest_low.soc_pct < limits.safe_min_soc_pct - 0.5:
        floor = lowest_low.soc_pct < limits.min_soc_pct - 0.5
        risks.append(_falls(scope, "With little sun and much load the battery", lowest_low, floor=floor))
    cautious = [v for v in plan.violations if v.code == "short" and v.scenario == "p10"]
    if not any(v.code == "short" for v in middle):
        risks += [
            f"With little sun and much load the house lacks {format_energy(v.amount)} that nothing can give."
            for v in cautious
        ]
    return tuple(violations), tuple(risks)


def _falls(scope: Scope, what: str, lowest: LevelAt, *, floor: bool) -> str:
    limits = scope.site.limits
    limit = limits.min_soc_pct if floor else limits.safe_min_soc_pct
    return (
        f"{what} falls to {format_percent(round(lowest.soc_pct))} {moment_ahead(scope, lowest.at)}, "
        f"below the {'minimum' if floor else 'reserve'} of {format_percent(limit)}."
    )
