"""What the tools that look ahead share: the days that are asked for, figures noted with their source, charts, ages."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import structlog

from agents.answer import Figure
from agents.tools.desk import ToolDesk, ToolProblem
from agents.tools.words import clock, rounded
from energy.durations import UnknownDuration, parse_until
from energy.units import format_duration, format_energy, format_percent

if TYPE_CHECKING:
    from charts.specs import ChartSpec
    from energy.brief import BriefLine
    from services.outlook_values import LevelAt, Nothing, Quantiles
    from services.scope import Scope

log = structlog.get_logger()

_MOST_CHARTS = 2
_WEEK = re.compile(r"\bweek\b|\b(?:seven|7) days\b|\bnext (?:few|\d+) days\b|\bcoming days\b")
_WEEKDAY = re.compile(r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def days_asked(scope: Scope, text: str) -> tuple[date, ...] | Literal["week"]:
    """The local days that words name: "today", "tomorrow", "Friday", "weekend", a date; nothing means the next two.

    Raises ToolProblem for words that name none, and for a day that is past.
    """
    words = " ".join(text.lower().split())
    today = scope.as_of.astimezone(scope.zone).date()
    if not words:
        return (today, today + timedelta(days=1))
    if _WEEK.search(words):
        return "week"
    if "after tomorrow" in words:
        return (today + timedelta(days=2),)
    if "tomorrow" in words:
        return (today + timedelta(days=1),)
    if "weekend" in words:
        saturday = today + timedelta(days=(5 - today.weekday()) % 7)
        return (saturday, saturday + timedelta(days=1))
    if re.search(r"\b(?:today|now|tonight|this (?:morning|afternoon|evening)|next \d+ hours?|in \d+ hours?)\b", words):
        return (today,)
    named = _ISO.search(words) or _WEEKDAY.search(words)
    if named is None:
        raise ToolProblem(
            f'"{text[:40]}" is no day that I can look ahead to; say today, tomorrow, a weekday, week or a date.',
            problem="unknown_day",
        )
    try:
        if _ISO.fullmatch(named[0]):
            day = date.fromisoformat(named[0])
        else:
            day = parse_until(named[0], now=scope.as_of, zone=scope.zone).astimezone(scope.zone).date()
    except (UnknownDuration, ValueError) as error:
        raise ToolProblem(f'"{named[0]}" is no day to come.', problem="unknown_day") from error
    if day < today:
        raise ToolProblem(f"{named[0]} is past: that is history, not a forecast.", problem="past_day")
    return (day,)


def until_asked(scope: Scope, text: str) -> datetime:
    """The moment to come that words name; raises ToolProblem with the reason in words."""
    try:
        return parse_until(text, now=scope.as_of, zone=scope.zone)
    except UnknownDuration as error:
        raise ToolProblem(f"{str(error)[:200]}.", problem="unknown_time") from error


def missing(found: Nothing) -> ToolProblem:
    """There is nothing to look ahead with, in the service's words."""
    return ToolProblem(found.says, problem="none_yet")


def kwh_fact(amount: Quantiles) -> dict[str, Any]:
    """`{"kwh", "said", "range"}`: an amount with the range that it lies in four times out of five."""
    digits = 0 if amount.p90 >= 10 else 1
    return {
        "kwh": rounded(amount.p50),
        "said": format_energy(amount.p50),
        "range": f"{amount.p10:.{digits}f} to {amount.p90:.{digits}f} kWh",
    }


def level_fact(level: LevelAt | None, at: str) -> dict[str, Any] | None:
    """`{"pct", "said", "at"}`: a battery level and its moment in words."""
    if level is None:
        return None
    return {"pct": round(level.soc_pct), "said": format_percent(round(level.soc_pct)), "at": at}


def age_fact(age: timedelta, *, old: bool) -> dict[str, str]:
    """`{"old": "5 h"}` where it is older than it should be, nothing else."""
    return {"old": format_duration(age)} if old else {}


def issued_source(scope: Scope, issued_at: datetime) -> str:
    """ "forecast issued 14:00"."""
    return f"forecast issued {clock(scope, issued_at)}"


def plan_source(scope: Scope, planned_at: datetime) -> str:
    """ "plan of 14:15"."""
    return f"plan of {clock(scope, planned_at)}"


def note_span(
    desk: ToolDesk,
    name: str,
    value: float | None,
    unit: str,
    start: datetime,
    end: datetime,
    source: str,
    made: datetime,
) -> None:
    """Keep a figure of a time to come; its age is that of the forecast or the plan."""
    if value is None:
        return
    age_s = max(0.0, (desk.scope.as_of - made).total_seconds())
    desk.note(Figure(name, round(value, 3), unit, start=start, end=end, source=source, age_s=age_s))


async def attach(desk: ToolDesk, what: str, build: Callable[[], Awaitable[ChartSpec | None]]) -> bool:
    """Keep a chart, a second one at the most; whatever is wrong with a picture, the figures are still told."""
    if len(desk.charts) >= _MOST_CHARTS:
        return False
    try:
        spec = await build()
    except Exception:
        log.exception("chart_spec_failed", chart=what)
        return False
    # Tools run side by side: another may have drawn meanwhile.
    return spec is not None and len(desk.charts) < _MOST_CHARTS and desk.note_chart(spec)


def plain(line: BriefLine) -> str:
    """A line as one text."""
    return f"{line.figure}{line.rest}"


def without_nothing(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that say something: every character is paid for."""
    return {name: value for name, value in facts.items() if value is not False and value not in (None, "", [], (), {})}
