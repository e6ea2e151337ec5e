"""What the virtual site foresees: its weather as it was issued for 30 days, the forecasts of now, and the plan; and for
`demo` what it foresaw at the last midnights, and how that came out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from energy.cells.courses import as_is, band_of
from energy.plan.problem import AsSet
from energy.site import Site
from jobs.forecasting import make_forecasts_now
from jobs.planning import make_plan_now
from jobs.scoring import DAYS, score_cells, score_days
from jobs.work import Work
from services.planning import NoPlan, problem_now
from services.reckoning import InlineReckoner
from services.scope import DEFAULT_ORG_ID
from store import forecasts, weather
from store.database import Database
from store.forecasts import StoredForecast

if TYPE_CHECKING:
    from energy.weather import IssuedForecast
    from simulator.physics import VirtualSite

AHEAD_HOURS = 8 * 24
SUN_SHARE = 0.35  # of a miner's power: about what the virtual site's own switching asks of the sun
BECAUSE = "because the demo begins"


async def add_outlook(database: Database, site: Site, world: VirtualSite, now: datetime) -> None:
    """Archive the weather that was issued, then forecast and plan once, as the worker would have at `now`."""
    await weather.insert_all(database, DEFAULT_ORG_ID, site.id, issued_weather(site, world, now))
    work = _work_at(database, site, now)
    await make_forecasts_now(work)
    await make_plan_now(work, BECAUSE)


async def add_scores(database: Database, site: Site, now: datetime) -> None:
    """Forecast as of the last midnights, then score the days that followed, and the battery, as the nights would have.

    The plan's worth of those days is left out: nobody planned then. After `add_outlook`, whose weather this needs.
    """
    today = now.astimezone(site.zone).date()
    for back in range(DAYS, 0, -1):
        midnight = datetime.combine(today - timedelta(days=back), time(), tzinfo=site.zone).astimezone(UTC)
        await make_forecasts_now(_work_at(database, site, midnight))
        await _add_level(database, site, midnight)
    work = _work_at(database, site, now)
    await score_days(work)
    await score_cells(work)


async def _add_level(database: Database, site: Site, midnight: datetime) -> None:
    """The battery's course with the miners as they are set, as it was foreseen at a midnight."""
    problem = await problem_now(database, DEFAULT_ORG_ID, site, midnight)
    if isinstance(problem, NoPlan):
        return
    # Nobody wanted anything of the miners then: the virtual site ran them itself, by their levels and the sun.
    miners = tuple(
        replace(m, as_set=replace(m.as_set or AsSet(), mode="auto", needs_excess_w=SUN_SHARE * m.power_w))
        for m in problem.miners
    )
    band = band_of(as_is(replace(problem, miners=miners)), int(midnight.timestamp()), "soc_as_is")
    if band is not None:
        await forecasts.put(database, DEFAULT_ORG_ID, site.id, StoredForecast(band.target, band))


def _work_at(database: Database, site: Site, moment: datetime) -> Work:
    return Work(
        database=database,
        site=site,
        polled={},
        streamed={},
        weather=None,
        reckoner=InlineReckoner(),
        clock=lambda: moment,
    )


def issued_weather(site: Site, world: VirtualSite, now: datetime) -> list[IssuedForecast]:
    """One forecast of each local midnight since the world began, for the day that began then, and the one of now."""
    from simulator.issued import issued_forecast

    day = world.start.astimezone(site.zone).date()
    found = []
    while (midnight := datetime.combine(day, time(), tzinfo=site.zone).astimezone(UTC)) <= now:
        found.append(issued_forecast(world, midnight, hours=25))  # a day on which the clock is set back has as many
        day += timedelta(days=1)
    return [*found, issued_forecast(world, now, hours=AHEAD_HOURS)]
