"""Everything about a battery's health in one value, for `/battery health` and its chart."""

from __future__ import annotations

from dataclasses import dataclass

from energy.cells.acceptance import Acceptance
from energy.cells.cycles import Cycles
from energy.cells.estimate import Estimate
from energy.forecast.hours import Floats, Ints
from energy.series import Series
from energy.site import Site

PRICE_PER_KWH = 300.0  # of a new bank, in the site's currency, where nobody states one
END_OF_LIFE_PCT = 70.0  # a bank is paid for by the capacity that it loses down to here


@dataclass(frozen=True)
class CapacityPoint:
    """What the bank held around a moment (% of its rating) with the bounds of 8 in 10, after so many full cycles."""

    at_s: int
    full_cycles: float
    pct: float
    low_pct: float
    high_pct: float


@dataclass(frozen=True)
class FadeCurve:
    """The course of remaining capacity (%), past and to come; `fleet_pct` is what banks of that kind usually have."""

    at_s: Ints
    full_cycles: Floats
    pct: Floats
    low_pct: Floats
    high_pct: Floats
    fleet_pct: Floats


@dataclass(frozen=True)
class Fade:
    """What is left of the bank (%), with the bounds of 8 in 10. `method` is "measured" where its own points decide."""

    remaining_pct: float
    low_pct: float
    high_pct: float
    method: str
    points: tuple[CapacityPoint, ...]
    curve: FadeCurve
    end_of_life_s: int | None


@dataclass(frozen=True)
class Health:
    """A bank's health. What is None is unknown, and `notes` say why; `round_trip` is a share (0 to 1)."""

    since_s: int
    until_s: int
    rated_kwh: float | None
    usable_kwh: Estimate | None
    round_trip: Estimate | None
    acceptance: Acceptance | None
    cycles: Cycles
    fade: Fade | None
    cost_per_cycle: float | None
    yearly_cost: float | None
    price_per_kwh: float
    notes: tuple[str, ...]


def health(
    site: Site,
    soc: Series,
    charge_w: Series,
    temperature_c: Series | None = None,
    *,
    surplus_w: Series | None = None,
    price_per_kwh: float | None = None,
    installed_s: int | None = None,
) -> Health:
    """A bank's health from its history: level (%), power (W, + charging), temperature (°C), each as far as known.

    `surplus_w` is sun less load: only where it exceeds what the battery took can slow charging be told from little sun.
    `price_per_kwh` is what a new bank costs per kWh, `installed_s` when it was new (None: at the first row).
    """
    raise NotImplementedError
