"""The words of a chart: its period, its local times, its gaps and its alt text. Pure functions of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from charts.line import Gap, Line, Point
from energy.units import day_name, format_energy, format_percent, format_power, month_name

if TYPE_CHECKING:
    from charts.frame import Frame
    from charts.specs import BarSeries, EnergyBars, PowerChart, SocChart

MAX_NAMED = 3  # gaps or incomplete bars named one by one; a longer list tells nobody anything
COMPLETE_SHARE = 0.95
_SIGNED = {"battery_charge_w": ("charging", "discharging"), "grid_import_w": ("importing", "exporting")}


def local(spec: Frame, at_s: float) -> datetime:
    """Epoch seconds as the site's local time."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(spec.zone)


def clock(spec: Frame, at_s: float) -> str:
    """`14:02` or `2:02 PM`; with the zone's short name in the hour that a clock change repeats."""
    moment = local(spec, at_s)
    text = moment.strftime("%H:%M") if spec.units.hour_24 else moment.strftime("%I:%M %p").lstrip("0")
    repeated = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return f"{text} {moment.strftime('%Z')}" if repeated else text


def day(spec: Frame, at_s: float, *, year: bool = False) -> str:
    """`Mon 23 Nov`, with the year on demand."""
    moment = local(spec, at_s)
    words = f"{day_name(moment, spec.units)} {moment.day} {month_name(moment, spec.units)}"
    return f"{words} {moment.year}" if year else words


def at(spec: Frame, at_s: float) -> str:
    """A moment inside the chart: `11:35` when it shows one local day, `Mon 11:35` up to a week, else `23 Nov 11:35`."""
    day_words = _day_inside(spec, at_s)
    return f"{day_words} {clock(spec, at_s)}" if day_words else clock(spec, at_s)


def when(spec: Frame, at_s: float) -> str:
    """The same moment in a sentence: `at 11:35`, `on Mon at 11:35`, `on 23 Nov at 11:35`."""
    day_words = _day_inside(spec, at_s)
    return f"on {day_words} at {clock(spec, at_s)}" if day_words else f"at {clock(spec, at_s)}"


def _day_inside(spec: Frame, at_s: float) -> str:
    if one_day(spec):
        return ""
    moment, first, last = local(spec, at_s), local(spec, spec.start_s), local(spec, spec.end_s - 1)
    if (last.date() - first.date()).days < 7:
        return day_name(moment, spec.units)
    return f"{moment.day} {month_name(moment, spec.units)}"


def one_day(spec: Frame) -> bool:
    """Whether the period lies in one local calendar day."""
    return local(spec, spec.start_s).date() == local(spec, spec.end_s - 1).date()


def is_midnight(spec: Frame, at_s: float) -> bool:
    """Whether a moment is a local midnight."""
    return _midnight(local(spec, at_s))


def _midnight(moment: datetime) -> bool:
    return moment.hour == moment.minute == moment.second == 0


def _end_clock(spec: Frame) -> str:
    """The end of a period inside one day: a midnight is that day's end, not the next one's start."""
    if not _midnight(local(spec, spec.end_s)):
        return clock(spec, spec.end_s)
    return "24:00" if spec.units.hour_24 else "midnight"


def _whole_days(spec: Frame) -> bool:
    return _midnight(local(spec, spec.start_s)) and _midnight(local(spec, spec.end_s))


def period_words(spec: Frame) -> str:
    """`Mon 23 Nov 2026`, or `..., 06:00 to 12:00`, `17 to 23 Nov 2026`, `Sun 22 Nov 17:00 to Mon 23 Nov 2026 06:00`."""
    first, last = local(spec, spec.start_s), local(spec, spec.end_s - 1)
    if one_day(spec):
        words = day(spec, spec.start_s, year=True)
        if _whole_days(spec):
            return words
        return f"{words}, {clock(spec, spec.start_s)} to {_end_clock(spec)}"
    if _whole_days(spec):
        year = f" {first.year}" if first.year != last.year else ""
        month = f" {month_name(first, spec.units)}" if year or first.month != last.month else ""
        return f"{first.day}{month}{year} to {last.day} {month_name(last, spec.units)} {last.year}"
    start = f"{day(spec, spec.start_s, year=first.year != last.year)} {clock(spec, spec.start_s)}"
    return f"{start} to {day(spec, spec.end_s, year=True)} {clock(spec, spec.end_s)}"


