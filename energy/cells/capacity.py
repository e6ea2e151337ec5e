"""What a bank holds (kWh) and gives back of it, from swings of its level and the energy counted in them.

In a swing down by d % the bank gives E kWh: E / d is what 100 % give at its terminals. In a swing up it takes E / d.
The first is capacity times the discharge efficiency, the second capacity over the charge efficiency; with both alike,
the capacity is the geometric mean of the two and the round trip their ratio. Each is the median over all swings
weighted by depth, since the level's resolution weighs less in deep ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from energy.cells.estimate import CannotTell, Estimate
from energy.cells.turning import Counted, cleaned_power, turning_points
from energy.forecast.hours import Floats
from energy.series import Series

LEAST_SWING_PCT = 20.0
LEAST_SWINGS = 5  # each way
_TURN_PCT = 3.0
_FULL_PCT = 97.0  # from here on a bank takes energy without its level saying so
_LEAST_KNOWN = 0.95  # share of a swing's time in which the power must be known
_LEAST_MAIN = 0.9  # share of a swing's energy that must flow its way
_JUMP_PCT, _JUMP_SHARE = 5.0, 0.15  # a step of the level without energy; such steps in all the movement
_SCATTER = 0.25  # swings that differ by more than this (relative, robust) are no measurement of one bank
SCALE_ERROR = 0.01  # what meters are off by at the least
_WIDTH_80 = 1.2816
_MONTH_S = 30 * 86_400
_ROUND_TRIP = (0.5, 1.03)


@dataclass(frozen=True)
class Swing:
    """One way of the level without a turn: kWh per 100 % of it, and whether it went down."""

    start_s: int
    end_s: int
    depth_pct: float
    down: bool
    kwh_per_full: float


@dataclass(frozen=True)
class Capacity:
    """Usable capacity (kWh) and round trip (a share), with what they rest on."""

    usable_kwh: Estimate
    round_trip: Estimate
    swings: tuple[Swing, ...]
    notes: tuple[str, ...] = ()


def capacity(soc: Series, charge_w: Series, *, least_swing_pct: float = LEAST_SWING_PCT) -> Capacity | CannotTell:
    """Capacity and round trip from the level (%) and the power (W, + charging); or why they cannot be told."""
    power, notes = cleaned_power(charge_w)
    levels = soc.known()
    if not levels.times.size or not power.known().times.size:
        return CannotTell("The battery's level or its power is not known.")
    if float(np.ptp(levels.values)) < least_swing_pct:
        spread = float(np.ptp(levels.values))
        return CannotTell(f"The level moved by {spread:.0f} % in all; a swing of {least_swing_pct:.0f} % is needed.")
    found = swings(levels, power, least_swing_pct)
    if isinstance(found, CannotTell):
        return found
    down, up = [s for s in found if s.down], [s for s in found if not s.down]
    if min(len(down), len(up)) < LEAST_SWINGS:
        return CannotTell(
            f"{len(down)} swings down and {len(up)} up of {least_swing_pct:.0f} % or more have a known power; "
            f"{LEAST_SWINGS} each way are needed."
        )
    gives, takes = _estimate(down), _estimate(up)
    for name, each in (("down", gives), ("up", takes)):
        if each.scatter > _SCATTER:
            return CannotTell(
                f"The swings {name} differ by {each.scatter:.0%} from one another, so the level drifts; "
                "let the battery monitor synchronise by a full charge."
            )
    round_trip = gives.value / takes.value
    if not _ROUND_TRIP[0] <= round_trip <= _ROUND_TRIP[1]:
        return CannotTell(
            f"The battery seems to give back {round_trip:.0%} of what it takes, which no battery does; "
            "check its power meter, and whether the level drifts."
        )
    relative = math.hypot(gives.error / gives.value, takes.error / takes.value)
    usable = math.sqrt(gives.value * takes.value)
    wide_usable = _WIDTH_80 * usable * math.hypot(relative / 2.0, SCALE_ERROR)
    wide_trip = _WIDTH_80 * round_trip * math.hypot(relative, SCALE_ERROR)
    return Capacity(
        Estimate(usable, usable - wide_usable, usable + wide_usable, len(found)),
        Estimate(min(round_trip, 1.0), round_trip - wide_trip, min(round_trip + wide_trip, 1.0), len(found)),
        found,
        notes,
    )


def capacity_by_month(found: Capacity) -> tuple[tuple[int, Estimate], ...]:
    """Capacity (kWh) by 30 days, with the middle of each in epoch seconds; months with few swings are left out."""
    trip = math.sqrt(found.round_trip.value)
    months: dict[int, list[Swing]] = {}
    for swing in found.swings:
        inner = swing.kwh_per_full / trip if swing.down else swing.kwh_per_full * trip
        months.setdefault(swing.start_s // _MONTH_S, []).append(replace(swing, kwh_per_full=inner))
    points = []
    for of in (months[month] for month in sorted(months)):
        if len(of) < LEAST_SWINGS:
            continue
        each = _estimate(of)
        wide = _WIDTH_80 * math.hypot(each.error, SCALE_ERROR * each.value)
        at_s = int(np.mean([0.5 * (s.start_s + s.end_s) for s in of]))
        points.append((at_s, Estimate(each.value, each.value - wide, each.value + wide, len(of))))
    return tuple(points)


def swings(levels: Series, power: Series, least_swing_pct: float = LEAST_SWING_PCT) -> tuple[Swing, ...] | CannotTell:
    """The usable swings; or why the level or the sign of the power cannot be trusted."""
    counted = Counted.of(power)
    turns = turning_points(levels.values, _TURN_PCT)
    usable: list[Swing] = []
    wrong_way = right_way = 0
    spans: list[tuple[int, int]] = []
    for first, last in zip(turns[:-1].tolist(), turns[1:].tolist(), strict=True):
        start, end = _trimmed(levels.values, first, last)
        depth = float(levels.values[end] - levels.values[start])
        if abs(depth) < least_swing_pct:
            continue
        at = levels.times[[start, end]].astype(np.float64)
        charged, discharged, known = (float(each[0]) for each in counted.between(at[:1], at[1:]))
        main, minor = (discharged, charged) if depth < 0 else (charged, discharged)
        if known < _LEAST_KNOWN or main + minor <= 0:
            continue
        wrong_way += minor > main
        right_way += main > minor
        if main / (main + minor) >= _LEAST_MAIN:
            per_full = (main - minor) / abs(depth) * 100.0
            usable.append(Swing(int(at[0]), int(at[1]), abs(depth), depth < 0, per_full))
            spans.append((start, end))
    if wrong_way > right_way:
        return CannotTell("The level falls while the battery charges: the sign of its power is wrong (+ is charging).")
    return _without_jumps(levels, counted, usable, spans)


def _without_jumps(
    levels: Series, counted: Counted, usable: list[Swing], spans: list[tuple[int, int]]
) -> tuple[Swing, ...] | CannotTell:
    """Less the swings in which the level jumps without energy; refused where that is much of its movement."""
    if not usable:
        return ()
    usual = float(np.median([s.kwh_per_full for s in usable]))
    times = levels.times.astype(np.float64)
    charged, discharged, known = counted.between(times[:-1], times[1:])
    steps = np.diff(levels.values)
    moved = np.where(steps > 0, charged, discharged) / usual * 100.0
    jumps = (np.abs(steps) >= _JUMP_PCT) & (moved < 0.3 * np.abs(steps)) & (known > _LEAST_KNOWN)
    share = float(np.abs(steps[jumps]).sum()) / float(np.abs(steps).sum())
    if share > _JUMP_SHARE:
        return CannotTell(
            f"The level jumps without energy {int(jumps.sum())} times, {share:.0%} of its movement, so it drifts; "
            "let the battery monitor synchronise by a full charge."
        )
    return tuple(s for s, (start, end) in zip(usable, spans, strict=True) if not jumps[start:end].any())


def _trimmed(values: Floats, first: int, last: int) -> tuple[int, int]:
    """Without the rest at either end and the top, where a level stands still while energy flows."""
    part = values[first : last + 1]
    if part[-1] > part[0]:
        part = np.minimum(part, max(_FULL_PCT, float(part[0])))
    moving = np.flatnonzero(part != part[0])
    if not moving.size:
        return first, first
    return first + int(moving[0]), first + int(np.flatnonzero(part == part[-1])[0])


@dataclass(frozen=True)
class _Median:
    value: float
    error: float
    scatter: float


def _estimate(found: list[Swing]) -> _Median:
    """Weighted median, its standard error, and the relative scatter: what 3 in 4 stay within, as standard deviation."""
    values, weights = np.array([s.kwh_per_full for s in found]), np.array([s.depth_pct for s in found])
    middle = _weighted_quantile(values, weights, 0.5)
    off = np.abs(values - middle)
    deviation = 1.4826 * _weighted_quantile(off, weights, 0.5)
    scatter = 0.8693 * _weighted_quantile(off, weights, 0.75) / middle
    count = float(weights.sum() ** 2 / np.sum(weights**2))
    return _Median(middle, 1.2533 * deviation / math.sqrt(count), scatter)


def _weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(sums, share * sums[-1]))])
