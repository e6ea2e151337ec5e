"""What led to an alert: the figure over the hours before, the thresholds with their values, the moment it fired."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from charts import palette, strokes
from charts.alert_words import (
    is_old,
    point_when_fired,
    short_name,
    span_words,
    threshold_words,
    value_words,
    worst_point,
    worst_word,
)
from charts.canvas import (
    AXIS_LEFT_PX,
    LABEL_PX,
    Card,
    Tile,
    footer_height_px,
    points,
    set_time_axis,
    set_value_axis,
    tile_grid,
    time_axis_height_px,
)
from charts.draw_power import sign_notes
from charts.line import Gap, Line, Point
from charts.specs import AlertChart, Severity
from charts.ticks import level_ticks, value_ticks
from charts.wording import at, clock, common_gaps
from energy.reading import FIELDS, Kind

PANEL_PX = 560
RIGHT_PX = 188
_COLOURS: dict[Severity, str] = {
    "critical": palette.WARNING,
    "warning": palette.CAUTION,
    "info": palette.TEXT,
}
_LEAST_SPAN = {Kind.PERCENT: 5.0, Kind.VOLTAGE: 1.0, Kind.TEMPERATURE: 4.0}
_WORDS: dict[Severity, str] = {"critical": "critical alert", "warning": "alert", "info": "noticed"}


def draw_alert(spec: AlertChart) -> Card:
    """The card of an alert's chart."""
    lines = [line.within(spec.start_s, spec.end_s) for line in spec.lines]
    known = any(line.points for line in lines)
    tiles = (_tiles(spec, lines[0]) if len(lines) == 1 else [_flow_tile(spec, line) for line in lines]) if known else []
    notes = [f"Shaded: {span_words(spec)}", *(sign_notes(lines) if known else [])]
    below_px = time_axis_height_px(spec) + footer_height_px(notes)
    card = Card(150 + tile_grid(tiles).height_px + 66 + PANEL_PX + below_px)
    top_px = card.tiles(tiles, card.heading(spec)) + 66
    axes = card.panel(top_px, PANEL_PX, right_px=RIGHT_PX)
    unit, convert = _unit(spec, lines)
    drawn = [_converted(line, convert) for line in lines]
    limits = [convert(each.value) for each in spec.thresholds]
    values = [point.value for line in drawn for point in line.points]
    set_value_axis(axes, _value_ticks(FIELDS[lines[0].field].kind, [*values, *limits]))
    set_time_axis(axes, spec)
    _shade(axes, spec)
    if known:
        card.text(AXIS_LEFT_PX - 14, top_px - 18, unit, align="right", colour=palette.MUTED)
        _draw_gaps(axes, spec, common_gaps(spec, drawn))
        for line in drawn:
            alone = len(drawn) == 1
            strokes.draw_line(axes, line, fill=0.14 if alone and axes.get_ylim()[0] == 0 else 0.0, colour=_colour(line))
        if len(drawn) > 1:
            names = [short_name(line) for line in drawn]
            last_s = max(line.latest.at_s for line in drawn if line.latest is not None)
            ends = last_s >= spec.end_s - 0.02 * (spec.end_s - spec.start_s)
            strokes.name_lines(axes, drawn, names, RIGHT_PX, at_s=None if ends else spec.end_s)
    else:
        card.notice(axes, "no data in this period")
    strokes.draw_limits(
        axes,
        [
            strokes.Limit(limit, each.label, _COLOURS[each.severity], threshold_words(spec, each.value))
            for each, limit in zip(spec.thresholds, limits, strict=True)
        ],
        RIGHT_PX,
    )
    _draw_moment(axes, spec)
    if known and len(drawn) == 1:
        _mark(axes, spec, drawn[0])
    card.footer(spec, notes)
    return card


def _unit(spec: AlertChart, lines: list[Line]) -> tuple[str, Callable[[float], float]]:
    """What the axis counts in, by the person's preferences, and how a value becomes that."""
    kind = FIELDS[lines[0].field].kind
    if kind is Kind.POWER:
        known = [abs(point.value) for line in lines for point in line.points]
        known += [abs(each.value) for each in spec.thresholds]
        in_kw = spec.units.power == "kW" or (spec.units.power == "auto" and max(known, default=1e3) >= 999.5)
        return ("kW", lambda value: value / 1_000) if in_kw else ("W", lambda value: value)
    if kind is Kind.TEMPERATURE and spec.units.temperature == "F":
        return "°F", lambda value: value * 9 / 5 + 32
    return FIELDS[lines[0].field].unit, lambda value: value


