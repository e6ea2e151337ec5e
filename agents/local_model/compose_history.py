"""Answers about the past: energies, means, extremes, crossings, comparisons, trends, charts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from agents.local_model.found import Found, known, said
from agents.local_model.intents import (
    At,
    Average,
    Chart,
    Compare,
    Extreme,
    HowLong,
    Range,
    Summary,
    Total,
    Trend,
    WhenCrossed,
    WhenExtreme,
)
from agents.local_model.say import LEVELS, capital, coverage_note, lines, listed, moment, noun, percent
from energy.units import format_duration

Facts = Mapping[str, Any]
_SHOWN_TIMES = 4
_SHOWN_BUCKETS = 8
_PARTS = {"grid": ("imported", "exported"), "battery": ("charged", "discharged")}


def total(intent: Total, found: Found) -> str:
    """Energy over a period, a line per metric, the wanted direction first."""
    parts: list[str | None] = []
    for metric in intent.metrics:
        facts = found.statistics(metric)
        if facts is None:
            parts.append(found.problem)
        elif not known(facts):
            parts.append(nothing(metric, facts))
        else:
            parts += [_energy_line(metric, facts, intent.flow), _buckets_line(facts), coverage_note(facts)]
    return lines(*dict.fromkeys(parts))


def nothing(metric: str, facts: Facts) -> str:
    """That a period has no data."""
    return f"I have no {noun(metric)} readings for {facts.get('period', 'that period')}, so it is unknown."


def average(intent: Average, found: Found) -> str:
    """The mean first, then the range."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period = str(facts["period"])
    first = f"Average {noun(intent.metric)} {period}: {said(facts, 'mean')}"
    energy = f" ({said(facts, 'energy')} in all)" if "energy" in facts else ""
    return lines(f"{first}{energy}.", _range_line(facts), coverage_note(facts))


def level_range(intent: Range, found: Found) -> str:
    """Lowest, highest, and how it went."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period = str(facts["period"])
    went = f"It went from {said(facts, 'first')} to {said(facts, 'last')}, {said(facts, 'mean')} on average."
    return lines(f"{capital(noun(intent.metric))} {period}: {_extremes(facts)}.", went, coverage_note(facts))


def at_time(intent: At, found: Found) -> str:
    """The value at a time of day."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    first = facts.get("first") or {}
    return f"{capital(noun(intent.metric))} {moment(first)}: {said(facts, 'first')}."


