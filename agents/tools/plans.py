"""The tools about the plan: what it does, why, and what would be otherwise with one thing changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from agents import outlook_charts
from agents.tools.ahead import (
    age_fact,
    attach,
    days_asked,
    level_fact,
    missing,
    note_span,
    plain,
    plan_source,
    until_asked,
    without_nothing,
)
from agents.tools.desk import ToolDesk, ToolProblem, ToolResult
from agents.tools.words import clock, instant, rounded
from energy.periods import local_midnight
from energy.units import format_energy
from services import outlook, plan_words
from services import what_if as what_ifs
from services.miners import UnknownMiner, find_miners
from services.outlook_course import next_sun
from services.outlook_values import MinerRun, Nothing, PlanView
from services.reckoning import Reckoner
from services.times_ahead import bare, day_ahead, moment_ahead, span_ahead

if TYPE_CHECKING:
    from services.scope import Scope
    from services.what_if import MoreBatteryView, WhatIfView

WHAT_IF_TIMEOUT_S = 18.0  # two plans are solved in a process of their own
_MOST_RUNS = 5
_LONGEST_REASON = 220
_CLOCK = re.compile(r"(?:(today|yesterday)\s+)?(?:at\s+)?(\d{1,2})(?::(\d{2}))?\s*(am|pm)?")
_SHORTEST = timedelta(minutes=15)


async def miner_and_battery_plan(desk: ToolDesk) -> ToolResult:
    """What the newest plan does: when each miner runs and on what energy, the battery, money, risks.

    Facts: `planned`, `old` where it is, `mode` (advise: nothing is switched by it), `until`, `money`, `runs` per miner
    with `when`, `kwh` and sources, `tonight` (whether a miner runs between sunset and sunrise), `battery` runs (held or
    charged from the grid), `lowest`, `full`, `risks`, `not_kept`, `why_none` where no miner runs.
    """
    scope = desk.scope
    view = await outlook.plan_view(scope)
    if isinstance(view, Nothing):
        raise missing(view)
    source = plan_source(scope, view.planned_at)
    figures = (
        ("plan_money", view.money, view.currency),
        ("plan_miners_kwh", view.miner_kwh, "kWh"),
        ("plan_import_kwh", view.import_kwh, "kWh"),
        ("plan_export_kwh", view.export_kwh, "kWh"),
        ("plan_soc_lowest_pct", None if view.lowest is None else view.lowest.soc_pct, "%"),
        ("plan_soc_lowest_if_dull_pct", None if view.lowest_if_dull is None else view.lowest_if_dull.soc_pct, "%"),
    )
    for name, value, unit in figures:
        note_span(desk, name, value, unit, scope.as_of, view.until, source, view.planned_at)
    for run in view.runs[:_MOST_RUNS]:
        note_span(desk, f"plan_{run.miner_id}_kwh", run.kwh, "kWh", run.start, run.end, source, view.planned_at)
    lines = plan_words.run_lines(scope, view)
    night = _night(scope)
    facts = {
        "planned": clock(scope, view.planned_at),
        **age_fact(view.age, old=view.old),
        "mode": view.mode,
        "until": bare(scope, view.until),
        "brings": plain(plan_words.plan_head(scope, view)),
        "runs": [_run(scope, run) for run in view.runs[:_MOST_RUNS]],
        "more_runs": max(len(view.runs) - _MOST_RUNS, 0) or None,
        "run_lines": [plain(line) for line in lines],
        "tonight": [run.name for run in view.runs if _overlaps(run, night)] if night else None,
        "battery": [_battery_run(scope, view, n) for n in range(min(len(view.battery_runs), 2))],
        "lowest": _level(scope, view, dull=False),
        "lowest_if_dull": _level(scope, view, dull=True),
        "full": None if view.full_at is None else moment_ahead(scope, view.full_at),
        "risks": list(view.risks[:1]),
        "not_kept": list(view.violations[:1]),
        "why_tonight": _night_reason(scope, view, night),
        "why_tomorrow": _tomorrow_reason(scope, view),
    }
    await attach(desk, "plan", lambda: outlook_charts.plan_chart(scope, view))
    return ToolResult(without_nothing(facts), " ".join(map(plain, plan_words.plan_lines(scope, view)[:5])))


async def why_plan(desk: ToolDesk, miner: str = "", at: str = "") -> ToolResult:
    """Why a miner (or the battery) is on or off by the plan, now or at a time ("18:00", "tomorrow 09:00").

    Facts: `planned` (when the plan was made), `of` where it is not about now, `lines`: the reasons with their figures,
    what comes next and what would change it.
    """
    scope = desk.scope
    moment = _moment(scope, at)
    only_battery = miner.strip().lower() in ("battery", "the battery")
    named = "" if only_battery or miner.strip().lower() in ("", "all", "miners", "the miners") else miner
    try:
        found = await outlook.why(scope, named or None, moment)
    except UnknownMiner as error:
        raise ToolProblem(f"{str(error)[:200]}.", problem="unknown_miner") from error
    if isinstance(found, Nothing):
        raise missing(found)
    if only_battery:
        found = outlook.only_battery(found)
    source = plan_source(scope, found.planned_at)
    for item in found.items:
        for name, value in list(item.figures.items())[:6]:
            note_span(
                desk,
                f"why_{item.miner_id or 'battery'}_{name}",
                value,
                _unit(name),
                found.at,
                item.until,
                source,
                found.planned_at,
            )
    lines = [plain(line) for line in plan_words.why_lines(scope, found)]
    facts = {
        "planned": clock(scope, found.planned_at),
        **age_fact(found.age, old=found.old),
        "of": None if found.is_now else _of(scope, found.at),
        "mode": found.mode,
        "miner": [item.name for item in found.items if item.miner_id is not None],
        "lines": lines[:5],
    }
    return ToolResult(without_nothing(facts), " ".join(lines[:3]))


async def what_if(
    desk: ToolDesk,
    kind: Literal["run_miners", "cloudy", "more_battery"],
    miners: str = "all",
    until: str = "",
    day: str = "",
    sun_pct: int = -1,
    extra_kwh: float = 0.0,
    days: int = 30,
) -> ToolResult:
    """The plan with one thing changed: miners run until a time, a day is cloudy, or the last days had more battery.

    `miners` and `until`; `day` and `sun_pct` of its sun; `extra_kwh` and how many `days` back.

    Facts: `money_change` and `lines`: money, mining, import, and the battery's lowest level both ways.
    """
    scope = desk.scope
    reckoner = Reckoner()
    try:
        found = await _changed(scope, reckoner, kind, miners, until, day, sun_pct, extra_kwh, days)
    finally:
        await reckoner.close()
    if isinstance(found, Nothing):
        raise missing(found)
    source = f"worked out {clock(scope, scope.as_of)}"
    start, end = _span(scope, found)
    changes = {
        "money_change": (found.money_change, found.currency),
        "import_change": (found.import_kwh_change, "kWh"),
        "miner_change": (found.miner_kwh_change, "kWh"),
    }
    for name, (value, unit) in changes.items():
        note_span(desk, f"what_if_{name}", value, unit, start, end, source, scope.as_of)
    facts = {name: rounded(value) for name, (value, _) in changes.items()} | {
        "kind": kind,
        "currency": found.currency,
        "lines": list(found.lines[:5]),
    }
    return ToolResult(facts, " ".join(found.lines[:3]))


async def _changed(
    scope: Scope,
    reckoner: Reckoner,
    kind: str,
    miners: str,
    until: str,
    day: str,
    sun_pct: int,
    extra_kwh: float,
    days: int,
) -> WhatIfView | MoreBatteryView | Nothing:
    if kind == "more_battery":
        return await what_ifs.more_battery(scope, reckoner, extra_kwh, days=days)
    if kind == "cloudy":
        asked = days_asked(scope, day or "tomorrow")
        share = sun_pct / 100 if sun_pct >= 0 else None
        return await what_ifs.cloudy(scope, reckoner, share=share, day=None if asked == "week" else asked[0])
    try:
        singular = re.sub(r"(?<=\d)s\b", "", miners)  # "both S19s"
        chosen = [miner.id for miner in find_miners(scope.site, singular or "all")]
    except UnknownMiner as error:
        raise ToolProblem(f"{str(error)[:200]}.", problem="unknown_miner") from error
    return await what_ifs.run_miners(scope, reckoner, chosen, until_asked(scope, until or "midnight"))


def _span(scope: Scope, found: WhatIfView | MoreBatteryView) -> tuple[datetime, datetime]:
    if isinstance(found, what_ifs.MoreBatteryView):
        return local_midnight(found.first, scope.zone), local_midnight(found.last + timedelta(days=1), scope.zone)
    return scope.as_of, datetime.fromtimestamp(found.changed.steps[-1].end_s, UTC)


def _run(scope: Scope, run: MinerRun) -> dict[str, Any]:
    parts = {"surplus": run.surplus_kwh, "from_battery": run.battery_kwh, "from_grid": run.grid_kwh}
    return {
        "miner": run.name,
        "when": span_ahead(scope, run.start, run.end),
        "kwh": rounded(run.kwh),
        **{name: rounded(kwh) for name, kwh in parts.items() if kwh >= 0.05},
    }


def _battery_run(scope: Scope, view: PlanView, index: int) -> dict[str, Any]:
    run = view.battery_runs[index]
    return {
        "mode": run.mode,
        "when": span_ahead(scope, run.start, run.end),
        "kwh": format_energy(run.kwh),
        "reason": run.reason[:_LONGEST_REASON],
    }


def _level(scope: Scope, view: PlanView, *, dull: bool) -> dict[str, Any] | None:
    level = view.lowest_if_dull if dull else view.lowest
    return None if level is None else level_fact(level, moment_ahead(scope, level.at))


def _night(scope: Scope) -> tuple[datetime, datetime] | None:
    """The night that runs, or the one to come."""
    sunset, sunrise = next_sun(scope.site, scope.as_of, rise=False), next_sun(scope.site, scope.as_of, rise=True)
    if sunset is None or sunrise is None:
        return None
    if sunrise < sunset:
        return scope.as_of, sunrise
    return sunset, sunrise


def _overlaps(run: MinerRun, night: tuple[datetime, datetime]) -> bool:
    return min(run.end, night[1]) - max(run.start, night[0]) >= _SHORTEST


def _night_reason(scope: Scope, view: PlanView, night: tuple[datetime, datetime] | None) -> str | None:
    """Why the first miner stays off in the middle of the night."""
    if night is None or any(_overlaps(run, night) for run in view.runs):
        return None
    return _reason_at(scope, view, night[0] + (night[1] - night[0]) / 2)


def _tomorrow_reason(scope: Scope, view: PlanView) -> str | None:
    """Why the first miner stays off all of tomorrow, at its sunniest step."""
    today = scope.as_of.astimezone(scope.zone).date()
    day = tuple(local_midnight(today + timedelta(days=ahead), scope.zone) for ahead in (1, 2))
    steps = [step for step in view.steps if day[0].timestamp() <= step.start_s < day[1].timestamp()]
    if not steps or any(run.start < day[1] and run.end > day[0] for run in view.runs):
        return None
    return _reason_at(scope, view, instant(max(steps, key=lambda step: step.solar_w).start_s))


def _reason_at(scope: Scope, view: PlanView, moment: datetime) -> str | None:
    miners = sorted(scope.site.miner, key=lambda miner: miner.priority)
    step = next((step for step in view.steps if step.start_s <= moment.timestamp() < step.end_s), None)
    reason = None if step is None or not miners else step.miner_reasons.get(miners[0].id)
    return None if reason is None else f"{miners[0].name}: {plan_words.as_clause(reason.text)[:_LONGEST_REASON]}"


def _moment(scope: Scope, text: str) -> datetime | None:
    """A moment in words; a bare clock time is the next one, "today 09:00" and "yesterday 18:00" may be past."""
    words = " ".join(text.lower().split())
    if words in ("", "now", "right now", "today"):
        return None
    match = _CLOCK.fullmatch(words)
    if match is not None and match[1] is not None:
        local = scope.as_of.astimezone(scope.zone)
        hour = int(match[2]) % 12 + (12 if match[4] == "pm" else 0) if match[4] else int(match[2])
        day = local.date() - timedelta(days=match[1] == "yesterday")
        if hour > 23 or int(match[3] or 0) > 59:
            raise ToolProblem(f'"{text[:40]}" is no time of day.', problem="unknown_time")
        return datetime(day.year, day.month, day.day, hour, int(match[3] or 0), tzinfo=scope.zone)
    return until_asked(scope, re.sub(r"^(?:at|in)\s+", "", words))


def _of(scope: Scope, at: datetime) -> str:
    if at > scope.as_of:
        return moment_ahead(scope, at)
    return f"at {clock(scope, at)}" if day_ahead(scope, at) == "today" else clock(scope, at)


def _unit(name: str) -> str:
    for ending, unit in (("_kwh", "kWh"), ("_pct", "%"), ("_kw", "kW"), ("_w", "W"), ("_c", "°C"), ("_h", "h")):
        if name.endswith(ending):
            return unit
    return ""
