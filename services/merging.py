"""One series out of all devices', by the site's rules: from rows, or for long periods from the hourly rollups.

Where two devices share an hour (the preferred one was away for a part of it), that hour is worked out from rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from energy.merge import merge_series, preference, undescribed
from energy.rollup import HOUR_S, Rollup, hourly_rollups
from energy.series import Series
from energy.site import Prefer, Site
from services.scope import Scope
from store import readings

WHOLE_HOUR_S = 0.9 * HOUR_S
WELL_COVERED_S = HOUR_S / 2


async def merged_rows(scope: Scope, field: str, start: datetime, end: datetime) -> Series:
    """The site's series of a field for start <= time < end, up to `scope.as_of`."""
    by_device = await readings.field_rows(
        scope.database, scope.org_id, scope.site.id, field, start, end, as_of=scope.as_of
    )
    return merge_series(scope.site, field, by_device)


async def merged_hours(scope: Scope, field: str, start: datetime, end: datetime) -> tuple[list[Rollup], str | None]:
    """Rollups of [start, end): whole UTC hours as stored; the ragged edges, and hours of several devices, from rows."""
    first = _utc(-(-int(start.timestamp()) // HOUR_S) * HOUR_S)
    last = max(_utc(int(end.timestamp()) // HOUR_S * HOUR_S), first)
    by_device = await readings.field_rollups(
        scope.database, scope.org_id, scope.site.id, field, first, last, as_of=scope.as_of
    )
    candidates, sources = _candidates(scope, field, by_device)
    whole, shared = _chosen(candidates)
    spans = [(start, min(first, end)), *_spans(shared), (last, end)]
    parts = dict(whole)
    for span_start, span_end in spans:
        if span_start < span_end:
            rows = (await merged_rows(scope, field, span_start, span_end)).known()
            parts.update((hour.start_s, hour) for hour in rollups_of(rows.between(_s(span_start), _s(span_end))))
            sources = sources or tuple(name for name in rows.source.split("+") if name)
    return [parts[start_s] for start_s in sorted(parts)], "+".join(sources) or None


def hourly_means(site: Site, field: str, by_device: Mapping[str, Sequence[Rollup]]) -> dict[int, float]:
    """The field's mean by hour (start in epoch seconds), by the site's rules for merging; hours known by half or more.

    A sum needs all its parts. Means alone: what a history wants to the minute is in `merged_hours`.
    """
    means = {
        device: {hour.start_s: hour.mean for hour in hours if hour.covered_s >= WELL_COVERED_S}
        for device, hours in by_device.items()
    }
    rule, others = preference(site, field), undescribed(site, by_device)
    listed = [*rule.prefer, *others] if isinstance(rule, Prefer) else list(others)
    found: dict[int, float] = {}
    for device in reversed(listed):
        found |= means.get(device, {})
    if not isinstance(rule, Prefer):
        parts = [means.get(device, {}) for device in rule.sum]
        for start_s in set.intersection(*(set(part) for part in parts)):
            found[start_s] = sum(part[start_s] for part in parts)
    return found


def _candidates(
    scope: Scope, field: str, by_device: dict[str, list[Rollup]]
) -> tuple[list[dict[int, Rollup]], tuple[str, ...]]:
    """The hours of each device (or of the sum) in the order of preference, and the devices that have any."""
    rule = preference(scope.site, field)
    others = undescribed(scope.site, by_device)
    if isinstance(rule, Prefer):
        named = (*rule.prefer, *others)
        listed = [by_device[device] for device in named if device in by_device]
    else:
        named = (*rule.sum, *others)
        listed = [_sum_hours(rule.sum, by_device), *(by_device[device] for device in others)]
    found = tuple(device for device in named if by_device.get(device))
    return [{hour.start_s: hour for hour in hours} for hours in listed], found


def _chosen(candidates: Sequence[dict[int, Rollup]]) -> tuple[dict[int, Rollup], list[int]]:
    """The hours that one candidate knows as well as anyone, and those that several must share."""
    whole: dict[int, Rollup] = {}
    shared: list[int] = []
    for start_s in sorted(set().union(*candidates)):
        known = [hours[start_s] for hours in candidates if start_s in hours]
        if known[0].covered_s < WHOLE_HOUR_S and max(hour.covered_s for hour in known) > known[0].covered_s * 1.05:
            shared.append(start_s)
        else:
            whole[start_s] = known[0]
    return whole, shared


def _spans(hours: Sequence[int]) -> list[tuple[datetime, datetime]]:
    """Neighbouring hours joined, as instants."""
    joined: list[list[int]] = []
    for start_s in hours:
        if joined and joined[-1][1] == start_s:
            joined[-1][1] = start_s + HOUR_S
        else:
            joined.append([start_s, start_s + HOUR_S])
    return [(_utc(first), _utc(after)) for first, after in joined]


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


def rollups_of(rows: Series) -> list[Rollup]:
    """The hourly rollups of a series, each row with the cadence around it."""
    return hourly_rollups(rows.times, rows.values, rows.row_cadences_s)


def _s(moment: datetime) -> float:
    return moment.timestamp()


def _utc(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
