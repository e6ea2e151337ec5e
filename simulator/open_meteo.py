"""Open-Meteo's `/v1/forecast` over the simulated weather: means of the PRECEDING hour, azimuth 0 = south."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from aiohttp import web

from simulator.clock import SimClock
from simulator.faults import Faults
from simulator.forecasts import HOUR_S, Forecaster, days_between, plane
from simulator.physics import VirtualSite
from simulator.physics.sky import Floats, sky_day
from simulator.web import FrozenClock, faulty

TARGET = "open_meteo"
HORIZON_H = 16 * 24 - 30  # beyond the model's range the values are null
MAX_DAYS, MAX_PAST_DAYS = 16, 92
# By the length of the window in s; the counters begin anew with the minute, the hour and the UTC day.
LIMITS = {60: ("Minutely", 600.0), 3_600: ("Hourly", 5_000.0), 86_400: ("Daily", 10_000.0)}
_AGAIN = {"Minutely": "in one minute", "Hourly": "in the next hour", "Daily": "tomorrow"}
_UNITS = {
    "temperature_2m": "°C",
    "cloud_cover": "%",
    "shortwave_radiation": "W/m²",
    "direct_radiation": "W/m²",
    "diffuse_radiation": "W/m²",
    "direct_normal_irradiance": "W/m²",
    "global_tilted_irradiance": "W/m²",
    "terrestrial_radiation": "W/m²",
    "is_day": "",
    "weather_code": "wmo code",
}
_INSTANTS = frozenset({"temperature_2m", "cloud_cover", "is_day", "weather_code"})
_SOLAR_CONSTANT_W_M2 = 1_361.0


class BadRequest(ValueError):
    """What the service answers with 400; the text becomes its `reason`."""


class OpenMeteoServer:
    """The service's HTTP application; `app()` makes it. `limits` are those of the one address that asks."""

    def __init__(
        self,
        world: VirtualSite,
        clock: SimClock,
        faults: Faults,
        *,
        limits: Mapping[int, tuple[str, float]] = LIMITS,
    ) -> None:
        self.counted = 0.0  # calls in all, by their weights
        self._limits = limits
        self._used: dict[int, tuple[int, float]] = {}
        self._clock = FrozenClock(clock, faults, TARGET)
        self._faults = faults
        self._forecaster = Forecaster(world.weather, seed=world.seed)

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[faulty(self._faults, TARGET, _refuse)])
        app.router.add_get("/v1/forecast", self._forecast)
        return app

    async def _forecast(self, request: web.Request) -> web.Response:
        try:
            query = _Query(request.query)
        except BadRequest as error:
            return _error(400, str(error))
        refusal = self._counted(query.weight)
        if refusal is not None:
            return refusal
        answers = [self._one(query, latitude, longitude) for latitude, longitude in query.places]
        return web.json_response(answers if len(answers) > 1 else answers[0])

    def _counted(self, weight: float) -> web.Response | None:
        self.counted += weight
        now_s = self._clock.true_now().timestamp()
        refusal = None
        for length_s, (word, limit) in self._limits.items():
            window = int(now_s // length_s)
            counted, used = self._used.get(length_s, (window, 0.0))
            used = weight + (used if counted == window else 0.0)
            self._used[length_s] = (window, used)
            if used > limit:
                refusal = _error(429, f"{word} API request limit exceeded. Please try again {_AGAIN[word]}.")
        return refusal

    def _one(self, query: _Query, latitude: float, longitude: float) -> dict[str, Any]:
        now = self._clock.now()
        zone = query.zone
        first, hours = query.span(now, zone)
        first_s = int(first.timestamp())
        offset_s = int((now.astimezone(zone).utcoffset() or timedelta()).total_seconds())
        times = [first_s + HOUR_S * n for n in range(hours)]
        hourly: dict[str, Any] = {"time": [_written_time(t, offset_s, query.unixtime) for t in times]}
        issued_hour = int(now.timestamp() // HOUR_S)
        columns = self._columns(query, times, issued_hour, latitude, longitude)
        horizon_s = (issued_hour + HORIZON_H) * HOUR_S
        for name in query.variables:
            digits = 0 if name in ("cloud_cover", "is_day", "weather_code") else 1
            hourly[name] = [
                None if t > horizon_s or math.isnan(value) else _rounded(value, digits)
                for t, value in zip(times, columns[name], strict=True)
            ]
        units = {"time": "unixtime" if query.unixtime else "iso8601"} | {name: _UNITS[name] for name in query.variables}
        return {
            "latitude": round(latitude / 0.05) * 0.05 + 0.01,  # the grid cell, not the place that was asked for
            "longitude": round(longitude / 0.05) * 0.05 - 0.01,
            "generationtime_ms": 0.21,
            "utc_offset_seconds": offset_s,
            "timezone": query.zone_name,
            "timezone_abbreviation": now.astimezone(zone).tzname(),
            "elevation": 60.0,
            "hourly_units": units,
            "hourly": hourly,
        }

    def _columns(
        self, query: _Query, times: list[int], issued_hour: int, latitude: float, longitude: float
    ) -> dict[str, list[float]]:
        """Values at `times` (epoch seconds): instants, or means of the hour that ends there."""
        begin_s = times[0] - HOUR_S
        chunks: dict[str, list[Floats]] = {name: [] for name in query.variables}
        start_s = 0
        for day in days_between(begin_s, times[-1], longitude):
            sky = sky_day(latitude, longitude, day)
            start_s = start_s or sky.start_s
            values = self._forecaster.minutes(day, issued_hour, latitude, longitude)
            up = np.maximum(sky.up, 0.0)
            known = {
                "temperature_2m": values["temperature"],
                "cloud_cover": values["cloud"] * 100.0,
                "shortwave_radiation": values["ghi"],
                "direct_radiation": values["ghi"] - values["dhi"],
                "diffuse_radiation": values["dhi"],
                "direct_normal_irradiance": values["dni"],
                "terrestrial_radiation": _SOLAR_CONSTANT_W_M2 * up,
                "is_day": (sky.up > 0).astype(np.float64),
                "weather_code": np.clip(np.round(values["cloud"] * 3.0), 0, 3),
            }
            if "global_tilted_irradiance" in chunks:
                known["global_tilted_irradiance"] = plane(values, sky, query.tilt_deg, query.compass_deg)
            for name, parts in chunks.items():
                parts.append(known[name])
        columns = {}
        for name, parts in chunks.items():
            minutes = np.concatenate(parts)
            ends = [(t - start_s) // 60 for t in times]
            if name in _INSTANTS:
                columns[name] = [float(minutes[min(end, len(minutes) - 1)]) for end in ends]
            else:
                columns[name] = [float(minutes[end - 60 : end].mean()) for end in ends]
        return columns


class _Query:
    """The parameters, checked as the service checks them. Raises BadRequest."""

    def __init__(self, query: Mapping[str, str]) -> None:
        latitudes, longitudes = _numbers(query, "latitude"), _numbers(query, "longitude")
        if len(latitudes) != len(longitudes):
            raise BadRequest("Parameter 'latitude' and 'longitude' must have the same number of elements")
        for value, limit, name in [(v, 90, "Latitude") for v in latitudes] + [
            (v, 180, "Longitude") for v in longitudes
        ]:
            if not -limit <= value <= limit:
                raise BadRequest(f"{name} must be in range of -{limit} to {limit}°. Given: {value}.")
        self.places = list(zip(latitudes, longitudes, strict=True))
        self.variables = [name for name in query.get("hourly", "").split(",") if name]
        for name in self.variables:
            if name not in _UNITS:
                raise BadRequest(
                    "Data corrupted at path ''. Cannot initialize SurfacePressureAndHeightVariable from invalid "
                    f"String value {name}."
                )
        self.tilt_deg = _number(query, "tilt", 0.0)
        azimuth = _number(query, "azimuth", 0.0)
        if not 0 <= self.tilt_deg <= 90:
            raise BadRequest("Parameter `tilt` must be within 0° and 90°")
        if not -180 <= azimuth <= 180:
            raise BadRequest("Parameter `azimuth` must be within -180° and 180°")
        self.compass_deg = (azimuth + 180.0) % 360.0
        self.unixtime = query.get("timeformat", "iso8601") == "unixtime"
        self.zone_name = query.get("timezone", "GMT")
        try:
            self.zone = ZoneInfo("UTC" if self.zone_name in ("GMT", "auto") else self.zone_name)
        except (ZoneInfoNotFoundError, ValueError):
            raise BadRequest("Invalid timezone") from None
        self.forecast_days = _whole(query, "forecast_days", 7, MAX_DAYS)
        self.past_days = _whole(query, "past_days", 0, MAX_PAST_DAYS)
        self.forecast_hours = _whole(query, "forecast_hours", 0, MAX_DAYS * 24)
        self.past_hours = _whole(query, "past_hours", 0, MAX_PAST_DAYS * 24)
        self.dates = _dates(query.get("start_date"), query.get("end_date"))

    @property
    def weight(self) -> float:
        """What the call counts for: 10 variables over 14 days are one, for each place."""
        days = (self.dates[1] - self.dates[0]).days + 1 if self.dates else self.forecast_days + self.past_days
        share = len(self.variables) / 10
        return len(self.places) * max(1.0, share, share * days / 14)

    def span(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, int]:
        """The first hour and the number of hours."""
        if self.forecast_hours or self.past_hours:
            hour = now.replace(minute=0, second=0, microsecond=0)
            return hour - timedelta(hours=self.past_hours), max(self.past_hours + self.forecast_hours, 1)
        first, last = now.astimezone(zone).date(), now.astimezone(zone).date()
        if self.dates:
            first, last = self.dates
        else:
            first -= timedelta(days=self.past_days)
            last += timedelta(days=self.forecast_days - 1)
        begin = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
        after = last + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)
        return begin, max(int((end - begin).total_seconds()) // HOUR_S, 1)


def _numbers(query: Mapping[str, str], name: str) -> list[float]:
    if name not in query:
        raise BadRequest(f"Value of type 'String' required for key '{name}'.")
    try:
        return [float(text) for text in query[name].split(",")]
    except ValueError:
        raise BadRequest(f"Parameter '{name}' is not a number") from None


def _dates(start: str | None, end: str | None) -> tuple[date, date] | None:
    if not start or not end:
        return None
    try:
        first, last = date.fromisoformat(start), date.fromisoformat(end)
    except ValueError:
        raise BadRequest("Invalid date") from None
    if last < first:
        raise BadRequest("Parameter 'start_date' must not be after 'end_date'")
    return first, last


def _number(query: Mapping[str, str], name: str, default: float) -> float:
    return _numbers(query, name)[0] if name in query else default


def _whole(query: Mapping[str, str], name: str, default: int, limit: int) -> int:
    value = int(_number(query, name, default))
    if not 0 <= value <= limit:
        raise BadRequest(f"Parameter '{name}' is out of range. Given {value}; allowed is 0 to {limit}.")
    return value


def _written_time(epoch_s: int, offset_s: int, unixtime: bool) -> int | str:
    if unixtime:
        return epoch_s
    return datetime.fromtimestamp(epoch_s + offset_s, UTC).strftime("%Y-%m-%dT%H:%M")


def _rounded(value: float, digits: int) -> float | int:
    return round(value) if digits == 0 else round(value, digits)


def _error(status: int, reason: str) -> web.Response:
    return web.json_response({"error": True, "reason": reason}, status=status)


def _refuse(_: web.Request, kind: str) -> web.Response:
    if kind == "429":
        return _error(429, "Minutely API request limit exceeded. Please try again in one minute.")
    return _error(401, "The supplied API key is invalid.")
