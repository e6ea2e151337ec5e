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
from energy.rollup import HOUR_S, Rollup, hourly_rollups
from energy.series import EMPTY, JOULES_PER_KWH, Series, extreme, prefer_series, seconds_above, sum_series, thinned
from energy.series import crossings as series_crossings
from energy.site import Prefer, Sum
from services.scope import Scope, require
from store import readings

ROWS_UP_TO = timedelta(days=8)
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


async def series(scope: Scope, field: str, period: Period, *, max_points: int | None = None) -> Series:
    """The merged series of a field, thinned to `max_points` means when given.

    It is for drawing, so a row that was taken at the very end of the period belongs to it: the chart ends with "now".
    """
    _check(scope, field)
    rows = await _rows(scope, field, period.start, period.end + timedelta(seconds=1))
    return rows if max_points is None else thinned(rows, max_points)


async def statistics(scope: Scope, field: str, period: Period) -> Statistics:
    """Mean, extremes, energy and coverage of a field over a period (cut at `scope.as_of`)."""
    _check(scope, field)
    end = min(period.end, scope.as_of)
    expected_s = max((end - period.start).total_seconds(), 0.0)
    if period.duration <= ROWS_UP_TO:
        rows = (await _rows(scope, field, period.start, end)).known()
        hours = hourly_rollups(rows.times, rows.values, rows.cadence_s)
        ends = (_moment(rows, 0), _moment(rows, -1)) if rows.times.size else (None, None)
        return _statistics(field, period, hours, expected_s, rows.source or None, ends)
    hours, source = await _hours(scope, field, period.start, end)
    result = _statistics(field, period, hours, expected_s, source, (None, None))
    if not isinstance(preference(scope.site, field, ()), Sum):
        return result
    rows = await _rows(scope, field, period.start, end)  # the extreme of a sum is not the sum of extremes
    low, high = (extreme(rows, period.start_s, end.timestamp(), which) for which in ("min", "max"))
    return replace(
        result,
        minimum=Moment(low.value, _utc(low.at_s)) if low else None,
        maximum=Moment(high.value, _utc(high.at_s)) if high else None,
    )


async def buckets(scope: Scope, field: str, period: Period, by: Bucketing) -> list[Bucket]:
    """A field per local hour or day of the period; right on days of 23 and 25 hours."""
    _check(scope, field)
    period = Period(period.start, min(period.end, scope.as_of), period.label)
    if period.start >= period.end:
        return []
    spans = local_days(period, scope.zone) if by == "day" else local_hours(period)
    whole_hours = all(int(start.timestamp()) % HOUR_S == 0 for start, _ in spans[1:])
    if period.duration <= ROWS_UP_TO or not whole_hours:
        rows = (await _rows(scope, field, period.start, period.end)).known()
        parts = [rows.between(s.timestamp(), e.timestamp()) for s, e in spans]
        grouped = [hourly_rollups(part.times, part.values, part.cadence_s) for part in parts]
    else:
        hours, _ = await _hours(scope, field, period.start, period.end)
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
    rows = (await _rows(scope, field, period.start - timedelta(minutes=30), end)).known()
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
        covered_s=sum(h.covered_s for h in hourly_rollups(inside.times, inside.values, inside.cadence_s)),
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


def _check(scope: Scope, field: str) -> None:
    require(scope, "viewer")
    if field not in NUMERIC_FIELDS:
        raise UnknownField(f'"{field}" has no history of numbers; these have: {", ".join(NUMERIC_FIELDS)}')


async def _rows(scope: Scope, field: str, start: datetime, end: datetime) -> Series:
    by_device = await readings.field_rows(
        scope.database, scope.org_id, scope.site.id, field, start, end, as_of=scope.as_of
    )
    rule = preference(scope.site, field, by_device)
    if isinstance(rule, Prefer):
        return prefer_series([by_device[device] for device in rule.prefer if device in by_device])
    return sum_series([by_device.get(device, EMPTY) for device in rule.sum])


async def _hours(scope: Scope, field: str, start: datetime, end: datetime) -> tuple[list[Rollup], str | None]:
    """Rollups of [start, end): whole UTC hours as stored, the ragged first and last hour from rows."""
    first = _utc(-(-int(start.timestamp()) // HOUR_S) * HOUR_S)
    last = max(_utc(int(end.timestamp()) // HOUR_S * HOUR_S), first)
    by_device = await readings.field_rollups(
        scope.database, scope.org_id, scope.site.id, field, first, last, as_of=scope.as_of
    )
    rule = preference(scope.site, field, by_device)
    merged = _prefer_hours(rule.prefer, by_device) if isinstance(rule, Prefer) else _sum_hours(rule.sum, by_device)
    edges: list[list[Rollup]] = []
    sources = [name for name in (rule.prefer if isinstance(rule, Prefer) else rule.sum) if by_device.get(name)]
    for edge_start, edge_end in ((start, min(first, end)), (last, end)):
        rows = (await _rows(scope, field, edge_start, edge_end)).known() if edge_start < edge_end else EMPTY
        edges.append(hourly_rollups(rows.times, rows.values, rows.cadence_s))
        sources = sources or [name for name in rows.source.split("+") if name]
    return [*edges[0], *merged, *edges[1]], "+".join(sources) or None


def _prefer_hours(devices: Sequence[str], by_device: dict[str, list[Rollup]]) -> list[Rollup]:
    chosen: dict[int, Rollup] = {}
    for device in reversed(devices):
        chosen.update((hour.start_s, hour) for hour in by_device.get(device, ()))
    return [chosen[start_s] for start_s in sorted(chosen)]


def _sum_hours(devices: Sequence[str], by_device: dict[str, list[Rollup]]) -> list[Rollup]:
    parts = [{hour.start_s: hour for hour in by_device.get(device, ())} for device in devices]
    common = sorted(set.intersection(*(set(part) for part in parts))) if parts else []
    return [_add([part[start_s] for part in parts]) for start_s in common]


def _add(hours: Sequence[Rollup]) -> Rollup:
    """The hour of a sum. Its extremes are not known from the parts': `statistics` takes them from rows."""
    return Rollup(
        start_s=hours[0].start_s,
        mean=sum(h.mean for h in hours),
        minimum=sum(h.minimum for h in hours),
        minimum_at_s=hours[0].minimum_at_s,
        maximum=sum(h.maximum for h in hours),
        maximum_at_s=hours[0].maximum_at_s,
        covered_s=min(h.covered_s for h in hours),
        positive_mean=sum(h.positive_mean for h in hours),
        negative_mean=sum(h.negative_mean for h in hours),
    )


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
    ends: tuple[Moment | None, Moment | None],
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
        first=ends[0],
        last=ends[1],
        covered_s=sum(h.covered_s for h in hours),
        expected_s=expected_s,
        source=source if hours else None,
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
