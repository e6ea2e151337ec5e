"""Decisions from the owner's limits and the present figures: yes or no first, then what decides, then the risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from agents.local_model import compose_ahead, compose_plan
from agents.local_model.compose_miners import FIGURES, about_hours, night_drop_pct, run_miners, start_stop, surplus_w
from agents.local_model.compose_now import RUNNING_W, figures_line, overview
from agents.local_model.found import Found, known, number, said
from agents.local_model.intents import Advice
from agents.local_model.say import NO_READINGS, age_note, by_old_figures, capital, lines, moment, percent
from energy.units import format_power

Facts = Mapping[str, Any]
_OWN_AGE = ("run_miners", "start_miners", "stop_miners", "low_battery", "charge_time")  # rules stand whatever the age
_UNUSUAL = 1.5  # times the usual load


def advice(intent: Advice, found: Found) -> str:
    """The decision that was asked for, or why none can be made."""
    state = found.state
    if state is None or state.get("no_data"):
        no_decision = "No: without readings nothing should be started." if intent.about == "run_miners" else None
        return lines(no_decision, found.problem or NO_READINGS)
    if intent.about == "draining":
        return by_old_figures(state, FIGURES, _draining(state))
    if intent.about == "high_discharge":
        return by_old_figures(state, FIGURES, _high_discharge(intent, state, found))
    if found.settings is None:
        return lines(found.problem or "I could not read the site's settings.", overview(state))
    planned = _BY_THE_PLAN.get(intent.about)
    decision = None if planned is None else planned(intent, state, found)
    if decision is None:
        decision = _says_how_old(_DECISIONS[intent.about](intent, state, found), found)
    return decision if intent.about in _OWN_AGE else by_old_figures(state, FIGURES, decision)


def _says_how_old(decision: str, found: Found) -> str:
    """A decision by present figures names the plan or forecast that was too old for it."""
    seen = [found.of(name) or {} for name in (compose_ahead.PLAN, compose_ahead.BATTERY)]
    age = next((facts["old"] for facts in seen if "old" in facts), None)
    if age is None:
        return decision
    told = f"The newest plan is {age} old, so this goes by present figures"
    for none in ("I have no forecast and no prices yet", "I have no forecast yet"):
        if none in decision:
            return decision.replace(none, told)
    return lines(decision, f"{told}.")


def _grid_charge(_: Advice, state: Facts, found: Found) -> str:
    settings = found.settings or {}
    grid, limits = settings.get("grid") or {}, settings["limits"]
    if not grid.get("present"):
        return lines("No: this site has no grid connection.", figures_line(state))
    if state.get("grid_present") is False:
        return lines("Not now: the grid is down.", figures_line(state))
    level, low, keep = number(state, "soc"), float(limits["min_soc_pct"]), float(limits["safe_min_soc_pct"])
    if level is None:
        return lines("I cannot say: the battery level is unknown.", figures_line(state))
    drop = night_drop_pct(found)
    after = None if drop is None else max(0.0, level - drop)
    night = (
        None
        if drop is None
        else f"Last night took {percent(round(drop))} of it; the same again would leave {percent(round(after or 0))}."
    )
    needed = level < low or (after is not None and after < low)
    if not grid.get("import_allowed"):
        worry = " The battery may need it, so that is yours to decide." if needed else ""
        first = f"No: your settings do not allow importing from the grid.{worry}"
    elif needed:
        first = f"Yes: the battery would end under your minimum of {percent(low)} otherwise."
    elif level < keep or (after is not None and after < keep):
        first = f"A little, if it is cheap: it may end under the {percent(keep)} that you want to keep."
    else:
        first = (
            f"No need: {said(state, 'soc')} is enough for a night like the last."
            if night
            else "No need on these figures."
        )
    return lines(
        first,
        figures_line(state),
        night,
        "I have no forecast and no prices yet; a dull day tomorrow would change it.",
    )


def _charge_time(_: Advice, state: Facts, found: Found) -> str:
    settings, hours = found.settings or {}, found.statistics("solar")
    grid = settings.get("grid") or {}
    best = _best_hours(hours)
    first = (
        f"From the sun, around {best}: that is when yesterday's production was highest."
        if best
        else "In the middle of a clear day, from the sun; I have no production of yesterday to narrow it down."
    )
    peak = (
        f"Yesterday's peak was {said(hours, 'max')} {moment((hours or {}).get('max'), 'yesterday')}." if best else None
    )
    from_grid = (
        "From the grid: allowed by your settings, but I have no prices to choose hours by."
        if grid.get("present") and grid.get("import_allowed")
        else "From the grid: your settings do not allow it."
        if grid.get("present")
        else None
    )
    return lines(first, peak, figures_line(state), from_grid)


def _best_hours(facts: Facts | None) -> str | None:
    rows = [] if facts is None or not known(facts) else facts.get("buckets") or []
    amounts = [(_kwh(value), str(name)) for name, value in rows]
    best = sorted(amounts, reverse=True)[:3]
    if not best or best[0][0] <= 0:
        return None
    names = sorted(name for amount, name in best if amount > 0)
    end = f"{(int(names[-1][:2]) + 1) % 24:02d}:00"
    return f"{names[0]} to {end}"


def _kwh(text: str) -> float:
    try:
        return float(str(text).split(" ")[0].replace(",", ""))
    except ValueError:
        return 0.0


def _low_battery(_: Advice, state: Facts, found: Found) -> str:
    settings = found.settings or {}
    limits, grid = settings["limits"], settings.get("grid") or {}
    level = number(state, "soc")
    low, keep, mine = (limits[name] for name in ("min_soc_pct", "safe_min_soc_pct", "miner_min_soc_pct"))
    source = (
        "charge from the grid"
        if grid.get("present") and grid.get("import_allowed")
        else "start a generator if you have one"
    )
    steps = [f"below {percent(mine)} stop the miners", f"below {percent(keep)} put off what can wait"]
    steps.append(f"at {percent(low)} switch off all but the essential and {source}")
    now = None
    if level is not None:
        where = "below" if level < keep else "above"
        now = f"Now {said(state, 'soc')}, {where} the {percent(keep)} that you want to keep, {said(state, 'battery')}."
    return lines(f"By your limits: {'; '.join(steps)}.", now, age_note(state, FIGURES))


def _high_discharge(intent: Advice, state: Facts, found: Found) -> str:
    load, miners = number(state, "load"), number(state, "miners")
    day, week = found.statistics("load", "last 24 hours"), found.statistics("load", "last 7 days")
    usual = (week or {}).get("mean", {}).get("value") if known(week) else None
    if load is None:
        first = "The load is unknown right now, so I cannot check it."
    elif miners is not None and miners > load / 2:
        first = f"Mostly the miners: they draw {said(state, 'miners')} of {said(state, 'load')}."
    elif usual is None:
        first = f"Load {said(state, 'load')} now; I have no history to call it unusual or not."
    elif load > _UNUSUAL * float(usual):
        first = f"Unusual: load {said(state, 'load')} now against {said(week, 'mean')} on average over 7 days."
    else:
        first = f"Nothing unusual now: load {said(state, 'load')}, {said(week, 'mean')} on average over 7 days."
    flow = f"Battery {said(state, 'soc')}, {said(state, 'battery')}; solar {said(state, 'solar')}."
    peak = f"Highest load in 24 hours: {said(day, 'max')} {moment((day or {}).get('max'))}." if known(day) else None
    which = "Only the miners have a meter of their own, so I cannot name another appliance."
    return lines(first, flow, _stated(intent, state, found), peak, which)


def _draining(state: Facts) -> str:
    flow, load, solar, miners = (number(state, name) for name in ("battery", "load", "solar", "miners"))
    if flow is None or load is None or solar is None:
        return lines("I cannot say: the battery's power, the load or solar is unknown.", figures_line(state))
    if flow > -1:
        return lines(
            f"It is not discharging now: it is {said(state, 'battery')}.", figures_line(state), age_note(state, FIGURES)
        )
    first = (
        f"The load of {said(state, 'load')} is more than solar gives ({said(state, 'solar')}); the battery fills in."
    )
    share = (
        f"The miners draw {said(state, 'miners')} of the load." if miners is not None and miners >= RUNNING_W else None
    )
    return lines(first, share, figures_line(state))


def _stated(intent: Advice, state: Facts, found: Found) -> str | None:
    battery = number(state, "battery")
    if intent.watts is None or battery is None or -battery >= 0.7 * intent.watts:
        return None
    passed = found.crossings("battery")
    times = (passed or {}).get("times") or []
    if times:
        return f"{format_power(intent.watts)} from the battery was {moment(times[-1])}, not now."
    return f"No discharge near {format_power(intent.watts)} in the last 24 hours." if passed is not None else None


def _surplus(intent: Advice, state: Facts, found: Found) -> str:
    limits = (found.settings or {})["limits"]
    surplus, level, keep = surplus_w(state), number(state, "soc"), float(limits["safe_min_soc_pct"])
    if surplus is None:
        return lines("I cannot say: solar or load is unknown.", figures_line(state))
    enough = intent.watts is not None and surplus >= intent.watts
    if surplus > 0 and (intent.watts is None or enough):
        first = f"Yes, up to about {format_power(surplus)}: solar is that much above the load."
    elif level is not None and level > keep:
        above = f"{said(state, 'soc')} is above the {percent(keep)} that you want to keep"
        first = f"From the battery, yes: {above}; the sun does not cover it."
    else:
        first = f"Better not: the sun does not cover it, and the battery is at {said(state, 'soc')}."
    return lines(
        first, figures_line(state), "I know the whole load, not what your appliance draws.", age_note(state, FIGURES)
    )


def _run_generator(_: Advice, state: Facts, found: Found) -> str:
    limits, level = (found.settings or {})["limits"], number(state, "soc")
    low, keep = float(limits["min_soc_pct"]), float(limits["safe_min_soc_pct"])
    if level is None:
        return lines("I cannot say: the battery level is unknown.", figures_line(state))
    drop = night_drop_pct(found)
    if level < low:
        first = f"Yes: {said(state, 'soc')} is below your minimum of {percent(low)}."
    elif drop is not None and level - drop < low:
        first = f"Be ready: a night like the last ({percent(round(drop))} down) would end under {percent(low)}."
    elif level < keep:
        first = f"Not yet: {said(state, 'soc')} is low, but above your minimum of {percent(low)}."
    else:
        first = f"No need: {said(state, 'soc')} is above the {percent(keep)} that you want to keep."
    return lines(first, figures_line(state), "I have no forecast yet.")


def rate_note(state: Facts, found: Found) -> str | None:
    """How long until full or until the minimum at the present rate, where the settings tell the battery's size."""
    settings = found.settings or {}
    battery, level, flow = settings.get("battery"), number(state, "soc"), number(state, "battery")
    if not battery or level is None or flow is None or abs(flow) < RUNNING_W:
        return None
    low = float(settings["limits"]["min_soc_pct"])
    room_pct = 100 - level if flow > 0 else level - low
    if room_pct <= 0:
        return None
    hours = room_pct / 100 * float(battery["usable_kwh"]) / (abs(flow) / 1000)
    if hours > 48:
        return None
    goal = "full" if flow > 0 else f"at your minimum of {percent(low)}"
    reached = f"it would be {goal} in about {about_hours(hours)}"
    return f"{capital(said(state, 'battery'))}: at that rate {reached}; sun and load will change it."


_DECISIONS: Mapping[str, Callable[[Advice, Facts, Found], str]] = MappingProxyType(
    {
        "run_miners": run_miners,
        "stop_miners": start_stop,
        "start_miners": start_stop,
        "grid_charge": _grid_charge,
        "charge_time": _charge_time,
        "low_battery": _low_battery,
        "surplus": _surplus,
        "run_generator": _run_generator,
        "enough_for_miners": run_miners,
        "use_surplus": _charge_time,
    }
)
# What decides where something is forecast; None from them where nothing is.
_BY_THE_PLAN: Mapping[str, Callable[[Advice, Facts, Found], str | None]] = MappingProxyType(
    {
        "run_miners": compose_plan.run_miners,
        "start_miners": compose_plan.start_miners,
        "enough_for_miners": compose_plan.enough_for_miners,
        "grid_charge": compose_plan.grid_charge,
        "charge_time": compose_plan.charge_time,
        "run_generator": compose_plan.run_generator,
        "use_surplus": compose_ahead.use_surplus,
    }
)
