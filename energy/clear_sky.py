"""The power that panels give under a clear sky, and under the weather that a forecast has, without a heavy library.

Clear sky: global irradiance after Haurwitz (1945), the simple model that Reno, Hansen and Stein (SAND2012-2389) found
best of its kind; split into beam and diffuse after Erbs, Klein and Duffie (1982); carried to the plane of each array
with an isotropic sky (Liu and Jordan 1963). That is within about 10 % at noon, which is plenty for an alarm at a half
or a twelfth of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import cos, exp, pi, radians, sin

from energy.site import Array, Site
from energy.sun import sun_position
from energy.weather import IssuedForecast, WeatherHour

SOLAR_CONSTANT_W_M2 = 1_361.0
ALBEDO = 0.2
PERFORMANCE = 0.85  # of the rating: heat, wiring, dirt and the inverter
MEAN_OVER = timedelta(minutes=30)
STEP = timedelta(minutes=5)
_LOW_SUN_DEG = 3.0  # below it an hour's mean says nothing about a part of the hour
_CLEARER_THAN_CLEAR = 1.3


@dataclass(frozen=True, slots=True)
class Irradiance:
    """On level ground (W/m2): global, beam at a right angle to it, and diffuse."""

    ghi: float
    dni: float
    dhi: float


DARK = Irradiance(0.0, 0.0, 0.0)


def clear_irradiance(elevation_deg: float, day_of_year: int) -> Irradiance:
    """Under a clear sky with the sun at that elevation; dark at or below the horizon."""
    cos_zenith = sin(radians(elevation_deg))
    if cos_zenith <= 0.0:
        return DARK
    ghi = 1_098.0 * cos_zenith * exp(-0.057 / cos_zenith)
    outside = SOLAR_CONSTANT_W_M2 * (1 + 0.033 * cos(2 * pi * day_of_year / 365)) * cos_zenith
    dhi = ghi * _diffuse_share(ghi / outside)
    return Irradiance(ghi, (ghi - dhi) / cos_zenith, dhi)


def on_plane(array: Array, sky: Irradiance, elevation_deg: float, azimuth_deg: float) -> float:
    """The irradiance in the plane of an array (W/m2)."""
    tilt, height = radians(array.tilt_deg), radians(elevation_deg)
    turned = radians(azimuth_deg - array.azimuth_deg)
    incidence = sin(height) * cos(tilt) + cos(height) * sin(tilt) * cos(turned)
    beam = sky.dni * max(incidence, 0.0) if elevation_deg > 0 else 0.0
    return beam + sky.dhi * (1 + cos(tilt)) / 2 + sky.ghi * ALBEDO * (1 - cos(tilt)) / 2


def clear_sky_w(site: Site, now: datetime) -> float | None:
    """The site's solar power (W) under a clear sky, as a mean over the half hour before `now` (aware UTC).

    0 while the sun is down, also where no array is described; else None without arrays. None without a place.
    """
    if site.latitude is None or site.longitude is None:
        return None
    looks = [_sun(moment, site.latitude, site.longitude) for moment in _moments(now)]
    if all(elevation <= 0 for elevation, _ in looks):
        return 0.0
    if not site.array:
        return None
    return sum(_clear_w(site.array, moment, site.latitude, site.longitude) for moment in _moments(now)) / len(looks)


def forecast_solar_w(site: Site, issued: IssuedForecast | None, now: datetime) -> float | None:
    """The site's solar power (W) under the forecast's weather, as a mean over the half hour before `now` (aware UTC).

    The hour's mean in the plane of each array gives how clear that hour is; inside the hour the power follows the clear
    sky. None where the forecast does not know an hour, or nothing is known of the place or the arrays.
    """
    if issued is None or site.latitude is None or site.longitude is None or not site.array:
        return None
    total_w, moments = 0.0, _moments(now)
    for moment in moments:
        hour = issued.hour_at(moment)
        if hour is None:
            return None
        for array in site.array:
            clearness = _clearness(array, hour, site.latitude, site.longitude)
            if clearness is None:
                return None
            total_w += clearness * _clear_w((array,), moment, site.latitude, site.longitude)
    return total_w / len(moments)


def _clearness(array: Array, hour: WeatherHour, latitude: float, longitude: float) -> float | None:
    """How much of a clear sky's irradiance the hour has in the array's plane; None where the forecast does not say."""
    clear = _hour_clear(array, hour.start, latitude, longitude)
    if clear <= 0.0:
        return 0.0
    tilted = hour.tilted_w_m2.get(array.name)
    if tilted is None:
        if hour.ghi_w_m2 is None or hour.dni_w_m2 is None or hour.dhi_w_m2 is None:
            return None
        elevation, azimuth = _sun(hour.start + timedelta(minutes=30), latitude, longitude)
        tilted = on_plane(array, Irradiance(hour.ghi_w_m2, hour.dni_w_m2, hour.dhi_w_m2), elevation, azimuth)
    return min(tilted / clear, _CLEARER_THAN_CLEAR)


@lru_cache(maxsize=4_096)
def _hour_clear(array: Array, start: datetime, latitude: float, longitude: float) -> float:
    """The clear sky's mean over the hour in the array's plane (W/m2); 0 for one with hardly any sun."""
    moments = [start + timedelta(minutes=5 + 10 * step) for step in range(6)]
    suns = [_sun(moment, latitude, longitude) for moment in moments]
    if max(elevation for elevation, _ in suns) < _LOW_SUN_DEG:
        return 0.0
    return sum(_plane_w_m2(array, moment, latitude, longitude) for moment in moments) / len(moments)


def _clear_w(arrays: Sequence[Array], moment: datetime, latitude: float, longitude: float) -> float:
    return sum(array.kwp * PERFORMANCE * _plane_w_m2(array, moment, latitude, longitude) for array in arrays)


@lru_cache(maxsize=32_768)
def _plane_w_m2(array: Array, moment: datetime, latitude: float, longitude: float) -> float:
    elevation, azimuth = _sun(moment, latitude, longitude)
    return on_plane(array, clear_irradiance(elevation, moment.timetuple().tm_yday), elevation, azimuth)


@lru_cache(maxsize=32_768)
def _sun(moment: datetime, latitude: float, longitude: float) -> tuple[float, float]:
    return sun_position(moment, latitude, longitude)


def _moments(now: datetime) -> list[datetime]:
    """The middles of the five-minute steps of the half hour that ended last: the same for five minutes, so kept."""
    step_s = STEP.total_seconds()
    end = datetime.fromtimestamp(now.timestamp() // step_s * step_s, UTC)
    return [end - STEP * (back + 0.5) for back in reversed(range(MEAN_OVER // STEP))]


def _diffuse_share(clearness: float) -> float:
    if clearness <= 0.22:
        return 1 - 0.09 * clearness
    if clearness <= 0.8:
        k = clearness
        return 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return 0.165
