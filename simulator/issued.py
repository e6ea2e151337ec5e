"""The simulated weather as forecasts that a service had issued: for a past that is written without asking one."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from energy.site import Site
from energy.weather import HOUR, IssuedForecast, WeatherHour
from simulator.forecasts import HOUR_S, Forecaster, days_between, plane
from simulator.physics import VirtualSite
from simulator.physics.sky import Floats, sky_day

SOURCE = "open_meteo"
ATTRIBUTION = "Weather data by Open-Meteo.com (CC BY 4.0), simulated"


def issued_forecast(world: VirtualSite, issued_at: datetime, *, hours: int) -> IssuedForecast:
    """What the service would have said at `issued_at` (aware) of `hours` from the full hour that holds it."""
    site, longitude = world.site, world.weather.longitude
    latitude = world.weather.latitude
    forecaster = Forecaster(world.weather, seed=world.seed)
    first_s = int(issued_at.timestamp()) // HOUR_S * HOUR_S
    columns: dict[str, list[Floats]] = {}
    start_s = 0
    for day in days_between(first_s, first_s + hours * HOUR_S, longitude):
        sky = sky_day(latitude, longitude, day)
        start_s = start_s or sky.start_s
        values = forecaster.minutes(day, first_s // HOUR_S, latitude, longitude)
        for array in site.array:
            values[array.name] = plane(values, sky, array.tilt_deg, array.azimuth_deg)
        for name, minutes in values.items():
            columns.setdefault(name, []).append(minutes)
    offset = (first_s - start_s) // 60
    means = {
        name: np.concatenate(parts)[offset : offset + 60 * hours].reshape(hours, 60).mean(axis=1).round(1)
        for name, parts in columns.items()
    }
    first = datetime.fromtimestamp(first_s, UTC)
    return IssuedForecast(
        issued_at=issued_at.astimezone(UTC),
        source=SOURCE,
        hours=tuple(_hour(site, means, first, number) for number in range(hours)),
        attribution=ATTRIBUTION,
    )


def _hour(site: Site, means: dict[str, Floats], first: datetime, number: int) -> WeatherHour:
    return WeatherHour(
        start=first + HOUR * number,
        temperature_c=float(means["temperature"][number]),
        cloud_cover_pct=round(100.0 * float(means["cloud"][number])),
        ghi_w_m2=float(means["ghi"][number]),
        dni_w_m2=float(means["dni"][number]),
        dhi_w_m2=float(means["dhi"][number]),
        tilted_w_m2={array.name: float(means[array.name][number]) for array in site.array},
    )