def period_slug(spec: Frame) -> str:
    """`2026-11-23`, `2026-11-23-0600-to-1200`, `2026-11-17-to-2026-11-23`; times where edges are no midnights."""
    first, last = local(spec, spec.start_s), local(spec, spec.end_s)
    if _whole_days(spec):
        final = (last - timedelta(seconds=1)).date()
        return f"{first.date()}" if final == first.date() else f"{first.date()}-to-{final}"
    if first.date() == last.date():
        return f"{first:%Y-%m-%d-%H%M}-to-{last:%H%M}"
    return f"{first:%Y-%m-%d-%H%M}-to-{last:%Y-%m-%d-%H%M}"


def as_of_words(spec: Frame) -> str:
    """`as of 14:02 PST`, with the day when the data was read on another day than the chart shows."""
    moment = local(spec, spec.as_of.timestamp())
    today = one_day(spec) and moment.date() == local(spec, spec.start_s).date()
    text = clock(spec, spec.as_of.timestamp())
    zone_name = moment.strftime("%Z")
    text = text if text.endswith(zone_name) else f"{text} {zone_name}"
    return f"as of {text}" if today else f"as of {day(spec, spec.as_of.timestamp())} {text}"


def heading(spec: Frame) -> str:
    """`Power, Solar Shack, yesterday (Mon 23 Nov 2026)`."""
    parts = [spec.title, spec.site, period_name(spec)]
    return ", ".join(part for part in parts if part) + f" ({period_words(spec)})"


def period_name(spec: Frame) -> str:
    """What people call the period, unless the title says it already."""
    return "" if spec.period_label.casefold() in spec.title.casefold() else spec.period_label


def gap_words(spec: Frame, gap: Gap) -> str:
    """`13:00 to 15:00`."""
    end = _end_clock(spec) if one_day(spec) and gap.end_s == spec.end_s else at(spec, gap.end_s)
    return f"{at(spec, gap.start_s)} to {end}"


def common_gaps(spec: Frame, lines: Sequence[Line]) -> list[Gap]:
    """Stretches of the known period in which none of the lines has data."""
    found = lines[0].gaps(spec.start_s, spec.known_until_s) if lines else []
    for line in lines[1:]:
        others = line.gaps(spec.start_s, spec.known_until_s)
        overlaps = (Gap(max(a.start_s, b.start_s), min(a.end_s, b.end_s)) for a in found for b in others)
        found = [overlap for overlap in overlaps if overlap.end_s > overlap.start_s]
    return found


def power_alt(spec: PowerChart) -> str:
    """Alt text of a power chart."""
    lines = [_shown(spec, line) for line in spec.lines]
    soc = [_shown(spec, spec.soc)] if spec.soc is not None else []
    everything = lines + soc
    if not any(line.points for line in everything):
        return f"{heading(spec)}: no data, {as_of_words(spec)}."
    sentences = [_flow_sentence(spec, line) for line in lines] + [_soc_sentence(spec, line) for line in soc]
    return " ".join([f"{heading(spec)}.", *sentences, *gap_sentences(spec, everything), closing(spec)])


def soc_alt(spec: SocChart) -> str:
    """Alt text of an SOC chart."""
    line = _shown(spec, spec.soc)
    if not line.points:
        return f"{heading(spec)}: no data, {as_of_words(spec)}."
    sentences = [_soc_sentence(spec, line), *_limit_sentences(spec, line), *gap_sentences(spec, [line])]
    return " ".join([f"{heading(spec)}.", *sentences, closing(spec)])


def energy_alt(spec: EnergyBars) -> str:
    """Alt text of energy bars."""
    if not any(value is not None for series in spec.series for value in series.values):
        return f"{heading(spec)}: no data, {as_of_words(spec)}."
    sentences = [_bars_sentence(spec, series) for series in spec.series]
    return " ".join([f"{heading(spec)}, kWh per {spec.by}.", *sentences, *_incomplete_sentence(spec), closing(spec)])


def bar_words(spec: EnergyBars, index: int) -> str:
    """Which bar: `Mon 23 Nov`, or its hour `14:00 to 15:00`."""
    start_s, end_s = spec.edges[index], spec.edges[index + 1]
    if spec.by == "day":
        return day(spec, start_s)
    return f"{at(spec, start_s)} to {clock(spec, end_s)}"


def incomplete_bars(spec: EnergyBars) -> list[int]:
    """Bars that are over and miss a part of their data in any series."""
    return [
        index
        for index, end_s in enumerate(spec.edges[1:])
        if end_s <= spec.known_until_s and any(not is_complete(series, index) for series in spec.series)
    ]


def is_complete(series: BarSeries, index: int) -> bool:
    """Whether (nearly) all of the bar's time has data."""
    if series.values[index] is None:
        return False
    return not series.covered or series.covered[index] >= COMPLETE_SHARE


