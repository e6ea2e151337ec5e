"""Where the state of charge goes: the plan's course with its band, the course without it, reserve and floor."""

from __future__ import annotations

from matplotlib.axes import Axes

from charts import bands, palette, strokes
from charts.canvas import (
    AXIS_LEFT_PX,
    DASHES,
    LABEL_PX,
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
from charts.line import Line
from charts.outlook_words import course_name, moment_words
from charts.specs import SocFanChart
from charts.wording import at, clock, local
from energy.units import day_name, format_percent

PANEL_PX = 560
LIMITS_PX = 204


def draw_soc_fan(spec: SocFanChart) -> Card:
    """The card of the battery's forecast."""
    actual = spec.actual.within(spec.start_s, spec.end_s) if spec.actual is not None and spec.actual.points else None
    known = any(pct is not None for pct in spec.p50)
    tiles = _tiles(spec, actual)
    keys = _keys(spec, actual) if known or actual is not None else []
    notes = _notes(spec)
    above_px = 150 + tile_grid(tiles).height_px + legend_height_px(keys) + 82
    card = Card(above_px + PANEL_PX + time_axis_height_px(spec) + footer_height_px(notes))
    top_px = card.legend(keys, card.tiles(tiles, card.heading(spec)) + 16) + 66
    axes = card.panel(top_px, PANEL_PX, right_px=LIMITS_PX)
    set_value_axis(axes, [0, 20, 40, 60, 80, 100])
    set_time_axis(axes, spec)
    strokes.draw_limits(axes, soc_limits(spec.reserve_pct, spec.floor_pct), LIMITS_PX)
    if not known and actual is None:
        card.notice(axes, "no forecast for this period")
    else:
        card.text(AXIS_LEFT_PX - 14, top_px - 18, "%", align="right", colour=palette.MUTED)
        if spec.as_is_p50 is not None:
            bands.draw_middle(axes, spec.ends_s, spec.as_is_p50, colour=palette.TEXT, dashes=DASHES, width_px=3)
        bands.draw_band(axes, spec.ends_s, spec.p10, spec.p90, colour=palette.BATTERY)
        bands.draw_middle(axes, spec.ends_s, spec.p50, colour=palette.BATTERY, width_px=5)
        if actual is not None:
            strokes.draw_gaps(axes, actual.gaps(max(spec.start_s, actual.points[0].at_s), spec.known_until_s))
            strokes.draw_line(axes, actual, colour=palette.TEXT)
            strokes.draw_latest(axes, actual, colour=palette.TEXT)
        _draw_breaches(axes, spec)
        strokes.draw_now(axes, spec, label=True, ahead=True)
    card.footer(spec, notes)
    return card


def soc_limits(reserve_pct: float | None, floor_pct: float | None) -> list[strokes.Limit]:
    """The reserve and the floor as lines."""
    levels = (("floor", floor_pct, palette.WARNING), ("reserve", reserve_pct, palette.CAUTION))
    return [strokes.Limit(pct, f"{name} {pct:g} %", colour) for name, pct, colour in levels if pct is not None]


def _keys(spec: SocFanChart, actual: Line | None) -> list[Key]:
    keys = [Key("measured", palette.TEXT)] if actual is not None else []
    if any(pct is not None for pct in spec.p50):
        keys.append(Key("with the plan" if spec.planned else "as it is set", palette.BATTERY))
    if any(pct is not None for pct in spec.p10):
        keys.append(Key("80 % range", palette.BATTERY, "band"))
    if spec.as_is_p50 is not None:
        keys.append(Key("without it", palette.TEXT, "dashes"))
    return keys


def _tiles(spec: SocFanChart, actual: Line | None) -> list[Tile]:
    tiles = []
    if actual is not None and actual.latest is not None:
        old = spec.known_until_s - actual.latest.at_s > 2 * actual.cadence_s
        note = at(spec, actual.latest.at_s) if old else "now"
        tiles.append(Tile("Battery", format_percent(actual.latest.value), note, palette.TEXT))
    known = [(pct, at_s) for at_s, pct in zip(spec.ends_s, spec.p50, strict=True) if pct is not None]
    if not known:
        return tiles
    low, high = min(known), max(known)
    colour = palette.CAUTION if spec.reserve_pct is not None and low[0] < spec.reserve_pct else palette.BATTERY
    tiles.append(Tile("Low, plan" if spec.planned else "Low", format_percent(low[0]), at(spec, low[1]), colour))
    without = [(pct, at_s) for at_s, pct in zip(spec.ends_s, spec.as_is_p50 or (), strict=False) if pct is not None]
    if without:
        least = min(without)
        tiles.append(Tile("Low without", format_percent(least[0]), at(spec, least[1]), palette.TEXT, (1.5, 0.9)))
    else:
        tiles.append(Tile("Highest", format_percent(high[0]), at(spec, high[1]), palette.BATTERY))
    return tiles


def _notes(spec: SocFanChart) -> list[str]:
    notes = list(spec.notes)
    for name, breach_s in ((course_name(spec), spec.breach_s), ("Without it", spec.as_is_breach_s)):
        if breach_s is not None and breach_s > spec.end_s:
            notes.append(f"{name}: reserve reached later, {moment_words(spec, breach_s)}")
    return [*notes, f"Forecast issued {at(spec, spec.issued_at.timestamp())}"]


def _draw_breaches(axes: Axes, spec: SocFanChart) -> None:
    """A ring where a course falls under the reserve, with when that is, where no course passes."""
    if spec.reserve_pct is None:
        return
    taken = [*zip(spec.ends_s, spec.p50, strict=True), *zip(spec.ends_s, spec.as_is_p50 or (), strict=False)]
    known = [(float(at_s), pct) for at_s, pct in taken if pct is not None]
    limits = [pct for pct in (spec.reserve_pct, spec.floor_pct) if pct is not None]
    moments = (
        (spec.as_is_breach_s, "without plan:", palette.TEXT),
        (spec.breach_s, "with plan:" if spec.planned else "reserve", palette.CAUTION),
    )
    for at_s, name, colour in moments:
        if at_s is None or not spec.start_s <= at_s <= spec.end_s:
            continue
        words = f"{name} {_when(spec, at_s)}"
        strokes.ring(axes, at_s, spec.reserve_pct, colour=colour)
        place = bands.free_place(axes, at_s, spec.reserve_pct, words, known, limits, size_px=LABEL_PX - 2)
        bands.note_at(axes, at_s, place, words, colour=colour, size_px=LABEL_PX - 2)
        edge = place + (-4 if place > spec.reserve_pct else 4)
        axes.plot([at_s, at_s], [spec.reserve_pct, edge], color=colour, lw=points(2), alpha=0.8, zorder=2.9)
        limits.append(place)


def _when(spec: SocFanChart, at_s: float) -> str:
    moment, now = local(spec, at_s), local(spec, spec.as_of.timestamp())
    if moment.date() == now.date():
        return clock(spec, at_s)
    return f"{day_name(moment, spec.units)} {clock(spec, at_s)}"
