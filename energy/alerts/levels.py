"""Set and clear levels: while a rule fires, the clear level decides."""

from __future__ import annotations


def above(value: float, firing: bool, set_over: float, clear_at: float) -> bool:
    """Active above `set_over`; once firing, until it is at or below `clear_at`."""
    return value > (clear_at if firing else set_over)


def below(value: float, firing: bool, set_under: float, clear_at: float) -> bool:
    """Active below `set_under`; once firing, until it is at or above `clear_at`."""
    return value < (clear_at if firing else set_under)


def between_bounds(low: bool, high: bool) -> bool | None:
    """What is known of a judgement whose figure lies between two bounds: theirs where they agree, else unknown."""
    return low if low == high else None
