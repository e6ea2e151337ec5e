"""Power flows over a period: one panel for the powers, one below for the state of charge."""

from __future__ import annotations

from charts import palette, strokes
from charts.canvas import (
    AXIS_LEFT_PX,
    NOTE_PX,
    Card,
    Tile,
    footer_height_px,
    set_time_axis,
    set_value_axis,
    tile_grid,
    time_axis_height_px,
)
from charts.line import Line
from charts.specs import PowerChart
from charts.ticks import value_ticks
from charts.wording import at, common_gaps, flow_words, when
from energy.units import format_percent, format_power

POWER_PANEL_PX, SOC_PANEL_PX = 560, 190
NAMES_PX = 168
_SHORT = {"battery_charge_w": "Battery", "grid_import_w": "Grid"}
_SIGNS = {
    "battery_charge_w": ("charging", "discharging"),
    "grid_import_w": ("importing", "exporting"),
}
# Drawn in this order: the area of the sun below, what matters most above.
_ORDER = ("solar_w", "miner_w", "generator_w", "grid_import_w", "load_w", "battery_charge_w")


def draw_power(spec: PowerChart) -> Card:
    """The card of a power chart."""
    lines = [line.within(spec.start_s, spec.end_s) for line in spec.lines]
    soc = spec.soc.within(spec.start_s, spec.end_s) if spec.soc is not None and spec.soc.points else None
    known = [point.value for line in lines for point in line.points]
    tiles = [_tile(spec, line) for line in lines] if known else []
    notes = sign_notes(lines) if known else []
    below_px = (70 + SOC_PANEL_PX if soc else 0) + time_axis_height_px(spec) + footer_height_px(notes)
    card = Card(150 + tile_grid(tiles).height_px + 62 + POWER_PANEL_PX + below_px)
    top_px = card.tiles(tiles, card.heading(spec)) + 62
    axes = card.panel(top_px, POWER_PANEL_PX, right_px=NAMES_PX)
    in_kw = spec.units.power == "kW" or (spec.units.power == "auto" and max(map(abs, known), default=1e3) >= 999.5)
    scale = 0.001 if in_kw else 1.0
    set_value_axis(axes, value_ticks(min(known, default=0) * scale, max(known, default=1e3) * scale, count=6))
    set_time_axis(axes, spec, labels=soc is None)
    gaps = common_gaps(spec, [*lines, *([soc] if soc else [])])
    if not known:
        card.notice(axes, "no data in this period")
    else:
        card.text(AXIS_LEFT_PX - 14, top_px - 18, "kW" if in_kw else "W", align="right", colour=palette.MUTED)
        strokes.draw_gaps(axes, gaps)
        for line in sorted(lines, key=lambda line: _ORDER.index(line.field)):
            fill = {"solar_w": 0.25, "battery_charge_w": 0.12}.get(line.field, 0.0)
            strokes.draw_line(axes, line, scale=scale, fill=fill)
            if spec.running:
                strokes.draw_latest(axes, line, scale=scale)
        strokes.name_lines(axes, lines, [_short(line) for line in lines], NAMES_PX, scale=scale)
        strokes.draw_now(axes, spec, label=True)
    if soc is not None:
        _draw_soc(card, spec, soc, top_px + POWER_PANEL_PX + 70)
    card.footer(spec, notes)
    return card


def _draw_soc(card: Card, spec: PowerChart, soc: Line, top_px: float) -> None:
    axes = card.panel(top_px, SOC_PANEL_PX, right_px=NAMES_PX)
    set_value_axis(axes, [0, 50, 100])
    card.text(AXIS_LEFT_PX - 14, top_px - 18, "%", align="right", colour=palette.MUTED)
    used_px = card.text(AXIS_LEFT_PX, top_px - 18, "Battery SOC", bold=True, colour=palette.BATTERY)
    low, high = soc.lowest, soc.highest
    if low is not None and high is not None:
        words = f"lowest {format_percent(low.value)} {when(spec, low.at_s)}"
        card.text(AXIS_LEFT_PX + used_px + 22, top_px - 18, words, size_px=NOTE_PX, colour=palette.MUTED, width_px=700)
    set_time_axis(axes, spec)
    strokes.draw_gaps(axes, soc.gaps(spec.start_s, spec.known_until_s), labels=False)
    strokes.draw_line(axes, soc, fill=0.2)
    if soc.latest is not None:
        strokes.draw_latest(axes, soc)
        strokes.name_lines(axes, [soc], [format_percent(round(soc.latest.value))], NAMES_PX)
    strokes.draw_now(axes, spec, label=False)


def _tile(spec: PowerChart, line: Line) -> Tile:
    label, colour = _short(line), palette.field_colour(line.field)
    dashes = palette.FIELD_DASHES.get(line.field)
    high, low, latest = line.highest, line.lowest, line.latest
    if high is None or low is None or latest is None:
        return Tile(label, "no data", "", colour, dashes)
    signed = line.field in _SIGNS
    if spec.running:
        stale = spec.known_until_s - latest.at_s > 2 * line.cadence_s
        moment = f"at {at(spec, latest.at_s)}" if stale else "now"
        words = flow_words(spec, line, latest)
        direction = words.partition(" ")[0] if signed else ""
        value = words if words == "idle" else format_power(abs(latest.value), spec.units)
        note = f"{direction} {moment}" if direction not in ("", "idle") else moment
        if not signed:
            note = f"{moment}, peak {format_power(high.value, spec.units)}"
        return Tile(label, value, note, colour, dashes)
    if not signed:
        note = f"peak {at(spec, high.at_s)}" if high.value >= 1 else ""
        return Tile(label, format_power(high.value, spec.units), note, colour, dashes)
    point = high if high.value >= -low.value else low
    up, down = _SIGNS[line.field]
    if abs(point.value) < 1:
        return Tile(label, "idle", "", colour, dashes)
    direction = up if point.value > 0 else down
    return Tile(
        label, format_power(abs(point.value), spec.units), f"{direction} {at(spec, point.at_s)}", colour, dashes
    )


def _short(line: Line) -> str:
    from_table = line.label in ("Battery charge", "Grid import")
    return _SHORT[line.field] if from_table and line.field in _SHORT else line.label


def sign_notes(lines: list[Line]) -> list[str]:
    """What above and below zero mean, for the flows that have two directions."""
    words = [
        f"{_short(line)}: ▲ {_SIGNS[line.field][0]}, ▼ {_SIGNS[line.field][1]}"
        for line in lines
        if line.field in _SIGNS
    ]
    return [" · ".join(words)] if words else []
