"""Decisions from the owner's limits and the present figures: yes or no first, then what decides, then the risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from agents.local_model.compose_now import RUNNING_W, figures_line, overview
from agents.local_model.compose_site import miner_rule
from agents.local_model.found import Found, known, number, said
from agents.local_model.intents import Advice
from agents.local_model.say import NO_READINGS, age_note, capital, lines, listed, moment, percent
from energy.units import format_duration, format_power

Facts = Mapping[str, Any]
_FIGURES = ("soc", "battery", "solar", "load")
_UNUSUAL = 1.5  # times the usual load


def advice(intent: Advice, found: Found) -> str:
    """The decision that was asked for, or why none can be made."""
    state = found.state
    if state is None or state.get("no_data"):
        no_decision = "No: without readings nothing should be started." if intent.about == "run_miners" else None
        return lines(no_decision, found.problem or NO_READINGS)
    if intent.about == "high_discharge":
        return _high_discharge(intent, state, found)
    if found.settings is None:
        return lines(found.problem or "I could not read the site's settings.", overview(state))
    return _DECISIONS[intent.about](intent, state, found)


def _run_miners(intent: Advice, state: Facts, found: Found) -> str:
    settings = found.settings or {}
    limits, miners = settings["limits"], _miners(settings)
    if not miners:
        return lines("No miners are described in the site's settings.", figures_line(state))
    level, floor = number(state, "soc"), float(limits["miner_min_soc_pct"])
    rules = f"Rule: {'; '.join(miner_rule(m) for m in miners[:3])}; never under {percent(floor)}."
    if level is None:
        return lines(
            "No: the battery level is unknown, and nothing should start without it.", figures_line(state), rules
        )
    if state["soc"].get("old"):
        first = f"Not on these figures: the battery level is {state['soc']['old']} old."
        return lines(first, figures_line(state), rules)
    running = (number(state, "miners") or 0) >= RUNNING_W
    if level < floor:
        verb = "No, and stop those that run" if running else "No"
        return lines(
            f"{verb}: {said(state, 'soc')} is below the {percent(floor)} that your miners need.",
            figures_line(state),
            rules,
            f"It becomes a yes at {percent(max(floor, _lowest_start(miners)))}.",
        )
    ready = [m for m in miners if level >= max(floor, float(m["start_soc_pct"]))]
    if running and not ready:
        first = f"Those that run may run on; start no more: {said(state, 'soc')} is under every start level."
        return lines(first, f"{figures_line(state)[:-1]}, miners {said(state, 'miners')}.", rules)
    if not ready:
        return lines(
            f"Not yet: {said(state, 'soc')} is above {percent(floor)}, but the first start is at "
            f"{percent(_lowest_start(miners))}.",
            figures_line(state),
            rules,
        )
    return lines(
        *_ready(intent, state, found, ready, running), figures_line(state), rules, _night_note(intent, state, found)
    )


def _ready(intent: Advice, state: Facts, found: Found, ready: Sequence[Facts], running: bool) -> list[str]:
    first, surplus = ready[0], _surplus_w(state)
    names = listed([str(m["name"]) for m in ready[:3]])
    if running:
        return [f"Yes, keep on: {said(state, 'soc')} allows it, and the miners draw {said(state, 'miners')}."]
    at_night = intent.when is not None and intent.when != "now"
    if surplus is not None and surplus >= float(first["power_w"]) and not at_night:
        return [f"Yes, {first['name']}: the surplus of {format_power(surplus)} carries its {_power(first)}."]
    hours = _hours_until_stop(state, found, first, at_night=at_night)
    room = f", for about {format_duration(timedelta(hours=hours))} until its stop" if hours is not None else ""
    why = (
        "at night it runs from the battery"
        if at_night
        else "the sun does not carry it now, so it runs from the battery"
    )
    return [f"You may, {said(state, 'soc')} is above the start level of {names}, but {why}{room}."]


def _hours_until_stop(state: Facts, found: Found, miner: Facts, *, at_night: bool) -> float | None:
    battery = (found.settings or {}).get("battery")
    level, load, solar = number(state, "soc"), number(state, "load"), number(state, "solar")
    if not battery or level is None or load is None or solar is None:
        return None
    draw_kw = (float(miner["power_w"]) + load - (0.0 if at_night else solar)) / 1000
    room_kwh = (level - float(miner["stop_soc_pct"])) / 100 * float(battery["usable_kwh"])
    return room_kwh / draw_kw if draw_kw > 0 and room_kwh > 0 else None


def _night_note(intent: Advice, state: Facts, found: Found) -> str | None:
    if intent.when in (None, "now"):
        return None
    drop = _drop(found)
    if drop is None:
        return "I have no forecast yet; look again after sunset."
    level = number(state, "soc")
    left = (
        "" if level is None else f"; the same again would leave {percent(max(0, round(level - drop)))} without miners"
    )
    return f"Last night the battery fell by {percent(round(drop))}{left}. I have no forecast yet."


def _drop(found: Found) -> float | None:
    night = found.statistics("soc")
    if night is None or not known(night) or "first" not in night or "min" not in night:
        return None
    drop = float(night["first"]["value"]) - float(night["min"]["value"])
    return drop if drop > 0 else None


def _start_stop(intent: Advice, state: Facts, found: Found) -> str:
    settings = found.settings or {}
    limits, miners = settings["limits"], _miners(settings)
    floor = percent(limits["miner_min_soc_pct"])
    if not miners:
        return lines(
            f"No miners are described in the site's settings; the limit for any is {floor}.", figures_line(state)
        )
    stopping = intent.about == "stop_miners"
    name = "stop_soc_pct" if stopping else "start_soc_pct"
    rows = "; ".join(f"{m['name']} at {percent(m[name])}" for m in miners[:4])
    first = f"Stop: {rows}; all of them under {floor}." if stopping else f"Start: {rows}; none under {floor}."
    level, now = number(state, "soc"), None
    if level is not None:
        due = [m for m in miners if (level <= float(m[name]) if stopping else level >= float(m[name]))]
        verb = "stop" if stopping else "start"
        what = f"{listed([str(m['name']) for m in due[:3]])} should {verb}" if due and stopping else None
        what = what or (f"{listed([str(m['name']) for m in due[:3]])} may {verb}" if due else f"none needs to {verb}")
        now = f"At {said(state, 'soc')} now, {what if due or stopping else 'none may start yet'}."
    miners_now = f"The miners draw {said(state, 'miners')}." if number(state, "miners") is not None else None
    return lines(first, now, miners_now, age_note(state, _FIGURES))


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
    drop = _drop(found)
    after = None if drop is None else max(0.0, level - drop)
    night = (
        None
        if drop is None
        else f"Last night it fell by {percent(round(drop))}; the same again would leave {percent(round(after or 0))}."
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
        age_note(state, _FIGURES),
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
    return lines(first, peak, figures_line(state), from_grid, age_note(state, _FIGURES))


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
    return lines(f"By your limits: {'; '.join(steps)}.", now, age_note(state, _FIGURES))


def _high_discharge(intent: Advice, state: Facts, found: Found) -> str:
    load, battery, miners = number(state, "load"), number(state, "battery"), number(state, "miners")
    day, week = found.statistics("load", "last 24 hours"), found.statistics("load", "last 7 days")
    usual = (week or {}).get("mean", {}).get("value") if known(week) else None
    if load is None:
        first = "The load is unknown right now, so I cannot check it."
    elif usual is None:
        first = f"Load {said(state, 'load')} now; I have no history to call it unusual or not."
    elif load > _UNUSUAL * float(usual):
        first = (
            f"Yes, it is unusual: load {said(state, 'load')} now against {said(week, 'mean')} on average over 7 days."
        )
    else:
        first = f"Nothing unusual now: load {said(state, 'load')} against {said(week, 'mean')} on average over 7 days."
    share = f"Of it the miners draw {said(state, 'miners')}." if miners is not None and miners >= RUNNING_W else None
    flow = f"Battery {said(state, 'soc')}, {said(state, 'battery')}; solar {said(state, 'solar')}."
    stated = None
    if intent.watts is not None and battery is not None and -battery < 0.7 * intent.watts:
        stated = f"That is not the {format_power(intent.watts)} you mention, so it has passed or is measured elsewhere."
    peak = f"Highest load in 24 hours: {said(day, 'max')} {moment((day or {}).get('max'))}." if known(day) else None
    which = None if share else "I cannot see which appliance it is; only the miners have a meter of their own."
    return lines(first, flow, stated or share, peak, which if stated is None else None, age_note(state, _FIGURES))


def _surplus(intent: Advice, state: Facts, found: Found) -> str:
    limits = (found.settings or {})["limits"]
    surplus, level, keep = _surplus_w(state), number(state, "soc"), float(limits["safe_min_soc_pct"])
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
        first, figures_line(state), "I know the whole load, not what your appliance draws.", age_note(state, _FIGURES)
    )


def _run_generator(_: Advice, state: Facts, found: Found) -> str:
    limits, level = (found.settings or {})["limits"], number(state, "soc")
    low, keep = float(limits["min_soc_pct"]), float(limits["safe_min_soc_pct"])
    if level is None:
        return lines("I cannot say: the battery level is unknown.", figures_line(state))
    drop = _drop(found)
    if level < low:
        first = f"Yes: {said(state, 'soc')} is below your minimum of {percent(low)}."
    elif drop is not None and level - drop < low:
        first = f"Be ready: a night like the last ({percent(round(drop))} down) would end under {percent(low)}."
    elif level < keep:
        first = f"Not yet: {said(state, 'soc')} is low, but above your minimum of {percent(low)}."
    else:
        first = f"No need: {said(state, 'soc')} is above the {percent(keep)} that you want to keep."
    return lines(first, figures_line(state), "I have no forecast yet.", age_note(state, _FIGURES))


def _surplus_w(state: Facts) -> float | None:
    solar, load = number(state, "solar"), number(state, "load")
    return None if solar is None or load is None else solar - load


def _miners(settings: Facts) -> list[Facts]:
    return sorted(settings.get("miners") or [], key=lambda m: m.get("priority", 1))


def _lowest_start(miners: Sequence[Facts]) -> float:
    return min(float(m["start_soc_pct"]) for m in miners)


def _power(miner: Facts) -> str:
    return format_power(float(miner["power_w"]))


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
    reached = f"it would be {goal} in about {_about(hours)}"
    return f"{capital(said(state, 'battery'))}: at that rate {reached}; sun and load will change it."


def _about(hours: float) -> str:
    minutes = round(hours * 60 / 10) * 10
    return format_duration(timedelta(minutes=max(10, minutes)))


_DECISIONS: Mapping[str, Callable[[Advice, Facts, Found], str]] = MappingProxyType(
    {
        "run_miners": _run_miners,
        "stop_miners": _start_stop,
        "start_miners": _start_stop,
        "grid_charge": _grid_charge,
        "charge_time": _charge_time,
        "low_battery": _low_battery,
        "surplus": _surplus,
        "run_generator": _run_generator,
    }
)
