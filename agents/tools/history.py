"""The tools that look back: statistics of a period, when a threshold was crossed, two periods compared."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from agents.answer import Figure
from agents.tools.desk import ToolDesk, ToolProblem, ToolResult
from agents.tools.metrics import METRIC_NAMES, Metric
from agents.tools.no_sun import no_sun_yet
from agents.tools.words import (
    SIGNED_FIELDS,
    amount,
    clock,
    local_iso,
    metric_argument,
    period_argument,
    rounded,
    said,
    value_fact,
    when,
)
from energy.naming import source_name
from energy.periods import Period
from energy.units import day_name, format_duration, format_energy, format_percent
from services import history

if TYPE_CHECKING:
    from services.history import Comparison, Statistics
    from services.scope import Scope

MetricArgument = Annotated[str, Field(json_schema_extra={"enum": list(METRIC_NAMES)})]
PeriodArgument = Annotated[str, Field(description='plain words: "last night", "last 6 hours", "sunday at 15:00"')]
_MOST_CROSSINGS = 8
_ALL_CROSSINGS = 100_000  # so that the last one is among them
_MOST_BUCKETS = 31
_ENOUGH_COVERED = 0.9
_PARTS = {"battery_charge_w": ("charged", "discharged"), "grid_import_w": ("imported", "exported")}


async def history_statistics(
    desk: ToolDesk, metric: MetricArgument, period: PeriodArgument, by: Literal["", "hour", "day"] = ""
) -> ToolResult:
    """Average, extremes with their times, and energy (kWh) of a metric over a past period; `by` adds a breakdown.

    Facts: `"metric", "period" (its label), "from", "to"` (local ISO-8601); `"mean"`, `"min"`, `"max"`, each
    `{"value", "said"}`, the extremes with `"at"` too; `"energy"` of powers: `{"kwh", "said"}`, of `battery`
    `{"charged_kwh", "discharged_kwh", "net_kwh", "said"}`, of `grid` `{"imported_kwh", "exported_kwh", "net_kwh",
    "said"}`; `"first"`, `"last"` (`{"value", "said", "at"}`); `"covered_pct"`, `"source"`; with `by`, `"buckets":
    [["06:00" or "Tue 03", said], ...]`; `"no_solar_yet"` (a sentence)
    before the day's first solar. Without data only `"metric", "period", "from", "to", "no_data": true`.
    """
    scope, known, span = desk.scope, metric_argument(metric), period_argument(desk.scope, period)
    found = await history.statistics(scope, known.field, span)
    facts = _frame(scope, known, span)
    if found.mean is None:
        desk.note(Figure(f"{known.field}_mean", None, known.described.unit, start=span.start, end=span.end))
        return ToolResult(facts | {"no_data": True}, f"There is no {known.noun} data for {span.label}.")
    facts |= _statistics_facts(scope, known, found)
    note_statistics(desk, known, found)
    text = _statistics_sentence(scope, known, found)
    no_sun = await no_sun_yet(desk, known, found)
    if no_sun is not None:
        facts["no_solar_yet"] = text = no_sun
    if by:
        rows = await history.buckets(scope, known.field, span, by=by)
        shown = [row for row in rows if row.mean is not None][-_MOST_BUCKETS:]
        facts["buckets"] = [
            [
                _bucket_name(scope, row.start, by),
                format_energy(row.energy.net_kwh)
                if known.is_power and row.energy is not None
                else said(scope, known, row.mean),
            ]
            for row in shown
        ]
    return ToolResult(facts, text)


async def when_crossed(
    desk: ToolDesk,
    metric: MetricArgument,
    threshold: Annotated[float, Field(description="in W, %, V or °C")],
    period: PeriodArgument = "today",
    direction: Literal["rising", "falling", "both"] = "rising",
) -> ToolResult:
    """The times at which a metric rose above or fell below a threshold, and how long it stayed above.

    Facts: `"metric", "period", "from", "to"`, `"threshold": {"value", "said"}`, `"direction"`, `"total"`,
    `"above_at_start"`, `"times": [{"at": "09:35", "iso", "direction": "rising"|"falling"}, ...]` (the first eight),
    `"last": {"at", "direction"}`,
    `"above": "5 h 20 min"`, `"above_s"`, `"source"`; when it never crossed, `"highest"` and `"lowest"` (`{"value",
    "said", "at"}`), and `"instead"` where it was beyond the threshold all the same: from the start, or since a gap.
    Without data `"no_data": true`.
    """
    scope, known, span = desk.scope, metric_argument(metric), period_argument(desk.scope, period)
    if threshold != threshold or abs(threshold) > 1e7:
        raise ToolProblem("The threshold must be a number in W, %, V or °C.", problem="bad_threshold")
    found = await history.threshold_passages(scope, known.field, threshold, span, direction, at_most=_ALL_CROSSINGS)
    facts = _frame(scope, known, span)
    facts["threshold"] = {"value": rounded(threshold), "said": amount(scope, known, threshold)}
    facts["direction"] = direction
    verb = {"rising": "rose above", "falling": "fell below", "both": "crossed"}[direction]
    limit = amount(scope, known, threshold)
    if found.already_above is not None:
        facts["above_at_start"] = found.already_above
    if not found.items:
        return await _never_crossed(desk, known, span, facts, f"{verb} {limit}")
    source = source_name(scope.site, found.source) if found.source else None
    first = found.items[:_MOST_CROSSINGS]
    facts["total"] = found.total
    facts["times"] = [
        {
            "at": clock(scope, item.at),
            "iso": local_iso(scope, item.at),
            "direction": "rising" if item.rising else "falling",
        }
        for item in first
    ]
    last = found.items[-1]
    facts["last"] = {"at": clock(scope, last.at), "direction": "rising" if last.rising else "falling"}
    facts |= {"above_s": round(found.above_s), "above": _duration(found.above_s), "source": source}
    for item in dict.fromkeys((*first, last)):
        name = f"{known.field}_{'rose_above' if item.rising else 'fell_below'}_at"
        desk.note_instant(name, local_iso(scope, item.at), "", item.at, source)
    desk.note(Figure(f"{known.field}_above_s", found.above_s, "s", start=span.start, end=span.end, source=source))
    often = "" if found.total == 1 else f", the first of {found.total} times"
    text = f"{_capital(known.noun)} {verb} {limit} {when(scope, found.items[0].at, span)}{often} ({span.label})."
    return ToolResult(facts, f"{text} It was above that for {_duration(found.above_s)} in all.")


async def compare_periods(
    desk: ToolDesk, metric: MetricArgument, period_a: PeriodArgument, period_b: PeriodArgument
) -> ToolResult:
    """A metric's averages and energies of two past periods, and their difference (a minus b).

    Facts: `"metric"`; `"a"` and `"b"`, each as of history_statistics; `"difference": {"value", "unit", "said"}` (a
    minus b, in kWh for powers, of the means otherwise), `"difference_pct"` of b's or null, `"a_is":
    "higher"|"lower"|"the same"`. A period without data has `"no_data": true`; there is no difference then.
    """
    scope, known = desk.scope, metric_argument(metric)
    a, b = period_argument(scope, period_a), period_argument(scope, period_b)
    found = await history.compare(scope, known.field, a, b)
    facts: dict[str, Any] = {"metric": known.name}
    for name, one in (("a", found.a), ("b", found.b)):
        if one.mean is None:
            facts[name] = {"period": one.period.label, "no_data": True}
            desk.note(
                Figure(f"{known.field}_mean", None, known.described.unit, start=one.period.start, end=one.period.end)
            )
        else:
            facts[name] = {"period": one.period.label} | _statistics_facts(scope, known, one)
            note_statistics(desk, known, one)
    missing = [one.period.label for one in (found.a, found.b) if one.mean is None]
    if missing or found.difference is None:
        where = " and ".join(missing)
        return ToolResult(facts, f"There is no {known.noun} data for {where}, so there is nothing to compare.")
    facts |= _difference_facts(scope, known, found)
    desk.note(Figure(f"{known.field}_difference", found.difference, found.unit, start=b.start, end=a.end))
    return ToolResult(facts, _comparison_sentence(scope, known, found, facts))


def _difference_facts(scope: Scope, metric: Metric, found: Comparison) -> dict[str, Any]:
    difference = found.difference or 0.0
    spoken = format_energy(abs(difference)) if metric.is_power else amount(scope, metric, abs(difference))
    return {
        "difference": {"value": rounded(difference), "unit": found.unit, "said": spoken},
        "difference_pct": None if found.difference_pct is None else rounded(found.difference_pct),
        "a_is": "the same" if abs(difference) < 1e-9 else "higher" if difference > 0 else "lower",
    }


def _comparison_sentence(scope: Scope, metric: Metric, found: Comparison, facts: dict[str, Any]) -> str:
    share = "" if found.difference_pct is None else f" ({format_percent(round(abs(found.difference_pct)))})"
    how = "the same as" if facts["a_is"] == "the same" else f"{facts['difference']['said']}{share} {facts['a_is']} than"
    energies = [_energy(metric, one) for one in (found.a, found.b)]
    if energies[0] and energies[1]:
        versus = f"{energies[0]['said']} against {energies[1]['said']}"
    else:
        versus = f"{said(scope, metric, found.a.mean)} against {said(scope, metric, found.b.mean)} on average"
    return f"{_capital(metric.noun)} {found.a.period.label} was {how} {found.b.period.label}: {versus}."


def note_statistics(desk: ToolDesk, metric: Metric, found: Statistics) -> None:
    """Keep a period's figures: `FIELD_mean`, `FIELD_min`, `FIELD_max` and the energies by the metric's names."""
    source = source_name(desk.scope.site, found.source) if found.source else None
    start, end, unit = found.period.start, found.period.end, metric.described.unit
    desk.note(Figure(f"{metric.field}_mean", found.mean, unit, start=start, end=end, source=source))
    for name, extreme in (("min", found.minimum), ("max", found.maximum)):
        if extreme is not None:
            desk.note_instant(f"{metric.field}_{name}", extreme.value, unit, extreme.at, source)
    if metric.energy_names is None or found.energy is None:
        return
    positive, negative = metric.energy_names
    forward = found.energy.positive_kwh if negative else found.energy.net_kwh
    desk.note(Figure(positive, forward, "kWh", start=start, end=end, source=source))
    if negative:
        desk.note(Figure(negative, found.energy.negative_kwh, "kWh", start=start, end=end, source=source))


async def _never_crossed(desk: ToolDesk, metric: Metric, span: Period, facts: dict[str, Any], what: str) -> ToolResult:
    scope = desk.scope
    found = await history.statistics(scope, metric.field, span)
    if found.mean is None:
        return ToolResult(facts | {"no_data": True}, f"There is no {metric.noun} data for {span.label}.")
    note_statistics(desk, metric, found)
    facts["total"] = 0
    facts["times"] = []
    beyond = await no_sun_yet(desk, metric, found) or _beyond_without_crossing(scope, metric, span, facts, found)
    if beyond:
        facts["instead"] = beyond
    text = beyond or f"{_capital(metric.noun)} never {what} ({span.label})."
    for name, word, extreme in (("highest", "highest", found.maximum), ("lowest", "lowest", found.minimum)):
        if extreme is not None:
            at = extreme.at
            facts[name] = value_fact(scope, metric, extreme.value, at)
            text += f" The {word} was {said(scope, metric, extreme.value)} {when(scope, at, span)}."
    return ToolResult(facts, text)


def _beyond_without_crossing(
    scope: Scope, metric: Metric, span: Period, facts: dict[str, Any], found: Statistics
) -> str | None:
    """Why there is no crossing although the extreme lies beyond the threshold, or None when it does not."""
    limit, low, high = float(facts["threshold"]["value"]), found.minimum, found.maximum
    if low is None or high is None or facts["direction"] == "both":
        return None
    rising, at_least = facts["direction"] == "rising", str(facts["threshold"]["said"])
    extreme = high if rising else low
    if (extreme.value < limit) if rising else (extreme.value >= limit):
        return None
    subject, side = _capital(metric.noun), f"at or above {at_least}" if rising else f"below {at_least}"
    if facts.get("above_at_start") is rising:
        stayed = low.value >= limit if rising else high.value < limit
        return f"{subject} was {side} already when the period began{' and stayed so' if stayed else ''} ({span.label})."
    was = f"{said(scope, metric, extreme.value)} {when(scope, extreme.at, span)}"
    return f"{subject} was {side} ({was}), but it got there while no readings came in: the time is unknown."


def _frame(scope: Scope, metric: Metric, span: Period) -> dict[str, Any]:
    return {
        "metric": metric.name,
        "period": span.label,
        "from": local_iso(scope, span.start),
        "to": local_iso(scope, span.end),
    }


def _statistics_facts(scope: Scope, metric: Metric, found: Statistics) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if found.mean is not None:
        facts["mean"] = value_fact(scope, metric, found.mean)
    for name, extreme in (("min", found.minimum), ("max", found.maximum)):
        if extreme is not None:
            facts[name] = value_fact(scope, metric, extreme.value, extreme.at)
    energy = _energy(metric, found)
    if energy:
        facts["energy"] = energy
    for name, value in (("first", found.first), ("last", found.last)):
        if value is not None:
            facts[name] = value_fact(scope, metric, value.value, value.at)
    if found.expected_s > 0:
        facts["covered_pct"] = rounded(min(100.0, 100 * found.covered_s / found.expected_s))
    facts["source"] = source_name(scope.site, found.source) if found.source else None
    return facts


def _energy(metric: Metric, found: Statistics) -> dict[str, Any] | None:
    energy = found.energy
    if not metric.is_power or energy is None:
        return None
    parts = _PARTS.get(metric.field)
    if parts is None:
        return {"kwh": rounded(energy.net_kwh), "said": format_energy(energy.net_kwh)}
    spoken = f"{format_energy(energy.positive_kwh)} {parts[0]} and {format_energy(energy.negative_kwh)} {parts[1]}"
    return {
        f"{parts[0]}_kwh": rounded(energy.positive_kwh),
        f"{parts[1]}_kwh": rounded(energy.negative_kwh),
        "net_kwh": rounded(energy.net_kwh),
        "said": spoken,
    }


def _statistics_sentence(scope: Scope, metric: Metric, found: Statistics) -> str:
    energy = _energy(metric, found)
    parts = [] if energy is None else [str(energy["said"])]
    parts.append(f"{said(scope, metric, found.mean)} on average")
    for word, extreme in (("highest", found.maximum), ("lowest", found.minimum)):
        if extreme is None:
            continue
        if metric.field in SIGNED_FIELDS:
            # The highest of a night of discharging is no peak of anything: only extremes in their own direction count.
            if (extreme.value > 0) is not (word == "highest"):
                continue
            word = "peak"
        parts.append(f"{word} {said(scope, metric, extreme.value)} {when(scope, extreme.at, found.period)}")
    text = f"{_capital(metric.noun)} {found.period.label}: {', '.join(parts)}."
    if found.expected_s > 0 and found.covered_s < _ENOUGH_COVERED * found.expected_s:
        text += f" Readings cover {format_percent(round(100 * found.covered_s / found.expected_s))} of that time."
    return text


def _bucket_name(scope: Scope, start: Any, by: str) -> str:
    local = start.astimezone(scope.zone)
    return f"{day_name(local, scope.units)} {local:%d}" if by == "day" else f"{local:%H:%M}"


def _duration(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
