"""The weather of past hours: as it was forecast the day before, as a forecast then could know it, and as it came."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.forecast.hours import HOUR_S, NO_HOURS, Hours, hours_from
from energy.forecast.sky import PERFORMANCE
from energy.site import Site
from store import weather
from store.database import Database
from store.weather import PackedIssue

OLDEST = timedelta(days=4)  # an older forecast does not reach the day
_AT_A_TIME = 8
Key = tuple[datetime, str]


@dataclass(frozen=True)
class IssuedHours:
    """By the hour: global irradiance (W/m2), temperature (°C), and the power (W) of the panels under it; and the
    irradiance by the newest look at the hour, one after its day where there is one: services tell of the day before."""

    ghi_w_m2: Hours = NO_HOURS
    temperature_c: Hours = NO_HOURS
    panels_w: Hours = NO_HOURS
    seen_ghi_w_m2: Hours = NO_HOURS


async def as_issued(db: Database, org_id: str, site: Site, *, start: datetime, as_of: datetime) -> IssuedHours:
    """The hours from `start` up to `as_of`, each from the newest forecast issued before its local day began.

    On the first day of the archive there is none: then the first forecast of that day that was issued before the hour.
    """
    keys = await weather.issues(db, org_id, site.id, start - OLDEST, as_of)
    chosen = _one_a_day(site, keys, start, as_of)
    looks = [*[tuple(reversed(keys_of_day)) for keys_of_day in chosen.values()][1:], tuple(keys[-1:])]
    wanted = sorted({key for keys_of_day in (*chosen.values(), *looks) for key in keys_of_day})
    packed: dict[Key, PackedIssue] = {}
    for first in range(0, len(wanted), _AT_A_TIME):  # the event loop has other things to do in between
        found = await weather.packed(db, org_id, site.id, wanted[first : first + _AT_A_TIME])
        packed |= {(issue.issued_at, issue.source): issue for issue in found}
        await asyncio.sleep(0)
    by_hour: dict[int, tuple[float, float, float]] = {}
    seen: dict[int, float] = {}
    for (span, keys_of_day), looks_of_day in zip(chosen.items(), looks, strict=True):
        for key in keys_of_day:
            if key in packed:
                _fill(by_hour, site, packed[key], *span)
        for key in looks_of_day:
            if key in packed:
                _look(seen, packed[key], *span)
    starts_s = np.array(sorted(by_hour), dtype=np.int64)
    if not starts_s.size:
        return IssuedHours()
    values = np.array([by_hour[start_s] for start_s in starts_s.tolist()], dtype=np.float64)
    ghi, temperature, panels = (Hours(starts_s, values[:, column]) for column in range(3))
    return IssuedHours(ghi, temperature, panels, hours_from(seen.items()))


def _one_a_day(
    site: Site, keys: Sequence[Key], start: datetime, as_of: datetime
) -> dict[tuple[int, int], tuple[Key, ...]]:
    """Per local day (its first and last hour's edges, epoch s) the forecast before it, then the first one of it."""
    days: dict[tuple[int, int], tuple[Key, ...]] = {}
    issued = [issued_at for issued_at, _ in keys]
    day = start.astimezone(site.zone).date()
    while day <= as_of.astimezone(site.zone).date():
        midnight, following = (
            datetime(each.year, each.month, each.day, tzinfo=site.zone).astimezone(UTC)
            for each in (day, day + timedelta(days=1))
        )
        oldest, begun, over = (
            bisect_left(issued, midnight - OLDEST),
            bisect_right(issued, midnight),
            bisect_left(issued, following),
        )
        before, within = keys[oldest:begun], keys[begun:over]
        span = (int(midnight.timestamp()), min(int(following.timestamp()), int(as_of.timestamp())))
        days[span] = (*before[-1:], *within[:1])
        day += timedelta(days=1)
    return days


def _fill(
    by_hour: dict[int, tuple[float, float, float]], site: Site, issue: PackedIssue, from_s: int, to_s: int
) -> None:
    earliest_s = max(from_s, -(-int(issue.issued_at.timestamp()) // HOUR_S) * HOUR_S)
    ghi, temperature = issue.columns["ghi_w_m2"], issue.columns["temperature_c"]
    for index, start_ms in enumerate(issue.start_ms):
        start_s = start_ms // 1_000
        if earliest_s <= start_s < to_s and start_s not in by_hour and ghi[index] is not None:
            by_hour[start_s] = (_number(ghi[index]), _number(temperature[index]), _panels_w(site, issue, index))


def _look(seen: dict[int, float], issue: PackedIssue, from_s: int, to_s: int) -> None:
    for start_ms, ghi in zip(issue.start_ms, issue.columns["ghi_w_m2"], strict=True):
        start_s = start_ms // 1_000
        if from_s <= start_s <= to_s - HOUR_S and ghi is not None:
            seen.setdefault(start_s, float(ghi))


def _panels_w(site: Site, issue: PackedIssue, index: int) -> float:
    total = 0.0
    for array in site.array:
        values = issue.tilted_w_m2.get(array.name)
        if values is None:
            return float("nan")
        total += array.kwp * PERFORMANCE * _number(values[index])
    return total if site.array else float("nan")


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
