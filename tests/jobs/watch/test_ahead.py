"""What the stored forecasts say of the battery and of tomorrow reaches the alerts."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from energy.alerts.battery import reserve
from energy.forecast.hours import Band
from energy.reading import Reading
from jobs.situation import SituationBuilder
from store import forecasts, plan_modes, readings
from store.forecasts import StoredForecast
from store.plan_modes import PlanMode
from tests.jobs.lookout import NOON, ORG, Lookout

HOUR_S = 3_600
ISSUED_AT = NOON - timedelta(minutes=10)


async def put(database, target, values, *, why="Until 21:00 the house needs 9 kWh."):
    issued_s = int(ISSUED_AT.timestamp())
    starts_s = issued_s // HOUR_S * HOUR_S + HOUR_S * np.arange(len(values))
    values = np.array(values, dtype=np.float64)
    band = Band(target, issued_s, starts_s, values * 0.9, values, values * 1.1, "test", "1")
    await forecasts.put(database, ORG, "ranch", StoredForecast(target, band, notes=(why,)))


async def test_a_stored_forecast_that_reaches_the_reserve_becomes_an_alert_with_its_time(database):
    lookout = Lookout(database)
    await put(database, "soc_as_is", [62, 54, 46, 38, 35, 45, 60])
    await put(database, "soc", [62, 60, 58, 56, 55, 60, 70])
    builder = SituationBuilder(lookout.work)
    seen = await builder.at(NOON)
    assert seen.forecast.reached_at - ISSUED_AT > timedelta(hours=2)
    (signal,) = reserve(seen)
    clock = seen.forecast.reached_at.astimezone(lookout.work.site.zone)
    assert signal.active
    assert f"will be reached at {clock:%H:%M}; the lowest will be {{value}}" in signal.what
    assert signal.why == "Until 21:00 the house needs 9 kWh."
    await plan_modes.put(database, ORG, "ranch", PlanMode("automatic", "host", NOON))
    (signal,) = reserve(await SituationBuilder(lookout.work).at(NOON))  # the plan is followed, and keeps it
    assert not signal.active


async def test_tomorrow_and_the_last_week_are_told_from_what_is_stored(database):
    lookout = Lookout(database)
    for hours in range(24 * 6):
        at = NOON - timedelta(hours=hours + 6)
        row = Reading(site_id="ranch", source="test", device_id="inverter", taken_at=at, solar_w=1_000.0)
        await readings.upsert(database, ORG, [row])
    for target, value in (("solar", 500.0), ("load", 200.0), ("soc_as_is", 44.0)):
        await put(database, target, [value] * 72)
    days = (await SituationBuilder(lookout.work).at(NOON)).days_ahead
    assert days.solar_tomorrow_kwh == 12.0
    assert days.lowest_tomorrow_pct == 44.0
    assert 1.4 < days.surplus_kwh < 2.2
    assert days.usual_solar_kwh == 24.0
