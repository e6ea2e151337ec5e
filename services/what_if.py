"""What if: the plan with one thing changed, solved beside the plan as it is, in words with figures both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from services.outlook_values import Nothing
from services.scope import Scope

if TYPE_CHECKING:
    from energy.plan.plan import Plan
    from services.reckoning import Reckoner


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """The plan as it is and the changed one; `text` are lines for people, the answer first.

    `money_change` counts what is stored at the end; levels are of the middle and of the cautious course (%).
    """

    as_it_is: Plan
    changed: Plan
    money_change: float
    currency: str
    lowest_pct: float | None
    lowest_before_pct: float | None
    miner_kwh_change: float
    import_kwh_change: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class MoreBatteryView:
    """What a bigger battery would have brought from `first` to `last` (local days)."""

    first: date
    last: date
    extra_kwh: float
    money_change: float
    currency: str
    import_kwh_change: float
    miner_kwh_change: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


async def run_miners(scope: Scope, reckoner: Reckoner, miners: Sequence[str], until: datetime) -> WhatIfView | Nothing:
    """What if these miners (ids) ran until then? Interlocks and limits still hold in it."""
    raise NotImplementedError


async def cloudy(
    scope: Scope, reckoner: Reckoner, *, share: float | None = None, day: date | None = None
) -> WhatIfView | Nothing:
    """What if that local day (None: tomorrow) and those after it had this share (0 to 1) of the sun that is expected?

    Without a share the sun is what the cautious forecast says.
    """
    raise NotImplementedError


async def more_battery(
    scope: Scope, reckoner: Reckoner, extra_kwh: float, *, days: int = 30
) -> MoreBatteryView | Nothing:
    """What would this much more battery have brought in the last `days` whole local days?"""
    raise NotImplementedError
