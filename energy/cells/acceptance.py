"""Where charging slows near full, from history."""

from __future__ import annotations

from dataclasses import dataclass

from energy.cells.estimate import CannotTell
from energy.series import Series


@dataclass(frozen=True)
class Acceptance:
    """Charging takes `charge_w` up to `taper_from_pct`, and from there ever less, down to `taper_end_w` at 100 %."""

    taper_from_pct: float
    taper_end_w: float
    charge_w: float
    count: int


def acceptance(soc: Series, charge_w: Series, surplus_w: Series | None = None) -> Acceptance | CannotTell:
    """What the battery takes by its level (%), from rows (W, + charging) in which more was to be had than it took."""
    raise NotImplementedError
