"""Absences: what a home uses when nobody is there, learned from past absences or from its own lowest days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import HOUR_S, Bools, Floats, Hours, Ints, local_day, local_hour

Periods = Sequence[tuple[int, int]]
LOWEST_SHARE = 0.05  # of the days that are known
LEAST_DAYS = 3
ENOUGH_DAYS = 14
FULL_DAY = 20  # hours known
UNKNOWN_SHARE = 0.4  # of the usual, where nothing is known of the home's quiet days


@dataclass(frozen=True)
class Quiet:
    """The load of the empty home by the hour of the day (W), its lower and upper end, and where that is from."""

    low_w: Floats
    middle_w: Floats
    high_w: Floats
    source: str


def inside(starts_s: Ints, periods: Periods) -> Bools:
    """Which hours begin in one of the periods (from, to; the end is outside)."""
    found = np.zeros(starts_s.shape, dtype=np.bool_)
    for start_s, end_s in periods:
        found |= (starts_s + HOUR_S > start_s) & (starts_s < end_s)
    return found


def joined(periods: Periods) -> list[tuple[int, int]]:
    """The periods in order, with those that touch made one."""
    found: list[tuple[int, int]] = []
    for start_s, end_s in sorted(periods):
        if found and start_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        elif start_s < end_s:
            found.append((start_s, end_s))
    return found


def in_both(some: Periods, others: Periods) -> list[tuple[int, int]]:
    """Where a period of the first and one of the second overlap."""
    found = [(max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others]
    return joined([(start_s, end_s) for start_s, end_s in found if start_s < end_s])


def quiet_of(power: Hours, zone: ZoneInfo, periods: Periods) -> Quiet | None:
    """The quiet load of a home; None where too little is known of it."""
    known = np.isfinite(power.values)
    starts_s, watts = power.starts_s[known], power.values[known]
    gone = inside(starts_s, periods)
    if gone.sum() >= FULL_DAY:
        return _quiet(starts_s[gone], watts[gone], zone, f"{round(gone.sum() / 24, 1):g} days of earlier absence")
    _, place, count = np.unique(local_day(starts_s, zone), return_inverse=True, return_counts=True)
    full = count >= FULL_DAY
    if full.sum() < ENOUGH_DAYS:
        return None
    mean = np.where(full, np.bincount(place, watts) / count, np.inf)
    chosen = np.argsort(mean)[: max(LEAST_DAYS, round(LOWEST_SHARE * int(full.sum())))]
    lowest = np.isin(place, chosen)
    return _quiet(starts_s[lowest], watts[lowest], zone, f"the {chosen.size} lowest of {int(full.sum())} days known")


def _quiet(starts_s: Ints, watts: Floats, zone: ZoneInfo, source: str) -> Quiet:
    hour = local_hour(starts_s, zone)
    ends = np.empty((3, 24))
    for wanted in range(24):
        apart = np.abs(hour - wanted)
        near = watts[np.minimum(apart, 24 - apart) <= 2]
        ends[:, wanted] = np.quantile(near if near.size >= 3 else watts, (0.1, 0.5, 0.9))
    return Quiet(ends[0], ends[1], ends[2], source)
