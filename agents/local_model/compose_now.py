"""Answers about the present moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from agents.local_model.found import Found, known, number, said
from agents.local_model.intents import Judge, Now
from agents.local_model.say import NO_READINGS, age_note, by_old_figures, capital, lines, moment, noun, percent
from energy.units import format_power

Facts = Mapping[str, Any]
RUNNING_W = 50.0  # less than this is a relay's and a meter's noise, no running machine


def now(intent: Now, found: Found) -> str:
    """Current figures, a yes or no first where one was asked for."""
    state = found.state
    if state is None:
        return found.problem or NO_READINGS
    if state.get("no_data"):
        return NO_READINGS
    answer = _YES_NO.get(intent.asked or "")
    if answer is not None:
        return by_old_figures(state, intent.metrics, answer(state))
    if not intent.metrics:
        return overview(state)
    if intent.metrics == ("solar",):
        return lines(_figure(state, "solar"), _today(found), age_note(state, ("solar",)))
    first = _battery(state) if intent.metrics[:2] == ("soc", "battery") else None
    rest = intent.metrics[2:] if first else intent.metrics
    figures = " ".join(filter(None, [first, *(_figure(state, name) for name in rest)]))
    return lines(figures, age_note(state, intent.metrics))


def overview(state: Facts) -> str:
    """The whole site: battery, sun and load first, then what else runs, faults, and what is old or unknown."""
    if state.get("no_data"):
        return NO_READINGS
    extras = []
    if "grid" in state:
        flow = number(state, "grid") or 0
        extras.append("grid: no flow" if abs(flow) < 1 else f"grid: {said(state, 'grid')}")
    elif state.get("off_grid"):
        extras.append("no grid connection")
    if (number(state, "generator") or 0) >= RUNNING_W:
        extras.append(f"generator {said(state, 'generator')}")
    miners = number(state, "miners")
    if miners is not None:
        extras.append(f"miners {said(state, 'miners')}" if miners >= RUNNING_W else "miners off")
    shown = [n for n in ("soc", "battery", "solar", "load", "grid", "generator", "miners") if n in state]
    unknown = [noun(n) for n in state.get("unknown", []) if n in ("soc", "solar", "load", "battery", "grid")]
    silent = state.get("silent") or []
    return lines(
        f"{_battery(state)[:-1]}; solar {said(state, 'solar')}, load {said(state, 'load')}.",
        f"{capital(', '.join(extras))}." if extras else None,
        faults(state),
        age_note(state, shown),
        f"Unknown: {', '.join(unknown)}." if unknown else f"Never heard of: {', '.join(silent)}." if silent else None,
    )


def faults(state: Facts) -> str | None:
    """The grid's outage and fault codes, or None when all is well."""
    parts = []
    if state.get("grid_present") is False and not state.get("off_grid"):
        parts.append("The grid is down.")
    if state.get("fault_codes"):
        parts.append(f"Fault codes: {', '.join(map(str, state['fault_codes']))}.")
    return " ".join(parts) or None


def figures_line(state: Facts) -> str:
    """The figures that a decision rests on, in one line."""
    return f"{_battery(state)[:-1]}; solar {said(state, 'solar')}, load {said(state, 'load')}."


def judge(intent: Judge, found: Found) -> str:
    """Whether a current figure is good: the battery against the owner's limits, others against their week."""
    if intent.period and intent.which and intent.metric == "soc":
        return _judge_extreme(intent.which, found)
    state = found.state
    if state is None or state.get("no_data"):
        return found.problem or NO_READINGS
    if intent.metric != "soc":
        week = found.statistics(intent.metric)
        if not known(week) or week is None:
            return lines(_figure(state, intent.metric), "I have nothing to measure it against.")
        usual = f"Over the last 7 days it was {said(week, 'mean')} on average, {said(week, 'max')} at most."
        return lines(_figure(state, intent.metric), usual, age_note(state, (intent.metric,)))
    level, settings = number(state, "soc"), found.settings
    if level is None or settings is None:
        return lines(_battery(state), found.problem)
    flow = f"The battery is {said(state, 'battery')}." if "battery" in state else None
    return lines(by_old_figures(state, ("soc",), _verdict(level, said(state, "soc"), settings["limits"])), flow)


def _judge_extreme(which: str, found: Found) -> str:
    facts, settings = found.statistics("soc"), found.settings
    if facts is None or settings is None or not known(facts) or which not in facts:
        return found.problem or NO_READINGS
    return _verdict(float(facts[which]["value"]), said(facts, which), settings["limits"])


