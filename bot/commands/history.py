"""What was: /history in figures, /chart as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from agents.tools.desk import ToolDesk
from agents.tools.metrics import METRIC_NAMES, METRICS, Metric, UnknownMetric, metric_named
from agents.tools.words import SIGNED_FIELDS
from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, figure, look_up, one_of, quoted, source_of
from bot.reply import Button, Reply
from energy.period_words import find_future, find_phrases
from energy.periods import UnknownPeriod, parse_period

if TYPE_CHECKING:
    from energy.periods import Period
    from services.scope import Scope

Facts = Mapping[str, Any]

PERIODS = (
    "today",
    "yesterday",
    "last night",
    "last hour",
    "last 6 hours",
    "last 24 hours",
    "last 7 days",
    "last 30 days",
    "this week",
    "last week",
    "this month",
    "last month",
    "this morning",
    "yesterday afternoon",
    "the day before yesterday",
)
KINDS = ("power", "energy", "soc")
_KIND_WORDS = {"power": "power", "flows": "power", "energy": "energy", "kwh": "energy", "bars": "energy"}
_LEVEL_METRICS = ("soc", "battery_voltage", "battery_temperature")
_BARS_FROM = timedelta(days=2)
_OVERVIEW = ("solar", "load", "battery", "grid", "soc")
_LONGEST_NAME = 3  # words
_NO_DATA_REMEDY = "/health says when each device reported last; commandcenter import brings in older readings."


@dataclass(frozen=True, slots=True)
class Span:
    """A period, and the words that the person used for it."""

    words: str
    period: Period


async def history(scope: Scope, context: Context, arguments: str) -> Reply:
    """One metric's statistics of a period, or without a metric the balance of all."""
    metric, span = _metric_and_period(scope, arguments)
    row = [await run_button(scope, context, "Chart", f"/chart {_kind_of(metric, span)} {span.words}")]
    if metric is None:
        return await _overview(scope, span, row)
    desk = ToolDesk(scope)
    found = await look_up(desk, "history_statistics", metric=metric.name, period=span.words)
    if "no_data" in found.facts:
        return answer(found.text, _NO_DATA_REMEDY)
    return answer(*_statistics(metric, found.facts), source=source_of(scope, desk.figures), buttons=(row,))


async def chart(scope: Scope, context: Context, arguments: str) -> Reply:
    """A chart; a metric's name stands for the chart that shows it."""
    words = arguments.split()
    kind = _KIND_WORDS.get(words[0].lower()) if words else "power"
    if kind is not None:
        span = _period(scope, " ".join(words[1:]) or "today")
    else:
        metric, span = _metric_and_period(scope, arguments, kinds=True)
        kind = _kind_of(metric, span)
    desk = ToolDesk(scope)
    found = await look_up(desk, "draw_chart", kind=kind, period=span.words)
    if not desk.charts:
        return answer(found.text, _NO_DATA_REMEDY)
    others = [name for name in KINDS if name != kind]
    row = [await run_button(scope, context, _TITLES[name], f"/chart {name} {span.words}") for name in others]
    said = await _caption(desk, kind, span)
    return answer(said, source=source_of(scope, desk.figures), charts=desk.charts, buttons=(row,))


_TITLES = {"power": "Power", "energy": "Energy", "soc": "Battery level"}


async def _caption(desk: ToolDesk, kind: str, span: Span) -> Line:
    """The figure that the chart is looked at for; the whole chart in words goes with the picture."""
    label = span.period.label
    if kind == "soc":
        facts = (await look_up(desk, "history_statistics", metric="soc", period=span.words)).facts
        low, high = facts.get("min"), facts.get("max")
        if low and high:
            at = _at(low["at"], label)
            return figure(f"{low['said']} to {high['said']}", f" battery level {label}, lowest {at}")
        return f"Battery level {label}."
    parts: list[str] = []
    for metric in ("solar", "load"):
        facts = (await look_up(desk, "history_statistics", metric=metric, period=span.words)).facts
        if "energy" in facts:
            parts.append(f"{facts['energy']['said']} {METRICS[metric].noun}")
    return figure(", ".join(parts), f" {label}") if parts else f"{_TITLES[kind]} {label}."


async def _overview(scope: Scope, span: Span, row: list[Button]) -> Reply:
    desk = ToolDesk(scope)
    lines: list[Line] = []
    for metric in _OVERVIEW:
        if metric == "grid" and not scope.site.grid.present:
            continue
        facts = (await look_up(desk, "history_statistics", metric=metric, period=span.words)).facts
        if "no_data" in facts:
            continue
        label = f" {span.period.label}" if not lines else ""
        if "energy" in facts:
            noun = f", {metric}" if METRICS[metric].field in SIGNED_FIELDS else f" {METRICS[metric].noun}"
            lines.append(figure(facts["energy"]["said"], f"{noun}{label}"))
        elif "min" in facts and "max" in facts:
            low, high = facts["min"], facts["max"]
            at = _at(low["at"], span.period.label)
            lines.append(figure(f"{low['said']} to {high['said']}", f" {METRICS[metric].noun}{label}, lowest {at}"))
    if not lines:
        return answer(f"There is no data for {span.period.label}.", _NO_DATA_REMEDY)
    return answer(*lines, source=source_of(scope, desk.figures), buttons=(row,))


