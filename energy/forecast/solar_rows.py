"""What the solar models look at, for many moments of issue at once: geometry, weather as forecast, and the known past.

A row is one target hour as seen from one moment of issue. Nothing of a row comes from an hour that was not over then,
but the clearness forecast of the target and its neighbours within the horizon. The planes (see planes.py) are those
that fitted at that moment too: a model that saw them fitted to their own future would trust them too much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from energy.forecast.hours import DAY_S, HOUR_S, Bools, Floats, Ints
from energy.forecast.planes import fitted_shares, plane_basis
from energy.forecast.sky import YEAR_S, Panel, Sky, sky_over

DAY = 24  # hours
DAYS_BACK = 21
FITTED_OVER_DAYS = 120
NAMES = (
    "physics",
    "clear",
    "by_hour",
    "clear_by_hour",
    "clearness",
    "clearness_before",
    "clearness_after",
    "clearness_day",
    "clearness_spread",
    "elevation",
    "azimuth",
    "lead_days",
    "same_hour_1",
    "same_hour_2",
    "ratio_hour_5",
    "ratio_1_day",
    "ratio_3_days",
    "ratio_7_days",
    "day_of_year",
)


@dataclass(frozen=True)
class Grid:
    """Every hour of a span: the sun and the planes in it, the clearness that was forecast, the power that is known.

    `past_basis` is what the planes would give under the sky that came, where that is known (else as it was forecast).
    `described`: somebody wrote down how all panels look.
    """

    starts_s: Ints
    sky: Sky
    basis: Floats
    clear_basis: Floats
    past_basis: Floats
    clearness: Floats
    actual_w: Floats
    peak_w: float
    described: bool = False

    def first(self, hours: int) -> Grid:
        """The grid's first so many hours."""
        span = slice(0, hours)
        return Grid(
            self.starts_s[span],
            self.sky.of(span),
            self.basis[span],
            self.clear_basis[span],
            self.past_basis[span],
            self.clearness[span],
            self.actual_w[span],
            self.peak_w,
            self.described,
        )

    def known(self, moments_s: Ints) -> Ints:
        """The first hour of the grid that was not over at each of these moments."""
        first: Ints = np.asarray((np.asarray(moments_s) - self.starts_s[0]) // HOUR_S, dtype=np.int64)
        return np.clip(first, 0, self.starts_s.size)

    def shares(self, moment_s: int) -> Floats:
        """The planes that fit what was known then."""
        end = int(self.known(np.array([moment_s]))[0])
        span = slice(max(0, end - FITTED_OVER_DAYS * DAY), end)
        age_days = (moment_s - self.starts_s[span]) / DAY_S
        return fitted_shares(self.past_basis[span], self.actual_w[span], age_days, self.peak_w)


@dataclass(frozen=True)
class Rows:
    """Rows of daylight hours: where they lie in the grid, when issued, their features (see NAMES), and in W what the
    planes say, what they say put right by hour of the day, and the same under a clear sky."""

    index: Ints
    issued_s: Ints
    features: Floats
    physics_w: Floats
    by_hour_w: Floats
    clear_w: Floats

    def without_hours(self) -> Rows:
        """The rows without what was put right by hour of the day."""
        return replace(self, by_hour_w=self.physics_w, clear_w=self.features[:, NAMES.index("clear")])


def grid_over(
    starts_s: Ints,
    place: tuple[float, float],
    panels: tuple[Panel, ...],
    clearness: Floats,
    actual_w: Floats,
    seen: Floats | None = None,
) -> Grid:
    """The grid of those hours, which follow each other without a gap; `place` is latitude and longitude."""
    sky = sky_over(starts_s, *place)
    clear = plane_basis(sky, panels, np.ones(starts_s.shape))
    peak_w = 1_000.0 * sum(panel.kwp for panel in panels)
    basis = plane_basis(sky, panels, clearness)
    past = basis if seen is None else plane_basis(sky, panels, np.where(np.isfinite(seen), seen, clearness))
    described = all(panel.tilt_deg is not None and panel.azimuth_deg is not None for panel in panels)
    return Grid(starts_s, sky, basis, clear, past, clearness, actual_w, peak_w, described)


def rows_of(grid: Grid, issues_s: Ints, shares: Floats, hours: int) -> Rows:
    """The daylight rows of those moments of issue, `hours` ahead each; `shares` has a line of planes for each moment.

    Hours outside of the grid have no row.
    """
    issues_s = np.asarray(issues_s, dtype=np.int64)
    first = grid.known(issues_s)
    lead = np.tile(np.arange(hours), first.size)
    issue = np.repeat(np.arange(first.size), hours)
    index = first[issue] + lead
    inside = index < grid.starts_s.size
    inside[inside] = grid.sky.day[index[inside]]
    index, lead, issue = index[inside], lead[inside], issue[inside]
    known, share = first[issue], shares[issue]
    days_back = lead // DAY + 1

    physics = _mixed(grid.basis, index, share)
    clear = _mixed(grid.clear_basis, index, share)
    same = np.full((index.size, DAYS_BACK), np.nan)
    same_physics = np.full(same.shape, np.nan)
    for back in range(DAYS_BACK):
        then = index - DAY * (days_back + back)
        there = (then >= 0) & (then < known)
        same[there, back] = grid.actual_w[then[there]]
        same_physics[there, back] = _mixed(grid.past_basis, then[there], share[there])
    per_hour = np.nan_to_num(_typical_ratio(same, same_physics, grid.peak_w), nan=1.0)

    clearness = [_ahead(grid.clearness, index, lead, step, hours) for step in range(-2, 3)]
    recent = np.array(
        [_recent_ratios(grid, int(start), line) for start, line in zip(first, shares, strict=True)]
    ).reshape(-1, 3)
    features = np.column_stack(
        [
            physics,
            clear,
            physics * per_hour,
            clear * per_hour,
            clearness[2],
            clearness[1],
            clearness[3],
            _day_clearness(grid, index, lead, hours),
            np.max(clearness, axis=0) - np.min(clearness, axis=0),
            grid.sky.elevation_deg[index],
            grid.sky.azimuth_deg[index],
            days_back,
            same[:, 0],
            same[:, 1],
            _typical_ratio(same[:, :5], same_physics[:, :5], grid.peak_w),
            recent[issue],
            grid.starts_s[index] % YEAR_S / DAY_S,
        ]
    )
    return Rows(index, issues_s[issue], features, physics, physics * per_hour, clear * per_hour)


def _mixed(basis: Floats, index: Ints, shares: Floats) -> Floats:
    mixed: Floats = np.einsum("ij,ij->i", basis[index], shares)
    return mixed


def _ahead(values: Floats, index: Ints, lead: Ints, step: int, hours: int) -> Floats:
    """The clearness of the hour beside, or of the hour itself where the forecast ends or says nothing."""
    there = index + step
    inside = (there >= 0) & (there < values.size) & (lead + step < hours)
    beside = np.where(inside, values[np.clip(there, 0, values.size - 1)], np.nan)
    found: Floats = np.where(np.isfinite(beside), beside, values[index])
    return found


def _typical_ratio(actual: Floats, physics: Floats, peak_w: float) -> Floats:
    """The weighted median, over the days, of actual over physics in this hour: the power weighs, and recent days do.

    NaN where nothing is known.
    """
    use: Bools = np.isfinite(actual) & (physics > 0.002 * peak_w)
    ratio = np.full(actual.shape, np.nan)
    np.divide(actual, physics, out=ratio, where=use)
    weight = np.where(use, physics, 0.0) * 0.5 ** (np.arange(actual.shape[1]) / 10.0)
    nothing = weight.sum(axis=1) <= 0.0
    ratio = np.clip(ratio, 0.0, 4.0)
    order = np.argsort(np.where(use, ratio, np.inf), axis=1)
    total = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    middle = np.argmax(total >= total[:, -1:] / 2, axis=1)[:, None]
    found = np.take_along_axis(np.take_along_axis(ratio, order, axis=1), middle, axis=1)[:, 0]
    return np.where(nothing, np.nan, found)


def _recent_ratios(grid: Grid, known: int, shares: Floats) -> list[float]:
    """Over 1, 3 and 7 days before the issue: the known power over what the planes said of the same hours."""
    start = max(0, known - 7 * DAY)
    actual, physics = grid.actual_w[start:known], grid.past_basis[start:known] @ shares
    physics = np.where(np.isfinite(actual), physics, 0.0)
    actual = np.nan_to_num(actual)
    found = []
    for days in (1, 3, 7):
        below = float(physics[-days * DAY :].sum())
        ratio = float(actual[-days * DAY :].sum()) / below if below > 0.01 * grid.peak_w else float("nan")
        found.append(min(ratio, 3.0) if np.isfinite(ratio) else ratio)
    return found


def _day_clearness(grid: Grid, index: Ints, lead: Ints, hours: int) -> Floats:
    """The clearness of the daylight around the hour, each hour weighing as its clear sky does."""
    total, weight = np.zeros(index.shape), np.zeros(index.shape)
    for step in range(-7, 8):
        there = index + step
        inside = (there >= 0) & (there < grid.starts_s.size) & (lead + step < hours)
        there = np.clip(there, 0, grid.starts_s.size - 1)
        value = grid.clearness[there]
        share = np.where(inside & np.isfinite(value), grid.sky.clear_ghi[there], 0.0)
        total += share * np.nan_to_num(value)
        weight += share
    found = np.full(index.shape, np.nan)
    np.divide(total, weight, out=found, where=weight > 0)
    return found