def _verdict(level: float, spoken: str, limits: Facts) -> str:
    low, keep, full = limits["min_soc_pct"], limits["safe_min_soc_pct"], limits["safe_max_soc_pct"]
    if level < low:
        return f"Too low: {spoken} is below your minimum of {percent(low)}."
    if level < keep:
        return f"Low: {spoken} is under the {percent(keep)} that you want to keep; your minimum is {percent(low)}."
    if level <= full:
        return f"Good: {spoken} is inside your range of {percent(keep)} to {percent(full)}."
    return f"Plenty: {spoken} is above your target of {percent(full)}; there is room to use power."


def _battery(state: Facts) -> str:
    if "soc" not in state:
        flow = f", {said(state, 'battery')}" if "battery" in state else ""
        return f"Battery level unknown{flow}."
    return f"Battery {said(state, 'soc')}{', ' + said(state, 'battery') if 'battery' in state else ''}."


def _figure(state: Facts, name: str) -> str:
    if name == "grid" and state.get("off_grid"):
        return "This site has no grid connection."
    if name == "grid" and name in state:
        return f"Grid: {said(state, 'grid')}."
    if name == "battery" and name in state:
        return f"Battery: {said(state, 'battery')}."
    if name not in state:
        return f"{capital(noun(name))}: unknown, no device reports it."
    return f"{capital(noun(name))} {said(state, name)}."


def _today(found: Found) -> str | None:
    facts = found.statistics("solar")
    if facts is None or not known(facts) or "energy" not in facts:
        return None
    if facts.get("no_solar_yet"):
        return str(facts["no_solar_yet"])
    if float(facts["energy"].get("kwh") or 0) <= 0:
        return "Nothing produced yet today."
    return f"Today so far {said(facts, 'energy')}, peak {said(facts, 'max')} {moment(facts.get('max'))}."


def _importing(state: Facts) -> str:
    if state.get("off_grid"):
        return "No: this site has no grid connection."
    flow = number(state, "grid")
    if state.get("grid_present") is False:
        return "No: the grid is down."
    if flow is None:
        return "I do not know: no device reports the grid."
    if flow >= 1:
        return f"Yes: {said(state, 'grid')} from the grid."
    return f"No: {said(state, 'grid')} to the grid." if flow <= -1 else "No: nothing flows to or from the grid."


def _exporting(state: Facts) -> str:
    flow = number(state, "grid")
    if flow is not None and flow <= -1:
        return f"Yes: {said(state, 'grid')} to the grid."
    if flow is not None and flow >= 1:
        return f"No: {said(state, 'grid')} from the grid."
    return _importing(state)


def _outage(state: Facts) -> str:
    if state.get("off_grid"):
        return "This site has no grid connection, so it has no outages."
    present = state.get("grid_present")
    if present is None:
        return f"I do not know whether the grid is up: no device says so. {_figure(state, 'grid')}"
    return f"The grid is up. {_figure(state, 'grid')}" if present else "The grid is down."


def _charging(state: Facts) -> str:
    flow = number(state, "battery")
    if flow is None:
        return f"I do not know: no device reports the battery's power. {_battery(state)}"
    return f"{'Yes' if flow >= 1 else 'No'}: the battery is {said(state, 'battery')}, at {said(state, 'soc')}."


def _discharging(state: Facts) -> str:
    flow = number(state, "battery")
    if flow is None:
        return _charging(state)
    return f"{'Yes' if flow <= -1 else 'No'}: the battery is {said(state, 'battery')}, at {said(state, 'soc')}."


def _running(name: str, verb: str) -> Callable[[Facts], str]:
    def answer(state: Facts) -> str:
        power = number(state, name)
        if power is None:
            return f"I do not know: no device reports the {noun(name)}."
        return f"{'Yes' if power >= RUNNING_W else 'No'}: the {noun(name)} {verb} {said(state, name)}."

    return answer


def _base_load(state: Facts) -> str:
    load, miners = number(state, "load"), number(state, "miners")
    if load is None or miners is None:
        missing = noun("load" if load is None else "miners")
        return f"I do not know the load without the miners: no device reports the {missing}."
    rest = format_power(max(0.0, load - miners))
    return f"Without the miners {rest}: load {said(state, 'load')}, of it miners {said(state, 'miners')}."


_YES_NO: Mapping[str, Callable[[Facts], str]] = MappingProxyType(
    {
        "importing": _importing,
        "exporting": _exporting,
        "outage": _outage,
        "charging": _charging,
        "discharging": _discharging,
        "miners_on": _running("miners", "draw"),
        "generator_on": _running("generator", "gives"),
        "base_load": _base_load,
    }
)