def extreme(intent: Extreme, found: Found) -> str:
    """The highest or lowest value with its time."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period, fact = str(facts["period"]), facts.get(intent.which)
    name = _extreme_name(intent.metric, intent.which)
    other = f"The average was {said(facts, 'mean')}" + (
        f", {said(facts, 'energy')} in all." if "energy" in facts else "."
    )
    return lines(f"{name} {period}: {said(facts, intent.which)} {moment(fact, period)}.", other, coverage_note(facts))


def when_extreme(intent: WhenExtreme, found: Found) -> str:
    """The time of the highest or lowest value."""
    facts = found.statistics(intent.metric)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    period, fact = str(facts["period"]), facts.get(intent.which)
    name = _extreme_name(intent.metric, intent.which)
    low_name = f"{name[:1].lower()}{name[1:]}"
    so_far = " so far" if period in ("today", "this week", "this month") else ""
    return lines(
        f"{capital(moment(fact, period))}: {said(facts, intent.which)}, the {low_name} {period}{so_far}.",
        f"The average was {said(facts, 'mean')}.",
        coverage_note(facts),
    )


def crossed(intent: WhenCrossed, found: Found) -> str:
    """When a threshold was crossed; two readings of a vague question get a line each."""
    metrics = [intent.metric, *([intent.also] if intent.also else [])]
    answers = [_crossed_line(metric, found.crossings(metric)) for metric in metrics]
    said_lines = [a for a in answers if a]
    if not said_lines:
        return found.problem or ""
    vague = f"You did not say of what; these are {listed([noun(m) for m in metrics])}." if intent.also else None
    return lines(*said_lines, vague)


def how_long(intent: HowLong, found: Found) -> str:
    """For how long a metric was above or below a threshold."""
    crossings, facts = found.crossings(intent.metric), found.statistics(intent.metric)
    if crossings is None or facts is None or not known(facts):
        return nothing(intent.metric, facts or crossings or {}) if not found.problem else found.problem
    period, seconds = str(facts["period"]), _seconds_on_side(intent, crossings, facts)
    what = _side_words(intent, said(crossings, "threshold"))
    if seconds is None:
        return lines(f"How long {noun(intent.metric)} was {what} {period} is unknown.", _range_line(facts))
    never = seconds < 1
    first = (
        f"Never {period}: {noun(intent.metric)} was not {what}."
        if never
        else f"{format_duration(timedelta(seconds=seconds))} {period}: {noun(intent.metric)} {what}."
    )
    return lines(first, _range_line(facts), coverage_note(facts))


def compare(_: Compare, found: Found) -> str:
    """Two periods of one metric and their difference."""
    facts = found.of("compare_periods")
    return found.problem or "" if facts is None else _comparison(facts)


def trend(intent: Trend, found: Found) -> str:
    """Rising or falling: by whole days where there are enough, else against the period before."""
    facts, versus = found.statistics(intent.metric), found.of("compare_periods")
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    if intent.metric in LEVELS:
        return lines(_level_trend(intent.metric, facts), _range_line(facts), coverage_note(facts))
    return lines(_daily_trend(intent.metric, facts), _comparison(versus) if versus else None, _buckets_line(facts))


def summary(_: Summary, found: Found) -> str:
    """What happened in a period."""
    parts: list[str | None] = []
    soc = found.statistics("soc")
    if soc is not None and known(soc):
        period = str(soc["period"])
        parts.append(
            f"{capital(period)} the battery went from {said(soc, 'first')} to {said(soc, 'last')}: {_extremes(soc)}."
        )
    for metric in ("solar", "load", "grid"):
        facts = found.statistics(metric)
        if facts is not None and known(facts):
            parts.append(_energy_line(metric, facts, None))
    if parts:
        return lines(*parts)
    return found.problem or nothing("solar", found.statistics("solar") or {}).replace("solar ", "")


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
                _energy_line(metric, one, None) if "energy" in one else f"{capital(noun(metric))}: {_extremes(one)}."
            )
    if not facts.get("drawn"):
        why = "there are no readings for it" if facts.get("no_data") else "the answer carries as many charts as it can"
        return lines(f"I did not draw {facts.get('period', intent.period)}: {why}.", *figures)
    return lines(f"Here is {facts['period']}.", *figures)


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
        return f"{capital(noun(metric))} {period}: {said(facts, 'mean')} on average, {_extremes(facts)}."
    parts = _PARTS.get(metric)
    if parts:
        text = str(energy["said"])
        if flow == "negative" and " and " in text:
            text = " and ".join(reversed(text.split(" and ")))
        return f"{capital(noun(metric) if metric == 'grid' else 'battery')} {period}: {text}."
    peak = f", peak {said(facts, 'max')} {moment(facts.get('max'), period)}" if "max" in facts else ""
    return f"{capital(noun(metric))} {period}: {energy['said']}, {said(facts, 'mean')} on average{peak}."


def _extremes(facts: Facts) -> str:
    period = str(facts.get("period", ""))
    return (
        f"lowest {said(facts, 'min')} {moment(facts.get('min'), period)}, "
        f"highest {said(facts, 'max')} {moment(facts.get('max'), period)}"
    )


def _range_line(facts: Facts) -> str:
    return f"{capital(_extremes(facts))}."


def _buckets_line(facts: Facts) -> str | None:
    rows: Sequence[Sequence[str]] = facts.get("buckets") or []
    if not rows:
        return None
    if len(rows) <= _SHOWN_BUCKETS:
        return f"{', '.join(f'{name} {value}' for name, value in rows)}."
    best = sorted(rows, key=lambda row: -(_leading(row[1]) or 0.0))[:3]
    return f"Most at {', '.join(f'{name} ({value})' for name, value in best)}."


def _extreme_name(metric: str, which: str) -> str:
    if metric == "battery":
        return "Strongest charging" if which == "max" else "Strongest discharge"
    if metric == "grid":
        return "Highest grid import" if which == "max" else "Highest grid export"
    return f"{'Highest' if which == 'max' else 'Lowest'} {noun(metric)}"


def _crossed_line(metric: str, facts: Facts | None) -> str | None:
    if facts is None:
        return None
    if not known(facts):
        return nothing(metric, facts)
    period, limit, times = str(facts["period"]), said(facts, "threshold"), facts.get("times") or []
    if not times:
        verb = {"rising": "rose above", "falling": "fell below"}.get(str(facts.get("direction")), "crossed")
        end = "lowest" if facts.get("direction") == "falling" else "highest"
        fact = facts.get(end)
        reached = f"; the {end} was {said(facts, end)} {moment(fact, period)}" if fact else ""
        return f"{capital(noun(metric))} never {verb} {limit} {period}{reached}."
    words = {"rising": "rose above", "falling": "fell below"}
    first = times[0]
    text = f"{capital(moment(first, period))}: {noun(metric)} {words[first['direction']]} {limit} ({period})."
    count = int(facts.get("total", len(times)))
    if count > 1:
        more = [f"{moment(t, period).removeprefix('at ')}{_arrow(t, times)}" for t in times[1:_SHOWN_TIMES]]
        rest = f" and {count - _SHOWN_TIMES} more" if count > _SHOWN_TIMES else ""
        text += f" Then {', '.join(more)}{rest}."
    if facts.get("above"):
        text += f" Above it for {facts['above']} in all."
    return text


def _arrow(time: Facts, times: Sequence[Facts]) -> str:
    both = len({t["direction"] for t in times}) > 1
    return f" ({'up' if time['direction'] == 'rising' else 'down'})" if both else ""


def _seconds_on_side(intent: HowLong, crossings: Facts, facts: Facts) -> float | None:
    covered_s = _covered_s(facts)
    above_s = crossings.get("above_s")
    if above_s is None:
        low, high = (facts.get("min") or {}).get("value"), (facts.get("max") or {}).get("value")
        if low is None or high is None or covered_s is None:
            return None
        above_s = covered_s if low > intent.threshold else 0.0
    if intent.side == "above":
        return float(above_s)
    return None if covered_s is None else max(0.0, covered_s - float(above_s))


def _covered_s(facts: Facts) -> float | None:
    from datetime import datetime

    covered = facts.get("covered_pct")
    try:
        whole = datetime.fromisoformat(str(facts["to"])) - datetime.fromisoformat(str(facts["from"]))
    except (KeyError, ValueError):
        return None
    return None if covered is None else whole.total_seconds() * float(covered) / 100


def _side_words(intent: HowLong, limit: str) -> str:
    idle = abs(intent.threshold) == 50.0
    if idle and intent.metric == "battery":
        return "charging" if intent.side == "above" else "discharging"
    if idle and intent.metric == "grid":
        return "importing" if intent.side == "above" else "exporting"
    if idle and intent.metric in ("miners", "generator"):
        return "running"
    return f"{intent.side} {limit}"


def _comparison(facts: Facts) -> str:
    a, b, metric = facts.get("a") or {}, facts.get("b") or {}, str(facts.get("metric", ""))
    missing = [str(one.get("period")) for one in (a, b) if one.get("no_data")]
    if missing:
        return f"I have no {noun(metric)} readings for {listed(missing)}, so I cannot compare."
    energies = "energy" in a and "energy" in b
    left, right = (said(a, "energy"), said(b, "energy")) if energies else (said(a, "mean"), said(b, "mean"))
    unit = "" if energies else " on average"
    text = f"{capital(noun(metric))} {a['period']} {left}{unit}, {b['period']} {right}"
    difference, share = facts.get("difference"), facts.get("difference_pct")
    if not difference:
        return f"{text}."
    if facts.get("a_is") == "the same":
        return f"{text}: the same."
    by = f" ({percent(abs(share))})" if isinstance(share, int | float) else ""
    of = "" if str(difference.get("unit", "")) == "kWh" or not energies else " on average"
    open_end = str(a["period"]) in ("today", "this week", "this month", "this year")
    late = f" {capital(str(a['period']))} is not over." if open_end else ""
    return f"{text}: {a['period']} is {difference['said']}{by} {facts['a_is']}{of}.{late}"


def _level_trend(metric: str, facts: Facts) -> str:
    first, last = (facts.get("first") or {}).get("value"), (facts.get("last") or {}).get("value")
    if first is None or last is None:
        return f"Whether {noun(metric)} rises is unknown."
    word = "About level" if abs(last - first) < 1 else "Up" if last > first else "Down"
    return f"{word}: {noun(metric)} {facts['period']} went from {said(facts, 'first')} to {said(facts, 'last')}."


def _daily_trend(metric: str, facts: Facts) -> str:
    rows = [_leading(value) for _, value in facts.get("buckets") or []]
    days = [value for value in rows if value is not None]
    period = str(facts["period"])
    if period.startswith(("this ", "last ")) and period not in ("last week", "last month", "last year"):
        days = days[:-1]  # today is not over
    if period.startswith("last ") and len(days) > 1 and re.search(r"\d", period):
        days = days[1:]  # the first day of a rolling period is cut
    if len(days) < 3:
        so_far = f"only {len(days)} full day{'s' if len(days) != 1 else ''}"
        return f"Too early to call a trend from {period} alone: {so_far}."
    middle = len(days) // 2
    earlier = sum(days[:middle]) / middle
    later = sum(days[-middle:]) / middle
    change = 0.0 if earlier == 0 else (later - earlier) / earlier * 100
    word = "No clear trend" if abs(change) < 5 else "Rising" if change > 0 else "Falling"
    side = "higher" if change >= 0 else "lower"
    by = percent(abs(round(change)))
    return f"{word}: {noun(metric)} in the later days of {period} was {by} {side} than in the earlier ones."


def _leading(text: str) -> float | None:
    match = re.match(r"−?[\d,]+(?:\.\d+)?", text)
    return float(match[0].replace(",", "").replace("−", "-")) if match else None
