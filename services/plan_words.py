"""A plan and its reasons in sentences, the figure first: the same for commands and for tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from energy.brief import BriefLine
from energy.units import format_duration, format_energy, format_percent
from services.outlook_values import BatteryRun, MinerRun, PlanMode, PlanView, WhyItem, WhyView
from services.scope import Scope
from services.times_ahead import bare, moment_ahead, span_ahead

MODES: dict[PlanMode, str] = {
    "advise": "Advice only: nothing is switched by it.",
    "ask": "It asks before each change.",
    "automatic": "The site follows it by itself.",
}
MOST_LINES = 10
_MOST_RUNS, _MOST_NOTES = 4, 2
_LEAST_KWH = 0.05
_OLD = "the worker makes one every 15 minutes while it runs, and /health says what is silent."


def plan_head(scope: Scope, view: PlanView) -> BriefLine:
    """What it brings, and what for."""
    until = bare(scope, view.until)
    money = f"{abs(view.money):,.2f} {view.currency}"
    flows = [f"{format_energy(view.miner_kwh)} of mining"] if view.has_miners and view.runs else []
    if scope.site.grid.present:
        flows += [f"{format_energy(view.import_kwh)} imported"] if view.import_kwh >= _LEAST_KWH else []
        flows += [f"{format_energy(view.export_kwh)} exported"] if view.export_kwh >= _LEAST_KWH else []
    said = f": {', '.join(flows)}" if flows else ""
    if not flows:
        return BriefLine(f"Nothing to earn and nothing to pay until {until}", ".")
    return BriefLine(f"The plan {'brings' if view.money >= 0 else 'costs'} {money} until {until}", f"{said}.")


def run_lines(scope: Scope, view: PlanView) -> list[BriefLine]:
    """The miners' runs, those at the same time together; why none runs where none does."""
    if not view.has_miners:
        return []
    if not view.runs:
        reason = _why_none(scope, view)
        return [BriefLine("No miner runs", f": {reason}" if reason else ".")]
    groups: dict[tuple[datetime, datetime], list[MinerRun]] = {}
    for run in view.runs:
        groups.setdefault((run.start, run.end), []).append(run)
    lines = [_run_line(scope, runs) for runs in groups.values()]
    if len(lines) > _MOST_RUNS:
        left = len(lines) - (_MOST_RUNS - 1)
        lines = [*lines[: _MOST_RUNS - 1], BriefLine(f"and {left} more runs", "; the chart shows them all")]
    return lines


def _run_line(scope: Scope, runs: Sequence[MinerRun]) -> BriefLine:
    first = runs[0]
    names = _and([run.name for run in runs])
    sources = _sources(
        first, [sum(kwh) for kwh in zip(*[(r.surplus_kwh, r.battery_kwh, r.grid_kwh) for r in runs], strict=True)]
    )
    return BriefLine(f"{names} {span_ahead(scope, first.start, first.end)}", f": {sources}")


def _sources(run: MinerRun, kwh: Sequence[float]) -> str:
    """ "4 h 45 min of surplus, 2.1 kWh from the battery"."""
    surplus, battery, grid = kwh
    length = run.end - run.start
    parts: list[str] = []
    if run.on_surplus >= length - timedelta(minutes=1):
        return f"{format_duration(length)} of surplus"
    if run.on_surplus >= timedelta(minutes=15):
        parts.append(f"{format_duration(run.on_surplus)} of surplus")
    elif surplus >= _LEAST_KWH:
        parts.append(f"{format_energy(surplus)} from surplus")
    parts += [f"{format_energy(battery)} from the battery"] if battery >= _LEAST_KWH else []
    parts += [f"{format_energy(grid)} from the grid"] if grid >= _LEAST_KWH else []
    return ", ".join(parts) or format_duration(length)


def _why_none(scope: Scope, view: PlanView) -> str:
    first = view.steps[0]
    miners = sorted(scope.site.miner, key=lambda miner: miner.priority)
    reason = next((first.miner_reasons[m.id].text for m in miners if m.id in first.miner_reasons), "")
    return as_clause(reason)


