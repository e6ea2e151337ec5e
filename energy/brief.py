"""What a brief says of a day, a week or a month: short lines, the figure first. Pure functions of figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.units import (
    UnitPreferences,
    day_name,
    format_clock,
    format_duration,
    format_energy,
    format_percent,
    month_name,
)

WHOLE_DAY_SHARE = 0.9  # a day with less of it known is no day to compare with
MOST_NAMED = 3
_SAME_PCT = 3.0
_LEAST_KWH = 0.5  # a percentage of less says nothing


@dataclass(frozen=True, slots=True)
class BriefLine:
    """A line: its figure, which is seen first, and the rest."""

    figure: str
    rest: str = ""

    @property
    def text(self) -> str:
        """The whole line."""
        return f"{self.figure}{self.rest}"


@dataclass(frozen=True, slots=True)
class Amount:
    """An energy (kWh) and what it is compared with: the mean of the days before, or the period before. None is
    unknown."""

    kwh: float | None = None
    before_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """An extreme of the battery's level (%) and when it was."""

    pct: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Expected:
    """The solar energy (kWh) that the forecast issued at `issued_at` promises for today. `known_share`: how much of the
    day's sun it knows."""

    kwh: float
    issued_at: datetime
    known_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Happened:
    """An alert: its title, from when until when (None: it lasts), and whether it was critical."""

    title: str
    began_at: datetime
    over_at: datetime | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be done, and when (aware UTC)."""

    title: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """The energies of a period. `grid` False: the site has none. `miner_hours`: while any of them drew power."""

    solar: Amount = Amount()
    load: Amount = Amount()
    miners_kwh: float | None = None
    miner_hours: float | None = None
    grid: bool = False
    imported_kwh: float | None = None
    exported_kwh: float | None = None
    generator_kwh: float | None = None
    charged_kwh: float | None = None
    discharged_kwh: float | None = None
    lowest: Level | None = None
    highest: Level | None = None

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        energies = (self.solar.kwh, self.load.kwh, self.charged_kwh, self.imported_kwh, self.generator_kwh)
        return self.lowest is not None or any(kwh is not None for kwh in (*energies, self.miners_kwh))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """A day, and what there is to know in the morning after. `today`: whether that is now, so that what comes is said.

    `known_s` of `expected_s` have data. `no_forecast` says why there is none, with the remedy.
    """

    day: date
    running: bool
    today: bool
    flows: Flows
    known_s: float
    expected_s: float
    expected: Expected | None = None
    no_forecast: str = ""
    still_open: tuple[Happened, ...] = ()
    happened: tuple[Happened, ...] = ()
    due: tuple[Due, ...] = ()
    undelivered: int = 0


@dataclass(frozen=True, slots=True)
class DayAmount:
    """A day and its solar energy (kWh)."""

    day: date
    kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFigures:
    """A week or a month. The amounts' `before_kwh` are of the period before, for as many days; `by_day`: the two have
    different numbers of known days, so the means of a day are compared."""

    kind: str  # "week" or "month"
    first: date
    last: date
    running: bool
    days: int
    known_days: int
    flows: Flows
    by_day: bool = False
    best: DayAmount | None = None
    worst: DayAmount | None = None
    alerts: int = 0
    critical: int = 0


def day_lines(figures: DayFigures, zone: ZoneInfo, now: datetime, units: UnitPreferences) -> tuple[BriefLine, ...]:
    """The daily brief: eight lines at the most."""
    year = "" if figures.day.year == now.astimezone(zone).year else f" {figures.day.year}"
    said = f"{day_words(figures.day, units)}{year}{' so far' if figures.running else ''}"
    flows = figures.flows
    if not flows.known:
        lines = [
            BriefLine(f"Nothing is known of {said}", ": no data arrived. /health says what each device told last.")
        ]
    else:
        lines = [
            _amount(flows.solar, "solar", f" on {said}", _usual),
            _load(flows, _usual),
            *_battery(flows, zone, units),
            *_grid(flows),
            *_coverage(figures),
        ]
    if figures.today:
        lines.append(_expectation(figures, now))
    lines += _to_know(figures, zone, now, units)
    lines += _alerts(figures, zone, now, units)
    return tuple(lines)


def span_lines(figures: SpanFigures, zone: ZoneInfo, units: UnitPreferences) -> tuple[BriefLine, ...]:
    """The weekly or monthly summary."""
    said = f"{span_words(figures.first, figures.last, units)}{' so far' if figures.running else ''}"
    flows = figures.flows
    if not flows.known:
        return (
            BriefLine(f"Nothing is known of {said}", ": no data arrived. /health says what each device told last."),
        )

    def compared(amount: Amount) -> str:
        return _before(amount, figures)

    lines = [
        _amount(flows.solar, "solar", f", {said}", compared),
        _load(flows, compared),
        *_battery(flows, zone, units, days=True),
        *_grid(flows),
    ]
    if figures.best is not None and figures.worst is not None and figures.best != figures.worst:
        best, worst = (f"{day_words(each.day, units)} with {format_energy(each.kwh)}" for each in _ends(figures))
        lines.append(BriefLine("Best solar day", f" {best}, least {worst}."))
    lines.append(_count(figures))
    if figures.known_days < figures.days:
        lines.append(BriefLine(f"{figures.known_days} of {figures.days} days", " have data."))
    return tuple(lines)


def day_words(day: date, units: UnitPreferences) -> str:
    """`Mon 23 Nov`, in the person's language."""
    return f"{day_name(day, units)} {day.day} {month_name(day, units)}"


