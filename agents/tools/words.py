"""How tools speak: sources, moments and figures in the person's units, signed flows in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agents.tools.desk import ToolProblem
from agents.tools.metrics import METRIC_NAMES, Metric, UnknownMetric, metric_named
from energy.period_unread import unread_time_words
from energy.period_words import find_phrases
from energy.periods import Period, UnknownPeriod, parse_period
from energy.reading import Kind
from energy.units import format_clock, format_duration, format_power, format_value, spoken_flow

if TYPE_CHECKING:
    from services.scope import Scope

SIGNED_FIELDS = ("battery_charge_w", "grid_import_w")


def instant(epoch_s: float) -> datetime:
    """The aware UTC moment of epoch seconds."""
    return datetime.fromtimestamp(epoch_s, UTC)


def clock(scope: Scope, moment: datetime) -> str:
    """A moment in the site's local words, seen from the scope's `as_of`."""
    return format_clock(moment, scope.zone, now=scope.as_of, units=scope.units)


def when(scope: Scope, moment: datetime, period: Period | None = None) -> str:
    """A moment inside a sentence: "at 12:00", "yesterday at 12:00"; the day is left out where the period names it."""
    day, _, time = clock(scope, moment).replace(" AM", "\u00a0AM").replace(" PM", "\u00a0PM").rpartition(" ")
    if not day or (period is not None and period.label == day):
        return f"at {time}"
    return f"{day} at {time}" if day == "yesterday" else f"on {day} at {time}"


def local_iso(scope: Scope, moment: datetime) -> str:
    """A moment as ISO-8601 with the site's offset, to the second."""
    return moment.astimezone(scope.zone).replace(microsecond=0).isoformat()


def age_words(scope: Scope, moment: datetime) -> str:
    """How long before `as_of` a moment lies, in words."""
    return format_duration(max(timedelta(0), scope.as_of - moment))


def said(scope: Scope, metric: Metric, value: float | None) -> str:
    """A metric's value in the person's units, a signed flow in words ("discharging at 1.2 kW")."""
    if value is None:
        return "unknown"
    if metric.field in SIGNED_FIELDS:
        return spoken_flow(metric.field, value, scope.units)
    return format_value(metric.field, value, scope.units)


def amount(scope: Scope, metric: Metric, value: float) -> str:
    """A difference or a threshold in the person's units, without a direction."""
    if metric.described.kind is Kind.POWER:
        return format_power(value, scope.units)
    if metric.described.kind is Kind.TEMPERATURE and scope.units.temperature == "F":
        return f"{value * 9 / 5:.1f} °F"
    return format_value(metric.field, value, scope.units)


def value_fact(scope: Scope, metric: Metric, value: float, at: datetime | None = None) -> dict[str, Any]:
    """`{"value", "said", "at"}`: the number in the field's unit, and as a person reads it."""
    fact: dict[str, Any] = {"value": rounded(value), "said": said(scope, metric, value)}
    if at is not None:
        fact["at"] = clock(scope, at)
    return fact


def rounded(value: float) -> float:
    """A number with as many digits as say something: it goes into prompts."""
    tidy = round(value, 0 if abs(value) >= 100 else 2)
    return int(tidy) if tidy == int(tidy) else tidy


def metric_argument(text: str) -> Metric:
    """The metric of a tool argument; raises ToolProblem with the known names."""
    try:
        return metric_named(text)
    except UnknownMetric as error:
        raise ToolProblem(f"{error}.", problem="unknown_metric", metrics=list(METRIC_NAMES)) from error


def period_argument(scope: Scope, text: str) -> Period:
    """The period of a tool argument in plain words; raises ToolProblem with examples of what works.

    A period that lies wholly after `as_of` is a problem too: there is no history of it. So are a second period and
    words of time that are not understood: the answer would be for another time than was asked.
    """
    site = scope.site
    low = " ".join(text.lower().split())
    phrases = find_phrases(low)
    unread = unread_time_words(low, phrases) if phrases else None
    named = list(dict.fromkeys(phrase.wording for phrase in phrases))
    if unread is not None:
        raise ToolProblem(
            f'I do not know "{unread}" in "{text[:60]}"; give one period, with dates (2026-11-20) where words fail.',
            problem="unknown_period",
        )
    if len(named) > 1:
        raise ToolProblem(f'"{text[:60]}" names {len(named)} periods; ask for one at a time.', problem="many_periods")
    try:
        period = parse_period(text, now=scope.as_of, zone=scope.zone, latitude=site.latitude, longitude=site.longitude)
    except UnknownPeriod as error:
        raise ToolProblem(
            f"{error}.",
            problem="unknown_period",
            examples=["today", "yesterday", "last 6 hours", "last night", "last 7 days", "2026-05-03"],
        ) from error
    if period.start >= scope.as_of:
        raise ToolProblem(
            f"{period.label.capitalize()} has not happened yet, so there is no history of it.", problem="future_period"
        )
    return period
