"""The typical weather of a place and month, for when nobody forecasts: a pure function, and a rough one.

Cloud cover: rough means over land by latitude, shifted with the season as the belts of weather are; the dry belts move
some 6 degrees after the sun. Irradiance: the clear sky of `energy.clear_sky` times the monthly cloud factor of Black
(Arch. Met. Geoph. Biokl. B 7, 1956), (0.803 - 0.340 C - 0.458 C²) / 0.803; the beam shines for the share 1 - C of the
time. Temperature: the zonal means and seasons of North, Cahalan and Coakley (Rev. Geophys. 19, 1981), with a daily
swing. Against the homes of California and Colorado whose sky is on record it is 10 to 15 % too dark, which for planning
is the safe side. Mountains, coasts and fogs are not in it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import cos, pi, radians, sin

from energy.clear_sky import Irradiance, clear_irradiance, on_plane
from energy.site import Array, Site
from energy.sun import sun_position
from energy.weather import HOUR, IssuedForecast, WeatherHour

SOURCE = "climatology"
SOURCE_WORDS = "the typical weather of this latitude and month"
# Cloud cover in % over land from 90° south to 90° north, in steps of 10°.
_CLOUD_PCT = (40, 45, 60, 75, 70, 60, 45, 45, 60, 65, 50, 40, 40, 50, 60, 65, 65, 65, 60)
_BELTS_MOVE_DEG = 6.0
_WARMEST_DAY_OF_YEAR = 201  # a month after the solstice, in the north
_DAILY_SWING_C = 5.0
_WARMEST_SOLAR_HOUR = 15.0
_YEAR_DAYS = 365.25


def cloud_cover_pct(latitude: float, month: int) -> float:
    """The typical cloud cover (%) of a month, 1 to 12."""
    belt = min(max(latitude - _BELTS_MOVE_DEG * _season(_middle_of(month)), -90.0), 90.0)
    position = (belt + 90.0) / 10.0
    below = min(int(position), len(_CLOUD_PCT) - 2)
    share = position - below
    return _CLOUD_PCT[below] * (1 - share) + _CLOUD_PCT[below + 1] * share


def temperature_c(latitude: float, month: int) -> float:
    """The typical mean temperature (°C) of a month at sea level."""
    x = sin(radians(latitude))
    return 14.9 - 28.0 * (3 * x * x - 1) / 2 + 15.5 * x * _season(_middle_of(month))


def typical_hour(latitude: float, longitude: float, arrays: tuple[Array, ...], start: datetime) -> WeatherHour:
    """The typical weather of the hour from `start` (aware UTC): the month's clouds under that hour's own sun."""
    start = start.astimezone(UTC)
    cloud = cloud_cover_pct(latitude, start.month) / 100.0
    factor = max(0.803 - 0.340 * cloud - 0.458 * cloud * cloud, 0.0) / 0.803
    sums = Irradiance(0.0, 0.0, 0.0)
    planes = dict.fromkeys((array.name for array in arrays), 0.0)
    looks = [start + timedelta(minutes=5 + 10 * step) for step in range(6)]
    for moment in looks:
        elevation, azimuth = sun_position(moment, latitude, longitude)
        clear = clear_irradiance(elevation, moment.timetuple().tm_yday)
        ghi, dni = factor * clear.ghi, (1 - cloud) * clear.dni
        sky = Irradiance(ghi, dni, max(ghi - dni * max(sin(radians(elevation)), 0.0), 0.0))
        sums = Irradiance(sums.ghi + sky.ghi, sums.dni + sky.dni, sums.dhi + sky.dhi)
        for array in arrays:
            planes[array.name] += on_plane(array, sky, elevation, azimuth)
    solar_hour = (start + HOUR / 2).hour + (start + HOUR / 2).minute / 60 + longitude / 15.0
    swing = _DAILY_SWING_C * cos(2 * pi * (solar_hour - _WARMEST_SOLAR_HOUR) / 24.0)
    return WeatherHour(
        start=start,
        temperature_c=temperature_c(latitude, start.month) + swing,
        cloud_cover_pct=cloud * 100.0,
        ghi_w_m2=sums.ghi / len(looks),
        dni_w_m2=sums.dni / len(looks),
        dhi_w_m2=sums.dhi / len(looks),
        tilted_w_m2={name: total / len(looks) for name, total in planes.items()},
    )


def climatology(site: Site, start: datetime, hours: int) -> IssuedForecast | None:
    """Typical weather for `hours` full hours from the one that holds `start`; None without the site's place."""
    if site.latitude is None or site.longitude is None:
        return None
    latitude, longitude = site.latitude, site.longitude
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return IssuedForecast(
        issued_at=first,
        source=SOURCE,
        hours=tuple(typical_hour(latitude, longitude, site.array, first + HOUR * n) for n in range(hours)),
    )


def _middle_of(month: int) -> float:
    return (month - 0.5) * _YEAR_DAYS / 12


def _season(day_of_year: float) -> float:
    """From -1 in the northern winter to 1 in the northern summer, a month after the sun."""
    return cos(2 * pi * (day_of_year - _WARMEST_DAY_OF_YEAR) / _YEAR_DAYS)
