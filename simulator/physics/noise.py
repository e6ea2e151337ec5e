"""Seeded noise that can be produced for any day on its own.

An autoregressive process normally needs its whole past. Here the value of a day is the AR(1) recursion over the few
days before it, each with its own seeded innovations: the tail that is cut off is far below anything visible.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Stream = Literal["cloud_day", "cloud_knots", "temperature_day", "load_knots", "appliances", "soc_drift", "forecast"]
_STREAMS: dict[str, int] = {
    name: number
    for number, name in enumerate(
        ("cloud_day", "cloud_knots", "temperature_day", "load_knots", "appliances", "soc_drift", "forecast")
    )
}
KNOTS_PER_DAY = 288
_DAYS_OF_MEMORY = 12


def generator(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """A generator that belongs to this seed, stream and numbers (non-negative) alone."""
    return np.random.default_rng((seed & 0xFFFFFFFF, _STREAMS[stream], *numbers))


@lru_cache(maxsize=4096)
def _innovation(seed: int, stream: Stream, day: int) -> float:
    return float(generator(seed, stream, max(day, 0)).standard_normal())


@lru_cache(maxsize=2048)
def day_level(seed: int, stream: Stream, day: int, persistence: float) -> float:
    """The stationary AR(1) value (mean 0, variance 1) of epoch day `day`."""
    value = 0.0
    for past in range(day - _DAYS_OF_MEMORY, day + 1):
        value = persistence * value + _innovation(seed, stream, past)
    return value * float(np.sqrt(1.0 - persistence**2))


def smooth_day_level(
    seed: int, stream: Stream, day: int, persistence: float, minutes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Day levels joined from noon to noon, at `minutes` of the day, so that midnight is no step."""
    noons = np.array([-720.0, 720.0, 2160.0])
    levels = [day_level(seed, stream, day + shift, persistence) for shift in (-1, 0, 1)]
    return np.interp(minutes, noons, levels)


@lru_cache(maxsize=512)
def _knot_innovations(seed: int, stream: Stream, day: int) -> tuple[float, ...]:
    return tuple(generator(seed, stream, max(day, 0)).standard_normal(KNOTS_PER_DAY).tolist())


@lru_cache(maxsize=512)
def knots(seed: int, stream: Stream, day: int, persistence: float) -> tuple[float, ...]:
    """AR(1) values (mean 0, variance 1) every 5 minutes of the day, and the first of the next (289 in all)."""
    scale = float(np.sqrt(1.0 - persistence**2))
    value = 0.0
    for innovation in _knot_innovations(seed, stream, day - 1):
        value = persistence * value + innovation
    values = []
    for innovation in (*_knot_innovations(seed, stream, day), _knot_innovations(seed, stream, day + 1)[0]):
        value = persistence * value + innovation
        values.append(value * scale)
    return tuple(values)