def _value_ticks(kind: Kind, values: list[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    if kind is Kind.POWER:
        return value_ticks(low, high)
    # A level that hardly moves is not blown up to the whole panel; a threshold on its edge would be none.
    spare = max(0.04 * (high - low), (_LEAST_SPAN[kind] - high + low) / 2)
    low, high = low - spare, high + spare
    return level_ticks(max(low, 0.0), min(high, 100.0)) if kind is Kind.PERCENT else level_ticks(low, high)


def _draw_gaps(axes: Axes, spec: AlertChart, gaps: list[Gap]) -> None:
    """Bands whose words stand to one side of the moment, not across it."""
    fired_s = round(spec.fired_at.timestamp())
    for gap in gaps:
        if not gap.start_s < fired_s < gap.end_s:
            strokes.draw_gaps(axes, [gap])
            continue
        parts = sorted((Gap(gap.start_s, fired_s), Gap(fired_s, gap.end_s)), key=lambda each: each.end_s - each.start_s)
        strokes.draw_gaps(axes, parts[:1], labels=False)
        strokes.draw_gaps(axes, parts[1:])


def _converted(line: Line, convert: Callable[[float], float]) -> Line:
    values = tuple(None if value is None else convert(value) for value in line.values)
    return Line(line.label, line.field, line.times, values, line.cadence_s)


def _colour(line: Line) -> str:
    return palette.FIELD_COLOURS.get(line.field, palette.BATTERY)


def _shade(axes: Axes, spec: AlertChart) -> None:
    first = max(spec.began_at.timestamp(), spec.start_s)
    last = min(spec.end_s if spec.over_at is None else spec.over_at.timestamp(), spec.end_s)
    if last > first:
        axes.axvspan(first, last, facecolor=_COLOURS[spec.severity], alpha=0.15, lw=0, zorder=1.3)


def _draw_moment(axes: Axes, spec: AlertChart) -> None:
    fired_s = spec.fired_at.timestamp()
    if not spec.start_s <= fired_s <= spec.end_s:
        return
    colour = _COLOURS[spec.severity]
    axes.axvline(fired_s, color=colour, lw=points(3), zorder=2.7)
    words = f"{_WORDS[spec.severity]} {clock(spec, fired_s)}"
    strokes.name_moment(axes, fired_s, words, colour=colour, size_px=LABEL_PX, bold=True)


def _mark(axes: Axes, spec: AlertChart, line: Line) -> None:
    """A ring on the figure that the alert fired with."""
    point = point_when_fired(spec, line)
    if point is not None and not is_old(line, point, spec.fired_at.timestamp()):
        strokes.ring(axes, point.at_s, point.value, colour=_COLOURS[spec.severity])


def _tiles(spec: AlertChart, line: Line) -> list[Tile]:
    """From what it came, what it was at the alert, how far it went, and how it is."""
    first, latest, fired = line.points[0], line.latest, point_when_fired(spec, line)
    worst = worst_point(spec, spec.lines[0])
    found: list[tuple[str, Point]] = [("Before", first)]
    if fired is not None:
        old = is_old(line, fired, spec.fired_at.timestamp())
        found.append(("Last known" if old else "At the alert", fired))
    if worst is not None and worst != latest and (fired is None or worst.value != fired.value):
        found.append((worst_word(spec).capitalize(), worst))
    if latest is not None and (fired is None or latest.at_s > fired.at_s):
        found.append(("Latest", latest))
    if len(found) > 1 and found[0][1].at_s == found[1][1].at_s:
        del found[0]
    colours = {"At the alert": _COLOURS[spec.severity], "Latest": _colour(line)}
    return [_tile(spec, line, label, point, colours.get(label, palette.TEXT)) for label, point in found]


def _tile(spec: AlertChart, line: Line, label: str, point: Point, colour: str) -> Tile:
    direction, amount = _parts(value_words(spec, line, point.value))
    return Tile(label, amount, f"{direction} {at(spec, point.at_s)}".strip(), colour)


def _parts(words: str) -> tuple[str, str]:
    """`discharging 5.2 kW` as its direction and its amount; the direction of other values is empty."""
    before, found, amount = words.rpartition("ing ")
    return (f"{before}ing", amount) if found else ("", words)


def _flow_tile(spec: AlertChart, line: Line) -> Tile:
    colour, dashes = _colour(line), palette.FIELD_DASHES.get(line.field)
    point = point_when_fired(spec, line)
    if point is None:
        return Tile(short_name(line), "no data", "", colour, dashes)
    direction, amount = _parts(value_words(spec, line, point.value))
    old = is_old(line, point, spec.fired_at.timestamp())
    moment = f"last {at(spec, point.at_s)}" if old else "at the alert"
    return Tile(short_name(line), amount, f"{direction} {moment}".strip(), colour, dashes)
