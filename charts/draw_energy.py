"""Energy per hour or day as bars: one-way flows above; charge and import against discharge and export below."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from charts import palette
from charts.canvas import (
    AXIS_LEFT_PX,
    NOTE_PX,
    TICK_PX,
    Card,
    Tile,
    font,
    footer_height_px,
    points,
    set_value_axis,
    text_width_px,
    tile_grid,
)
from charts.specs import BarSeries, EnergyBars
from charts.ticks import value_ticks
from charts.wording import clock, day, incomplete_bars, is_complete, local
from energy.units import format_energy

ONE_PANEL_PX, UPPER_PX, LOWER_PX = 560, 420, 330
WIDEST_BAR_PX = 130
NAMED_FROM_PX = 40  # of a bar's width, where its value has room
SLOT_SHARE = 0.82  # of a bar's width; the rest parts it from its neighbour
_ARROWS = {"positive": "▲ ", "negative": "▼ ", "net": ""}


def draw_energy(spec: EnergyBars) -> Card:
    """The card of energy bars."""
    known = any(value is not None for series in spec.series for value in series.values)
    upper = [series for series in spec.series if series.part == "net"]
    lower = [series for series in spec.series if series.part != "net"]
    panels = [group for group in (upper, lower) if group and known] or [[]]
    heights = [UPPER_PX, LOWER_PX] if len(panels) == 2 else [ONE_PANEL_PX]
    tiles = [_tile(series) for series in spec.series] if known else []
    notes = _notes(spec) if known else []
    gaps_px = 62 + (len(panels) - 1) * 62
    card = Card(150 + tile_grid(tiles).height_px + gaps_px + sum(heights) + 60 + footer_height_px(notes))
    top_px = card.tiles(tiles, card.heading(spec)) + 62
    for index, (group, height_px) in enumerate(zip(panels, heights, strict=True)):
        axes = card.panel(top_px, height_px)
        _draw_panel(axes, spec, group, labels=index == len(panels) - 1)
        if known:
            card.text(AXIS_LEFT_PX - 14, top_px - 18, "kWh", align="right", colour=palette.MUTED)
        else:
            card.notice(axes, "no data in this period")
        top_px += height_px + 62
    card.footer(spec, notes)
    return card


def _draw_panel(axes: Axes, spec: EnergyBars, group: Sequence[BarSeries], *, labels: bool) -> None:
    signed = [(-1 if series.part == "negative" else 1, series) for series in group]
    values = [sign * value for sign, series in signed for value in series.values if value is not None]
    bars = len(spec.edges) - 1
    slots = _slots(group)
    bar_px = axes.get_window_extent().width / max(bars, 1)
    width = min(SLOT_SHARE / max(len(slots), 1), WIDEST_BAR_PX / bar_px)
    width_px = width * bar_px
    named = width_px >= NAMED_FROM_PX
    room = 1.12 if named else 1.0  # for the values beyond the bars' ends
    low, high = min(values, default=0) * room, max(values, default=1) * room
    set_value_axis(axes, value_ticks(low, high, count=5 if len(group) < 3 else 4))
    axes.set_xlim(-0.5, max(bars, 1) - 0.5)
    ticks = _bar_ticks(spec) if labels else []
    axes.set_xticks([at for at, _ in ticks], [words for _, words in ticks])
    for label in axes.get_xticklabels():
        label.set(fontproperties=font(TICK_PX), color=palette.MUTED)
    for index in range(bars):
        over = spec.edges[index] < spec.known_until_s
        if over and group and all(series.values[index] is None for series in group):
            axes.axvspan(
                index - 0.5, index + 0.5, facecolor=palette.GAP, edgecolor=palette.GRID, hatch="//", lw=0, zorder=1.2
            )
    for sign, series in signed:
        if series.field not in slots:
            continue
        offset = (slots.index(series.field) - (len(slots) - 1) / 2) * width
        _draw_bars(axes, series, sign, offset, width * (0.92 if width_px > 12 else 1.0))
        if named:
            _draw_values(axes, series, sign, offset)


def _slots(group: Sequence[BarSeries]) -> list[str]:
    """The fields that have a bar: one that never ran says so in its tile, and would only make the others thin."""
    return list(dict.fromkeys(series.field for series in group if any(series.values)))


def _draw_bars(axes: Axes, series: BarSeries, sign: int, offset: float, width: float) -> None:
    colour = palette.field_colour(series.field, series.part)
    for whole in (True, False):
        picked = [
            (index + offset, sign * value)
            for index, value in enumerate(series.values)
            if value is not None and is_complete(series, index) is whole
        ]
        if not picked:
            continue
        axes.bar(
            [x for x, _ in picked],
            [value for _, value in picked],
            width,
            facecolor=colour if whole else palette.PANEL,
            edgecolor=colour,
            lw=0 if whole else points(2.5),
            hatch=None if whole else "///",
            zorder=3,
        )


def _draw_values(axes: Axes, series: BarSeries, sign: int, offset: float) -> None:
    for index, value in enumerate(series.values):
        if value is None or value == 0:
            continue
        axes.annotate(
            f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}",
            (index + offset, sign * value),
            xytext=(0, points(7 * sign)),
            textcoords="offset points",
            ha="center",
            va="bottom" if sign > 0 else "top",
            color=palette.TEXT,
            fontproperties=font(NOTE_PX - 3),
            zorder=4,
            annotation_clip=False,
        )


def _bar_ticks(spec: EnergyBars) -> list[tuple[float, str]]:
    bars = len(spec.edges) - 1
    if bars < 1:
        return []
    if spec.by == "day":
        short = [day(spec, at_s).rpartition(" ")[0] for at_s in spec.edges[:-1]]
        full = [day(spec, at_s).partition(" ")[2] for at_s in spec.edges[:-1]]
        words = short if bars <= 7 else full
    else:
        words = [_hour(spec, at_s) for at_s in spec.edges[:-1]]
    widest_px = max(text_width_px(word, TICK_PX) for word in words) + 16
    every = max(1, math.ceil(bars * widest_px / 920))
    if spec.by == "hour" and every > 1:
        every = next((step for step in (2, 3, 4, 6, 12, 24) if step >= every), every)
        picked = [i for i in range(bars) if local(spec, spec.edges[i]).hour % every == 0]
    else:
        picked = list(range(0, bars, every))
    return [(float(i), words[i]) for i in picked]


def _hour(spec: EnergyBars, at_s: int) -> str:
    if spec.units.hour_24:
        return f"{local(spec, at_s):%H}"
    return clock(spec, at_s).replace(":00", "")


def _tile(series: BarSeries) -> Tile:
    colour = palette.field_colour(series.field, series.part)
    known = [value for value in series.values if value is not None]
    value = format_energy(sum(known)) if known else "no data"
    return Tile(f"{_ARROWS[series.part]}{series.label}", value, "", colour)


def _notes(spec: EnergyBars) -> list[str]:
    notes = []
    incomplete = incomplete_bars(spec)
    if incomplete:
        notes.append(
            f"Striped: data is missing or incomplete for {len(incomplete)} of {len(spec.edges) - 1} {spec.by}s"
        )
    if spec.edges and spec.edges[-1] > spec.known_until_s > spec.edges[0]:
        notes.append(f"The {spec.by} that is running counts up to {clock(spec, spec.known_until_s)}")
    return notes
