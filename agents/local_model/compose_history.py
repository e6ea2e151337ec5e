"""Answers about the past: energies, means, extremes, crossings, comparisons, trends, charts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agents.local_model.found import Found, known, said
from agents.local_model.intents import (
    At,
    Average,
    Chart,
    Extreme,
    OwnShare,
    Range,
    Summary,
    Total,
    WhenExtreme,
)
from agents.local_model.say import capital, coverage_note, lines, moment, noun, percent, the, when
from energy.units import format_energy, format_power

Facts = Mapping[str, Any]
_DAY_S = 86_400
_NOTHING_KWH = 0.005  # shown as 0.00 kWh
_SHOWN_BUCKETS = 8
_MOST_HOURS = 25
MONEY = "I cannot put money on it: what was earned or paid is not part of what I look up. The energies:"
_PARTS = {"grid": ("imported", "exported"), "battery": ("charged", "discharged")}


def total(intent: Total, found: Found) -> str:
    """Energy over a period, a line per metric, the wanted direction first."""
    parts: list[str | None] = [MONEY if intent.note == "money" else None]
    if intent.note in ("without_miners", "peak_without_miners"):
        return _without_miners(intent, found)
    for metric in intent.metrics:
        facts = found.statistics(metric)
        if facts is None:
            parts.append(found.problem)
        elif not known(facts):
            parts.append(nothing(metric, facts))
        else:
            best = _best_line(intent, facts)
            if facts.get("no_solar_yet"):
                parts.append(str(facts["no_solar_yet"]))
                continue
            if intent.by == "day" and best is None:
                parts.append(_daily_line(metric, facts))
            parts += [
                best,
                _energy_line(metric, facts, intent.flow),
                None if best else buckets_line(facts, every=intent.by == "hour"),
            ]
            parts.append(coverage_note(facts))
    return lines(*dict.fromkeys(parts))


def _daily_line(metric: str, facts: Facts) -> str | None:
    if metric in _PARTS or "energy" not in facts or (span_s(facts) or 0) < 2 * _DAY_S:
        return None
    daily = format_energy(float(facts["mean"]["value"]) * 24 / 1000)
    return f"{capital(noun(metric))} {when(str(facts['period']))}: {daily} a day on average."


def _without_miners(intent: Total, found: Found) -> str:
    """The load less the miners' share of it; unknown where one of the two is."""
    load, miners = found.statistics("load"), found.statistics("miners")
    if load is None or miners is None:
        return found.problem or ""
    for metric, facts in (("load", load), ("miners", miners)):
        if not known(facts) or "energy" not in facts:
            return f"I cannot take the miners off. {nothing(metric, facts)}"
    kwh = max(0.0, float(load["energy"]["kwh"]) - float(miners["energy"]["kwh"]))
    mean_w = max(0.0, float(load["mean"]["value"]) - float(miners["mean"]["value"]))
    a_day = f", {format_energy(mean_w * 24 / 1000)} a day" if (span_s(load) or 0) >= 2 * _DAY_S else ""
    first = f"{format_energy(kwh)}{a_day}, {format_power(mean_w)} on average"
    peak = "Highest and lowest without the miners I cannot work out." if intent.note == "peak_without_miners" else None
    return lines(
        f"Load without the miners {when(str(load['period']))}: {first}.",
        f"Load {said(load, 'energy')}, of it miners {said(miners, 'energy')}.",
        peak,
        coverage_note(load) or coverage_note(miners),
    )


def _best_line(intent: Total, facts: Facts) -> str | None:
    rows = [(leading(value) or 0.0, name, value) for name, value in facts.get("buckets") or []]
    if intent.best is None or not rows:
        return None
    _, name, value = max(rows) if intent.best == "max" else min(rows)
    kind = ("Most" if intent.best == "max" else "Least") + f" {noun(str(facts['metric']))}"
    return f"{kind} {when(str(facts['period']))}: {name}, {value}."


def nothing(metric: str, facts: Facts) -> str:
    """That a period has no data."""
    return f"I have no {noun(metric)} readings for {facts.get('period', 'that period')}, so it is unknown."


