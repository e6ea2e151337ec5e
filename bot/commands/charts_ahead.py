"""The charts under what is said of the time to come. No chart is worth losing the words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from agents.outlook_charts import HasScore
    from charts.specs import ChartSpec
    from services.battery_health import HealthView
    from services.outlook import BatteryView, ForecastView, PlanView
    from services.scope import Scope

log = structlog.get_logger()


async def solar_chart(scope: Scope, view: ForecastView) -> list[ChartSpec]:
    """The sun to come with its band, and what was measured today."""

    async def build() -> ChartSpec | None:
        from agents.outlook_charts import solar_forecast_chart

        return await solar_forecast_chart(scope, view)

    return await _drawn("solar_forecast", build)


async def battery_chart(scope: Scope, view: BatteryView) -> list[ChartSpec]:
    """The battery's level as a fan, with the reserve."""

    async def build() -> ChartSpec | None:
        from agents.outlook_charts import soc_fan_chart

        return await soc_fan_chart(scope, view)

    return await _drawn("soc_fan", build)


async def plan_chart(scope: Scope, view: PlanView) -> list[ChartSpec]:
    """The plan over time."""

    async def build() -> ChartSpec | None:
        from agents.outlook_charts import plan_chart as chart_of

        return await chart_of(scope, view)

    return await _drawn("plan", build)


async def cells_chart(scope: Scope, view: HealthView) -> list[ChartSpec]:
    """What is left of the battery, and what is to be expected."""

    async def build() -> ChartSpec | None:
        from agents.outlook_charts import cells_spec

        return cells_spec(scope, view.health)

    return await _drawn("cells", build)


async def scorecard_chart(scope: Scope, scores: Sequence[HasScore]) -> list[ChartSpec]:
    """How right the forecasts were, day by day."""

    async def build() -> ChartSpec | None:
        from agents.outlook_charts import scorecard_spec

        return scorecard_spec(scope, scores)

    return await _drawn("scorecard", build)


async def _drawn(what: str, build: Callable[[], Awaitable[ChartSpec | None]]) -> list[ChartSpec]:
    try:
        found = await build()
    except Exception:  # whatever is wrong with a picture, the words still go out
        log.exception("chart_spec_failed", chart=what)
        return []
    return [] if found is None else [found]
