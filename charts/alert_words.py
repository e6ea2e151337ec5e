"""The words of an alert's chart: its values at the moments that count, its shaded span, its alt text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from charts import wording
from charts.line import GAP_CADENCES, Line, Point
from energy.reading import FIELDS, Kind
from energy.units import format_value

if TYPE_CHECKING:
    from charts.specs import AlertChart

_SIGNED = ("battery_charge_w", "grid_import_w")


def point_at(line: Line, at_s: float) -> Point | None:
    """The last measurement at or before a moment."""
    return next((point for point in reversed(line.points) if point.at_s <= at_s), None)


def point_when_fired(spec: AlertChart, line: Line) -> Point | None:
    """The last measurement when the alert fired; one that was measured while it was being told counts too."""
    fired_s = spec.fired_at.timestamp()
    known = point_at(line, fired_s)
    return known or next((point for point in line.points if point.at_s <= fired_s + line.cadence_s), None)


def is_old(line: Line, point: Point, at_s: float) -> bool:
    """Whether a measurement says little of how it was at that moment."""
    return at_s - point.at_s > GAP_CADENCES * line.cadence_s


def value_words(spec: AlertChart, line: Line, value: float) -> str:
    """A value in the person's units; flows with two directions say theirs: `discharging 5.2 kW`."""
    if line.field in _SIGNED:
        return wording.flow_words(spec, line, Point(0, value))
    return _amount(spec, line.field, value)


def threshold_words(spec: AlertChart, value: float) -> str:
    """A threshold in the person's units, without a direction."""
    field = spec.lines[0].field
    return _amount(spec, field, abs(value) if field in _SIGNED else value)


def _amount(spec: AlertChart, field: str, value: float) -> str:
    """As the alert's text says it: volts to two decimals, as its thresholds lie between tenths."""
    return f"{value:.2f} V" if FIELDS[field].kind is Kind.VOLTAGE else format_value(field, value, spec.units)


def worst_word(spec: AlertChart) -> str:
    """What the worst value is called; of a flow with two directions it is the most in the alert's direction."""
    return "most" if spec.lines[0].field in _SIGNED else "lowest" if goes_down(spec) else "highest"


def span_words(spec: AlertChart) -> str:
    """What is shaded: `from 14:00 to 14:20`, `since 14:00`."""
    began = wording.at(spec, max(spec.began_at.timestamp(), spec.start_s))
    if spec.over_at is None:
        return f"since {began}"
    return f"from {began} to {wording.at(spec, spec.over_at.timestamp())}"


def worst_point(spec: AlertChart, line: Line) -> Point | None:
    """The measurement farthest beyond the threshold since it began; None without a threshold."""
    if not spec.thresholds or line is not spec.lines[0]:
        return None
    end_s = spec.end_s if spec.over_at is None else spec.over_at.timestamp()
    since = [point for point in line.points if spec.began_at.timestamp() <= point.at_s <= end_s]
    if not since:
        return None
    return min(since, key=lambda p: p.value) if goes_down(spec) else max(since, key=lambda p: p.value)


def goes_down(spec: AlertChart) -> bool:
    """Whether lower values are worse: the figure was under the threshold when the alert fired."""
    line, threshold = spec.lines[0], spec.thresholds[0].value
    fired = point_when_fired(spec, line)
    value = threshold if fired is None else fired.value
    if value != threshold or line.lowest is None or line.highest is None:
        return value < threshold
    return line.highest.value - threshold > threshold - line.lowest.value


def alert_alt(spec: AlertChart) -> str:
    """Alt text of an alert's chart."""
    fired = f"The alert ({spec.severity}) fired {wording.when(spec, spec.fired_at.timestamp())}; it "
    fired += f"{'has lasted' if spec.over_at is None else 'lasted'} {span_words(spec)}."
    lines = [line.within(spec.start_s, spec.end_s) for line in spec.lines]
    if not any(line.points for line in lines):
        return f"{wording.heading(spec)}: no data. {fired} {wording.closing(spec)}"
    sentences = [_line_sentence(spec, line, alone=len(lines) == 1) for line in lines]
    limits = [f"{each.label} {threshold_words(spec, each.value)}" for each in spec.thresholds]
    thresholds = [f"Drawn: {', '.join(limits)}."] if limits else []
    gaps = wording.gap_sentences(spec, lines)
    return " ".join([f"{wording.heading(spec)}.", fired, *sentences, *thresholds, *gaps, wording.closing(spec)])


def _line_sentence(spec: AlertChart, line: Line, *, alone: bool) -> str:
    name = short_name(line)
    latest, fired = line.latest, point_when_fired(spec, line)
    if latest is None:
        return f"{name}: no data."
    first, parts = line.points[0], list[str]()
    if alone and (fired is None or first.at_s < fired.at_s):
        parts.append(f"{value_words(spec, line, first.value)} {wording.when(spec, first.at_s)}")
    if fired is not None:
        old = is_old(line, fired, spec.fired_at.timestamp())
        parts.append(
            f"{value_words(spec, line, fired.value)} "
            + (f"last known {wording.when(spec, fired.at_s)}" if old else "when it fired")
        )
    worst = worst_point(spec, spec.lines[0]) if alone else None
    if worst is not None and worst != latest and fired is not None and worst.value != fired.value:
        parts.append(
            f"{worst_word(spec)} meanwhile {value_words(spec, line, worst.value)} {wording.when(spec, worst.at_s)}"
        )
    if fired is None or latest.at_s > fired.at_s:
        parts.append(f"latest {value_words(spec, line, latest.value)} {wording.when(spec, latest.at_s)}")
    return f"{name}: {', '.join(parts)}."


def short_name(line: Line) -> str:
    """`Battery` for the battery's charge: its direction is said with the value."""
    return line.label.removesuffix(" charge").removesuffix(" import") if line.field in _SIGNED else line.label