def average(intent: Average, found: Found) -> str:
    """The mean first, then the range."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    if facts.get("no_solar_yet"):
        return str(facts["no_solar_yet"])
    period = str(facts["period"])
    first = f"Average {noun(intent.metric)} {when(period)}: {said(facts, 'mean')}"
    energy = f" ({said(facts, 'energy')} in all{_a_day(facts)})" if "energy" in facts else ""
    return lines(f"{first}{energy}.", range_line(facts), coverage_note(facts))


def _a_day(facts: Facts) -> str:
    if facts.get("metric") in _PARTS or (span_s(facts) or 0) < 2 * _DAY_S:
        return ""
    return f", {format_energy(float(facts['mean']['value']) * 24 / 1000)} a day"


def own_share(_: OwnShare, found: Found) -> str:
    """The part of the load that did not come from the grid."""
    load, grid, solar = (found.statistics(metric) for metric in ("load", "grid", "solar"))
    if load is None or not known(load) or "energy" not in load:
        return nothing("load", load) if load else found.problem or ""
    period, used = str(load["period"]), float(load["energy"]["kwh"])
    made = f"Solar made {said(solar, 'energy')}." if solar is not None and known(solar) else None
    if grid is None or not known(grid) or used <= 0:
        return lines(f"Load {when(period)}: {said(load, 'energy')}; no grid figures are known for it.", made)
    bought = float(grid["energy"]["imported_kwh"])
    share = max(0.0, min(100.0, 100 - bought / used * 100))
    first = f"{percent(round(share))} of the load {when(period)} came from solar and battery, the rest from the grid."
    if bought < _NOTHING_KWH:
        first = f"All of it (100 %): {when(period)} the load came from solar and battery, nothing from the grid."
    return lines(
        first, f"Load {said(load, 'energy')}, of it {format_energy(bought)} imported.", made, coverage_note(load)
    )


def level_range(intent: Range, found: Found) -> str:
    """Lowest, highest, and how it went."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period = str(facts["period"])
    went = f"It went from {said(facts, 'first')} to {said(facts, 'last')}, {said(facts, 'mean')} on average."
    return lines(f"{capital(noun(intent.metric))} {when(period)}: {extremes(facts)}.", went, coverage_note(facts))


def at_time(intent: At, found: Found) -> str:
    """The value at a time of day."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    first = facts.get("first") or {}
    if str(facts.get("from", ""))[11:16] != intent.clock.zfill(5):
        return f"I can look up that day, but not its figure of {intent.clock} alone: ask for the day."
    return f"{capital(noun(intent.metric))} {moment(first)}: {said(facts, 'first')}."


def extreme(intent: Extreme, found: Found) -> str:
    """The highest or lowest value with its time."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period, fact = str(facts["period"]), facts.get(intent.which)
    if facts.get("no_solar_yet"):
        return str(facts["no_solar_yet"])
    name = _extreme_name(intent.metric, intent.which)
    if intent.metric in _PARTS:
        return _signed_extreme(intent, facts)
    other = f"The average was {said(facts, 'mean')}" + (
        f", {said(facts, 'energy')} in all." if "energy" in facts else "."
    )
    limits = (found.settings or {}).get("limits")
    if (intent.metric, intent.which) == ("soc", "min") and limits and fact:
        low = float(limits["min_soc_pct"])
        side = "it went below" if float(fact["value"]) < low else "it stayed above"
        other = f"{other[:-1]}; {side} your minimum of {percent(low)}."
    return lines(
        f"{name} {when(period)}: {said(facts, intent.which)} {moment(fact, period)}.", other, coverage_note(facts)
    )


def _none_in_that_direction(intent: Extreme | WhenExtreme, facts: Facts) -> bool:
    value = float((facts.get(intent.which) or {}).get("value", 0.0))
    return value < 1 if intent.which == "max" else value > -1


def _signed_extreme(intent: Extreme | WhenExtreme, facts: Facts) -> str:
    period, fact = str(facts["period"]), facts.get(intent.which) or {}
    forward, back = _PARTS[intent.metric]
    if _none_in_that_direction(intent, facts):
        first = f"Nothing was {forward if intent.which == 'max' else back} {when(period)}."
    else:
        name = _extreme_name(intent.metric, intent.which)
        first = f"{name} {when(period)}: {said(facts, intent.which)} {moment(fact, period)}."
    return lines(first, f"In all {said(facts, 'energy')}.", coverage_note(facts))


def when_extreme(intent: WhenExtreme, found: Found) -> str:
    """The time of the highest or lowest value."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period, fact = str(facts["period"]), facts.get(intent.which)
    if facts.get("no_solar_yet"):
        return str(facts["no_solar_yet"])
    name = _extreme_name(intent.metric, intent.which)
    if intent.metric in _PARTS and _none_in_that_direction(intent, facts):
        return _signed_extreme(intent, facts)
    low_name = f"{name[:1].lower()}{name[1:]}"
    so_far = " so far" if period in ("today", "this week", "this month") else ""
    return lines(
        f"{capital(moment(fact, period))}: {said(facts, intent.which)}, the {low_name} {when(period)}{so_far}.",
        f"The average was {said(facts, 'mean')}.",
        coverage_note(facts),
    )


def summary(_: Summary, found: Found) -> str:
    """What happened in a period: the battery's way, energies, peaks."""
    soc, energies, peaks = found.statistics("soc"), [], []
    for metric in ("solar", "load", "grid"):
        facts = found.statistics(metric)
        if facts is None or not known(facts) or "energy" not in facts:
            continue
        energies.append(f"{noun(metric)} {said(facts, 'energy')}")
        if metric != "grid" and float(facts["energy"].get("kwh", 0)) > 0:
            peaks.append(f"{noun(metric)} {said(facts, 'max')} {moment(facts.get('max'), str(facts['period']))}")
    battery = None
    if soc is not None and known(soc):
        went = f"{said(soc, 'first')} to {said(soc, 'last')}"
        battery = f"{capital(when(str(soc['period'])))} the battery went from {went}: {extremes(soc)}."
    if battery or energies:
        return lines(
            battery,
            f"{capital(', '.join(energies))}." if energies else None,
            f"Peaks: {', '.join(peaks)}." if peaks else None,
            coverage_note(soc or {}),
        )
    label = (soc or found.statistics("solar") or {}).get("period", "that period")
    return found.problem or f"I have no readings for {label}, so it is unknown."


