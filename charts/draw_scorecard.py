"""How right the forecasts were: per day ours against persistence, on the colour of that day's sky."""

from __future__ import annotations

import math
from datetime import date

from matplotlib.axes import Axes

from charts import palette
from charts.bands import panel_heading
from charts.canvas import (
    AXIS_LEFT_PX,
    TICK_PX,
    WIDTH_PX,
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
from charts.outlook_words import compared, percent
from charts.specs import ScorecardChart, ScoreRow
from energy.units import day_name, month_name

PANEL_PX, BETWEEN_PX = 330, 72
_SKIES = ("clear", "mixed", "overcast")
_TICKS = [0.0, 25.0, 50.0, 75.0, 100.0]


def draw_scorecard(spec: ScorecardChart) -> Card:
    """The card of a forecast scorecard."""
    rows = [row for row in spec.rows if compared(row) is not None]
    tiles = [_tile(row) for row in rows] + [_band_tile(row) for row in rows if row.coverage is not None]
    keys = _keys(spec) if rows else []
    notes = [*spec.notes, *_notes(rows)]
    panels = max(len(rows), 1)
    plots_px = panels * PANEL_PX + (panels - 1) * BETWEEN_PX + 56
    above_px = 150 + tile_grid(tiles).height_px + 16 + legend_height_px(keys) + 66
    card = Card(above_px + plots_px + footer_height_px(notes))
    top_px = card.legend(keys, card.tiles(tiles, card.heading(spec)) + 16) + 66
    if not rows:
        axes = card.panel(top_px, PANEL_PX)
        axes.set_xticks([])
        card.notice(axes, "no day has been scored yet")
    for index, row in enumerate(rows):
        axes = card.panel(top_px, PANEL_PX)
        set_value_axis(axes, _TICKS)
        _set_day_axis(axes, spec, labels=index == len(rows) - 1)
        card.text(AXIS_LEFT_PX - 14, top_px - 18, "%", align="right", colour=palette.MUTED)
        panel_heading(card, AXIS_LEFT_PX, top_px - 18, row.label, _words(row), colour=_colour(row),
                      room_px=WIDTH_PX - AXIS_LEFT_PX - 60)  # fmt: skip
        _draw_skies(axes, spec)
        _draw_row(axes, row, _places(spec))
        top_px += PANEL_PX + BETWEEN_PX
    card.footer(spec, notes)
    return card


def _colour(row: ScoreRow) -> str:
    return palette.field_colour(row.field)


def _tile(row: ScoreRow) -> Tile:
    means = compared(row)
    ours, other = means if means is not None else (0.0, None)
    return Tile(row.label, percent(ours), "" if other is None else f"persistence {percent(other)}", _colour(row))


def _band_tile(row: ScoreRow) -> Tile:
    return Tile(f"{row.label} in band", percent(row.coverage or 0.0), f"{percent(row.meant)} meant", _colour(row))


def _words(row: ScoreRow) -> str:
    both = [(a, b) for a, b in zip(row.ours, row.persistence, strict=True) if a is not None and b is not None]
    if not both:
        return "no day to compare"
    return f"better than persistence on {sum(a > b for a, b in both)} of {len(both)} days"


def _keys(spec: ScorecardChart) -> list[Key]:
    keys = [Key("ours", palette.TEXT, "dot"), Key("persistence (as the day before)", palette.MUTED, "ring")]
    return keys + [Key(f"{sky} day", palette.SKIES[sky], "box") for sky in _SKIES if sky in spec.sky]


def _notes(rows: list[ScoreRow]) -> list[str]:
    below = any(value is not None and value < 0 for row in rows for value in (*row.ours, *row.persistence))
    words = "Accuracy: 100 % less the sum of hourly errors over the day's energy" if rows else ""
    return [note for note in (words, "▼ lies below 0 %" if below else "") if note]


def _set_day_axis(axes: Axes, spec: ScorecardChart, *, labels: bool) -> None:
    days = [date.fromisoformat(day) for day in spec.days]
    places = _places(spec)
    axes.set_xlim(-0.5, max(places, default=0) + 0.5)
    every = max(1, math.ceil((max(places, default=0) + 1) / 7))
    picked = [(at, day) for at, day in zip(places, days, strict=True) if at % every == 0] if labels else []
    words = [
        f"{day_name(day, spec.units)} {day.day}" if every == 1 else f"{day.day} {month_name(day, spec.units)}"
        for _, day in picked
    ]
    axes.set_xticks([at for at, _ in picked], words)
    for label in axes.get_xticklabels():
        label.set(fontproperties=font(TICK_PX), color=palette.MUTED)


def _places(spec: ScorecardChart) -> list[int]:
    """Days since the first one: a day that was not scored leaves its place empty."""
    days = [date.fromisoformat(day) for day in spec.days]
    return [(day - days[0]).days for day in days]


def _draw_skies(axes: Axes, spec: ScorecardChart) -> None:
    for at, sky in zip(_places(spec), spec.sky, strict=False):
        if sky is not None:
            axes.axvspan(at - 0.5, at + 0.5, facecolor=palette.SKIES[sky], lw=0, zorder=0.5)


def _draw_row(axes: Axes, row: ScoreRow, places: list[int]) -> None:
    first, last = axes.get_xlim()
    size_px = min(19.0, 0.6 * axes.get_window_extent().width / (last - first))
    for at, our_share, other_share in zip(places, row.ours, row.persistence, strict=True):
        ours, other = (None if share is None else 100 * share for share in (our_share, other_share))
        if ours is not None and other is not None:
            axes.plot([at, at], [max(ours, 0), max(other, 0)], color=_colour(row), lw=points(3), alpha=0.7, zorder=2)
        for value, ours_too in ((other, False), (ours, True)):
            if value is None:
                continue
            face = _colour(row) if ours_too else palette.PANEL
            edge = _colour(row) if ours_too else palette.MUTED
            marker, shown = ("o", value) if value >= 0 else ("v", 0.0)
            axes.plot([at], [shown], marker, mfc=face, mec=edge, mew=points(3.5), ms=points(size_px),
                      zorder=3 + ours_too, clip_on=False)  # fmt: skip
