"""The virtual weather: clouds, irradiance on level and tilted planes, temperature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.physics.noise import knots, smooth_day_level
from simulator.physics.scenario import Scenario
from simulator.physics.sky import MINUTES, Floats, SkyDay, sky_day

_ALBEDO = 0.2
_CLOUD_DAY_PERSISTENCE = 0.55
_CLOUD_KNOT_PERSISTENCE = 0.93
_KNOT_MINUTES = np.arange(0, 1_441, 5)


@dataclass(frozen=True, slots=True)
class WeatherDay:
    """One solar day of weather by the minute."""

    sky: SkyDay
    cloud_cover: Floats  # share of the sky
    ghi_w_m2: Floats
    dni_w_m2: Floats
    dhi_w_m2: Floats
    temperature_c: Floats

    def tilted_w_m2(self, tilt_deg: float, azimuth_deg: float) -> Floats:
        """Irradiance on a plane (W/m2) by the minute; azimuth in compass degrees."""
        return tilted(self.sky, self.ghi_w_m2, self.dni_w_m2, self.dhi_w_m2, tilt_deg, azimuth_deg)


def tilted(sky: SkyDay, ghi: Floats, dni: Floats, dhi: Floats, tilt_deg: float, azimuth_deg: float) -> Floats:
    """Plane-of-array irradiance (W/m2), isotropic sky: beam + diffuse + ground (Liu and Jordan 1963)."""
    tilt, azimuth = np.radians(tilt_deg), np.radians(azimuth_deg)
    incidence = np.sin(tilt) * (np.sin(azimuth) * sky.east + np.cos(azimuth) * sky.north) + np.cos(tilt) * sky.up
    beam = dni * np.where(sky.up > 0, np.maximum(incidence, 0.0), 0.0)
    plane: Floats = beam + dhi * (1 + np.cos(tilt)) / 2 + ghi * _ALBEDO * (1 - np.cos(tilt)) / 2
    return plane


def irradiance(sky: SkyDay, cloud_cover: Floats) -> tuple[Floats, Floats, Floats]:
    """Global, direct normal and diffuse irradiance (W/m2) under this share of cloud.

    Global after Kasten and Czeplak (1980): 1 - 0.75 c^3.4; the beam fades faster, and what is left is diffuse.
    """
    ghi = sky.clear_ghi_w_m2 * (1 - 0.75 * cloud_cover**3.4)
    dni = sky.clear_dni_w_m2 * (1 - cloud_cover) ** 0.8
    beam = np.minimum(dni * np.maximum(sky.up, 0.0), ghi)
    dni = np.where(sky.up > 0.01, beam / np.maximum(sky.up, 0.01), 0.0)
    return ghi, dni, ghi - beam


class Weather:
    """The weather of one place in one world (`seed`, `scenario`)."""

    def __init__(self, latitude: float, longitude: float, *, seed: int, scenario: Scenario) -> None:
        self.latitude = latitude
        self.longitude = longitude
        self.seed = seed
        self.scenario = scenario
        self._cached_day = lru_cache(maxsize=64)(self._day)

    def day(self, day: int) -> WeatherDay:
        """The weather of solar day `day` (`sky.solar_day`)."""
        return self._cached_day(day)

    def _day(self, day: int) -> WeatherDay:
        sky = sky_day(self.latitude, self.longitude, day)
        cloud = self._cloud_cover(day)
        ghi, dni, dhi = irradiance(sky, cloud)
        return WeatherDay(sky, cloud, ghi, dni, dhi, self._temperature_c(day))

    def _cloud_cover(self, day: int) -> Floats:
        """Cloud cover (share): the scenario's mean, a level that wanders from day to day, and passing clouds."""
        mean = self._cloud_level(day)
        passing = np.interp(MINUTES, _KNOT_MINUTES, knots(self.seed, "cloud_knots", day, _CLOUD_KNOT_PERSISTENCE))
        swing = 0.22 * self.scenario.cloud_variability * np.clip(0.4 + mean, 0.3, 1.0)
        return np.clip(mean + swing * passing, 0.0, 1.0)

    def _cloud_level(self, day: int) -> Floats:
        level = smooth_day_level(self.seed, "cloud_day", day, _CLOUD_DAY_PERSISTENCE, MINUTES)
        return self.scenario.cloudiness + 0.22 * self.scenario.cloud_variability * level

    def _temperature_c(self, day: int) -> Floats:
        season = np.cos(2 * np.pi * (day % 365.25 - 200) / 365.25) * (1 if self.latitude >= 0 else -1)
        mean = 28.0 - 0.35 * abs(self.latitude) + 8.0 * season + self.scenario.temperature_offset_c
        anomaly = 2.5 * smooth_day_level(self.seed, "temperature_day", day, 0.7, MINUTES)
        swing = 7.0 * (1 - 0.5 * np.clip(self._cloud_level(day), 0.0, 1.0))  # cloudy days are flat
        celsius: Floats = mean + anomaly + swing * np.cos(2 * np.pi * (MINUTES - 15 * 60) / 1_440)
        return celsius