def _statistics(metric: Metric, facts: Facts) -> list[Line]:
    period, lines = facts["period"], list[Line]()
    mean = facts["mean"]["said"]
    if "no_solar_yet" in facts:
        return [str(facts["no_solar_yet"])]
    if "energy" in facts:
        noun = f", {metric.name}," if metric.field in SIGNED_FIELDS else f" {metric.noun}"
        lines.append(figure(facts["energy"]["said"], f"{noun} {period}"))
        lines.append(f"On average {mean}.")
    else:
        lines.append(figure(mean, f" {metric.noun} on average, {period}"))
    signed = metric.field in SIGNED_FIELDS
    for word, key, sign in (("Highest", "max", 1), ("Lowest", "min", -1)):
        if key not in facts or (metric.is_power and facts[key]["value"] == 0):
            continue
        # The highest of a night of discharging is no peak of anything: a flow's extremes count in their own direction.
        if not signed or facts[key]["value"] * sign > 0:
            lines.append(f"{'Peak:' if signed else word} {facts[key]['said']}, {_at(facts[key]['at'], period)}.")
    if "first" in facts and "last" in facts and metric.name in _LEVEL_METRICS:
        lines.append(f"From {facts['first']['said']} to {facts['last']['said']}.")
    if facts.get("covered_pct", 100) < 90:
        lines.append(f"Readings cover {facts['covered_pct']:g} % of that time.")
    return lines


def _at(moment: str, label: str) -> str:
    """A fact's moment; the day is left out where the period names it already."""
    return moment.removeprefix(f"{label} ")


def _metric_and_period(scope: Scope, arguments: str, *, kinds: bool = False) -> tuple[Metric | None, Span]:
    """What `arguments` name, in either order; today where no period is named."""
    words = arguments.split()
    for size in range(min(_LONGEST_NAME, len(words)), 0, -1):
        metric = _metric(" ".join(words[:size]))
        if metric is not None:
            return metric, _period(scope, " ".join(words[size:]) or "today")
    text = " ".join(words)
    if not text or _names_period(text):
        return None, _period(scope, text or "today")
    for size in range(min(_LONGEST_NAME, len(words)), 0, -1):
        metric = _metric(" ".join(words[-size:]))
        if metric is not None and len(words) > size:
            return metric, _period(scope, " ".join(words[:-size]))
    known = ", ".join(dict.fromkeys((*KINDS, *METRIC_NAMES)) if kinds else METRIC_NAMES)
    rest = " ".join(words[1:])
    if rest and _names_period(rest):
        raise Misused(
            f"{quoted(words[0])} is not something that I can {'draw' if kinds else 'look up'}",
            f"Allowed: {known}",
            f"/{'chart' if kinds else 'history'} {'power' if kinds else 'solar'} {rest}",
        )
    raise Misused(
        f"{quoted(text)} is neither a metric nor a period",
        f"Metrics: {known}. Periods: {one_of(PERIODS[:5])}",
        f"/{'chart power' if kinds else 'history solar'} yesterday",
    )


def _metric(text: str) -> Metric | None:
    try:
        return metric_named(text)
    except UnknownMetric:
        return None


def _kind_of(metric: Metric | None, span: Span) -> str:
    """The chart that shows a metric best over this time."""
    if metric is not None and metric.name in _LEVEL_METRICS:
        return "soc"
    return "energy" if span.period.duration > _BARS_FROM else "power"


def _names_period(text: str) -> bool:
    """Whether the whole text is a period, not only a part of it."""
    low = " ".join(text.lower().split())
    phrases = find_phrases(low)
    if len(phrases) != 1:
        return find_future(low) is not None and not phrases
    left = f"{low[: phrases[0].start]} {low[phrases[0].end :]}".split()
    return all(word in ("in", "on", "for", "over", "the", "during", "of", "since", "within") for word in left)


def _period(scope: Scope, text: str) -> Span:
    allowed, example = f"Allowed: {one_of(PERIODS[:7])}, 2026-11-20 or last Tuesday", "/history solar yesterday"
    if not _names_period(text):
        raise Misused(f"{quoted(text)} is not a period that I know", allowed, example)
    site = scope.site
    try:
        period = parse_period(text, now=scope.as_of, zone=scope.zone, latitude=site.latitude, longitude=site.longitude)
    except UnknownPeriod:
        raise Misused(f"{quoted(text)} is not a period of the past", allowed, example) from None
    return Span(" ".join(text.split()), period)
