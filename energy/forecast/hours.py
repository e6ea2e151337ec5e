"""The values that forecasts are made of: hourly means, and a band of three quantiles. Shared by solar and load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Target = Literal["solar", "load", "soc", "soc_as_is"]

HOUR_S = 3_600
DAY_S = 86_400


@dataclass(frozen=True)
class Hours:
    """Hourly means: `starts_s` are UTC hour starts (epoch s), strictly rising; a value is the mean in that hour.

    Watts, unless the one who made it says otherwise (clearness has no unit). NaN is unknown, and so is an hour that is
    not listed: gaps are allowed. Raises ValueError for what is not on the hour, not rising, or not one value per hour.
    """

    starts_s: Ints
    values: Floats

    def __post_init__(self) -> None:
        starts_s = np.asarray(self.starts_s, dtype=np.int64)
        values = np.asarray(self.values, dtype=np.float64)
        if starts_s.ndim != 1 or starts_s.shape != values.shape:
            raise ValueError("hours: there must be one value per hour")
        if starts_s.size and (np.any(starts_s % HOUR_S) or np.any(np.diff(starts_s) <= 0)):
            raise ValueError("hours: starts must be full UTC hours, each later than the one before")
        object.__setattr__(self, "starts_s", starts_s)
        object.__setattr__(self, "values", values)

    def at(self, starts_s: Ints) -> Floats:
        """The values of those hours, in that order; NaN for an hour that is not here."""
        wanted = np.asarray(starts_s, dtype=np.int64)
        if not self.starts_s.size:
            return np.full(wanted.shape, np.nan)
        where = np.minimum(np.searchsorted(self.starts_s, wanted), self.starts_s.size - 1)
        found: Floats = np.where(self.starts_s[where] == wanted, self.values[where], np.nan)
        return found

    def before(self, moment_s: int) -> Hours:
        """The hours that were over at that moment: what a forecast issued then may know."""
        end = int(np.searchsorted(self.starts_s, moment_s - HOUR_S, side="right"))
        return Hours(self.starts_s[:end], self.values[:end])

    def since(self, moment_s: int) -> Hours:
        """The hours that began at that moment or later."""
        first = int(np.searchsorted(self.starts_s, moment_s))
        return Hours(self.starts_s[first:], self.values[first:])


NO_HOURS = Hours(np.empty(0, dtype=np.int64), np.empty(0))


@dataclass(frozen=True)
class Band:
    """A forecast: per hour the quantiles 10 %, 50 % and 90 %, never crossing and never negative.

    Solar and load are the mean W in the hour. The battery's are its charge in % at the END of the hour: "soc" under the
    plan, "soc_as_is" with the miners left as they are.
    """

    target: Target
    issued_s: int
    starts_s: Ints
    p10: Floats
    p50: Floats
    p90: Floats
    model: str
    version: str


def hours_from(pairs: Iterable[tuple[int, float]]) -> Hours:
    """Hours from (start in epoch s, value) in any order; an hour that comes twice gets the mean of what is known of it.

    A file in local time has an hour twice where the clock is set back; read as UTC that is one hour measured twice.
    """
    sums: dict[int, tuple[float, int]] = {}
    for start_s, value in pairs:
        total, count = sums.get(start_s, (0.0, 0))
        sums[start_s] = (total, count) if np.isnan(value) else (total + value, count + 1)
    starts_s = sorted(sums)
    values = [total / count if count else np.nan for total, count in (sums[start] for start in starts_s)]
    return Hours(np.array(starts_s, dtype=np.int64), np.array(values, dtype=np.float64))


def hour_range(start_s: int, hours: int) -> Ints:
    """That many full hours, the first one at or after `start_s`."""
    first = -(-start_s // HOUR_S) * HOUR_S
    return first + HOUR_S * np.arange(hours, dtype=np.int64)


def local_hour(starts_s: Ints, zone: ZoneInfo) -> Ints:
    """The hour of the local day (0 to 23) in which each of these hours begins."""
    return (np.asarray(starts_s, dtype=np.int64) + utc_offset_s(starts_s, zone)) // HOUR_S % 24


def local_day(starts_s: Ints, zone: ZoneInfo) -> Ints:
    """The number of the local calendar day (since 1970-01-01) in which each of these hours begins."""
    return (np.asarray(starts_s, dtype=np.int64) + utc_offset_s(starts_s, zone)) // DAY_S


def utc_offset_s(starts_s: Ints, zone: ZoneInfo) -> Ints:
    """The zone's offset from UTC (s) at each of these moments."""
    from datetime import UTC, datetime

    moments = np.asarray(starts_s, dtype=np.int64)
    # Clocks are set at full quarter hours: one look per six hours, and per hour only where the two ends differ.
    offsets: dict[int, int] = {}

    def offset(moment_s: int) -> int:
        if moment_s not in offsets:
            shift = datetime.fromtimestamp(moment_s, UTC).astimezone(zone).utcoffset()
            offsets[moment_s] = 0 if shift is None else int(shift.total_seconds())
        return offsets[moment_s]

    block_s = 6 * HOUR_S
    found = np.empty(moments.shape, dtype=np.int64)
    for index, moment_s in enumerate(moments.tolist()):
        left = moment_s // block_s * block_s
        here, there = offset(left), offset(left + block_s)
        found[index] = here if here == there else offset(moment_s)
    return found
