"""An estimate with its error bars, and the sentence that stands where the data cannot tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value and the bounds that hold it in 8 of 10 cases; `count` is how many observations it rests on."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class CannotTell:
    """Why there is no estimate, in one sentence for people."""

    because: str
