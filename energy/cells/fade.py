"""How a cell or bank goes on losing capacity: its own line, and what others did from the same point of their life.

Three members, blended by how well each foretold the cell's own past:
- linear: the slope of the last third of its points (Theil-Sen);
- fleet: other curves, each met where it has the same remaining capacity, weighted by how alike its speed and its age
  are there (a kernel regression over analogous curves; cf. "trajectory similarity", Wang et al., PHM 2008);
- stretched fleet: the same, with each curve's time stretched part of the way to the cell's own speed, for cells that
  live longer or shorter than those of the fleet. Curves have their knee, so both members see it coming.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy.forecast.hours import Floats

MEMBERS = ("linear", "fleet", "stretched")
_STRETCH = 0.6  # share of the (log) ratio of speeds that the stretched member follows
_SPEED_WIDTH, _AGE_WIDTH = 0.2, 0.1  # kernel widths, in log ratio of speeds and of ages
_SPEED_CLIP = 3.0  # a speed that differs by more than e^3 is not told from noise
_HINDCASTS = 8
_PRIOR_ERROR = {"linear": 0.4, "fleet": 0.2, "stretched": 0.2}  # of the loss; counts as one hindcast
_SAME = 0.001  # two cells differ by more than this, also two of one batch
_FLOOR = 0.002  # a hundredth of a usual loss: no member is surer than the measurement


@dataclass(frozen=True)
class FadePoints:
    """Remaining capacity (share of the rating) after so many full cycles, in rising order."""

    name: str
    cycles: Floats
    soh: Floats

    def __post_init__(self) -> None:
        cycles, soh = np.asarray(self.cycles, dtype=np.float64), np.asarray(self.soh, dtype=np.float64)
        if cycles.ndim != 1 or cycles.shape != soh.shape or np.any(np.diff(cycles) <= 0):
            raise ValueError(f"{self.name}: one share per count of cycles, in rising order")
        if not (np.all(np.isfinite(cycles)) and np.all(np.isfinite(soh))):
            raise ValueError(f"{self.name}: cycles and capacity must be known")
        object.__setattr__(self, "cycles", cycles)
        object.__setattr__(self, "soh", soh)

    def first(self, count: int) -> FadePoints:
        """What was known after so many points."""
        return FadePoints(self.name, self.cycles[:count], self.soh[:count])


@dataclass(frozen=True)
class Spread:
    """How wrong forecasts were: of so many cycles ahead, 8 in 10 missed the loss by at most this share of it."""

    ahead: float
    share: float


NO_SPREAD = (Spread(100.0, 0.4), Spread(500.0, 0.4))  # without a fleet that was tried: wide


@dataclass(frozen=True)
class Fleet:
    """The curves of others, and how wrong their forecasts were of one another (each left out once)."""

    curves: tuple[FadePoints, ...] = ()
    spreads: tuple[Spread, ...] = NO_SPREAD
    version: str = "none"
    licence: str = ""

    def without(self, cell: FadePoints) -> Fleet:
        """Less that cell's curve, by its name or by its points under another name."""
        kept = tuple(c for c in self.curves if c.name != cell.name and not _same(c, cell))
        return Fleet(kept, self.spreads, self.version, self.licence)


@dataclass(frozen=True)
class Faded:
    """Remaining capacity at the cycles asked for, with the bounds of 8 in 10, and what each member counted for."""

    soh: Floats
    low: Floats
    high: Floats
    weights: dict[str, float]


def foretell(own: FadePoints, at_cycles: Sequence[float] | Floats, fleet: Fleet) -> Faded | None:
    """Remaining capacity at later counts of cycles; None with fewer than two points."""
    if own.cycles.size < 2:
        return None
    at = np.asarray(at_cycles, dtype=np.float64)
    curves = [_Curve.of(c) for c in fleet.curves if c.cycles.size >= 3]
    said = _members(own, at, curves)
    weights = _weights(own, float(np.median(at) - own.cycles[-1]), curves, tuple(said))
    soh = np.sum([weights[name] * said[name] for name in said], axis=0)
    anchor, ahead = _level(own), np.maximum(at - own.cycles[-1], 0.0)
    share = np.interp(ahead, [s.ahead for s in fleet.spreads], [s.share for s in fleet.spreads])
    band = share * np.maximum(anchor - soh, 0.0) + _FLOOR + _noise(own)
    return Faded(soh, soh - band, soh + band, weights)


@dataclass(frozen=True)
class _Curve:
    """A fleet curve that never rises, for looking up when a level is reached."""

    cycles: Floats
    soh: Floats

    @classmethod
    def of(cls, points: FadePoints) -> _Curve:
        return cls(points.cycles, np.minimum.accumulate(_smooth(points.soh)))

    def reaches(self, soh: float) -> float | None:
        """After how many cycles it is down to that level; None where it ends before."""
        if soh < self.soh[-1]:
            return None
        return float(np.interp(-soh, -self.soh, self.cycles))

    def at(self, cycles: Floats) -> Floats:
        """The level then; past its end it goes on as it went at the end."""
        slope = (self.soh[-1] - self.soh[-3]) / (self.cycles[-1] - self.cycles[-3])
        beyond = np.maximum(cycles - self.cycles[-1], 0.0)
        return np.asarray(np.interp(cycles, self.cycles, self.soh) + slope * beyond, dtype=np.float64)


