"""A brief as it is sent: composed at that moment, for that person, with one picture for each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from agents.tools.desk import ToolDesk
from bot.commands.saying import figure, look_up, name
from bot.reply import Block, Button, Inline, Paragraph, Reply, Source, Text
from energy.brief import BriefLine, DayFigures, day_lines
from energy.units import format_clock, format_energy
from services.brief import KINDS, Brief, Kind, brief

if TYPE_CHECKING:
    from charts.specs import ChartSpec
    from services.scope import Scope

_CHARTS: dict[Kind, str] = {"daily": "power", "weekly": "energy", "monthly": "energy"}


async def brief_reply(scope: Scope, data: Mapping[str, Any]) -> Reply:
    """The reply for an outbox entry of kind "brief": `data` is `{"kind": "daily", "day": "2026-11-23"}`, and may have
    `"also": ["weekly"]`. For a group the scope's actor is a viewer without a `person_id`.
    """
    day = date.fromisoformat(str(data["day"]))
    wanted = (data.get("kind", "daily"), *data.get("also", ()))
    return await reply_of(scope, [await brief(scope, kind, day) for kind in KINDS if kind in wanted])


async def reply_of(scope: Scope, briefs: Sequence[Brief], buttons: Sequence[Sequence[Button]] = ()) -> Reply:
    """One message of several briefs: a paragraph and a chart each, their source once."""
    blocks: list[Block] = []
    charts: list[ChartSpec] = []
    for each in briefs:
        blocks.append(_paragraph(_lines(scope, each)))
        if each.known:
            charts += await _charts(scope, each)
    sources = list(dict.fromkeys(word for each in briefs for word in each.source.split(" + ") if word))
    if sources:
        clock = format_clock(scope.as_of, scope.zone, now=scope.as_of, units=scope.units)
        blocks.append(Source(f"as of {clock}, {name(' + '.join(sources), limit=200)}"))
    return Reply(tuple(blocks), tuple(charts), tuple(tuple(row) for row in buttons if row))


def _lines(scope: Scope, said: Brief) -> Sequence[BriefLine]:
    """The lines as they may be shown in a chat: fault codes and the titles of tasks come from outside."""
    if not isinstance(said.figures, DayFigures):
        return said.lines
    safe = replace(
        said.figures,
        still_open=tuple(replace(each, title=name(each.title)) for each in said.figures.still_open),
        happened=tuple(replace(each, title=name(each.title)) for each in said.figures.happened),
        due=tuple(replace(each, title=name(each.title)) for each in said.figures.due),
    )
    return day_lines(safe, scope.zone, scope.as_of, scope.units)


def _paragraph(lines: Sequence[BriefLine]) -> Paragraph:
    joined: list[Inline] = []
    for line in lines:
        if joined:
            joined.append(Text("\n"))
        joined += figure(line.figure, line.rest)
    return Paragraph(tuple(joined))


async def _charts(scope: Scope, said: Brief) -> list[ChartSpec]:
    desk = ToolDesk(scope)
    words = said.first.isoformat() if said.kind == "daily" else f"{said.first.isoformat()} to {said.last.isoformat()}"
    await look_up(desk, "draw_chart", kind=_CHARTS[said.kind], period=words)
    return [replace(spec, title=_finding(said) or spec.title, period_label="") for spec in desk.charts]


def _finding(said: Brief) -> str:
    """`54.5 kWh solar, 50.6 kWh load`; the chart says the period below it."""
    flows = said.figures.flows
    known = ((flows.solar.kwh, "solar"), (flows.load.kwh, "load"))
    return ", ".join(f"{format_energy(kwh)} {noun}" for kwh, noun in known if kwh is not None)
