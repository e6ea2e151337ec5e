"""Answers about change: two periods compared, and whether something rises or falls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.local_model.compose_history import buckets_line, leading, nothing, range_line
from agents.local_model.found import Found, known, said
from agents.local_model.intents import Compare, Trend
from agents.local_model.plan import BEFORE
from agents.local_model.say import LEVELS, capital, coverage_note, lines, listed, noun, percent, when
from energy.units import format_energy

Facts = Mapping[str, Any]
_DAYS_OF_A_TREND = 4
_CLEAR_CHANGE_PCT = 5
_DAYS_TO_SHOW = 8
_SAME_HOURS = re.compile(r"\d\d:\d\d to \d\d:\d\d$")
_OPEN = ("today", "this week", "this month", "this year")


def compare(intent: Compare, found: Found) -> str:
    """Two periods of one metric and their difference; two metrics where the question named none."""
    metrics = [intent.metric, *([intent.also] if intent.also else [])]
    compared = [(metric, found.comparison(metric)) for metric in metrics]
    if all(facts is None for _, facts in compared):
        return found.problem or ""
    return lines(*(_compared(metric, intent.b, facts, found) for metric, facts in compared if facts is not None))


def _compared(metric: str, period: str, facts: Facts, found: Found) -> str:
    whole, beside = found.statistics(metric, period), None
    if whole is not None and known(whole):
        what = "energy" if "energy" in whole else "mean"
        beside = f"All of {period}: {said(whole, what)}{'' if what == 'energy' else ' on average'}."
    gaps = coverage_note(facts.get("a") or {}) or coverage_note(facts.get("b") or {})
    return lines(_comparison(facts), beside, gaps)


def trend(intent: Trend, found: Found) -> str:
    """Rising or falling: full days of the period against the period before, and within it where there are enough."""
    facts = found.statistics(intent.metric, intent.period)
    if facts is None or not known(facts):
        return nothing(intent.metric, facts) if facts else found.problem or ""
    if intent.metric in LEVELS:
        return lines(_level_trend(intent.metric, facts), range_line(facts), coverage_note(facts))
    before = found.statistics(intent.metric, BEFORE[intent.period]) if intent.period in BEFORE else None
    days = _full_days(facts)
    versus = _against_before(intent.metric, facts, days, before)
    within = _within(intent.metric, facts, days)
    return lines(versus, within, _few_days(facts)) if versus or within else _too_early(facts, days, before)


def _comparison(facts: Facts) -> str:
    a, b, metric = facts.get("a") or {}, facts.get("b") or {}, str(facts.get("metric", ""))
    missing = [str(one.get("period")) for one in (a, b) if one.get("no_data")]
    if missing:
        return f"I have no {noun(metric)} readings for {listed(missing)}, so I cannot compare."
    energies = "energy" in a and "energy" in b
    left, right = (said(a, "energy"), said(b, "energy")) if energies else (said(a, "mean"), said(b, "mean"))
    unit = "" if energies else " on average"
    text = f"{capital(noun(metric))} {when(str(a['period']))} {left}{unit}, {b['period']} {right}"
    if str(a["period"]) in _OPEN and not _SAME_HOURS.search(str(b["period"])):
        note = f"{capital(str(a['period']))} is not over"
        # Half a day of sun has another average than a whole one: only a level's average says something by then.
        return f"{text}. {note}, so the two cannot be compared yet." if energies else f"{text}. {note}; {_means(a, b)}."
    difference, share = facts.get("difference"), facts.get("difference_pct")
    if not difference:
        return f"{text}."
    if facts.get("a_is") == "the same":
        return f"{text}: the same."
    by = f" ({percent(abs(share))})" if isinstance(share, int | float) else ""
    return f"{text}: {a['period']} is {difference['said']}{by} {facts['a_is']}."


def _means(a: Facts, b: Facts) -> str:
    now, before = float(a["mean"]["value"]), float(b["mean"]["value"])
    means = f"on average it is {said(a, 'mean')} against {said(b, 'mean')}"
    if before == 0:
        return means
    change = (now - before) / abs(before) * 100
    return f"{means}, {percent(abs(round(change)))} {'higher' if change >= 0 else 'lower'}"


def _level_trend(metric: str, facts: Facts) -> str:
    first, last = (facts.get("first") or {}).get("value"), (facts.get("last") or {}).get("value")
    if first is None or last is None:
        return f"Whether {noun(metric)} rises is unknown."
    word = "About level" if abs(last - first) < 1 else "Up" if last > first else "Down"
    return f"{word}: {noun(metric)} {facts['period']} went from {said(facts, 'first')} to {said(facts, 'last')}."


def _full_days(facts: Facts) -> list[float]:
    """The energies (kWh) of the period's whole days: today is not over, a rolling period's first day is cut."""
    rows = [leading(value) for _, value in facts.get("buckets") or []]
    days = [value for value in rows if value is not None]
    period = str(facts["period"])
    if period in ("last week", "last month", "last year", "yesterday"):
        return days
    return days[1:-1] if re.match(r"last \d", period) else days[:-1]


def _against_before(metric: str, facts: Facts, days: Sequence[float], before: Facts | None) -> str | None:
    mean_w = ((before or {}).get("mean") or {}).get("value")
    if not days or before is None or not isinstance(mean_w, int | float):
        return None
    daily, earlier = sum(days) / len(days), float(mean_w) * 24 / 1000
    full = f"{len(days)} full day{'s' if len(days) != 1 else ''}"
    figures = (
        f"{format_energy(daily)} a day {facts['period']} ({full}), {format_energy(earlier)} a day {before['period']}"
    )
    return f"{_verdict(earlier, daily)}: {noun(metric)} {figures}."


def _within(metric: str, facts: Facts, days: Sequence[float]) -> str | None:
    if len(days) < _DAYS_OF_A_TREND:
        return None
    middle = len(days) // 2
    earlier, later = sum(days[:middle]) / middle, sum(days[-middle:]) / middle
    figures = f"{format_energy(earlier)} a day in the first half, {format_energy(later)} in the second"
    return f"{_verdict(earlier, later)} within {facts['period']}: {noun(metric)} {figures}."


def _too_early(facts: Facts, days: Sequence[float], before: Facts | None) -> str:
    so_far = "no full day yet" if not days else f"only {len(days)} full day{'s' if len(days) != 1 else ''}"
    earlier = (
        f"{capital(str(before['period']))}: {said(before, 'energy')} in all." if before and known(before) else None
    )
    return lines(f"Too early to call a trend: {facts['period']} has {so_far}.", earlier, _few_days(facts))


def _few_days(facts: Facts) -> str | None:
    return buckets_line(facts) if len(facts.get("buckets") or []) <= _DAYS_TO_SHOW else None


def _verdict(earlier: float, later: float) -> str:
    if earlier <= 0:
        return "No trend to call"
    change = (later - earlier) / earlier * 100
    if abs(change) < _CLEAR_CHANGE_PCT:
        return "About level"
    return f"{'Rising' if change > 0 else 'Falling'}, by {percent(abs(round(change)))}"
