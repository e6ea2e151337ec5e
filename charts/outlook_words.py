"""The words and sums of the charts of what is to come: daily totals, turning points, alt texts. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from charts import wording
from charts.line import Line
from charts.ticks import HOUR_S, midnights
from energy.units import day_name, format_energy, format_percent, format_power, month_name

if TYPE_CHECKING:
    from charts.frame import Frame
    from charts.outlook_specs import (
        CellsChart,
        Curve,
        PlanChart,
        ScorecardChart,
        ScoreRow,
        SocFanChart,
        SolarForecastChart,
    )


@dataclass(frozen=True, slots=True)
class DayTotal:
    """A local day inside a chart: kWh that are forecast (and measured, where the forecast says nothing).

    `low_kwh` and `high_kwh` are what comes when every hour stays at the edge of its band. `whole` is False where hours
    of the day lie outside the chart or nothing is known of them; `forecast` is False where all of it was measured.
    """

    start_s: int
    end_s: int
    kwh: float
    low_kwh: float
    high_kwh: float
    measured_kwh: float | None
    whole: bool
    forecast: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Steps of a plan in which a miner runs without a stop, and with how much (W, the mean)."""

    start_s: int
    end_s: int
    watts: float


def daily_totals(spec: SolarForecastChart) -> list[DayTotal]:
    """The energy of each local day of the chart of which anything is known."""
    edges = [spec.start_s, *midnights(spec.start_s, spec.end_s, spec.zone), spec.end_s]
    hours = {
        start_s: (low, middle, high)
        for start_s, low, middle, high in zip(spec.starts_s, spec.p10_w, spec.p50_w, spec.p90_w, strict=True)
        if middle is not None
    }
    found = []
    for start_s, end_s in pairwise(edges):
        sums, missing, forecast = [0.0, 0.0, 0.0], 0, False
        for at_s in range(-(-start_s // HOUR_S) * HOUR_S, end_s, HOUR_S):
            low, middle, high = hours.get(at_s, (None, None, None))
            is_over = at_s + HOUR_S <= spec.known_until_s < end_s  # an hour of today that needs no forecast any more
            measured = _energy_kwh(spec.actual, at_s, at_s + HOUR_S, spec.known_until_s)
            if middle is None or (is_over and measured is not None):
                missing += measured is None
                sums = [total + (measured or 0.0) for total in sums]
                continue
            forecast = True
            parts = (middle if low is None else low, middle, middle if high is None else high)
            sums = [total + part / 1_000 for total, part in zip(sums, parts, strict=True)]
        measured = _energy_kwh(spec.actual, start_s, min(end_s, spec.known_until_s), spec.known_until_s)
        if not forecast and measured is None:
            continue
        is_day = wording.is_midnight(spec, start_s) and wording.is_midnight(spec, end_s)
        whole = is_day and not missing
        found.append(DayTotal(start_s, end_s, sums[1], sums[0], sums[2], measured, whole, forecast))
    return found


def _energy_kwh(line: Line | None, start_s: float, end_s: float, known_until_s: float) -> float | None:
    """The energy of a stretch, None where less than nine tenths of it were measured."""
    if line is None or end_s <= start_s or end_s > known_until_s + line.cadence_s:
        return None
    joules, covered_s = 0.0, 0.0
    for run in line.segments():
        for earlier, later in pairwise(run):
            first, last = max(earlier.at_s, start_s), min(later.at_s, end_s)
            if last <= first:
                continue
            slope = (later.value - earlier.value) / (later.at_s - earlier.at_s)
            middle = earlier.value + slope * ((first + last) / 2 - earlier.at_s)
            joules += middle * (last - first)
            covered_s += last - first
    return joules / 3_600_000 if covered_s >= 0.9 * (end_s - start_s) else None


def short_day(spec: Frame, at_s: float) -> str:
    """`Today`, `Tomorrow`, `Yesterday`, else `Thu 26 Nov`; seen from the chart's `as_of`."""
    day, today = wording.local(spec, at_s).date(), wording.local(spec, spec.as_of.timestamp()).date()
    names = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}
    return names.get((day - today).days) or f"{day_name(day, spec.units)} {day.day} {month_name(day, spec.units)}"


def solar_alt(spec: SolarForecastChart) -> str:
    """Alt text of a solar forecast."""
    issued = f"Issued {wording.when(spec, spec.issued_at.timestamp())}."
    totals = daily_totals(spec)
    if not any(total.forecast for total in totals):
        return f"{wording.heading(spec)}: no forecast. {wording.closing(spec)}"
    peak = max(
        ((watts, at_s) for at_s, watts in zip(spec.starts_s, spec.p50_w, strict=True) if watts is not None),
        default=(0.0, spec.start_s),
    )
    most = f"Most: {format_power(peak[0], spec.units)} {wording.when(spec, peak[1])}." if peak[0] >= 1 else "No sun."
    sentences = [_day_sentence(spec, total) for total in totals]
    latest = spec.actual.within(spec.start_s, spec.end_s).latest if spec.actual is not None else None
    now = f"Measured: {format_power(latest.value, spec.units)} {wording.when(spec, latest.at_s)}." if latest else ""
    parts = [f"{wording.heading(spec)}.", *sentences, most, now, issued, *_sentences(spec.notes), wording.closing(spec)]
    return " ".join(part for part in parts if part)


def _day_sentence(spec: SolarForecastChart, total: DayTotal) -> str:
    day = short_day(spec, total.start_s)
    if not total.forecast:
        return f"{day}: {format_energy(total.measured_kwh or 0.0)} measured."
    part = "" if total.whole else f", {part_words(spec, total)}"
    words = f"{day}{part}: {format_energy(total.kwh)} ({_range(total.low_kwh, total.high_kwh, format_energy)})"
    if total.measured_kwh is None:
        return f"{words}."
    over = total.end_s <= spec.known_until_s
    return f"{words}, {'measured' if over else 'so far'} {format_energy(total.measured_kwh)}."


def part_words(spec: Frame, total: DayTotal) -> str:
    """Which part of a day a total stands for: `from 14:00`, `until 13:00`, `known hours`."""
    if not wording.is_midnight(spec, total.start_s):
        return f"from {wording.clock(spec, total.start_s)}"
    if not wording.is_midnight(spec, total.end_s):
        return f"until {wording.clock(spec, total.end_s)}"
    return "in part"


def soc_fan_alt(spec: SocFanChart) -> str:
    """Alt text of where the state of charge goes."""
    known = [(pct, at_s) for at_s, pct in zip(spec.ends_s, spec.p50, strict=True) if pct is not None]
    if not known:
        return f"{wording.heading(spec)}: no forecast. {wording.closing(spec)}"
    (low, low_s), (high, high_s) = min(known), max(known)
    latest = spec.actual.within(spec.start_s, spec.end_s).latest if spec.actual is not None else None
    parts = [f"{wording.heading(spec)}."]
    if latest is not None:
        parts.append(f"Battery {format_percent(latest.value)} {wording.when(spec, latest.at_s)}.")
    lows = [pct for pct in spec.p10 if pct is not None]
    worst = f" (in one case of ten {format_percent(min(lows))} or less)" if lows and min(lows) < low - 0.05 else ""
    parts.append(
        f"{course_name(spec)}: lowest {format_percent(low)} {wording.when(spec, low_s)}{worst}, "
        f"highest {format_percent(high)} {wording.when(spec, high_s)}."
    )
    as_is = [(pct, at_s) for at_s, pct in zip(spec.ends_s, spec.as_is_p50 or (), strict=False) if pct is not None]
    if as_is:
        parts.append(f"Without it: lowest {format_percent(min(as_is)[0])} {wording.when(spec, min(as_is)[1])}.")
    parts += [f"{words}." for words in breach_words(spec)]
    if spec.floor_pct is not None:
        parts.append(f"Floor {format_percent(spec.floor_pct)}.")
    return " ".join([*parts, *_sentences(spec.notes), wording.closing(spec)])


def course_name(spec: SocFanChart) -> str:
    """What the course with the band is called in a sentence."""
    return "With the plan" if spec.planned else "As it is set"


def breach_words(spec: SocFanChart) -> list[str]:
    """Whether and when the reserve is reached, with the plan and without it."""
    if spec.reserve_pct is None:
        return []
    reserve = f"the reserve of {format_percent(spec.reserve_pct)}"
    if spec.breach_s is None and spec.as_is_breach_s is None:
        known = [pct for pct in spec.p50 if pct is not None]
        return [f"In the middle forecast it stays above {reserve}"] if min(known) >= spec.reserve_pct else []
    out = []
    for name, breach_s in ((course_name(spec), spec.breach_s), ("Without it", spec.as_is_breach_s)):
        if breach_s is not None:
            after = ", after the end of this chart" if breach_s > spec.end_s else ""
            out.append(f"{name} it falls under {reserve} {moment_words(spec, breach_s)}{after}")
    return out


def moment_words(spec: Frame, at_s: float) -> str:
    """A moment of which the chart may not show the day: `on Thu 26 Nov at 03:00`."""
    if spec.start_s <= at_s <= spec.end_s:
        return wording.when(spec, at_s)
    return f"on {wording.day(spec, at_s)} at {wording.clock(spec, at_s)}"


def miner_runs(spec: PlanChart, index: int) -> list[Run]:
    """When a miner of the chart runs."""
    runs: list[Run] = []
    for step in spec.steps:
        watts = step.miners_w[index]
        if watts <= 0 or step.end_s <= spec.start_s or step.start_s >= spec.end_s:
            continue
        if runs and runs[-1].end_s == step.start_s:
            last = runs.pop()
            before_s, own_s = last.end_s - last.start_s, step.end_s - step.start_s
            mean = (last.watts * before_s + watts * own_s) / (before_s + own_s)
            runs.append(Run(last.start_s, step.end_s, mean))
        else:
            runs.append(Run(step.start_s, step.end_s, watts))
    return runs


def plan_alt(spec: PlanChart) -> str:
    """Alt text of a plan."""
    if not spec.steps:
        return f"{wording.heading(spec)}: no plan. {wording.closing(spec)}"
    parts = [f"{wording.heading(spec)}."]
    for index, name in enumerate(spec.miners):
        runs = miner_runs(spec, index)
        spans = [f"{wording.at(spec, run.start_s)} to {wording.at(spec, run.end_s)}" for run in runs]
        shown = ", ".join(spans[: wording.MAX_NAMED])
        more = f" and {len(spans) - wording.MAX_NAMED} more" if len(spans) > wording.MAX_NAMED else ""
        parts.append(f"{name}: {f'on {shown}{more}' if runs else 'off throughout'}.")
    solar, base = (plan_kwh(spec, field) for field in ("solar_w", "base_load_w"))
    parts.append(f"Solar {format_energy(solar)}, base load {format_energy(base)}.")
    imported = sum(max(step.grid_import_w, 0.0) * step.minutes for step in spec.steps) / 60_000
    if imported >= 0.05:
        parts.append(f"From the grid {format_energy(imported)}.")
    prices = [step.import_per_kwh for step in spec.steps if step.import_per_kwh is not None]
    if prices:
        money = _range(min(prices), max(prices), lambda price: f"{price:.2f}")
        parts.append(f"Import price {money} {spec.currency}".rstrip() + " per kWh.")
    socs = [(step.soc_pct, step.end_s) for step in spec.steps if step.soc_pct is not None]
    if socs:
        low = min(socs)
        parts.append(f"Battery: lowest {format_percent(low[0])} {wording.when(spec, low[1])}.")
    planned = f"Planned {wording.when(spec, spec.planned_at.timestamp())}."
    return " ".join([*parts, planned, *_sentences(spec.notes), wording.closing(spec)])


def plan_kwh(spec: PlanChart, field: str) -> float:
    """The energy of one of the steps' powers over the whole plan."""
    return sum(float(getattr(step, field)) * step.minutes for step in spec.steps) / 60_000


def compared(row: ScoreRow) -> tuple[float, float | None] | None:
    """The accuracy of ours and of persistence over all days; None without any.

    Where only the days' figures are given it is their mean, over the days that both have.
    """
    if row.ours_all is not None:
        return row.ours_all, row.persistence_all
    both = [(a, b) for a, b in zip(row.ours, row.persistence, strict=True) if a is not None and b is not None]
    if both:
        return fmean(a for a, _ in both), fmean(b for _, b in both)
    own = [a for a in row.ours if a is not None]
    return (fmean(own), None) if own else None


def scorecard_alt(spec: ScorecardChart) -> str:
    """Alt text of a scorecard."""
    parts = [f"{wording.heading(spec)}."]
    for row in spec.rows:
        means = compared(row)
        if means is None:
            parts.append(f"{row.label}: no scored day.")
            continue
        ours, other = means
        days = sum(value is not None for value in row.ours)
        words = f"{row.label}: {percent(ours)} accurate over {days} day{'s' if days != 1 else ''}"
        if other is not None:
            words += f", persistence {percent(other)}"
        worst, day = min((value, day) for value, day in zip(row.ours, spec.days, strict=True) if value is not None)
        words += f", worst {percent(worst)} on {iso_day(spec, day)}"
        if row.coverage is not None:
            words += f"; the band held {percent(row.coverage)} of the hours ({percent(row.meant)} meant)"
        parts.append(f"{words}.")
    counts = [f"{spec.sky.count(sky)} {sky}" for sky in ("clear", "mixed", "overcast") if sky in spec.sky]
    if counts:
        parts.append(f"Days: {', '.join(counts)}.")
    return " ".join([*parts, *_sentences(spec.notes), wording.closing(spec)])


def percent(share: float) -> str:
    """A share as a percentage without decimals: `91 %`, with a true minus sign."""
    return f"{100 * share:.0f} %".replace("-", "−")


def iso_day(spec: Frame, day: str) -> str:
    """`2026-11-24` as `24 Nov`."""
    found = date.fromisoformat(day)
    return f"{found.day} {month_name(found, spec.units)}"


def cells_alt(spec: CellsChart) -> str:
    """Alt text of a battery's health."""
    parts = [f"{wording.heading(spec)}."]
    if spec.remaining is not None:
        point = spec.remaining
        span = ""
        if point.low_pct is not None and point.high_pct is not None:
            span = f" ({_range(point.low_pct, point.high_pct, format_percent)})"
        parts.append(f"Remaining capacity {format_percent(point.pct)}{span} of new{_age(spec)}.")
    elif not spec.points:
        parts.append("Not known yet: no capacity has been measured.")
    if spec.points:
        count = len(spec.points)
        last = spec.points[-1]
        parts.append(f"{count} estimate{'s' if count != 1 else ''}, the last one {format_percent(last.pct)}.")
    for name, curve in (("Its own fade", spec.own), ("A battery like it", spec.fleet)):
        if curve is not None and curve.x:
            parts.append(f"{name}: {format_percent(curve.pct[-1])} {axis_words(spec, curve.x[-1])}.")
    parts.append(f"Drawn: {format_percent(spec.limit_pct)}.")
    return " ".join([*parts, *_sentences(spec.notes), wording.closing(spec)])


def reaches(curve: Curve, limit_pct: float) -> float | None:
    """Where a curve falls to a limit; None if it does not along its length."""
    for (x0, y0), (x1, y1) in pairwise(zip(curve.x, curve.pct, strict=True)):
        if y0 > limit_pct >= y1:
            return x0 + (y0 - limit_pct) / (y0 - y1) * (x1 - x0)
    return None


def axis_words(spec: CellsChart, x: float) -> str:
    """`at 1,200 cycles`, `in Nov 2028`."""
    if spec.by == "cycles":
        return f"at {x:,.0f} cycles"
    moment = wording.local(spec, x)
    return f"in {month_name(moment, spec.units)} {moment.year}"


def _age(spec: CellsChart) -> str:
    return f" after {spec.now_x:,.0f} full cycles" if spec.by == "cycles" else ""


def _range(low: float, high: float, shown: Callable[[float], str]) -> str:
    first, last = shown(low), shown(high)
    return first if first == last else f"{first} to {last}"


def _sentences(notes: Iterable[str]) -> list[str]:
    return [note if note.endswith((".", "?", "!")) else f"{note}." for note in notes]


def known_runs(times: Sequence[int], *columns: Sequence[float | None], step_s: int) -> list[slice]:
    """Stretches of neighbouring times (a step apart) at which all columns are known."""
    runs: list[slice] = []
    for index, at_s in enumerate(times):
        if any(column[index] is None for column in columns):
            continue
        if runs and runs[-1].stop == index and at_s - times[index - 1] <= step_s:
            runs[-1] = slice(runs[-1].start, index + 1)
        else:
            runs.append(slice(index, index + 1))
    return runs
