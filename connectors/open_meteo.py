"""Weather forecasts of Open-Meteo: keyless, free for non-commercial use, data under CC BY 4.0.

Commercial use needs a key, which has a host of its own and none of the free service's limits.

Converted here: the service's azimuth (0 = south, west positive) from compass degrees, its means of the PRECEDING hour
to the hour that starts, instants of temperature and cloud to means of the hour, negative irradiance to 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from connectors.allowance import DAY_S, HOUR_S, MINUTE_S, Allowance
from connectors.device import Clock, utc_now
from connectors.errors import ConnectorError, Malformed, TryLater
from connectors.http import Answer, HttpClient, Remedies
from connectors.numbers import mapping, number
from energy.site import Array, Site
from energy.weather import HOUR, IssuedForecast, WeatherHour

BASE_URL = "https://api.open-meteo.com"
CUSTOMER_URL = "https://customer-api.open-meteo.com"
# Per address of the internet; a call with many variables or days counts as several, see `call_weight`.
FREE_LIMITS = {MINUTE_S: 600.0, HOUR_S: 5_000.0, DAY_S: 10_000.0}
FRESH_S = 900.0  # the models run every hour: asking sooner gives the same figures
SOURCE = "open_meteo"
ATTRIBUTION = "Weather data by Open-Meteo.com (CC BY 4.0)"
FORECAST_DAYS = 8
PAST_DAYS = 1

_INSTANTS = {"temperature_2m": "temperature_c", "cloud_cover": "cloud_cover_pct"}
_PRECEDING_MEANS = {
    "shortwave_radiation": "ghi_w_m2",
    "direct_normal_irradiance": "dni_w_m2",
    "diffuse_radiation": "dhi_w_m2",
}
_TILTED = "global_tilted_irradiance"

Columns = Mapping[int, Mapping[str, float | None]]  # epoch seconds -> variable -> value


class OpenMeteo:
    """Asks for forecasts. `base_url` may be a server of one's own; clients behind one address share an `allowance`.

    A forecast is kept for `fresh_s`, and callers at the same time share one: `issued_at` is when its last part came.
    While the service asks for a pause it is left alone.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: SecretStr | None = None,
        allowance: Allowance | None = None,
        fresh_s: float = FRESH_S,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
    ) -> None:
        self._clock = clock
        self._api_key = api_key
        limits = FREE_LIMITS if api_key is None else {}
        self._allowance = allowance or Allowance("Open-Meteo", limits, clock=clock)
        self._fresh_s = fresh_s
        self._kept: tuple[object, IssuedForecast] | None = None
        self._again_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()  # the service queues a second request of the same address, or refuses it
        credentials = "check the API key in the account of the weather service"
        if api_key is None:
            credentials = "the free service needs none: check the address of the weather service"
        self._http = HttpClient(
            "Open-Meteo",
            base_url or (BASE_URL if api_key is None else CUSTOMER_URL),
            Remedies(unreachable="check this machine's internet connection", credentials=credentials),
            timeout_s=timeout_s,
            clock=clock,
        )

    async def forecast(self, site: Site) -> IssuedForecast:
        """The hours from yesterday's midnight (UTC) to a week ahead, with the irradiance on each of the arrays.

        Raises a ConnectorError; Malformed when the site has no coordinates. Arrays that face alike share a request.
        """
        if site.latitude is None or site.longitude is None:
            raise Malformed("the site has no latitude and longitude; set both in commandcenter.toml for forecasts")
        asked_for = (site.latitude, site.longitude, site.array)
        async with self._one_at_a_time:
            if self._kept is not None and self._kept[0] == asked_for:
                age_s = (self._clock() - self._kept[1].issued_at).total_seconds()
                if 0 <= age_s < self._fresh_s:
                    return self._kept[1]
            self._check_pause()
            try:
                issued = await self._fetched(site.latitude, site.longitude, site.array)
            except TryLater as error:
                if error.after_s is not None:
                    self._again_at = self._clock() + timedelta(seconds=error.after_s)
                raise
            self._kept = (asked_for, issued)
            return issued

    async def _fetched(self, latitude: float, longitude: float, arrays: tuple[Array, ...]) -> IssuedForecast:
        place: dict[str, str | int | float] = {"latitude": latitude, "longitude": longitude}
        weather = await self._columns(place, [*_INSTANTS, *_PRECEDING_MEANS])
        tilted: dict[str, Columns] = {}
        facing: dict[tuple[float, float], Columns] = {}
        for array in arrays:
            direction = (array.tilt_deg, service_azimuth_deg(array.azimuth_deg))
            if direction not in facing:
                facing[direction] = await self._columns(
                    place | {"tilt": direction[0], "azimuth": direction[1]}, [_TILTED]
                )
            tilted[array.name] = facing[direction]
        # The time of the last answer: under an earlier one it would count as known before it was.
        return IssuedForecast(self._clock(), SOURCE, _hours(weather, tilted, arrays), ATTRIBUTION)

    def _check_pause(self) -> None:
        if self._again_at is None:
            return
        left_s = (self._again_at - self._clock()).total_seconds()
        if 0 < left_s <= DAY_S:  # no pause is longer: then the clock was set back
            raise TryLater(f"Open-Meteo limits the rate; it is tried again in {left_s:.0f} s", after_s=left_s)
        self._again_at = None

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def _columns(self, place: Mapping[str, str | int | float], variables: Sequence[str]) -> Columns:
        parameters = dict(place) | {
            "hourly": ",".join(variables),
            "timeformat": "unixtime",  # local times would jump and repeat with the clock changes
            "timezone": "UTC",
            "forecast_days": FORECAST_DAYS,
            "past_days": PAST_DAYS,
        }
        if self._api_key is not None:
            parameters["apikey"] = self._api_key.get_secret_value()
        self._allowance.spend(call_weight(len(variables), FORECAST_DAYS + PAST_DAYS))
        answer = await self._http.exchange("GET", "/v1/forecast", params=parameters)
        refusal = self._refusal(answer)
        if refusal is not None:
            raise refusal
        return _by_time(self._http.json(answer), variables)

    def _refusal(self, answer: Answer) -> ConnectorError | None:
        refusal = self._http.refusal(answer)
        if refusal is None or answer.status not in (400, 429):
            return refusal
        try:
            body = self._http.json(Answer(200, answer.headers, answer.content))
        except Malformed:
            return refusal
        reason = str(mapping(body).get("reason"))[:160]
        if answer.status == 400:
            return Malformed(f"Open-Meteo refused the request ({reason}); check the site's coordinates and arrays")
        after_s = refusal.after_s if isinstance(refusal, TryLater) else None
        if after_s is None:
            after_s = seconds_to_reset(reason, self._clock())
        return TryLater(f"Open-Meteo limits the rate ({reason})", after_s=after_s)


