"""Forecasts as an imperfect view of the simulated weather: the error grows with the lead, every hour has its issue."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from simulator.physics.noise import generator
from simulator.physics.sky import DAY_S, Floats, SkyDay, sky_day, solar_day
from simulator.physics.weather import Weather, irradiance, tilted

HOUR_S = 3_600
_MINUTES_PER_HOUR = 60
_PERSISTENCE_PER_HOUR = 0.9


class Forecaster:
    """Forecasts of `weather`, issued on the hour."""

    def __init__(self, weather: Weather, *, seed: int) -> None:
        self._weather = weather
        self._seed = seed
        self._errors = lru_cache(maxsize=16)(self._draw_errors)

    def minutes(self, day: int, issued_hour: int, latitude: float, longitude: float) -> dict[str, Floats]:
        """Forecast of solar day `day` by the minute for a place, as issued at epoch hour `issued_hour`.

        Keys: ghi, dni, dhi (W/m2), cloud (share), temperature (°C).
        """
        truth = self._weather.day(day)
        sky = sky_day(latitude, longitude, day)
        hours = (sky.start_s + 60 * np.arange(DAY_S // 60)) / HOUR_S
        lead = hours - issued_hour
        errors = self._errors(issued_hour)
        at = np.clip(lead + 96.0, 0.0, len(errors[0]) - 1.0)
        positions = np.arange(len(errors[0]))
        cloud_size = np.where(lead <= 0, 0.02, 0.04 + 0.24 * (1 - np.exp(-np.maximum(lead, 0.0) / 48.0)))
        heat_size = np.where(lead <= 0, 0.2, 0.4 + 2.2 * (1 - np.exp(-np.maximum(lead, 0.0) / 60.0)))
        smooth_cloud = _smooth(truth.cloud_cover)
        cloud = np.clip(smooth_cloud + cloud_size * np.interp(at, positions, errors[0]), 0.0, 1.0)
        ghi, dni, dhi = irradiance(sky, cloud)
        temperature = truth.temperature_c + heat_size * np.interp(at, positions, errors[1])
        return {"ghi": ghi, "dni": dni, "dhi": dhi, "cloud": cloud, "temperature": temperature}

    def _draw_errors(self, issued_hour: int) -> tuple[Floats, Floats]:
        """Unit errors by hour of lead, from 96 hours back to 17 days ahead; neighbouring hours err alike."""
        random = generator(self._seed, "forecast", max(issued_hour, 0))
        draws = random.standard_normal((2, 96 + 17 * 24))
        errors = np.empty_like(draws)
        errors[:, 0] = draws[:, 0]
        scale = np.sqrt(1 - _PERSISTENCE_PER_HOUR**2)
        for hour in range(1, draws.shape[1]):
            errors[:, hour] = _PERSISTENCE_PER_HOUR * errors[:, hour - 1] + scale * draws[:, hour]
        return errors[0], errors[1]


def days_between(first_s: int, last_s: int, longitude: float) -> range:
    """The solar days that [first_s, last_s] touches."""
    return range(solar_day(first_s, longitude), solar_day(last_s, longitude) + 1)


def plane(values: dict[str, Floats], sky: SkyDay, tilt_deg: float, azimuth_deg: float) -> Floats:
    """Irradiance on a plane (W/m2) by the minute; azimuth in compass degrees."""
    return tilted(sky, values["ghi"], values["dni"], values["dhi"], tilt_deg, azimuth_deg)


def _smooth(minutes: Floats) -> Floats:
    """Means over two hours: no model foresees the single cloud."""
    window = 2 * _MINUTES_PER_HOUR
    padded = np.pad(minutes, window // 2, mode="edge")
    sums = np.cumsum(padded)
    means: Floats = (sums[window:] - sums[:-window]) / window
    return means[: len(minutes)]
