"""Looking ahead, for chat: the forecast, the battery's course, the plan and its reasons. Reads what the jobs stored.

Whoever has a role on the site may look. Nothing that was made or measured after `scope.as_of` is seen.
"""

from __future__ import annotations

from datetime import datetime

from services.outlook_values import BatteryView as BatteryView
from services.outlook_values import ForecastView as ForecastView
from services.outlook_values import Nothing as Nothing
from services.outlook_values import PlanMode as PlanMode
from services.outlook_values import PlanView as PlanView
from services.outlook_values import WeekView as WeekView
from services.outlook_values import WhyView as WhyView
from services.scope import Scope


async def forecast_view(scope: Scope, hours: int = 48) -> ForecastView | Nothing:
    """Solar and load of the next hours, by the newest forecast that was known then."""
    raise NotImplementedError


async def battery_view(scope: Scope) -> BatteryView | Nothing:
    """The battery's level to come, under the plan and with everything left as it is, and the reserve's risk."""
    raise NotImplementedError


async def plan_view(scope: Scope) -> PlanView | Nothing:
    """What the newest plan does from now on, in runs that people can read."""
    raise NotImplementedError


async def why(scope: Scope, miner: str | None = None, at: datetime | None = None) -> WhyView | Nothing:
    """The reasons of the step that runs now (or at `at`), of each miner or of one, and of the battery.

    `miner` is an id or a name as people write it. Raises UnknownMiner for one that is not there.
    """
    raise NotImplementedError


async def week_view(scope: Scope) -> WeekView | Nothing:
    """Seven days: the forecast as far as it reaches, then the weather forecast alone, then typical weather."""
    raise NotImplementedError


async def plan_mode(scope: Scope) -> PlanMode:
    """Whether the site's plan is advice, asks each time, or is followed."""
    raise NotImplementedError


async def set_mode(scope: Scope, mode: PlanMode) -> None:
    """Set it. Owners alone, with an audit row."""
    raise NotImplementedError