def _members(own: FadePoints, at: Floats, curves: Sequence[_Curve]) -> dict[str, Floats]:
    level, now = _level(own), float(own.cycles[-1])
    said = {"linear": level + _slope(own) * (at - now)}
    met = [found for curve in curves if (found := _meet(own, level, curve)) is not None]
    if met:
        distance = np.array([m.distance for m in met])
        near = np.exp(-0.5 * (distance - distance.min()))
        near /= near.sum()
        for name, stretch in (("fleet", 0.0), ("stretched", _STRETCH)):
            losses = [m.curve.at(m.cycles + (at - now) / math.exp(stretch * m.speed)) - m.level for m in met]
            said[name] = level + near @ np.array(losses)
    return said


@dataclass(frozen=True)
class _Met:
    """Where a curve has the cell's level: its cycles then, and the log ratio of the cell's time to its own."""

    curve: _Curve
    cycles: float
    level: float
    speed: float
    distance: float


def _meet(own: FadePoints, level: float, curve: _Curve) -> _Met | None:
    cycles = curve.reaches(level)
    if cycles is None:
        return None
    back = max(own.cycles.size - 1 - max(3, own.cycles.size // 4), 0)
    before, now = float(own.soh[: back + 1].min()), float(own.cycles[-1])
    began = curve.reaches(before)
    took = cycles - began if began is not None else 0.0
    speed = 0.0
    if before - level > 1.5 * _FLOOR + _noise(own) and took > 0:
        speed = float(np.clip(math.log((now - float(own.cycles[back])) / took), -_SPEED_CLIP, _SPEED_CLIP))
    age = math.log((now + 1.0) / (cycles + 1.0))
    distance = (speed / _SPEED_WIDTH) ** 2 + (age / _AGE_WIDTH) ** 2
    return _Met(curve, cycles, float(np.interp(cycles, curve.cycles, curve.soh)), speed, distance)


def _weights(own: FadePoints, ahead: float, curves: Sequence[_Curve], names: tuple[str, ...]) -> dict[str, float]:
    """By inverse squared errors: a prior of one hindcast, and the cell's own past foretold over a like time."""
    squares = {name: [_PRIOR_ERROR[name] ** 2] for name in names}
    last, now = own.cycles.size - 1, float(own.cycles[-1])
    wanted = min(ahead, 0.5 * (now - float(own.cycles[0])))
    ends = [k for k in range(1, last) if now - float(own.cycles[k]) >= wanted]
    for k in ends[:: max(1, len(ends) // _HINDCASTS)]:
        known = own.first(k + 1)
        target = min(float(own.cycles[k]) + wanted, now)
        loss = max(_level(known) - float(np.interp(target, own.cycles, own.soh)), _FLOOR + _noise(own))
        for name, said in _members(known, np.array([target]), curves).items():
            if name in squares:
                error = (float(said[0]) - float(np.interp(target, own.cycles, own.soh))) / loss
                squares[name].append(min(error**2, 4.0))
    inverse = {name: 1.0 / (float(np.mean(each)) + 0.01) for name, each in squares.items()}
    total = sum(inverse.values())
    return {name: value / total for name, value in inverse.items()}


def _slope(own: FadePoints) -> float:
    """Theil-Sen over the last third, at least two points; never rising."""
    count = max(2, math.ceil(own.cycles.size / 3))
    cycles, soh = own.cycles[-count:], own.soh[-count:]
    i, j = np.triu_indices(count, 1)
    return min(float(np.median((soh[j] - soh[i]) / (cycles[j] - cycles[i]))), 0.0)


def _level(own: FadePoints) -> float:
    """The level now: the last point, or the median of the last ones where there are many."""
    return float(np.median(own.soh[-_width(own.soh.size) :]))


def _noise(own: FadePoints) -> float:
    """How far single points scatter around a line through their neighbours (standard deviation, robust)."""
    if own.soh.size < 6:
        return 0.0
    bends = own.soh[1:-1] - np.interp(own.cycles[1:-1], own.cycles[::2], own.soh[::2])
    return float(1.4826 * np.median(np.abs(bends[::2])) / math.sqrt(1.5) / math.sqrt(_width(own.soh.size)))


def _smooth(soh: Floats) -> Floats:
    half = _width(soh.size) // 2
    return soh if half == 0 else np.array([np.median(soh[max(0, i - half) : i + half + 1]) for i in range(soh.size)])


def _width(count: int) -> int:
    return max(1, count // 12)


def _same(curve: FadePoints, cell: FadePoints) -> bool:
    """Whether both are one cell's points, one of them perhaps thinned: they agree wherever both were measured."""
    common = (curve.cycles >= cell.cycles[0]) & (curve.cycles <= cell.cycles[-1])
    if int(common.sum()) < 3:
        return False
    off = curve.soh[common] - np.interp(curve.cycles[common], cell.cycles, cell.soh)
    return float(np.median(np.abs(off))) < _SAME
