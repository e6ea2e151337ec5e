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


@dataclass(frozen=True, slots=True)
class WeatherAlert:
    """A warning of a weather agency, in its own words; `start` and `end` are aware UTC."""

    sender: str
    event: str
    start: datetime
    end: datetime
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WeatherNow:
    """What `source` says the weather is at `taken_at` (aware UTC), and the alerts in force or announced there."""

    taken_at: datetime
    source: str
    temperature_c: float | None = None
    feels_like_c: float | None = None
    humidity_pct: float | None = None
    pressure_hpa: float | None = None
    cloud_cover_pct: float | None = None
    wind_m_s: float | None = None
    gust_m_s: float | None = None
    visibility_m: float | None = None
    rain_mm_h: float | None = None
    snow_mm_h: float | None = None
    description: str | None = None
    alerts: tuple[WeatherAlert, ...] = ()
    attribution: str = ""

    def __post_init__(self) -> None:
        if self.taken_at.tzinfo is None:
            raise ValueError("WeatherNow.taken_at needs a time zone: pass an aware datetime, in UTC")


@dataclass(frozen=True, slots=True)
class PowerHour:
    """A vendor's own forecast of the site's mean powers (W) over the hour from `start` (aware UTC)."""

    start: datetime
    solar_w: float | None = None
    load_w: float | None = None


@dataclass(frozen=True, slots=True)
class IssuedPower:
    """The powers that `source`, such as "victron_vrm", foresaw at `issued_at` (aware UTC); the hours ascend."""

    issued_at: datetime
    source: str
    hours: tuple[PowerHour, ...]

    def __post_init__(self) -> None:
        if self.issued_at.tzinfo is None:
            raise ValueError("IssuedPower.issued_at needs a time zone: pass an aware datetime, in UTC")
