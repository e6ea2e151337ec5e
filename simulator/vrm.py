"""Victron's VRM portal over the simulated site: diagnostics by D-Bus path, statistics, and the portal's own forecast.

The same GX speaks here as on MQTT, as it last uploaded: values are as old as its log interval. As the real one does,
the portal writes `false` for a series without data and a list for an empty object, and sends some numbers as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from aiohttp import web

from simulator.clock import SimClock
from simulator.default_site import PORTAL_ID
from simulator.faults import Faults
from simulator.forecasts import HOUR_S, Forecaster, plane
from simulator.physics import PhysicalState, VirtualSite
from simulator.physics.sky import sky_day, solar_day
from simulator.web import FrozenClock, faulty

TARGET = "vrm"
TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
INSTALLATION = 654321
USER = 22_222
USUAL_LOG_INTERVAL_S = 900.0
HISTORY_WANTED = timedelta(days=1)  # the real one wants some 30 days before it forecasts
STEPS_S = {"15mins": 900, "hours": 3_600, "2hours": 7_200, "days": 86_400}
_PANEL_SHARE = 0.8  # of the rating, after heat, wiring and the inverter
_UNITS = {"Soc": "%.1f %%", "Power": "%.0f W", "Voltage": "%.2f V", "Current": "%.1f A", "Temperature": "%.1f C"}
_SAMPLES = 5

Flows = dict[str, float]


class VrmCloud:
    """The portal's HTTP application; `app()` makes it."""

    def __init__(self, world: VirtualSite, clock: SimClock, faults: Faults, *, token: str = TOKEN) -> None:
        device = next((d for d in world.site.device if d.kind == "victron_vrm"), None)
        self.installation = device.plant_id if device and device.plant_id else INSTALLATION
        self._interval_s = device.interval_s if device else USUAL_LOG_INTERVAL_S
        self._world, self._faults, self._token = world, faults, token
        self._clock = FrozenClock(clock, faults, TARGET)
        self._forecaster = Forecaster(world.weather, seed=world.seed)

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[faulty(self._faults, TARGET, _refuse)])
        app.router.add_get("/v2/users/me", self._guarded(lambda _: self._me()))
        app.router.add_get(f"/v2/users/{USER}/installations", self._guarded(lambda _: self._installations()))
        app.router.add_get("/v2/installations/{id}/diagnostics", self._guarded(lambda _: self._diagnostics()))
        app.router.add_get("/v2/installations/{id}/stats", self._guarded(self._stats))
        return app

    def _guarded(self, answer: Callable[[web.Request], dict[str, Any]]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            if request.headers.get("X-Authorization") != f"Token {self._token}":
                return _refuse(request, "401")
            if request.match_info.get("id") not in (None, str(self.installation)):
                return _error(403, "You do not have access to this installation", "forbidden")
            try:
                return web.json_response({"success": True, **answer(request)})
            except ValueError as error:
                return _error(400, str(error), "invalid_parameters")

        return handle

    def _me(self) -> dict[str, Any]:
        return {"user": {"id": USER, "name": "Owner", "email": "owner@example.com", "country": "Example Road"}}

    def _installations(self) -> dict[str, Any]:
        record = {
            "idSite": self.installation,
            "idUser": USER,
            "name": self._world.site.name,
            "identifier": PORTAL_ID,
            "timezone": self._world.site.timezone,
            "phonenumber": "5550100",
            "syscreated": int(self._world.start.timestamp()),
            "mqtt_host": "mqtt99.victronenergy.com",
        }
        return {"records": [record]}

    def _logged_at(self) -> datetime:
        now_s = self._clock.now().timestamp()
        return max(datetime.fromtimestamp(now_s // self._interval_s * self._interval_s, UTC), self._world.start)

    def _diagnostics(self) -> dict[str, Any]:
        from simulator.victron.tree import Counters, Wiring, leaves  # its package loads the MQTT broker, which is heavy

        at = self._logged_at()
        grid = self._world.site.grid.model_copy(update={"present": self._world.has_grid})
        site = self._world.site.model_copy(update={"grid": grid})
        wiring = Wiring(chargers=self._world.wiring != "solark")
        tree = leaves(site, self._world.state_at(at), wiring, Counters(), PORTAL_ID)
        records = [
            self._record(number, path, leaf.value, at) for number, (path, leaf) in enumerate(sorted(tree.items()))
        ]
        return {"records": records, "num_records": len(records)}

    def _record(self, number: int, path: str, value: Any, at: datetime) -> dict[str, Any]:
        service, instance, tail = path.split("/", 2)
        form = _UNITS.get(tail.rsplit("/", 1)[-1], "%s")
        # numbers come as numbers or as texts, as the portal pleases
        raw = str(value) if isinstance(value, float) and number % 3 == 0 else value
        return {
            "idSite": self.installation,
            "timestamp": int(at.timestamp()),
            "Device": service.title(),
            "instance": int(instance),
            "idDataAttribute": number + 1,
            "description": tail.replace("/", " "),
            "formatWithUnit": form,
            "dbusServiceType": service,
            "dbusPath": f"/{tail}",
            "code": f"c{number}",
            "formattedValue": form % value if isinstance(value, int | float) else str(value),
            "rawValue": raw,
        }

    def _stats(self, request: web.Request) -> dict[str, Any]:
        query = request.query
        if query.get("interval") not in STEPS_S:
            raise ValueError(f"interval must be one of {', '.join(STEPS_S)}")
        step_s = STEPS_S[query["interval"]]
        first_s, end_s = int(query.get("start", "0")), int(query.get("end", "0"))
        codes = query.getall("attributeCodes[]", [])
        starts = range(-(-first_s // step_s) * step_s, end_s, step_s)
        kind = query.get("type")
        if kind == "forecast":
            rows = self._forecast(starts, step_s)
        elif kind in ("kwh", "custom"):
            rows = self._history(starts, step_s, codes)
        else:
            raise ValueError("type must be kwh, custom or forecast")
        if not any(rows.values()):
            return {"records": [], "totals": []}  # an empty object, as PHP writes it
        # a series without data is false, not empty
        wanted = codes or list(rows)
        totals = {code: sum(row[1] for row in rows.get(code, ())) for code in wanted}
        return {
            "records": {code: rows.get(code) or False for code in wanted},
            "totals": {code: total if rows.get(code) else False for code, total in totals.items()},
        }

    def _history(self, starts: Iterable[int], step_s: int, codes: Iterable[str]) -> dict[str, list[list[float]]]:
        now_s, begin_s = self._clock.now().timestamp(), self._world.start.timestamp()
        rows: dict[str, list[list[float]]] = {code: [] for code in codes}
        for start_s in starts:
            if start_s < begin_s or start_s + step_s > now_s:
                continue
            states = [
                self._world.state_at(datetime.fromtimestamp(start_s + step_s * (n + 0.5) / _SAMPLES, UTC))
                for n in range(_SAMPLES)
            ]
            energies: Flows = {}
            for state in states:
                for code, watts in _flows(state, has_grid=self._world.has_grid).items():
                    energies[code] = energies.get(code, 0.0) + watts * step_s / 3.6e6 / len(states)
            levels = {
                "bs": [state.soc_pct for state in states],
                "bv": [state.battery_voltage_v for state in states],
            }
            for code, found in rows.items():
                if code in energies:
                    found.append([start_s * 1000, round(energies[code], 6)])
                elif code in levels:
                    seen = levels[code]
                    found.append([start_s * 1000, float(np.mean(seen)), min(seen), max(seen)])
        return rows

    def _forecast(self, starts: Iterable[int], step_s: int) -> dict[str, list[list[float]]]:
        now = self._clock.now()
        rows: dict[str, list[list[float]]] = {"solar_yield_forecast": [], "vrm_consumption_fc": []}
        if now - self._world.start < HISTORY_WANTED:
            return rows
        for start_s in starts:
            hours = step_s / HOUR_S
            rows["solar_yield_forecast"].append([start_s * 1000, round(self._solar_w(start_s, now) * hours, 2)])
            rows["vrm_consumption_fc"].append([start_s * 1000, round(self._load_w(start_s, now) * hours, 2)])
        return rows

    def _solar_w(self, start_s: int, now: datetime) -> float:
        site = self._world.site
        latitude, longitude = site.latitude or 0.0, site.longitude or 0.0
        day = solar_day(start_s, longitude)
        sky = sky_day(latitude, longitude, day)
        values = self._forecaster.minutes(day, int(now.timestamp() // HOUR_S), latitude, longitude)
        minute = (start_s - sky.start_s) // 60
        return sum(
            float(plane(values, sky, a.tilt_deg, a.azimuth_deg)[minute : minute + 60].mean()) * a.kwp * _PANEL_SHARE
            for a in site.array
        )

    def _load_w(self, start_s: int, now: datetime) -> float:
        """What the house took at the same hour of the day before the issue."""
        back_days = max(int((start_s - now.timestamp()) // 86_400) + 1, 1)
        then_s = max(start_s + HOUR_S / 2 - back_days * 86_400, self._world.start.timestamp())
        return self._world.state_at(datetime.fromtimestamp(min(then_s, now.timestamp()), UTC)).base_load_w


def _flows(state: PhysicalState, *, has_grid: bool) -> Flows:
    """The powers (W) by source and sink: the sun serves the consumers first, then the battery, then the grid."""
    sinks = {"c": state.load_w, "b": max(state.battery_charge_w, 0.0), "g": max(-state.grid_import_w, 0.0)}
    flows: Flows = {}
    sources = {"P": state.solar_w, "g": state.generator_w, "G": max(state.grid_import_w, 0.0)}
    sources["B"] = max(-state.battery_charge_w, 0.0)
    for source, left in sources.items():
        for sink in ("c", "b", "g"):
            if source + sink in ("Gg", "gg", "Bb"):
                continue
            taken = min(left, sinks[sink])
            left, sinks[sink] = left - taken, sinks[sink] - taken
            flows[source + sink] = taken
    missing = () if has_grid else ("Gc", "Gb", "Pg", "Bg")
    without = missing if state.generator_w else (*missing, "gc", "gb")
    return {code: watts for code, watts in flows.items() if code not in without}


def _error(status: int, reason: str, code: str) -> web.Response:
    return web.json_response({"success": False, "errors": reason, "error_code": code}, status=status)


def _refuse(_: web.Request, kind: str) -> web.Response:
    if kind == "429":
        return _error(429, "Too many requests", "rate_limited")
    return _error(401, "Token is invalid", "invalid_token")
