"""What the virtual site foresees: its weather as it was issued for 30 days, the forecasts of now, and the plan."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from energy.site import Site
from jobs.forecasting import make_forecasts_now
from jobs.planning import make_plan_now
from jobs.work import Work
from services.reckoning import InlineReckoner
from services.scope import DEFAULT_ORG_ID
from store import weather
from store.database import Database

if TYPE_CHECKING:
    from energy.weather import IssuedForecast
    from simulator.physics import VirtualSite

AHEAD_HOURS = 8 * 24
BECAUSE = "because the demo begins"


async def add_outlook(database: Database, site: Site, world: VirtualSite, now: datetime) -> None:
    """Archive the weather that was issued, then forecast and plan once, as the worker would have at `now`."""
    await weather.insert_all(database, DEFAULT_ORG_ID, site.id, issued_weather(site, world, now))
    work = Work(
        database=database,
        site=site,
        polled={},
        streamed={},
        weather=None,
        reckoner=InlineReckoner(),
        clock=lambda: now,
    )
    await make_forecasts_now(work)
    await make_plan_now(work, BECAUSE)


def issued_weather(site: Site, world: VirtualSite, now: datetime) -> list[IssuedForecast]:
    """One forecast of each local midnight since the world began, for the day that began then, and the one of now."""
    from simulator.issued import issued_forecast

    day = world.start.astimezone(site.zone).date()
    found = []
    while (midnight := datetime.combine(day, time(), tzinfo=site.zone).astimezone(UTC)) <= now:
        found.append(issued_forecast(world, midnight, hours=25))  # a day on which the clock is set back has as many
        day += timedelta(days=1)
    return [*found, issued_forecast(world, now, hours=AHEAD_HOURS)]
