"""What the load models look at, for many moments of issue at once: the known past by local hours, free of scale.

A row is one target hour as seen from one moment of issue; nothing of it comes from an hour that was not over then, but
the forecast temperature. History is kept by the wall clock, so that "the same hour yesterday" stays the same hour when
the clock is set. Watts are divided by the home's own recent level, so that one model serves a cabin and a farm. There
is no date among the features of the pooled model: trained on homes of one town, it would know their weather by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import HOUR_S, Floats, Hours, Ints, utc_offset_s

DAY = 24  # hours
WEEK = 7 * DAY
DAYS_BACK = 28
BESIDE = (-2, -1, 1, 2)
BESIDE_DAYS = 14
LEAST_LEVEL_W = 1.0
POOLED_NAMES = (
    *(f"same_hour_{day}" for day in range(1, 8)),
    "mean_7",
    "median_14",
    "mean_14",
    "median_28",
    "mean_28",
    "low_28",
    "high_28",
    "spread_28",
    "same_weekday_1",
    "same_weekday_4",
    "like_days_28",
    *(f"mean_14_beside_{step}" for step in BESIDE),
    *(f"same_hour_1_beside_{step}" for step in BESIDE),
    "last_1",
    "last_3",
    "last_6",
    "last_over_usual",
    "day_1",
    "days_2",
    "days_7",
    "day_before",
    "day_of_week_before",
    "least_7",
    "most_7",
    "days_known",
    "lead",
    "hour",
    "weekday",
    "free_day",
    "lag_was_free_day",
)
OWN_NAMES = (*POOLED_NAMES, "temperature", "temperature_day", "warmer_than_lately", "season")


@dataclass(frozen=True)
class Clock:
    """Load (W, NaN unknown) and forecast temperature (°C) by hours of the wall clock, gapless, from `first` on."""

    first: int
    watts: Floats
    degrees: Floats


@dataclass(frozen=True)
class Rows:
    """Rows of features: `issue` counts the moments of issue, `starts_s` are the target hours, `level_w` the home's
    level as it was known, `lags` the same hour on the days before (W, newest first)."""

    issue: Ints
    starts_s: Ints
    features: Floats
    level_w: Floats
    lags: Floats

    def feature(self, name: str) -> Floats:
        """One column: a share of the level, a count or a flag."""
        found: Floats = self.features[:, POOLED_NAMES.index(name)]
        return found


def wall_hours(starts_s: Ints, zone: ZoneInfo) -> Ints:
    """Hours of the local clock since 1970-01-01 00:00 of that clock."""
    found: Ints = (np.asarray(starts_s, dtype=np.int64) + utc_offset_s(starts_s, zone)) // HOUR_S
    return found


def clock_of(power: Hours, temperature_c: Hours, zone: ZoneInfo) -> Clock:
    """The history by the wall clock. An hour that the clock repeats is one, with the mean of both."""
    walls = [wall_hours(hours.starts_s, zone) for hours in (power, temperature_c)]
    every = np.concatenate(walls)
    if not every.size:
        return Clock(0, np.full(1, np.nan), np.full(1, np.nan))
    first, size = int(every.min()), int(every.max() - every.min()) + 1

    def laid(wall: Ints, values: Floats) -> Floats:
        known = np.isfinite(values)
        total = np.bincount(wall[known] - first, values[known], size)
        count = np.bincount(wall[known] - first, minlength=size)
        found = np.full(size, np.nan)
        np.divide(total, count, out=found, where=count > 0)
        return found

    return Clock(first, laid(walls[0], power.values), laid(walls[1], temperature_c.values))


def rows_of(clock: Clock, zone: ZoneInfo, issues_s: Ints, hours: int) -> Rows:
    """The rows of these moments of issue, each for that many hours ahead."""
    issues_s = np.asarray(issues_s, dtype=np.int64)
    issue = np.repeat(np.arange(issues_s.size), hours)
    first_s = -(-issues_s // HOUR_S) * HOUR_S
    starts_s = first_s[issue] + HOUR_S * np.tile(np.arange(hours, dtype=np.int64), issues_s.size)
    known_by = wall_hours(first_s, zone) - clock.first
    target, now = wall_hours(starts_s, zone) - clock.first, known_by[issue]
    watts = clock.watts
    mean = _Means(watts)
    level = mean.of(known_by - DAYS_BACK * DAY, known_by)[issue]
    ago = (target - now) // DAY + 1  # days back to the newest known same hour
    lags = _lags(watts, target, now, DAYS_BACK)
    day = (target + clock.first) // DAY
    weekday, free = (day + 3) % 7, (day + 3) % 7 >= 5
    back = ago[:, None] + np.arange(DAYS_BACK)
    alike = ((day[:, None] - back + 3) % 7 >= 5) == free[:, None]
    same_weekday = np.where(back % 7 == 0, lags, np.nan)
    usual = mean_of(lags)
    beside = [_lags(watts, target + step, now, BESIDE_DAYS) for step in BESIDE]
    last_day = np.minimum(day, (now + clock.first) // DAY) - 1
    last_weekday = day - 7 * -(-(day - last_day) // 7)
    starts = [each * DAY - clock.first for each in (last_day, last_weekday)]
    week = _at(watts, known_by[:, None] - 1 - np.arange(WEEK))
    in_watts = np.column_stack(
        [
            lags[:, :7],
            mean_of(lags[:, :7]),
            quantile_of(lags[:, :14], 0.5),
            mean_of(lags[:, :14]),
            quantile_of(lags, 0.5),
            usual,
            quantile_of(lags, 0.15),
            quantile_of(lags, 0.85),
            mean_of(np.abs(lags - usual[:, None])),
            newest_of(same_weekday),
            quantile_of(same_weekday, 0.5),
            quantile_of(np.where(alike, lags, np.nan), 0.5),
            *(mean_of(each) for each in beside),
            *(each[:, 0] for each in beside),
            *(mean.of(now - span, now) for span in (1, 3, 6)),
            mean.of(now - 3, now) - mean_of(_lags(watts, known_by - 2, known_by - 4, 14))[issue],
            *(mean.of(now - span, now) for span in (DAY, 2 * DAY, WEEK)),
            *(mean.of(start, start + DAY) for start in starts),
            quantile_of(week, 0.1)[issue],
            quantile_of(week, 0.9)[issue],
        ]
    )
    others = [
        np.isfinite(lags).sum(axis=1),
        target - now,
        (target + clock.first) % DAY,
        weekday,
        free,
        (day - ago + 3) % 7 >= 5,
    ]
    features = np.column_stack([in_watts / np.maximum(level, LEAST_LEVEL_W)[:, None], *others])
    return Rows(issue, starts_s, features, level, lags)


def own_features(rows: Rows, clock: Clock, zone: ZoneInfo) -> Floats:
    """What a home's own model sees beside: the temperature and the season."""
    target = wall_hours(rows.starts_s, zone) - clock.first
    now = target - rows.feature("lead").astype(np.int64)
    degrees = _at(clock.degrees, target)
    around = mean_of(_at(clock.degrees, target[:, None] + np.arange(-12, 12, 3)))
    lately = mean_of(_lags(clock.degrees, target, now, 7))
    season = np.cos(2 * np.pi * ((target + clock.first) / DAY - 200) / 365.25)
    return np.column_stack([rows.features, degrees, around, degrees - lately, season])


