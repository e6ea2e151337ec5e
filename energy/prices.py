"""Prices that a service tells: of energy by the hour, and of hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
HASH_PRICE_KEPT = timedelta(hours=24)  # an older one is no price of now: the settings' counts
HIGHEST_HASH_PRICE = 1_000.0
LARGEST_JUMP = 5.0


@dataclass(frozen=True, slots=True)
class PriceHour:
    """What a kWh costs from `start` (aware UTC) until the next one begins, an hour at the most. Prices may be negative.

    `export_per_kwh` None: unknown.
    """

    start: datetime
    import_per_kwh: float
    export_per_kwh: float | None = None


def ends_of(hours: Sequence[PriceHour]) -> list[datetime]:
    """When each price ends, of hours in the order of their starts; what lies between two of them stays unknown."""
    next_starts = [hour.start for hour in hours[1:]]
    ends = [min(hour.start + HOUR, after) for hour, after in zip(hours, next_starts, strict=False)]
    return [*ends, *(hour.start + HOUR for hour in hours[-1:])]


def hash_price_fault(per_phs_day: float, last: float | None) -> str | None:
    """Why this is no hash price per PH/s and day, as a clause; None when it may be one. `last` counts so far."""
    if per_phs_day <= 0:
        return f"{per_phs_day:g} is no price"
    if per_phs_day > HIGHEST_HASH_PRICE:
        return f"{per_phs_day:g} is more than {HIGHEST_HASH_PRICE:g}, which no hash has been worth for long"
    if last is not None and last > 0 and not last / LARGEST_JUMP <= per_phs_day <= last * LARGEST_JUMP:
        return f"{per_phs_day:g} is more than {LARGEST_JUMP:g} times off from {last:g}, which counts so far"
    return None
