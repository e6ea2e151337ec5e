"""What was: statistics of a period, hourly and daily sums, when a threshold was passed, comparisons.

Short periods are computed from rows, long ones from the hourly rollups with rows at their ragged edges; both agree,
since a rollup holds the same weights (energy/rollup.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from energy.merge import preference
from energy.periods import Period, local_days, local_hours
from energy.reading import FIELDS, NUMERIC_FIELDS, Kind
from energy.rollup import HOUR_S, Rollup
from energy.series import (
    JOULES_PER_KWH,
    Series,
    seconds_above,
    with_gaps_marked,
)
from energy.series import crossings as series_crossings
from energy.site import Sum
from services.merging import merged_hours, merged_rows, rollups_of
from services.scope import Scope, require

ROWS_UP_TO = timedelta(days=8)
AT_THE_END = timedelta(seconds=1)
Bucketing = Literal["hour", "day"]
Direction = Literal["rising", "falling", "both"]


class UnknownField(ValueError):
    """The field has no history of numbers; the message lists those that do."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A value and the instant (UTC) at which it was measured."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of a power field in kWh: net, and the parts above and below zero as positive amounts."""

    net_kwh: float
    positive_kwh: float
    negative_kwh: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """A field over a period. Every figure is None when there is no data; `covered_s` of `expected_s` are known."""

    field: str
    period: Period
    mean: float | None
    minimum: Moment | None
    maximum: Moment | None
    energy: Energy | None
    first: Moment | None
    last: Moment | None
    covered_s: float
    expected_s: float
    source: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """One local hour or day of a field; figures are None where nothing is known."""

    start: datetime
    end: datetime
    mean: float | None
    energy: Energy | None
    covered_s: float


@dataclass(frozen=True, slots=True)
class Passage:
    """The first row on the other side of a threshold."""

    at: datetime
    rising: bool
    value: float


@dataclass(frozen=True, slots=True)
class Passages:
    """When a field passed a threshold in a period: the first ones, their number, and how long it stayed above."""

    field: str
    threshold: float
    period: Period
    items: tuple[Passage, ...]
    total: int
    above_s: float
    covered_s: float
    already_above: bool | None  # at the first known row; None without data
    source: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same field in two periods. `difference` is a minus b, of energies for powers and of means otherwise."""

    field: str
    a: Statistics
    b: Statistics
    difference: float | None
    difference_pct: float | None
    unit: str


async def series(scope: Scope, field: str, period: Period) -> Series:
    """The merged series of a field for drawing: an unknown row marks each gap, and a chart of today ends with now."""
    _check(scope, field)
    return with_gaps_marked(await merged_rows(scope, field, period.start, _until(scope, period)))


async def statistics(scope: Scope, field: str, period: Period) -> Statistics:
    """Mean, extremes, energy and coverage of a field over a period (cut at `scope.as_of`)."""
    _check(scope, field)
    end = min(period.end, scope.as_of)
    expected_s = max((end - period.start).total_seconds(), 0.0)
    if period.duration <= ROWS_UP_TO:
        rows = (await merged_rows(scope, field, period.start, _until(scope, period))).known()
        hours = rollups_of(rows.between(period.start_s, end.timestamp()))
        result = _statistics(field, period, hours, expected_s, rows.source or None)
        return _with_extremes(result, rows)
    hours, source = await merged_hours(scope, field, period.start, end)
    result = _statistics(field, period, hours, expected_s, source)
    if not isinstance(preference(scope.site, field), Sum):
        return result
    return _with_extremes(
        result, await merged_rows(scope, field, period.start, end)
    )  # the sum of peaks is no peak of the sum


async def buckets(scope: Scope, field: str, period: Period, by: Bucketing) -> list[Bucket]:
    """A field per local hour or day of the period; right on days of 23 and 25 hours."""
    _check(scope, field)
    period = Period(period.start, min(period.end, scope.as_of), period.label)
    if period.start >= period.end:
        return []
    spans = local_days(period, scope.zone) if by == "day" else local_hours(period)
    whole_hours = all(int(start.timestamp()) % HOUR_S == 0 for start, _ in spans[1:])
    if period.duration <= ROWS_UP_TO or not whole_hours:
        rows = (await merged_rows(scope, field, period.start, period.end)).known()
        parts = [rows.between(s.timestamp(), e.timestamp()) for s, e in spans]
        grouped = [rollups_of(part) for part in parts]
    else:
        hours, _ = await merged_hours(scope, field, period.start, period.end)
        grouped = _grouped(hours, spans)
    return [
        Bucket(start, end, _mean(group), _energy(field, group), sum(h.covered_s for h in group))
        for (start, end), group in zip(spans, grouped, strict=True)
    ]