class _Means:
    """Means of what is known between two places, for many at once."""

    def __init__(self, values: Floats) -> None:
        known = np.isfinite(values)
        self.total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
        self.count = np.concatenate([[0], np.cumsum(known)])

    def of(self, start: Ints, end: Ints) -> Floats:
        low, high = (np.clip(place, 0, self.total.size - 1) for place in (start, end))
        count = self.count[high] - self.count[low]
        found = np.full(count.shape, np.nan)
        np.divide(self.total[high] - self.total[low], count, out=found, where=count > 0)
        return found


def _at(values: Floats, place: Ints) -> Floats:
    inside = (place >= 0) & (place < values.size)
    return np.where(inside, values[np.clip(place, 0, values.size - 1)], np.nan)


def _lags(values: Floats, target: Ints, now: Ints, days: int) -> Floats:
    """The same hour on the days before the target, as far as they were over at `now`; newest first."""
    ago = np.maximum((target - now) // DAY + 1, 0)
    return _at(values, target[:, None] - DAY * (ago[:, None] + np.arange(days)))


def mean_of(values: Floats) -> Floats:
    """The mean of what is known, per row; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    found = np.full(count.shape, np.nan)
    np.divide(np.where(known, values, 0.0).sum(axis=1), count, out=found, where=count > 0)
    return found


def quantile_of(values: Floats, share: float) -> Floats:
    """That quantile of what is known, per row, between the two nearest values; NaN where nothing is known."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(ordered).sum(axis=1)
    place = share * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    rows = np.arange(values.shape[0])
    below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, np.maximum(count - 1, 0))]
    found: Floats = below + (place - low) * (above - below)
    return found


def newest_of(values: Floats) -> Floats:
    """The first that is known, per row; NaN where nothing is."""
    found: Floats = values[np.arange(values.shape[0]), np.argmax(np.isfinite(values), axis=1)]
    return found