def span_words(first: date, last: date, units: UnitPreferences) -> str:
    """`16 to 22 Nov`, `30 Nov to 6 Dec`, or the month's name and year where it is a whole one."""
    if first.day == 1 and (last + timedelta(days=1)).day == 1 and first.month == last.month:
        return f"{month_name(first, units)} {first.year}"
    month = f" {month_name(first, units)}" if first.month != last.month else ""
    return f"{first.day}{month} to {last.day} {month_name(last, units)}"


def _ends(figures: SpanFigures) -> list[DayAmount]:
    return [each for each in (figures.best, figures.worst) if each is not None]


def _amount(amount: Amount, noun: str, when: str, compared: Callable[[Amount], str]) -> BriefLine:
    if amount.kwh is None:
        return BriefLine(f"{noun.capitalize()} unknown", f"{when}.")
    return BriefLine(format_energy(amount.kwh), f" {noun}{when}{compared(amount)}.")


def _load(flows: Flows, compared: Callable[[Amount], str]) -> BriefLine:
    if flows.load.kwh is None:
        return BriefLine("Load unknown", f"{_of_miners(flows, ', ')}.")
    return BriefLine(format_energy(flows.load.kwh), f" load{_of_miners(flows, ', of it ')}{compared(flows.load)}.")


def _of_miners(flows: Flows, before: str) -> str:
    if flows.miners_kwh is None:
        return "" if flows.miner_hours is None else f"{before}miners for {flows.miner_hours:.1f} h"
    hours = "" if not flows.miner_hours else f" in {flows.miner_hours:.1f} h"
    return f"{before}miners {format_energy(flows.miners_kwh)}{hours}"


def _usual(amount: Amount) -> str:
    difference = _difference_pct(amount)
    if difference is None or amount.before_kwh is None:
        return ""
    usual = format_energy(amount.before_kwh)
    if abs(difference) < _SAME_PCT:
        return f", as usual ({usual})"
    return f", {abs(difference):.0f} % {'above' if difference > 0 else 'below'} the usual {usual}"


def _before(amount: Amount, figures: SpanFigures) -> str:
    difference = _difference_pct(amount)
    if difference is None or amount.before_kwh is None:
        return ""
    by_day = " by the day" if figures.by_day else ""
    if abs(difference) < _SAME_PCT:
        return f",{by_day} as in the {figures.kind} before"
    way = "more" if difference > 0 else "less"
    return f",{by_day} {abs(difference):.0f} % {way} than the {figures.kind} before"


def _difference_pct(amount: Amount) -> float | None:
    if amount.kwh is None or amount.before_kwh is None or amount.before_kwh < _LEAST_KWH:
        return None
    return 100 * (amount.kwh - amount.before_kwh) / amount.before_kwh


def _battery(flows: Flows, zone: ZoneInfo, units: UnitPreferences, *, days: bool = False) -> list[BriefLine]:
    moved = ""
    if flows.charged_kwh is not None and flows.discharged_kwh is not None:
        moved = f"{format_energy(flows.charged_kwh)} in, {format_energy(flows.discharged_kwh)} out"
    if flows.lowest is None or flows.highest is None:
        return [BriefLine("Battery", f" {moved}; its level is unknown.")] if moved else []

    def when(level: Level) -> str:
        local = level.at.astimezone(zone)
        if days:
            return f"{day_name(local, units)} {local.day}"
        return format_clock(level.at, zone, now=level.at, units=units)

    ends = f"{format_percent(round(flows.lowest.pct))} to {format_percent(round(flows.highest.pct))}"
    at = f" battery, lowest {when(flows.lowest)}, highest {when(flows.highest)}"
    return [BriefLine(ends, f"{at}{f'; {moved}' if moved else ''}.")]