async def threshold_passages(
    scope: Scope, field: str, threshold: float, period: Period, direction: Direction = "both", *, at_most: int = 10
) -> Passages:
    """When the field passed `threshold` (the field's unit), and how long it was at or above it."""
    _check(scope, field)
    end = min(period.end, scope.as_of)
    rows = (await merged_rows(scope, field, period.start - timedelta(minutes=30), end)).known()
    found = [
        Passage(_utc(c.at_s), c.rising, c.value)
        for c in series_crossings(rows, threshold, period.start_s, end.timestamp())
        if direction == "both" or c.rising == (direction == "rising")
    ]
    inside = rows.between(period.start_s, end.timestamp())
    return Passages(
        field=field,
        threshold=threshold,
        period=period,
        items=tuple(found[:at_most]),
        total=len(found),
        above_s=seconds_above(rows, threshold, period.start_s, end.timestamp()),
        covered_s=sum(h.covered_s for h in rollups_of(inside)),
        already_above=bool(inside.values[0] >= threshold) if inside.times.size else None,
        source=inside.source or None,
    )


async def compare(scope: Scope, field: str, a: Period, b: Period) -> Comparison:
    """The field in period a against period b: energies for powers, means for everything else."""
    first, second = await statistics(scope, field, a), await statistics(scope, field, b)
    is_power = FIELDS[field].kind is Kind.POWER
    left, right = (_figure(s, is_power) for s in (first, second))
    difference = None if left is None or right is None else left - right
    pct = None if difference is None or not right else 100 * difference / abs(right)
    return Comparison(field, first, second, difference, pct, "kWh" if is_power else FIELDS[field].unit)


def _until(scope: Scope, period: Period) -> datetime:
    """Where the rows of a period end: the row of this very moment belongs to a period that is not over."""
    return period.end if period.end < scope.as_of else scope.as_of + AT_THE_END


def _check(scope: Scope, field: str) -> None:
    require(scope, "viewer")
    if field not in NUMERIC_FIELDS:
        raise UnknownField(f'"{field}" has no history of numbers; these have: {", ".join(NUMERIC_FIELDS)}')


def _grouped(hours: Sequence[Rollup], spans: Sequence[tuple[datetime, datetime]]) -> list[list[Rollup]]:
    groups: list[list[Rollup]] = [[] for _ in spans]
    position = 0
    for hour in hours:
        while hour.start_s >= spans[position][1].timestamp():
            position += 1
        groups[position].append(hour)
    return groups


def _statistics(
    field: str,
    period: Period,
    hours: Sequence[Rollup],
    expected_s: float,
    source: str | None,
) -> Statistics:
    low = min(hours, key=lambda h: h.minimum, default=None)
    high = max(hours, key=lambda h: h.maximum, default=None)
    return Statistics(
        field=field,
        period=period,
        mean=_mean(hours),
        minimum=Moment(low.minimum, _utc(low.minimum_at_s)) if low else None,
        maximum=Moment(high.maximum, _utc(high.maximum_at_s)) if high else None,
        energy=_energy(field, hours),
        first=None,
        last=None,
        covered_s=sum(h.covered_s for h in hours),
        expected_s=expected_s,
        source=source if hours else None,
    )


def _with_extremes(result: Statistics, rows: Series) -> Statistics:
    """The statistics with extremes, first and last from rows: exact, and with the row of the very end ("now")."""
    rows = rows.known()
    if rows.times.size == 0:
        return result
    low, high = int(rows.values.argmin()), int(rows.values.argmax())
    return replace(
        result,
        minimum=_moment(rows, low),
        maximum=_moment(rows, high),
        first=_moment(rows, 0),
        last=_moment(rows, -1),
        source=result.source or rows.source,
    )


def _mean(hours: Sequence[Rollup]) -> float | None:
    covered_s = sum(h.covered_s for h in hours)
    return sum(h.mean * h.covered_s for h in hours) / covered_s if covered_s else None


def _energy(field: str, hours: Sequence[Rollup]) -> Energy | None:
    if FIELDS[field].kind is not Kind.POWER or not hours:
        return None
    positive = sum(h.positive_mean * h.covered_s for h in hours) / JOULES_PER_KWH
    negative = sum(h.negative_mean * h.covered_s for h in hours) / JOULES_PER_KWH
    return Energy(positive - negative, positive, negative)


def _figure(stats: Statistics, is_power: bool) -> float | None:
    if not is_power:
        return stats.mean
    return None if stats.energy is None else stats.energy.net_kwh


def _moment(rows: Series, position: int) -> Moment:
    return Moment(float(rows.values[position]), _utc(int(rows.times[position])))


def _utc(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
