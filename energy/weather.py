"""The weather of a site hour by hour, as one forecast that somebody issued at one time.

Irradiance is in W/m2. Every value is the mean over the hour that STARTS at `start`; services that give the mean of
the hour before a time stamp are converted at the edge. None is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WeatherHour:
    """Means over the hour from `start` (aware UTC, on the full hour).

    `ghi`, `dni` and `dhi` are global horizontal, direct normal and diffuse horizontal irradiance; `tilted_w_m2` is
    the irradiance in the plane of each array, keyed by the array's name.
    """

    start: datetime
    temperature_c: float | None = None
    cloud_cover_pct: float | None = None
    ghi_w_m2: float | None = None
    dni_w_m2: float | None = None
    dhi_w_m2: float | None = None
    tilted_w_m2: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("WeatherHour.start needs a time zone: pass an aware datetime, in UTC")

    @property
    def end(self) -> datetime:
        """When the hour is over."""
        return self.start + HOUR


@dataclass(frozen=True, slots=True)
class IssuedForecast:
    """What `source` said at `issued_at` (aware UTC) about the hours, ascending and without doubles."""

    issued_at: datetime
    source: str
    hours: tuple[WeatherHour, ...]
    attribution: str = ""

    def hour_at(self, moment: datetime) -> WeatherHour | None:
        """The hour that `moment` lies in, or None when the forecast does not reach it."""
        return next((hour for hour in self.hours if hour.start <= moment < hour.end), None)