def _grid(flows: Flows) -> list[BriefLine]:
    generator = "" if not flows.generator_kwh else f"generator {format_energy(flows.generator_kwh)}"
    if not flows.grid:
        return [BriefLine(format_energy(flows.generator_kwh or 0.0), " generator.")] if generator else []
    if flows.imported_kwh is None or flows.exported_kwh is None:
        return [BriefLine("Grid unknown", f"{f', {generator}' if generator else ''}.")]
    imported, exported = (_or_nothing(kwh) for kwh in (flows.imported_kwh, flows.exported_kwh))
    if imported == exported == _NOTHING:
        return [BriefLine("No grid flow", f"{f', {generator}' if generator else ''}.")]
    rest = f" from the grid, {exported if exported != _NOTHING else 'nothing'} to it"
    return [BriefLine(imported, f"{rest}{f', {generator}' if generator else ''}.")]


_NOTHING = "Nothing"


def _or_nothing(kwh: float) -> str:
    return _NOTHING if kwh < 0.005 else format_energy(kwh)


def _coverage(figures: DayFigures) -> list[BriefLine]:
    if figures.expected_s <= 0 or figures.known_s >= 0.95 * figures.expected_s:
        return []
    known_h, expected_h = figures.known_s / 3_600, figures.expected_s / 3_600
    return [BriefLine(f"{known_h:.1f} of {expected_h:.4g} hours", " have data; the sums miss the rest.")]


def _expectation(figures: DayFigures, now: datetime) -> BriefLine:
    expected = figures.expected
    if expected is None or expected.known_share <= 0:
        return BriefLine("Today's solar is unknown", f": {figures.no_forecast or 'the forecast does not reach it'}.")
    age = format_duration(max(now - expected.issued_at, timedelta(0)))
    least = expected.known_share < 0.97
    much = f"{'At least' if least else 'About'} {_roughly(expected.kwh)}"
    part = f", which knows {100 * expected.known_share:.0f} % of the day's sun" if least else ""
    return BriefLine(much, f" solar expected today (forecast {age} old{part}).")


def _roughly(kwh: float) -> str:
    """A forecast is no measurement: whole kWh from 10 on."""
    return f"{kwh:,.0f} kWh" if kwh >= 9.95 else f"{kwh:.1f} kWh"


def _to_know(figures: DayFigures, zone: ZoneInfo, now: datetime, units: UnitPreferences) -> list[BriefLine]:
    parts = []
    if figures.still_open:
        named = [f"{each.title} since {_clock(each.began_at, zone, now, units)}" for each in figures.still_open]
        parts.append(f"open: {_listed(named)}")
    if figures.due:
        parts.append("to do: " + _listed([f"{each.title} ({_due(each, zone, now, units)})" for each in figures.due]))
    if figures.undelivered:
        messages = "1 message" if figures.undelivered == 1 else f"{figures.undelivered} messages"
        parts.append(f"{messages} could not be delivered, see /deliveries")
    return [BriefLine("To know", f": {'; '.join(parts)}.")] if parts else []


def _due(due: Due, zone: ZoneInfo, now: datetime, units: UnitPreferences) -> str:
    day, today = due.at.astimezone(zone).date(), now.astimezone(zone).date()
    return "due" if day < today else "due today" if day == today else f"due {day_words(day, units)}"


def _alerts(figures: DayFigures, zone: ZoneInfo, now: datetime, units: UnitPreferences) -> list[BriefLine]:
    if not figures.happened:
        return []
    number = len(figures.happened)
    named = []
    for each in figures.happened:
        began = _clock(each.began_at, zone, now, units)
        over = "" if each.over_at is None else f" to {_clock(each.over_at, zone, each.over_at, units)}"
        named.append(f"{each.title} ({began}{over})")
    came = f"{number} alert{'' if number == 1 else 's'}"
    return [BriefLine(came, f" came and went: {_listed(named)}.")]


def _count(figures: SpanFigures) -> BriefLine:
    if not figures.alerts:
        return BriefLine("No alerts", ".")
    came = f"{figures.alerts} alert{'' if figures.alerts == 1 else 's'}"
    return BriefLine(came, f", {figures.critical or 'none'} of them critical.")


def _listed(names: Sequence[str]) -> str:
    named = ", ".join(names[:MOST_NAMED])
    return named if len(names) <= MOST_NAMED else f"{named} and {len(names) - MOST_NAMED} more"


def _clock(moment: datetime, zone: ZoneInfo, now: datetime, units: UnitPreferences) -> str:
    return format_clock(moment, zone, now=now, units=units)