def _shown(spec: Frame, line: Line) -> Line:
    return line.within(spec.start_s, spec.end_s)


def _flow_sentence(spec: Frame, line: Line) -> str:
    low, high, latest = line.lowest, line.highest, line.latest
    if low is None or high is None or latest is None:
        return f"{line.label}: no data."
    if line.field in _SIGNED:
        up, down = _SIGNED[line.field]
        parts = []
        if high.value >= 1:
            parts.append(f"{up} at most {_power(spec, high)}")
        if low.value <= -1:
            parts.append(f"{down} at most {_power(spec, low, flip=True)}")
        text = f"{line.label.removesuffix(' charge').removesuffix(' import')}: {', '.join(parts) or 'idle throughout'}"
    else:
        if high.value < 1:
            return f"{line.label}: none."
        text = f"{line.label}: highest {_power(spec, high)}"
        if low.value >= 1:
            text += f", lowest {_power(spec, low)}"
    return f"{text}." if not spec.running else f"{text}; latest {flow_words(spec, line, latest)}."


def flow_words(spec: Frame, line: Line, point: Point) -> str:
    """`3.2 kW`, or `discharging 1.2 kW` where the sign has a meaning."""
    amount = format_power(abs(point.value), spec.units)
    if line.field not in _SIGNED:
        return amount
    up, down = _SIGNED[line.field]
    return "idle" if abs(point.value) < 1 else f"{up if point.value > 0 else down} {amount}"


def _power(spec: Frame, point: Point, *, flip: bool = False) -> str:
    return f"{format_power(-point.value if flip else point.value, spec.units)} {when(spec, point.at_s)}"


def _soc_sentence(spec: Frame, line: Line) -> str:
    low, high, latest = line.lowest, line.highest, line.latest
    if low is None or high is None or latest is None:
        return "Battery SOC: no data."
    return (
        f"Battery SOC: lowest {format_percent(low.value)} {when(spec, low.at_s)}, highest "
        f"{format_percent(high.value)} {when(spec, high.at_s)}, latest {format_percent(latest.value)} "
        f"{when(spec, latest.at_s)}."
    )


def _limit_sentences(spec: SocChart, line: Line) -> list[str]:
    out, low = [], line.lowest
    if spec.min_soc_pct is not None and low is not None:
        below = "went below" if low.value < spec.min_soc_pct else "stayed at or above"
        out.append(f"It {below} the minimum of {format_percent(spec.min_soc_pct)}.")
    if spec.safe_min_soc_pct is not None and spec.safe_max_soc_pct is not None:
        out.append(f"Safe range {spec.safe_min_soc_pct:g} to {format_percent(spec.safe_max_soc_pct)}.")
    return out


def gap_sentences(spec: Frame, lines: Sequence[Line]) -> list[str]:
    """Where nothing is known: of all lines together, then of each alone."""
    shared = common_gaps(spec, lines)
    out = [f"No data from {_listed([gap_words(spec, gap) for gap in shared])}."] if shared else []
    for line in lines:
        own = [
            gap for gap in line.gaps(spec.start_s, spec.known_until_s) if not _within_any(gap, shared, line.cadence_s)
        ]
        if own and line.points:
            out.append(f"{line.label} is unknown from {_listed([gap_words(spec, gap) for gap in own])}.")
    return out


def _within_any(gap: Gap, others: Sequence[Gap], slack_s: float) -> bool:
    slack_s *= 2
    return any(o.start_s - slack_s <= gap.start_s and gap.end_s <= o.end_s + slack_s for o in others)


def _bars_sentence(spec: EnergyBars, series: BarSeries) -> str:
    known = [(value, index) for index, value in enumerate(series.values) if value is not None]
    if not known:
        return f"{series.label}: no data."
    most, index = max(known, key=lambda item: item[0])
    total = f"{series.label}: {format_energy(sum(value for value, _ in known))} in total"
    return f"{total}, most {format_energy(most)} ({bar_words(spec, index)})." if most > 0 else f"{total}."


def _incomplete_sentence(spec: EnergyBars) -> list[str]:
    bars = incomplete_bars(spec)
    return [f"Data is missing or incomplete for {_listed([bar_words(spec, i) for i in bars])}."] if bars else []


def _listed(words: Sequence[str]) -> str:
    named = ", ".join(words[:MAX_NAMED])
    return named if len(words) <= MAX_NAMED else f"{named} and {len(words) - MAX_NAMED} more"


def closing(spec: Frame) -> str:
    """As of when, and from which devices."""
    words = as_of_words(spec)
    return f"{words[0].upper()}{words[1:]}{f', {spec.source}' if spec.source else ''}."
