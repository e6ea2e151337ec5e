"""What a plan for now is made from: forecasts, the battery, miners and what people want of them, prices, outages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from energy.conditions import Conditions, usable
from energy.forecast.hours import Band
from energy.merge import merge
from energy.plan.from_forecast import beyond_forecast, scenarios_of
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.problem import HOUR_S, Floats, Outage, Problem, Steps, growing_steps
from energy.site import Site
from energy.units import format_duration
from energy.voltage import soc_from_voltage
from services.conditions import from_parts, local_midnight
from services.learned_battery import learned_battery
from services.measured_now import measured_now
from services.plan_modes import Mode, mode_of
from services.plan_wishes import as_it_is_set, as_wanted, strictest_limits, with_wish
from services.prices_now import prices_now
from store import forecasts, people, readings, relays, weather, wishes
from store.database import Database
from store.forecasts import StoredForecast
from store.relays import RelayState, Switching

SAID_FROM = timedelta(hours=3)  # a forecast comes every hour: of an older one its age is said,
OLDEST = timedelta(hours=24)  # and from here on nothing is switched by it
OUTAGE_LASTS = timedelta(hours=4)  # how long the grid is taken to be away while nobody knows
WORN_OVER = timedelta(days=30)
_FULL_PCT = 97.0  # from here on a site that may not export throttles its panels, and measures less sun than there is


@dataclass(frozen=True, slots=True)
class NoPlan:
    """There is nothing to plan from: what is missing, and what to do about it, in whole sentences."""

    says: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A problem, the site's mode, and when the older of its two forecasts was issued."""

    problem: Problem
    mode: Mode
    forecast_issued_at: datetime


async def problem_now(database: Database, org_id: str, site: Site, now: datetime) -> Problem | NoPlan:
    """The planning problem of a site at `now` (aware UTC), out of what is known by then; or why there is none."""
    prepared = await prepare(database, org_id, site, now)
    return prepared if isinstance(prepared, NoPlan) else prepared.problem


async def prepare(database: Database, org_id: str, site: Site, now: datetime) -> Prepared | NoPlan:
    """`problem_now` with the mode and the notes that belong to it."""
    steps = growing_steps(int(now.timestamp()), site.plan.hours)
    bands = await _bands(database, org_id, site, now)
    if isinstance(bands, NoPlan):
        return bands
    solar, load = bands
    mode = (await mode_of(database, org_id, site)).mode
    ages = {name: now - each.issued_at for name, each in (("solar", solar), ("load", load))}
    if mode != "advise" and max(ages.values()) > OLDEST:
        return NoPlan(_too_old(ages, mode))
    states = await relays.all_of(database, org_id, site.id)
    wanted = await wishes.all_of(database, org_id, site.id)
    since = min(now - WORN_OVER, local_midnight(site, now))
    switched = await relays.switchings(database, org_id, site.id, since=since, until=now)
    latest = await readings.latest(database, org_id, site.id, as_of=now)
    today = [each for each in switched if each.happened_at >= local_midnight(site, now)]
    c = from_parts(site, merge(site, latest, now=now), states, wanted, today, now)
    soc_pct = _soc_pct(site, c)
    if soc_pct is None:
        return NoPlan(_no_soc(site, c))
    here = await people.on_site(database, org_id, site.id)
    owners = [each.preferences for each in here if each.role == "owner"]
    bound = site.model_copy(update={"limits": strictest_limits(site, owners)})
    learned = await learned_battery(database, org_id, site, as_of=now)
    lately = await measured_now(database, org_id, site, now, states=states, switched=switched)
    scenarios = scenarios_of(
        steps,
        solar.band,
        load.band,
        now_solar_w=None if _throttled(site, c) else lately.solar_w,
        now_base_w=lately.base_load_w,
    )
    cost = await prices_now(database, org_id, site, steps, now)
    problem = problem_of(
        bound,
        steps,
        scenarios,
        soc_pct=soc_pct,
        miners={
            miner.id: _miner_now(c, int(steps.starts_s[0]), states.get(miner.id), miner.id, switched, since)
            for miner in site.miner
        },
        prices=cost.prices,
        hashprice_per_phs_day=cost.hashprice_per_phs_day,
        outages=_outages(site, c),
        temperature_c=await _temperature(database, org_id, site, steps, now),
        usable_kwh=learned.usable_kwh,
        taper=learned.taper,
        notes=(*learned.says, *cost.says),
    )
    names = {person.person_id: person.name for person in here}
    notes = [beyond_forecast(steps, band.band, site.zone) for band in (solar, load)]
    notes += [
        f"The {name} forecast is {format_duration(age)} old, though one is made every hour: see the worker's log."
        for name, age in ages.items()
        if age >= SAID_FROM
    ]
    if c.grid_present is False and site.grid.present:
        notes.append(f"The grid is away; the plan takes it to be back in {format_duration(OUTAGE_LASTS)}.")
    miners = []
    for state in problem.miners:
        wish = as_wanted(wanted.get(state.id), mode, on=state.on)
        state = as_it_is_set(state, wanted.get(state.id), states.get(state.id), site)
        state = with_wish(state, wish, steps, owners)
        miners.append(state if mode == "advise" else replace(state, modes=()))  # a relay knows on and off alone
        notes.append(wish.note(state.id, names, site.zone, now))
    said = tuple(note for note in notes if note)
    problem = replace(problem, miners=tuple(miners), notes=(*problem.notes, *said))
    issued_at = min(solar.issued_at, load.issued_at)
    return Prepared(problem, mode, issued_at)


