"""A battery's health: the capacities that were estimated, its own fade, the fleet's, what remains, the limit."""

from __future__ import annotations

from datetime import datetime

from matplotlib.axes import Axes

from charts import palette, strokes
from charts.canvas import (
    AXIS_LEFT_PX,
    DASHES,
    LABEL_PX,
    TICK_PX,
    Card,
    Key,
    Tile,
    font,
    footer_height_px,
    legend_height_px,
    points,
    set_value_axis,
    tile_grid,
)
from charts.outlook_words import axis_words, reaches
from charts.specs import CellsChart, Curve
from charts.ticks import level_ticks, value_label, value_ticks
from charts.wording import local
from energy.units import format_percent, month_name

PANEL_PX = 560
RIGHT_PX = 150


def draw_cells(spec: CellsChart) -> Card:
    """The card of a battery's health."""
    known = bool(spec.points) or spec.remaining is not None or spec.own is not None
    tiles = _tiles(spec)
    keys = _keys(spec)
    unknown = "No capacity has been estimated yet"
    notes = [*spec.notes, *([] if known else [unknown]), "In % of the capacity when new"]
    above_px = 150 + tile_grid(tiles).height_px + 16 + legend_height_px(keys) + 66
    card = Card(above_px + PANEL_PX + 92 + footer_height_px(notes))
    top_px = card.legend(keys, card.tiles(tiles, card.heading(spec)) + 16) + 66
    axes = card.panel(top_px, PANEL_PX, right_px=RIGHT_PX)
    set_value_axis(axes, _value_ticks(spec))
    _set_x_axis(axes, spec)
    strokes.draw_limits(axes, [strokes.Limit(spec.limit_pct, f"{spec.limit_pct:g} %", palette.WARNING)], RIGHT_PX)
    card.text(AXIS_LEFT_PX - 14, top_px - 18, "%", align="right", colour=palette.MUTED)
    _draw_curve(axes, spec.fleet, palette.MUTED, dashed=True)
    _draw_curve(axes, spec.own, palette.BATTERY, dashed=False)
    for point in spec.points:
        if point.low_pct is not None and point.high_pct is not None:
            edges = [point.low_pct, point.high_pct]
            axes.plot([point.x] * 2, edges, color=palette.TEXT, lw=points(3), alpha=0.6, zorder=3.2)
        axes.plot([point.x], [point.pct], "o", color=palette.TEXT, ms=points(11), zorder=3.4)
    if spec.remaining is not None:
        x, pct = spec.remaining.x, spec.remaining.pct
        axes.axvline(x, color=palette.TEXT, lw=points(2), alpha=0.5, zorder=2.5)
        strokes.ring(axes, x, pct, colour=palette.BATTERY)
        strokes.name_moment(axes, x, f"today {format_percent(pct)}", size_px=LABEL_PX, bold=True)
    if not known and spec.fleet is None:
        card.notice(axes, unknown.lower())
    card.footer(spec, notes)
    return card


def _tiles(spec: CellsChart) -> list[Tile]:
    tiles = []
    if spec.remaining is not None:
        point = spec.remaining
        known = point.low_pct is not None and point.high_pct is not None
        note = f"{point.low_pct:.0f} to {point.high_pct:.0f} %" if known else ""
        tiles.append(Tile("Remaining", format_percent(point.pct), note, palette.BATTERY))
    if spec.by == "cycles":
        tiles.append(Tile("Full cycles", f"{spec.now_x:,.0f}", "so far", palette.TEXT))
    for name, curve, colour in (("Own", spec.own, palette.BATTERY), ("Fleet", spec.fleet, palette.MUTED)):
        x = reaches(curve, spec.limit_pct) if curve is not None else None
        if x is not None and x > spec.now_x:
            words = axis_words(spec, x).partition(" ")[2]
            value, _, unit = words.rpartition(" ") if spec.by == "cycles" else (words, "", "")
            tiles.append(Tile(f"{name} to {spec.limit_pct:g} %", value, unit, colour))
    return tiles[:4]


def _keys(spec: CellsChart) -> list[Key]:
    keys = [Key("estimate with its error", palette.TEXT, "dot")] if spec.points else []
    if spec.own is not None:
        keys.append(Key("its own fade", palette.BATTERY))
    if spec.fleet is not None:
        keys.append(Key("batteries like it", palette.MUTED, "dashes"))
    return keys


def _draw_curve(axes: Axes, curve: Curve | None, colour: str, *, dashed: bool) -> None:
    if curve is None or not curve.x:
        return
    (stroke,) = axes.plot(curve.x, curve.pct, color=colour, lw=points(4), zorder=3 if not dashed else 2.8)
    if dashed:
        stroke.set_linestyle((0, DASHES))
    if curve.low_pct:
        axes.fill_between(curve.x, curve.low_pct, curve.high_pct, color=colour, alpha=0.2, lw=0, zorder=2)


def _value_ticks(spec: CellsChart) -> list[float]:
    values = [spec.limit_pct - 2, 101.0]
    for point in (*spec.points, *([spec.remaining] if spec.remaining else [])):
        values += [value for value in (point.pct, point.low_pct, point.high_pct) if value is not None]
    for curve in (spec.own, spec.fleet):
        if curve is not None:
            values += [*curve.pct, *curve.low_pct, *curve.high_pct]
    return level_ticks(max(min(values), 0.0), min(max(values), 120.0), count=7)


def _set_x_axis(axes: Axes, spec: CellsChart) -> None:
    known = [point.x for point in spec.points] + [spec.now_x]
    known += [x for curve in (spec.own, spec.fleet) if curve is not None for x in curve.x]
    if spec.by == "cycles":
        ticks = value_ticks(0, max([*known, 10.0]), count=6)
        axes.set_xlim(0, max([*known, 10.0]) * 1.01)
        words = [value_label(tick) for tick in ticks]
        axes.set_xlabel("equivalent full cycles", color=palette.MUTED, fontproperties=font(TICK_PX - 2), labelpad=8)
        kept = [(tick, word) for tick, word in zip(ticks, words, strict=True) if tick <= axes.get_xlim()[1]]
    else:
        first, last = min(known), max([*known, min(known) + 86_400.0])
        axes.set_xlim(first, last + 0.01 * (last - first))
        kept = _month_ticks(spec, first, last)
    axes.set_xticks([tick for tick, _ in kept], [word for _, word in kept])
    for label in axes.get_xticklabels():
        label.set(fontproperties=font(TICK_PX), color=palette.MUTED)


def _month_ticks(spec: CellsChart, first_s: float, last_s: float) -> list[tuple[float, str]]:
    """The first of a month, in steps that leave room for the names; years alone where there are many."""
    start, end = local(spec, first_s), local(spec, last_s)
    months = range(start.year * 12 + start.month - 1, end.year * 12 + end.month + 1)
    every = next((step for step in (1, 2, 3, 6, 12, 24, 60) if len(months) / step <= 6), 120)
    ticks = []
    for month in months:
        moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=spec.zone)
        if month % every == 0 and first_s <= moment.timestamp() <= last_s:
            name = f"{moment.year}" if every >= 12 else f"{month_name(moment, spec.units)} {moment.year}"
            ticks.append((moment.timestamp(), name))
    return ticks
