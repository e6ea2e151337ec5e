"""A plan over time: the miners stacked on the base load against the sun, prices and the grid, and the battery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from matplotlib.axes import Axes

from charts import palette, strokes
from charts.bands import panel_heading
from charts.canvas import (
    AXIS_LEFT_PX,
    DASHES,
    WIDTH_PX,
    Card,
    Key,
    Tile,
    footer_height_px,
    legend_height_px,
    points,
    set_time_axis,
    set_value_axis,
    tile_grid,
    time_axis_height_px,
)
from charts.draw_soc_fan import soc_limits
from charts.outlook_words import miner_runs, plan_kwh
from charts.specs import PlanBar, PlanChart
from charts.ticks import value_ticks
from charts.wording import at, clock, one_day
from energy.units import format_duration, format_energy, format_percent

FLOWS_PX, GRID_PX, SOC_PX = 470, 180, 230
BETWEEN_PX = 74
RIGHT_PX = 204
LEAST_W = 30.0  # of import or export, under which it is the inverter's own ripple


@dataclass(frozen=True, slots=True)
class _Panel:
    height_px: int
    draw: Callable[[Card, PlanChart, Axes, float], None]


def draw_plan(spec: PlanChart) -> Card:
    """The card of a plan."""
    panels = _panels(spec)
    tiles = _tiles(spec)
    keys = _keys(spec)
    notes = [*spec.notes, f"Planned {at(spec, spec.planned_at.timestamp())}"]
    above_px = 150 + tile_grid(tiles).height_px + legend_height_px(keys) + 24 + BETWEEN_PX
    plots_px = sum(panel.height_px for panel in panels) + BETWEEN_PX * (len(panels) - 1)
    card = Card(above_px + plots_px + time_axis_height_px(spec) + footer_height_px(notes))
    top_px = card.legend(keys, card.tiles(tiles, card.heading(spec)) + 12) + 12 + BETWEEN_PX
    for index, panel in enumerate(panels):
        axes = card.panel(top_px, panel.height_px, right_px=RIGHT_PX)
        set_time_axis(axes, spec, labels=index == len(panels) - 1)
        panel.draw(card, spec, axes, top_px - 18)
        strokes.draw_now(axes, spec, label=False, ahead=True)
        top_px += panel.height_px + BETWEEN_PX
    card.footer(spec, notes)
    return card


def _panels(spec: PlanChart) -> list[_Panel]:
    panels = [_Panel(FLOWS_PX, _draw_flows)]
    if any(step.import_per_kwh is not None for step in spec.steps):
        panels.append(_Panel(GRID_PX, _draw_prices))
    elif any(abs(step.grid_import_w) > LEAST_W for step in spec.steps):
        panels.append(_Panel(GRID_PX, _draw_grid))
    if any(step.soc_pct is not None for step in spec.steps):
        panels.append(_Panel(SOC_PX, _draw_soc))
    return panels


def _tiles(spec: PlanChart) -> list[Tile]:
    """Each miner: how long it runs, and when."""
    tiles = []
    for index, name in enumerate(spec.miners):
        runs = miner_runs(spec, index)
        seconds = sum(run.end_s - run.start_s for run in runs)
        if not runs:
            note = ""
        elif len(runs) == 1:
            last = clock(spec, runs[0].end_s) if _same_day(spec, runs[0].start_s, runs[0].end_s) else ""
            note = f"{at(spec, runs[0].start_s)} to {last or at(spec, runs[0].end_s)}"
        else:
            note = f"{len(runs)} runs from {at(spec, runs[0].start_s)}"
        value = format_duration(timedelta(seconds=seconds)) if runs else "off"
        tiles.append(Tile(name, value, note, _colour(index)))
    return tiles


def _same_day(spec: PlanChart, first_s: int, last_s: int) -> bool:
    return not one_day(spec) and at(spec, first_s).split()[0] == at(spec, last_s).split()[0]


def _colour(index: int) -> str:
    return palette.MINER_COLOURS[index % len(palette.MINER_COLOURS)]


def _keys(spec: PlanChart) -> list[Key]:
    if not spec.steps:
        return []
    keys = [Key("solar", palette.SOLAR, "band"), Key("base load", palette.LOAD, "box")]
    if spec.miners:
        keys.append(Key("miners on top, each its colour", palette.MINERS, "box"))
    return keys


def _draw_flows(card: Card, spec: PlanChart, axes: Axes, y_px: float) -> None:
    steps = spec.steps
    stacks = [step.base_load_w + sum(step.miners_w) for step in steps]
    highest = max([1.0, *stacks, *(step.solar_w for step in steps)])
    in_kw = spec.units.power == "kW" or (spec.units.power == "auto" and highest >= 999.5)
    scale = 0.001 if in_kw else 1.0
    set_value_axis(axes, value_ticks(0, highest * scale, count=5))
    if not steps:
        card.notice(axes, "no plan for this period")
        return
    card.text(AXIS_LEFT_PX - 14, y_px, "kW" if in_kw else "W", align="right", colour=palette.MUTED)
    words = (
        f"solar {format_energy(plan_kwh(spec, 'solar_w'))}, base load {format_energy(plan_kwh(spec, 'base_load_w'))}"
    )
    panel_heading(card, AXIS_LEFT_PX, y_px, "Use", words, colour=palette.TEXT, room_px=_room_px())
    for run in _runs(steps):
        edges = [*(step.start_s for step in run), run[-1].end_s]
        solar = [step.solar_w * scale for step in run]
        axes.stairs(solar, edges, baseline=0, fill=True, color=palette.SOLAR, alpha=0.3, lw=0, zorder=2)
        axes.stairs(solar, edges, baseline=None, color=palette.SOLAR, lw=points(4.5), zorder=3.4)
        floor = [step.base_load_w * scale for step in run]
        axes.stairs(floor, edges, baseline=0, fill=True, color=palette.LOAD, lw=0, alpha=0.85, zorder=2.2)
        for index in range(len(spec.miners)):
            top = [below + step.miners_w[index] * scale for below, step in zip(floor, run, strict=True)]
            axes.stairs(top, edges, baseline=floor, fill=True, color=_colour(index), lw=0, alpha=0.9, zorder=2.3)
            floor = top


def _draw_prices(card: Card, spec: PlanChart, axes: Axes, y_px: float) -> None:
    prices = [p for step in spec.steps for p in (step.import_per_kwh, step.export_per_kwh) if p is not None]
    set_value_axis(axes, value_ticks(min(prices), max(prices) * 1.02, count=3))
    unit = f"{spec.currency}/kWh" if spec.currency else "per kWh"
    bought = sum(max(step.grid_import_w, 0.0) * step.minutes for step in spec.steps) / 60_000
    sold = sum(max(-step.grid_import_w, 0.0) * step.minutes for step in spec.steps) / 60_000
    words = [f"buys {format_energy(bought)} (shaded)" if bought >= 0.05 else "buys nothing"]
    words += [f"sells {format_energy(sold)}"] if sold >= 0.05 else []
    panel_heading(
        card, AXIS_LEFT_PX, y_px, f"Price, {unit}", ", ".join(words), colour=palette.MAINS, room_px=_room_px()
    )
    names = []
    for field, name, dashed in (("import_per_kwh", "buy", False), ("export_per_kwh", "sell", True)):
        known = [step for step in spec.steps if getattr(step, field) is not None]
        colour = palette.NEGATIVE_COLOURS["grid_import_w"] if dashed else palette.MAINS
        for run in _runs(known):
            edges = [*(step.start_s for step in run), run[-1].end_s]
            values = [getattr(step, field) for step in run]
            axes.stairs(values, edges, baseline=None, color=colour, lw=points(4), ls=(0, DASHES) if dashed else "-",
                        zorder=3)  # fmt: skip
        if known:
            last = getattr(known[-1], field)
            names.append((last, f"{name} {last:.2f}", colour))
    _name_ends(axes, names)
    for step in spec.steps:
        if step.grid_import_w > LEAST_W:
            axes.axvspan(step.start_s, step.end_s, facecolor=palette.MAINS, alpha=0.22, lw=0, zorder=1.4)


def _name_ends(axes: Axes, names: list[tuple[float, str, str]]) -> None:
    low, high = axes.get_ylim()
    height_px = axes.get_window_extent().height
    placed = strokes.spread(
        [(value - low) / (high - low) * height_px for value, _, _ in names], strokes.LABEL_STEP_PX, 14, height_px - 14
    )
    for (_, words, colour), place_px in zip(names, placed, strict=True):
        strokes.beside(axes, place_px, words, RIGHT_PX, colour=colour, bold=True)


def _draw_grid(card: Card, spec: PlanChart, axes: Axes, y_px: float) -> None:
    watts = [step.grid_import_w for step in spec.steps]
    in_kw = spec.units.power == "kW" or (spec.units.power == "auto" and max(map(abs, watts)) >= 999.5)
    scale = 0.001 if in_kw else 1.0
    set_value_axis(axes, value_ticks(min(watts) * scale, max(watts) * scale, count=3))
    card.text(AXIS_LEFT_PX - 14, y_px, "kW" if in_kw else "W", align="right", colour=palette.MUTED)
    words = "▲ imports, ▼ exports"
    panel_heading(card, AXIS_LEFT_PX, y_px, "Grid", words, colour=palette.MAINS, room_px=_room_px())
    for run in _runs(spec.steps):
        edges = [*(step.start_s for step in run), run[-1].end_s]
        values = [step.grid_import_w * scale for step in run]
        axes.stairs(values, edges, baseline=0, fill=True, color=palette.MAINS, lw=0, alpha=0.75, zorder=2)


def _draw_soc(card: Card, spec: PlanChart, axes: Axes, y_px: float) -> None:
    set_value_axis(axes, [0, 25, 50, 75, 100])
    strokes.draw_limits(axes, soc_limits(spec.reserve_pct, spec.floor_pct), RIGHT_PX)
    card.text(AXIS_LEFT_PX - 14, y_px, "%", align="right", colour=palette.MUTED)
    low = min((step.soc_pct, step.end_s) for step in spec.steps if step.soc_pct is not None)
    words = f"lowest {format_percent(low[0])}, {at(spec, low[1])}"
    panel_heading(card, AXIS_LEFT_PX, y_px, "Battery SOC", words, colour=palette.BATTERY, room_px=_room_px())
    for run in _runs([step for step in spec.steps if step.soc_pct is not None]):
        ends = [step.end_s for step in run]
        middle = [step.soc_pct for step in run if step.soc_pct is not None]
        axes.plot(ends, middle, color=palette.BATTERY, lw=points(5), zorder=3, solid_joinstyle="round")
        lows = [step.soc_low_pct for step in run]
        if all(pct is not None for pct in lows):
            axes.fill_between(ends, [float(pct or 0) for pct in lows], middle, color=palette.BATTERY, alpha=0.28, lw=0)


def _runs(steps: Sequence[PlanBar]) -> list[list[PlanBar]]:
    """Steps that follow each other without a gap."""
    runs = [[steps[0]]] if steps else []
    for earlier, later in pairwise(steps):
        if later.start_s == earlier.end_s:
            runs[-1].append(later)
        else:
            runs.append([later])
    return runs


def _room_px() -> float:
    return WIDTH_PX - AXIS_LEFT_PX - RIGHT_PX + 100