async def forecast(site: Site, *, base_url: str | None = None) -> IssuedForecast:
    """One forecast over a connection of its own; see `OpenMeteo.forecast`."""
    service = OpenMeteo(base_url)
    try:
        return await service.forecast(site)
    finally:
        await service.close()


def call_weight(variables: int, days: int) -> float:
    """What the service counts a call of one place and one model for: 10 variables over 14 days are one call."""
    share = variables / 10
    return max(1.0, share, share * days / 14)


def service_azimuth_deg(compass_deg: float) -> float:
    """The service's azimuth of a compass one: south 180 -> 0, west 270 -> 90, east 90 -> -90, north 0 -> -180."""
    return compass_deg - 180.0


def seconds_to_reset(reason: str, now: datetime) -> float | None:
    """When the limit named in `reason` is lifted: its counters restart on the full minute, hour or UTC day."""
    lowered = reason.lower()
    if "minutely" in lowered or "concurrent" in lowered:
        return 60.0 - now.second
    if "hourly" in lowered:
        return 3600.0 - now.minute * 60 - now.second
    if "daily" in lowered:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds()
    return None


def _by_time(body: Any, variables: Sequence[str]) -> Columns:
    """The parallel lists of the answer's `hourly` block as rows by time; a variable that is left out is unknown."""
    hourly = mapping(mapping(body).get("hourly"))
    times = hourly.get("time")
    if not isinstance(times, list) or not times or not all(isinstance(t, int) for t in times):
        raise Malformed("Open-Meteo sent no hours; it is asked again later")
    lists = {name: hourly.get(name) for name in variables}
    rows: dict[int, dict[str, float | None]] = {time: {} for time in times}
    for name, values in lists.items():
        if not isinstance(values, list):
            continue
        if len(values) != len(times):
            raise Malformed(f"Open-Meteo sent {len(values)} values of {name} for {len(times)} hours")
        for time, value in zip(times, values, strict=True):
            rows[time][name] = number(value)
    return rows


def _hours(weather: Columns, tilted: Mapping[str, Columns], arrays: Sequence[Array]) -> tuple[WeatherHour, ...]:
    hours = []
    step_s = int(HOUR.total_seconds())
    for start_s in sorted(weather):
        end_s = start_s + step_s
        if start_s % step_s or end_s not in weather:
            continue  # the last time stamp only ends an hour
        opening, closing = weather[start_s], weather[end_s]
        values = {field: _mean(opening.get(name), closing.get(name)) for name, field in _INSTANTS.items()}
        # the mean of the hour that starts here is stamped with its end
        values |= {field: _irradiance(closing.get(name)) for name, field in _PRECEDING_MEANS.items()}
        on_arrays = {array.name: _irradiance(tilted[array.name].get(end_s, {}).get(_TILTED)) for array in arrays}
        hours.append(WeatherHour(start=datetime.fromtimestamp(start_s, UTC), tilted_w_m2=on_arrays, **values))
    return tuple(hours)


def _mean(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2


def _irradiance(value: float | None) -> float | None:
    """Models go below 0 near sunset, where no light can (open-meteo issue 1355)."""
    return None if value is None else max(value, 0.0)
