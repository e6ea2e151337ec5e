"""The SolArk cloud of a virtual site: OAuth password login, bearer tokens that expire, the plant's endpoints."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from simulator.clock import SimClock
from simulator.default_site import PLANT_ID
from simulator.faults import AnswerLost, Faults
from simulator.physics import VirtualSite
from simulator.solark_payloads import SERIAL, SolArkPayloads, page
from simulator.web import FrozenClock, faulty

TARGET = "solark"
USERNAME = "owner@example.com"
PASSWORD = "solar-shack"
_TOKEN_PATH = "/oauth/token"

Answer = Callable[[web.Request, datetime], Any]


class SolArkCloud:
    """The cloud's HTTP application; `app()` makes it.

    In real time, tokens live `token_life_s`, and written settings show `settings_delay_s` later: the inverter gets them
    by its dongle.
    """

    def __init__(
        self,
        world: VirtualSite,
        clock: SimClock,
        faults: Faults,
        *,
        username: str = USERNAME,
        password: str = PASSWORD,
        token_life_s: float = 3_599.0,
        settings_delay_s: float = 1.0,
    ) -> None:
        device = next((d for d in world.site.device if d.kind == "solark_cloud"), None)
        plant_id = device.plant_id if device and device.plant_id else PLANT_ID
        self.payloads = SolArkPayloads(world, plant_id, device.interval_s if device else 300.0)
        self.logins = 0
        self._clock = FrozenClock(clock, faults, TARGET)
        self._faults = faults
        self._username, self._password, self._token_life_s = username, password, token_life_s
        self._tokens: dict[str, float] = {}
        self._refresh_tokens: set[str] = set()
        self.settings = factory_settings()
        self.writes = 0
        self._settings_delay_s = settings_delay_s
        self._written: tuple[float, dict[str, Any]] | None = None

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[faulty(self._faults, TARGET, _refuse, spared=frozenset({_TOKEN_PATH}))])
        app.router.add_post(_TOKEN_PATH, self._token)
        made = self.payloads
        plant, energy = f"/plant/{made.plant_id}", f"/plant/energy/{made.plant_id}"
        table: dict[str, Answer] = {
            "/plants": lambda _, at: made.plants(at),
            "/plants/map": lambda _, __: self._map(),
            plant: lambda _, at: made.plant(at),
            f"{plant}/realtime": lambda _, at: made.realtime(at),
            f"{plant}/inverters": lambda _, at: made.inverters(at),
            f"{plant}/events": lambda _, __: page([]),
            f"{plant}/power/day": lambda request, at: made.day_power(self._day(request, at), at),
            f"{energy}/flow": lambda _, at: made.flow(at),
            f"{energy}/day": lambda request, at: made.day(self._day(request, at), at),
            f"{energy}/month": self._month,
            f"{energy}/year": self._year,
            f"{energy}/generation/use": lambda _, at: made.generation_use(at),
            "/gateways": lambda _, at: made.gateways(at),
            f"/inverter/{SERIAL}/flow": lambda _, at: made.flow(at),
            f"/inverter/battery/{SERIAL}/realtime": lambda _, at: made.battery(at),
            f"/inverter/grid/{SERIAL}/realtime": lambda _, at: made.grid(at),
            f"/inverter/load/{SERIAL}/realtime": lambda _, at: made.load(at),
            f"/inverter/{SERIAL}/realtime/input": lambda _, at: made.panels(at),
            f"/common/setting/{SERIAL}/read": lambda _, __: self._current_settings(),
        }
        for path, answer in table.items():
            app.router.add_get(f"/api/v1{path}", self._guarded(answer))
        app.router.add_post(f"/api/v1/common/setting/{SERIAL}/set", self._set_settings)
        return app

    def _guarded(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            refusal = self._refusal(request)
            if refusal is not None:
                return refusal
            try:
                return _success(answer(request, self.payloads.uploaded_at(self._clock.now())))
            except ValueError as error:
                return _failure(1, str(error))

        return handle

    def _refusal(self, request: web.Request) -> web.Response | None:
        """401 as HTTP status for a token that never was, as code in HTTP 200 for one that expired: both are seen."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            return _refuse(request, "401")
        if time.monotonic() >= self._tokens[token]:
            return _refuse(request, "code401")
        return None

    async def _token(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text())
        except ValueError:
            return _failure(1, "Bad request")
        if not isinstance(body, dict):
            return _failure(1, "Bad request")
        if body.get("grant_type") == "refresh_token":
            if body.get("refresh_token") not in self._refresh_tokens:
                return _failure(102, "Invalid refresh token")
            self._refresh_tokens.discard(body["refresh_token"])
        elif (body.get("username"), body.get("password")) != (self._username, self._password):
            return _failure(102, "Username or password error")
        self.logins += 1
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._tokens[access] = time.monotonic() + self._token_life_s
        self._refresh_tokens.add(refresh)
        life = int(self._token_life_s)
        return _success(
            {
                "access_token": access,
                "refresh_token": refresh,
                "token_type": "Bearer",
                "expires_in": life if self.logins % 2 else str(life),  # seen both ways
                "scope": "all",
            }
        )

    def expire_tokens(self) -> None:
        """Let every access token expire now."""
        self._tokens = dict.fromkeys(self._tokens, 0.0)

    def _map(self) -> list[dict[str, Any]]:
        site = self.payloads.site
        return [{"id": self.payloads.plant_id, "lon": site.longitude, "lat": site.latitude, "status": 1}]

    def _day(self, request: web.Request, at: datetime) -> date:
        text = request.query.get("date")
        return date.fromisoformat(text) if text else at.astimezone(self.payloads.site.zone).date()

    def _month(self, request: web.Request, at: datetime) -> Any:
        text = request.query.get("date") or at.astimezone(self.payloads.site.zone).strftime("%Y-%m")
        first = date.fromisoformat(f"{text[:7]}-01")
        end = (first + timedelta(days=32)).replace(day=1)
        days = [first + timedelta(days=n) for n in range((end - first).days)]
        return self.payloads.sums([(day.isoformat(), day) for day in days], end, at)

    def _year(self, request: web.Request, at: datetime) -> Any:
        text = request.query.get("date") or at.astimezone(self.payloads.site.zone).strftime("%Y")
        year = int(text[:4])
        months = [date(year, month, 1) for month in range(1, 13)]
        return self.payloads.sums([(first.strftime("%Y-%m"), first) for first in months], date(year + 1, 1, 1), at)

    def _current_settings(self) -> dict[str, Any]:
        if self._written is not None and time.monotonic() >= self._written[0]:
            self.settings, self._written = self._written[1], None
        return dict(self.settings)

    async def _set_settings(self, request: web.Request) -> web.Response:
        """The whole block, every key of it and no other; what is missing would be lost in the inverter."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            block = json.loads(await request.text())
        except ValueError:
            return _failure(1, "Bad request")
        known = self._current_settings()
        if not isinstance(block, dict) or block.keys() != known.keys() or block["sn"] != SERIAL:
            return _failure(1, "fail")
        fault = self._faults.take_command(TARGET)
        if fault == "refused":
            return _failure(1, "fail")
        self.writes += 1
        if fault != "stuck":
            self._written = time.monotonic() + self._settings_delay_s, block
        if fault == "lost":
            raise AnswerLost
        return _success(None)


def _success(data: Any) -> web.Response:
    return web.json_response({"code": 0, "msg": "Success", "data": data, "success": True})


def _failure(code: int, message: str, status: int = 200) -> web.Response:
    return web.json_response({"code": code, "msg": message, "data": None, "success": False}, status=status)


def _refuse(_: web.Request, kind: str) -> web.Response:
    if kind == "429":
        return _failure(429, "Too many requests", status=429)
    return _failure(401, "Token expired or invalid", status=401 if kind == "401" else 200)


def factory_settings() -> dict[str, Any]:
    """The master's settings block as delivered, with the mixed types that the cloud sends."""
    settings: dict[str, Any] = {
        "sn": SERIAL,
        "equipMode": 1,
        "sysWorkMode": "2",
        "peakAndVallery": "1",
        "solarSell": 1,
        "zeroExportPower": 20,
        "solarMaxSellPower": "13000",
        "batteryMaxCurrentCharge": "180",
        "batteryMaxCurrentDischarge": 180,
        "batteryShutdownCap": 10,
        "batteryLowCap": 20,
    }
    for slot, begin in enumerate(("01:00", "05:00", "09:00", "16:00", "21:00", "23:00"), start=1):
        settings |= {
            f"sellTime{slot}": begin,
            f"sellTime{slot}Pac": "8000" if slot % 2 else 8000,
            f"cap{slot}": "20",
            f"time{slot}on": "false",
            f"sellTime{slot}Volt": "49",
        }
    return settings
