"""The rule of the first CommandCenter, kept as a named strategy to compare with.

Surplus above 5 kW: all miners; above 1 kW: two; else none. Surplus is sun less the load without miners.
"""

from __future__ import annotations

ALL_ABOVE_W = 5_000.0
TWO_ABOVE_W = 1_000.0


def threshold_count(surplus_w: float, miners: int) -> int:
    """How many of the miners run, the first ones of their order."""
    if surplus_w > ALL_ABOVE_W:
        return miners
    return min(2, miners) if surplus_w > TWO_ABOVE_W else 0
