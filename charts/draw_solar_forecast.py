"""A solar forecast: its band and middle against what was measured, a clear sky behind, each day's energy above."""

from __future__ import annotations

from charts import bands, palette, strokes
from charts.canvas import (
    AXIS_LEFT_PX,
    DASHES,
    LABEL_PX,
    MARGIN_PX,
    NOTE_PX,
    VALUE_PX,
    WIDTH_PX,
    Card,
    Key,
    footer_height_px,
    legend_height_px,
    set_time_axis,
    set_value_axis,
    text_width_px,
    time_axis_height_px,
)
from charts.line import Line
from charts.outlook_words import DayTotal, daily_totals, part_words, short_day
from charts.specs import SolarForecastChart
from charts.ticks import HOUR_S, value_ticks
from charts.wording import at, day
from energy.units import format_energy

PANEL_PX = 560
DAYS_PX = 152
LEAST_DAY_PX = 64  # of a day's width, where its energy has room
UNIT_PX = 116  # ... and the unit beside it


def draw_solar_forecast(spec: SolarForecastChart) -> Card:
    """The card of a solar forecast."""
    actual = spec.actual.within(spec.start_s, spec.end_s) if spec.actual is not None and spec.actual.points else None
    totals = daily_totals(spec)
    known = any(watts is not None for watts in spec.p50_w) or actual is not None
    keys = _keys(spec, actual) if known else []
    notes = _notes(spec, totals)
    above_px = 166 + legend_height_px(keys) + (DAYS_PX if totals else 0) + 50
    card = Card(above_px + PANEL_PX + time_axis_height_px(spec) + footer_height_px(notes))
    top_px = card.legend(keys, card.heading(spec) + 8) + 8
    if totals:
        _draw_totals(card, spec, totals, top_px)
        top_px += DAYS_PX
    top_px += 50
    axes = card.panel(top_px, PANEL_PX)
    columns = [spec.p10_w, spec.p50_w, spec.p90_w, spec.clear_w or ()]
    watts = [value for column in columns for value in column if value is not None]
    watts += [point.value for point in actual.points] if actual is not None else []
    in_kw = spec.units.power == "kW" or (spec.units.power == "auto" and max(watts, default=1e3) >= 999.5)
    scale = 0.001 if in_kw else 1.0
    set_value_axis(axes, value_ticks(min(watts, default=0) * scale, max([*watts, 1.0]) * scale, count=6))
    set_time_axis(axes, spec)
    if not known:
        card.notice(axes, "no forecast for this period")
    else:
        card.text(AXIS_LEFT_PX - 14, top_px - 18, "kW" if in_kw else "W", align="right", colour=palette.MUTED)
        middles = [start_s + HOUR_S // 2 for start_s in spec.starts_s]
        if spec.clear_w is not None:
            bands.draw_faint(axes, middles, spec.clear_w, scale=scale)
        bands.draw_band(axes, middles, spec.p10_w, spec.p90_w, colour=palette.SOLAR, scale=scale)
        dashes = None if actual is None else DASHES
        bands.draw_middle(axes, middles, spec.p50_w, colour=palette.SOLAR, scale=scale, dashes=dashes)
        if actual is not None:
            strokes.draw_gaps(axes, actual.gaps(max(spec.start_s, actual.points[0].at_s), spec.known_until_s))
            strokes.draw_line(axes, actual, scale=scale, colour=palette.TEXT)
            if spec.running:
                strokes.draw_latest(axes, actual, scale=scale, colour=palette.TEXT)
        strokes.draw_now(axes, spec, label=True, ahead=True)
    card.footer(spec, notes)
    return card


def _keys(spec: SolarForecastChart, actual: Line | None) -> list[Key]:
    keys = [Key("measured", palette.TEXT)] if actual is not None else []
    if any(watts is not None for watts in spec.p50_w):
        keys.append(Key("forecast", palette.SOLAR, "line" if actual is None else "dashes"))
    if any(watts is not None for watts in spec.p10_w):
        keys.append(Key("80 % range", palette.SOLAR, "band"))
    if spec.clear_w is not None:
        keys.append(Key("clear sky", palette.MUTED, "dots"))
    return keys


def _notes(spec: SolarForecastChart, totals: list[DayTotal]) -> list[str]:
    issued = f"Forecast issued {at(spec, spec.issued_at.timestamp())}"
    ranges = " · kWh ranges: all hours low or high" if any(total.forecast for total in totals) else ""
    return [*spec.notes, issued + ranges]


def _draw_totals(card: Card, spec: SolarForecastChart, totals: list[DayTotal], top_px: float) -> None:
    """Each day's name, energy and range above its part of the panel."""
    per_s = (WIDTH_PX - AXIS_LEFT_PX - MARGIN_PX) / (spec.end_s - spec.start_s)
    for total in totals:
        room_px = (total.end_s - total.start_s) * per_s - 12
        if room_px < LEAST_DAY_PX:
            continue
        x_px = AXIS_LEFT_PX + (total.start_s - spec.start_s) * per_s + 6
        wide = room_px >= 240
        roomy = room_px >= UNIT_PX
        value = format_energy(total.kwh) if roomy else f"{total.kwh:.0f}"
        size_px = next((size for size in (VALUE_PX, 36, 30) if text_width_px(value, size, bold=True) <= room_px), 26)
        note, note_px = _note(spec, total, wide=wide), NOTE_PX if wide else NOTE_PX - 4
        if not roomy:
            note = "kWh" if total.whole else "in part"
        name_px = LABEL_PX if wide else NOTE_PX
        name = _name(spec, total, wide=wide, roomy=roomy)
        card.text(x_px, top_px + 36, name, size_px=name_px, colour=palette.SOLAR, bold=True, width_px=room_px)
        card.text(x_px, top_px + 84, value, size_px=size_px, bold=True)
        card.text(x_px, top_px + 122, note, size_px=note_px, colour=palette.MUTED, width_px=room_px)


def _name(spec: SolarForecastChart, total: DayTotal, *, wide: bool, roomy: bool) -> str:
    """`Today`, `Thu 26 Nov`, `Thu 26`, `Thu`, as there is room; with the part of the day where it is not whole."""
    if not roomy:
        return day(spec, total.start_s).split()[0]
    name = short_day(spec, total.start_s)
    if not wide:
        return " ".join(name.split()[:2])
    return name if total.whole else f"{name} {part_words(spec, total)}"


def _note(spec: SolarForecastChart, total: DayTotal, *, wide: bool) -> str:
    if not total.forecast:
        return "measured"
    if not wide and not total.whole:  # its name has no room to say so
        return part_words(spec, total)
    span = f"{total.low_kwh:.0f} to {total.high_kwh:.0f}"
    if total.measured_kwh is None or total.start_s >= spec.known_until_s:
        return span if not wide else f"{span} kWh"
    word = "was" if total.end_s <= spec.known_until_s else "so far"
    measured = f"{word} {total.measured_kwh:.1f}"
    return f"{span}, {measured}" if wide else measured
