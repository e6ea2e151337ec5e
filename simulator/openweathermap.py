"""OpenWeatherMap's One Call over the simulated weather, 3.0 and 4.0: Kelvin unless asked otherwise, keys left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from simulator.clock import SimClock
from simulator.faults import Faults
from simulator.forecasts import HOUR_S, Forecaster
from simulator.physics import PhysicalState, VirtualSite
from simulator.physics.sky import sky_day, solar_day
from simulator.web import FrozenClock, faulty

TARGET = "openweathermap"
API_KEY = "0123456789abcdef0123456789abcdef"
DAILY_CAP = 1_000
HOURS = 48
MODEL_S = 600
_DAY_S = 86_400
_KELVIN = 273.15
_SKIES = (
    (11, 800, "Clear", "clear sky"),
    (25, 801, "Clouds", "few clouds"),
    (51, 802, "Clouds", "scattered clouds"),
    (85, 803, "Clouds", "broken clouds"),
    (101, 804, "Clouds", "overcast clouds"),
)


class OpenWeatherMapServer:
    """The service's HTTP application; `app()` makes it.

    `alerts` are those in force, as 3.0 words them (sender_name, event, start, end, description, tags); 4.0 gives them
    ids. Every answered request counts as a call of the UTC day, up to `daily_cap`.
    """

    def __init__(
        self,
        world: VirtualSite,
        clock: SimClock,
        faults: Faults,
        *,
        api_key: str = API_KEY,
        daily_cap: int = DAILY_CAP,
        alerts: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        self.alerts = alerts
        self.calls = 0
        self._day = -1
        self._world, self._faults, self._api_key, self._cap = world, faults, api_key, daily_cap
        self._clock = FrozenClock(clock, faults, TARGET)
        self._forecaster = Forecaster(world.weather, seed=world.seed)

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[faulty(self._faults, TARGET, _refuse)])
        app.router.add_get("/data/3.0/onecall", self._onecall)
        app.router.add_get("/data/4.0/onecall/current", self._current)
        app.router.add_get("/data/4.0/onecall/alert/{id}", self._alert)
        return app

    async def _onecall(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request) or _wrong_place(request)
        if refusal is not None:
            return refusal
        left_out = set(request.query.get("exclude", "").split(","))
        units = request.query.get("units", "standard")
        body = self._head(request)
        if "current" not in left_out:
            body["current"] = self._now(units)
        if "hourly" not in left_out:
            body["hourly"] = self._hourly(units)
        if self.alerts and "alerts" not in left_out:
            body["alerts"] = [dict(alert) for alert in self.alerts]
        return web.json_response(body)

    async def _current(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request) or _wrong_place(request)
        if refusal is not None:
            return refusal
        current = self._now(request.query.get("units", "standard"))
        if self.alerts:
            current["alerts"] = [_id(alert) for alert in self.alerts]
        return web.json_response(self._head(request) | {"data": [current]})

    async def _alert(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        found = next((alert for alert in self.alerts if _id(alert) == request.match_info["id"]), None)
        return _error(404, "alert not found") if found is None else web.json_response({"id": _id(found), **found})

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.query.get("appid") != self._api_key:
            return _refuse(request, "401")
        day = int(self._clock.true_now().timestamp() // _DAY_S)
        if day != self._day:
            self._day, self.calls = day, 0
        self.calls += 1
        return _refuse(request, "429") if self.calls > self._cap else None

    def _head(self, request: web.Request) -> dict[str, Any]:
        zone = self._world.site.zone
        offset = self._clock.now().astimezone(zone).utcoffset() or timedelta()
        return {
            "lat": float(request.query["lat"]),
            "lon": float(request.query["lon"]),
            "timezone": self._world.site.timezone,
            "timezone_offset": int(offset.total_seconds()),
        }

    def _now(self, units: str) -> dict[str, Any]:
        now = self._clock.now()
        at_s = max(int(now.timestamp()) // MODEL_S * MODEL_S, int(self._world.start.timestamp()))
        state = self._world.state_at(now - timedelta(seconds=now.timestamp() - at_s))
        return {"dt": at_s} | self._values(state.outside_temperature_c, state.cloud_cover_pct, units, state)

    def _hourly(self, units: str) -> list[dict[str, Any]]:
        site = self._world.site
        latitude, longitude = site.latitude or 0.0, site.longitude or 0.0
        issued_hour = int(self._clock.now().timestamp() // HOUR_S)
        hours = []
        for hour in range(issued_hour, issued_hour + HOURS):
            day = solar_day(hour * HOUR_S, longitude)
            minute = (hour * HOUR_S - sky_day(latitude, longitude, day).start_s) // 60
            values = self._forecaster.minutes(day, issued_hour, latitude, longitude)
            celsius, cloud = float(values["temperature"][minute]), float(values["cloud"][minute]) * 100.0
            hours.append({"dt": hour * HOUR_S} | self._values(celsius, cloud, units) | {"pop": 0})
        return hours

    def _values(
        self, celsius: float, cloud_pct: float, units: str, state: PhysicalState | None = None
    ) -> dict[str, Any]:
        clouds = round(cloud_pct)
        number, main, words = next((n, m, w) for limit, n, m, w in _SKIES if clouds < limit)
        letter = "n" if state is not None and state.ghi_w_m2 <= 0 else "d"
        return {
            "temp": _degrees(celsius, units),
            "feels_like": _degrees(celsius - 0.4, units),
            "pressure": 1015,
            "humidity": 48,
            "dew_point": _degrees(celsius - 9.0, units),
            "uvi": 0 if letter == "n" else 5.2,
            "clouds": clouds,
            "visibility": 10_000,
            "wind_speed": round(3.1 * (2.237 if units == "imperial" else 1.0), 2),
            "wind_deg": 310,
            "weather": [{"id": number, "main": main, "description": words, "icon": f"0{len(words) % 4 + 1}{letter}"}],
        }


def _id(alert: Mapping[str, Any]) -> str:
    return f"{alert.get('event', '')}-{alert.get('start', 0)}".replace(" ", "-").lower()


def _degrees(celsius: float, units: str) -> float:
    if units == "metric":
        return round(celsius, 2)
    return round(celsius * 9 / 5 + 32, 2) if units == "imperial" else round(celsius + _KELVIN, 2)


def _wrong_place(request: web.Request) -> web.Response | None:
    for name, limit, word in (("lat", 90.0, "latitude"), ("lon", 180.0, "longitude")):
        if name not in request.query:
            return _error(400, "Nothing to geocode")
        try:
            within = abs(float(request.query[name])) <= limit
        except ValueError:
            within = False
        if not within:
            return _error(400, f"wrong {word}")
    return None


def _error(status: int, message: str) -> web.Response:
    # the code comes as a number or as a text, as the service pleases
    code: int | str = status if status == 401 else str(status)
    return web.json_response({"cod": code, "message": message, "parameters": []}, status=status)


def _refuse(_: web.Request, kind: str) -> web.Response:
    if kind == "429":
        return _error(429, "Your account is temporary blocked due to exceeding of requests limitation.")
    return _error(401, "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info.")