def chart(intent: Chart, found: Found) -> str:
    """That the chart is there, and its main figures."""
    facts = found.of("draw_chart")
    if facts is None:
        return found.problem or "I could not draw that."
    figures: list[str | None] = []
    for metric in NOUN_ORDER:
        one = found.statistics(metric)
        if one is not None and known(one):
            figures.append(
                _energy_line(metric, one, None) if "energy" in one else f"{capital(noun(metric))}: {extremes(one)}."
            )
    if not facts.get("drawn"):
        why = "there are no readings for it" if facts.get("no_data") else "the answer carries as many charts as it can"
        return lines(f"I did not draw {facts.get('period', intent.period)}: {why}.", *figures)
    return lines(f"Here is the chart of {the(str(facts['period']))}.", *figures)


NOUN_ORDER = (
    "soc",
    "solar",
    "load",
    "battery",
    "grid",
    "generator",
    "miners",
    "battery_voltage",
    "battery_temperature",
)


def _energy_line(metric: str, facts: Facts, flow: str | None) -> str:
    period, energy = str(facts["period"]), facts.get("energy")
    if energy is None:
        return f"{capital(noun(metric))} {when(period)}: {said(facts, 'mean')} on average, {extremes(facts)}."
    parts = _PARTS.get(metric)
    if parts:
        text = str(energy["said"])
        if flow == "negative" and " and " in text:
            text = " and ".join(reversed(text.split(" and ")))
        return f"{capital(noun(metric) if metric == 'grid' else 'battery')} {when(period)}: {text}."
    peak = f", peak {said(facts, 'max')} {moment(facts.get('max'), period)}" if "max" in facts else ""
    return f"{capital(noun(metric))} {when(period)}: {energy['said']}, {said(facts, 'mean')} on average{peak}."


def extremes(facts: Facts) -> str:
    period = str(facts.get("period", ""))
    if facts.get("metric") in _PARTS:
        low, high = moment(facts.get("min"), period), moment(facts.get("max"), period)
        return f"from {said(facts, 'min')} {low} to {said(facts, 'max')} {high}"
    return (
        f"lowest {said(facts, 'min')} {moment(facts.get('min'), period)}, "
        f"highest {said(facts, 'max')} {moment(facts.get('max'), period)}"
    )


def range_line(facts: Facts) -> str:
    """Lowest and highest with their times."""
    period = str(facts.get("period", ""))
    if facts.get("metric") in ("solar", "generator", "miners"):  # they rest at zero: only the peak says something
        return f"Peak {said(facts, 'max')} {moment(facts.get('max'), period)}."
    return f"{capital(extremes(facts))}."


def buckets_line(facts: Facts, *, every: bool = False) -> str | None:
    """The breakdown by hour or day: all of a few, the best of many; `every` hour in short where they were asked for."""
    rows: Sequence[Sequence[str]] = facts.get("buckets") or []
    if not rows:
        return None
    parts = _PARTS.get(str(facts.get("metric")))
    if parts and all("kWh" in value for _, value in rows):  # a direction in words, never a bare minus sign
        rows = [(name, f"{value.lstrip('−')} {parts[value.startswith('−')]}") for name, value in rows]
    if len(rows) <= _SHOWN_BUCKETS:
        return f"{', '.join(f'{name} {value}' for name, value in rows)}."
    units = {re.sub(r"^\S+ ", "", value) for _, value in rows}
    if every and len(rows) <= _MOST_HOURS and len(units) == 1:
        shown = [(name, value.split(" ")[0]) for name, value in rows if leading(value)]
        values = ", ".join(f"{name.removesuffix(':00')} h {value}" for name, value in shown)
        rest = "" if len(shown) == len(rows) else "; nothing in the other hours"
        return f"By hour ({units.pop()}): {values or 'nothing'}{rest if values else ''}."
    best = sorted(rows, key=lambda row: -(leading(row[1]) or 0.0))[:3]
    return f"Most at {', '.join(f'{name} ({value})' for name, value in best)}."


def _extreme_name(metric: str, which: str) -> str:
    if metric == "battery":
        return "Strongest charging" if which == "max" else "Strongest discharge"
    if metric == "grid":
        return "Highest grid import" if which == "max" else "Highest grid export"
    return f"{'Highest' if which == 'max' else 'Lowest'} {noun(metric)}"


def span_s(facts: Facts) -> float | None:
    """The real length of a period (s)."""
    try:
        span = datetime.fromisoformat(str(facts["to"])) - datetime.fromisoformat(str(facts["from"]))
    except (KeyError, ValueError):
        return None
    return span.total_seconds()


def leading(text: str) -> float | None:
    """The number that a spoken value starts with."""
    match = re.match(r"−?[\d,]+(?:\.\d+)?", text)
    return float(match[0].replace(",", "").replace("−", "-")) if match else None