def plan_lines(scope: Scope, view: PlanView) -> list[BriefLine]:
    """All of it in up to ten lines: money, runs, battery, what is not kept, risks, how it is used."""
    lines = [plan_head(scope, view), *run_lines(scope, view), *[_held(scope, run) for run in view.battery_runs[:2]]]
    if view.lowest is not None:
        full = f", full {moment_ahead(scope, view.full_at)}" if view.full_at is not None else ""
        level = format_percent(round(view.lowest.soc_pct))
        lines.append(BriefLine(f"Battery lowest {level} {moment_ahead(scope, view.lowest.at)}", f"{full}."))
    lines += [BriefLine("Not kept", f": {_lower(text)}") for text in view.violations[:2]]
    lines += [BriefLine("Risk", f": {_lower(text)}") for text in view.risks[:1]]
    lines.append(mode_line(view))
    notes = view.notes if view.method == "milp" else (*view.notes[-1:], *view.notes[:-1])
    room = max(MOST_LINES - len(lines), 0)
    return [*lines[:-1], *[BriefLine(note) for note in notes[: min(room, _MOST_NOTES)]], lines[-1]]


def mode_line(view: PlanView) -> BriefLine:
    """How the site uses the plan; that it is too old to be followed."""
    if not view.old:
        return BriefLine(MODES[view.mode])
    follows = " and is not followed" if view.mode != "advise" else ""
    return BriefLine(f"It is {format_duration(view.age)} old{follows}", f": {_OLD}")


def _held(scope: Scope, run: BatteryRun) -> BriefLine:
    when = span_ahead(scope, run.start, run.end)
    if run.mode == "grid_charge":
        return BriefLine(f"Battery charges from the grid {when}", f": {format_energy(run.kwh)}. {run.reason}")
    return BriefLine(f"Battery held {when}", f": {as_clause(run.reason)}")


def why_lines(scope: Scope, view: WhyView) -> list[BriefLine]:
    """The reasons: of each miner (those with the same one together) and of the battery; of one alone in more detail."""
    lines: list[BriefLine] = []
    if view.old:
        lines.append(BriefLine(f"The plan is {format_duration(view.age)} old", f": {_OLD}"))
    miners = [item for item in view.items if item.miner_id is not None]
    if len(miners) == 1:
        return [*lines, *_detailed(scope, miners[0])]
    groups: dict[tuple[bool | None, str, str], list[WhyItem]] = {}
    for item in miners:
        groups.setdefault((item.planned_on, item.reason, item.differs), []).append(item)
    lines += [_reason_line(_and([item.name for item in items]), items[0]) for items in groups.values()]
    if miners:
        coming = [item for item in miners if item.next is not None]
        first = min(coming, key=lambda item: item.next.at if item.next else item.until, default=None)
        if first is not None and first.next is not None:
            lines.append(_next_line(scope, first, named=True))
    lines += [BriefLine("Battery", f": {as_clause(item.reason)}") for item in view.items if item.miner_id is None]
    return lines


def _reason_line(names: str, item: WhyItem) -> BriefLine:
    word = {True: "on", False: "off", None: "not in the plan"}[item.planned_on]
    differs = f" {item.differs}" if item.differs else ""
    return BriefLine(f"{names} {word}", f": {as_clause(item.reason)}{differs}")


def _detailed(scope: Scope, item: WhyItem) -> list[BriefLine]:
    lines = [_reason_line(item.name, replace(item, differs=""))]
    if item.differs:
        lines.append(BriefLine("Now", f": {_lower(item.differs)}"))
    if item.next is not None:
        lines.append(_next_line(scope, item, named=False))
    else:
        lines.append(BriefLine("Next", f": no change until {bare(scope, item.until)}."))
    if item.would_change:
        lines.append(BriefLine("What would change it", f": {_lower(item.would_change)}"))
    return lines


def _next_line(scope: Scope, item: WhyItem, *, named: bool) -> BriefLine:
    assert item.next is not None
    subject = f"{item.name} " if named else ""
    word = "on" if item.next.on else "off"
    return BriefLine("Next", f": {subject}{word} {moment_ahead(scope, item.next.at)}: {as_clause(item.next.reason)}")


def as_clause(reason: str) -> str:
    """A reason after a colon: without the "Off:" that its line says already, and with a small letter."""
    return _lower(reason.removeprefix("Off: "))


def _lower(text: str) -> str:
    first = text.partition(" ")[0]
    named = len(first) > 1 and any(c.isupper() or c.isdigit() for c in first[1:])
    return text if not text or named else text[0].lower() + text[1:]


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