async def _bands(
    database: Database, org_id: str, site: Site, now: datetime
) -> tuple[StoredForecast, StoredForecast] | NoPlan:
    solar = await forecasts.newest(database, org_id, site.id, "solar", as_of=now)
    load = await forecasts.newest(database, org_id, site.id, "load", as_of=now)
    if solar is None and not site.array:
        return NoPlan(
            "There is no plan, since no solar panels are described: name them as [[array]] in commandcenter.toml."
        )
    if solar is None or load is None:
        what = " and ".join(name for name, found in (("solar", solar), ("load", load)) if found is None)
        return NoPlan(
            f"There is no plan yet, since there is no forecast of {what}: it is made within the hour while a worker "
            "runs. If it does not come, see the worker's log."
        )
    for name, each in (("solar", solar), ("load", load)):
        if not _covers(each.band, now):
            ago = format_duration(now - each.issued_at)
            return NoPlan(
                f"There is no plan, since the newest forecast of {name} is {ago} old and does not reach so far: "
                "see whether the worker runs, and its log."
            )
    return solar, load


def _too_old(ages: Mapping[str, timedelta], mode: Mode) -> str:
    name, age = max(ages.items(), key=lambda each: each[1])
    return (
        f"There is no plan, since the newest forecast of {name} is {format_duration(age)} old, and in the mode {mode} "
        f"nothing is switched by one of more than {format_duration(OLDEST)}: see whether the worker runs, and its log."
    )


def _covers(band: Band, now: datetime) -> bool:
    known = band.starts_s[np.isfinite(band.p50)]
    return bool(known.size) and int(known[-1]) + HOUR_S > now.timestamp()


def _soc_pct(site: Site, c: Conditions) -> float | None:
    """The battery's level; by its volts where no SOC is known; 0 where there is no battery."""
    if site.battery is None:
        return 0.0
    soc_pct, volts, curve = usable(c.soc_pct, c.now), usable(c.battery_voltage_v, c.now), site.battery.voltage_curve
    if soc_pct is None and volts is not None and curve:
        return soc_from_voltage(curve, volts)
    return soc_pct


def _no_soc(site: Site, c: Conditions) -> str:
    last = c.soc_pct
    since = "was never heard" if last is None else f"is {format_duration(c.now - last.taken_at)} old"
    return (
        f"There is no plan, since the battery's level {since}: look at the device that tells the SOC of {site.name}, "
        "its power and its network."
    )


def _throttled(site: Site, c: Conditions) -> bool:
    """Whether a full battery holds the panels back, so that less sun is measured than there is."""
    soc_pct = usable(c.soc_pct, c.now)
    exports = site.grid.present and site.grid.export_allowed and c.grid_present is not False
    return soc_pct is not None and soc_pct >= _FULL_PCT and not exports


def _miner_now(
    c: Conditions,
    begins_s: int,
    state: RelayState | None,
    miner_id: str,
    switched: Sequence[Switching],
    since: datetime,
) -> MinerNow:
    record = c.miners[miner_id]
    on = bool(state is not None and state.on)
    changed_at = None if state is None else state.changed_at
    ago_min = 1e6 if changed_at is None else max((begins_s - changed_at.timestamp()) / 60.0, 0.0)
    own = [each for each in switched if each.miner_id == miner_id]
    hours = _hours_on(own, on, since, c.now)
    return MinerNow(on=on, changed_ago_min=ago_min, starts_today=record.starts_today, run_hours=hours)


def _hours_on(switched: Sequence[Switching], on: bool, since: datetime, now: datetime) -> float:
    """For how many hours a relay was on since then, by its switchings (oldest first)."""
    hours, at, was = 0.0, since, not switched[0].on if switched else on
    for each in switched:
        if was:
            hours += (each.happened_at - at).total_seconds() / 3_600
        at, was = each.happened_at, each.on
    return hours + ((now - at).total_seconds() / 3_600 if was else 0.0)


def _outages(site: Site, c: Conditions) -> tuple[Outage, ...]:
    """An outage of now, of which nobody knows how long it lasts; those that are announced stand in the settings."""
    if not site.grid.present or c.grid_present is not False:
        return ()
    return (Outage(int(c.now.timestamp()) - HOUR_S, int((c.now + OUTAGE_LASTS).timestamp())),)


async def _temperature(database: Database, org_id: str, site: Site, steps: Steps, now: datetime) -> Floats | None:
    """The outdoor temperature that is forecast for each step (°C), where a miner asks for it and it is known."""
    if not any(m.max_temperature_c is not None or m.heat_value_per_kwh > 0 for m in site.miner):
        return None
    issued = await weather.latest_issued(database, org_id, site.id, as_of=now)
    known = [] if issued is None else [h for h in issued.hours if h.temperature_c is not None]
    if not known or known[-1].end.timestamp() < steps.starts_s[0]:
        return None
    middles_s = np.array([h.start.timestamp() + HOUR_S / 2 for h in known])
    at_s = steps.starts_s + steps.minutes * 30.0
    return np.interp(at_s, middles_s, np.array([h.temperature_c for h in known], dtype=np.float64))
