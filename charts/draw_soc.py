"""State of charge over a period, with the limits that the owner set and the lowest point marked."""

from __future__ import annotations

from matplotlib.axes import Axes

from charts import palette, strokes
from charts.canvas import (
    AXIS_LEFT_PX,
    Card,
    Tile,
    footer_height_px,
    points,
    set_time_axis,
    set_value_axis,
    tile_grid,
    time_axis_height_px,
)
from charts.line import Line, Point
from charts.specs import SocChart
from charts.wording import at
from energy.units import format_percent

PANEL_PX = 560
LIMITS_PX = 168


def draw_soc(spec: SocChart) -> Card:
    """The card of an SOC chart."""
    line = spec.soc.within(spec.start_s, spec.end_s)
    tiles = _tiles(spec, line) if line.points else []
    card = Card(150 + tile_grid(tiles).height_px + 62 + PANEL_PX + time_axis_height_px(spec) + footer_height_px(()))
    top_px = card.tiles(tiles, card.heading(spec)) + 62
    axes = card.panel(top_px, PANEL_PX, right_px=LIMITS_PX)
    set_value_axis(axes, [0, 20, 40, 60, 80, 100])
    set_time_axis(axes, spec)
    _draw_limits(axes, spec)
    if line.lowest is None:
        card.notice(axes, "no data in this period")
    else:
        card.text(AXIS_LEFT_PX - 14, top_px - 18, "%", align="right", colour=palette.MUTED)
        strokes.draw_gaps(axes, line.gaps(spec.start_s, spec.known_until_s))
        strokes.draw_line(axes, line, fill=0.16)
        low = spec.min_soc_pct is not None and line.lowest.value < spec.min_soc_pct
        if low and spec.min_soc_pct is not None:
            _draw_below(axes, line, spec.min_soc_pct)
        strokes.draw_latest(axes, line)
        words = f"lowest {format_percent(line.lowest.value)}, {at(spec, line.lowest.at_s)}"
        colour = palette.WARNING if low else palette.TEXT
        strokes.mark_point(axes, line.lowest, words, colour=colour, below=line.lowest.value > 16)
        strokes.draw_now(axes, spec, label=True)
    card.footer(spec)
    return card


def _tiles(spec: SocChart, line: Line) -> list[Tile]:
    return [
        _tile(spec, "Latest", line.latest, palette.BATTERY),
        _tile(spec, "Lowest", line.lowest, palette.TEXT),
        _tile(spec, "Highest", line.highest, palette.TEXT),
    ]


def _tile(spec: SocChart, label: str, point: Point | None, colour: str) -> Tile:
    if point is None:
        return Tile(label, "no data", "", colour)
    return Tile(label, format_percent(point.value), at(spec, point.at_s), colour)


def _draw_limits(axes: Axes, spec: SocChart) -> None:
    places: list[tuple[float, str, str]] = []
    if spec.safe_min_soc_pct is not None and spec.safe_max_soc_pct is not None:
        axes.axhspan(spec.safe_min_soc_pct, spec.safe_max_soc_pct, color=palette.BATTERY, alpha=0.13, lw=0, zorder=1.1)
    for limit, words in ((spec.safe_min_soc_pct, "safe from"), (spec.safe_max_soc_pct, "safe up to")):
        if limit is not None:
            axes.axhline(limit, color=palette.BATTERY, lw=points(2), alpha=0.6, zorder=1.6)
            places.append((limit, f"{words}\n{format_percent(limit)}", palette.BATTERY))
    if spec.min_soc_pct is not None:
        axes.axhline(spec.min_soc_pct, color=palette.WARNING, lw=points(3), ls=(0, (6, 3)), zorder=2.2)
        places.append((spec.min_soc_pct, f"min {format_percent(spec.min_soc_pct)}", palette.WARNING))
    height_px = axes.get_window_extent().height
    placed = strokes.spread([limit / 100 * height_px for limit, _, _ in places], 56, 20, height_px - 20)
    for (_, words, colour), y_px in zip(places, placed, strict=True):
        parts = words.split("\n")
        for index, part in enumerate(parts):
            shift_px = 14 * (len(parts) - 1 - 2 * index)
            strokes.beside(axes, y_px + shift_px, part, LIMITS_PX, colour=colour)


def _draw_below(axes: Axes, line: Line, limit_pct: float) -> None:
    for segment in line.segments():
        if len(segment) > 1:
            times, values = [p.at_s for p in segment], [p.value for p in segment]
            axes.fill_between(
                times,
                values,
                limit_pct,
                where=[value < limit_pct for value in values],
                interpolate=True,
                color=palette.WARNING,
                alpha=0.5,
                lw=0,
                zorder=2.4,
            )
