"""A Shelly of the first generation on HTTP: GET alone, Basic login, energy in Watt-minutes that a restart forgets."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.faults import Faults
from simulator.shelly_relays import ShellyRelays
from simulator.web import faulty

USER = "admin"
_WATT_MINUTES_PER_KWH = 60_000.0
_STATES = {"restore_last": "last", "match_input": "switch"}  # ours by the name of the second generation
_KEPT_STATES = {word: state for state, word in _STATES.items()} | {"on": "on", "off": "off"}
# the second generation's words for what switched, as the first says them
_SOURCES = {"HTTP_in": "http", "button": "input", "switch": "input", "loopback": "schedule"}


class ShellyGen1Server:
    """One device's HTTP application; `app()` makes it. `password` None leaves the door open, as from the factory."""

    def __init__(
        self, relays: ShellyRelays, faults: Faults, *, username: str = USER, password: str | None = None
    ) -> None:
        self._relays = relays
        self._faults, self._target = faults, f"shelly:{relays.device.id}"
        self._login = None if password is None else f"{username}:{password}".encode()

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[faulty(self._faults, self._target, self._refuse)])
        app.router.add_get("/shelly", self._shelly)
        app.router.add_get("/status", self._guarded(lambda _: web.json_response(self._status())))
        app.router.add_get("/settings", self._guarded(lambda _: web.json_response(self._settings())))
        app.router.add_get("/settings/relay/{channel}", self._guarded(self._relay_settings))
        app.router.add_get("/relay/{channel}", self._guarded(self._relay))
        app.router.add_get("/meter/{channel}", self._guarded(self._one_meter))
        app.router.add_get("/reboot", self._guarded(self._reboot))
        return app

    def _guarded(
        self, answer: Callable[[web.Request], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return answer(request) if self._admits(request) else self._refuse(request, "401")

        return handle

    def _admits(self, request: web.Request) -> bool:
        if self._login is None:
            return True
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        try:
            return scheme == "Basic" and hmac.compare_digest(base64.b64decode(rest, validate=True), self._login)
        except binascii.Error:
            return False

    def _refuse(self, _: web.Request, kind: str) -> web.Response:
        if kind == "429":
            return web.Response(status=429, text="Too many requests")
        headers = {"WWW-Authenticate": f'Basic realm="{self._name()}"'}
        return web.Response(status=401, text="401 Unauthorized", headers=headers)

    async def _shelly(self, _: web.Request) -> web.Response:
        model = self._relays.model
        return web.json_response(
            {
                "type": model.model,
                "mac": self._relays.mac,
                "auth": self._login is not None,
                "fw": model.firmware,
                "longid": 1,
                "num_outputs": model.channels,
                "num_meters": model.channels if model.metered else 0,
            }
        )

    def _name(self) -> str:
        return f"{self._relays.model.name}-{self._relays.mac}".lower()

    def _status(self) -> dict[str, Any]:
        now = self._relays.clock.now()
        channels = self._relays.channels
        watts = sum(self._relays.power_w(channel) for channel in channels)
        status: dict[str, Any] = {
            "wifi_sta": {"connected": True, "ssid": "ranch", "ip": "192.168.1.50", "rssi": -57},
            "cloud": {"enabled": False, "connected": False},
            "mqtt": {"connected": False},
            "time": now.astimezone(self._relays.world.site.zone).strftime("%H:%M"),
            "unixtime": int(now.timestamp()),
            "has_update": False,
            "mac": self._relays.mac,
            "cfg_changed_cnt": 0,
            "relays": [self._channel(channel) for channel in channels],
            "meters": [self._meter(channel) for channel in channels],
            "inputs": [{"input": 0, "event": "", "event_cnt": 0} for _ in channels],
            "update": {"status": "idle", "has_update": False, "new_version": "", "old_version": ""},
            "ram_total": 51_064,
            "ram_free": 38_232,
            "fs_size": 233_681,
            "fs_free": 150_098,
            "uptime": int(now.timestamp() - self._relays.booted_s),
        }
        if self._relays.model.metered:
            status |= {"temperature": round(31.0 + watts / 180.0, 2), "overtemperature": self._hot()}
        return status

    def _hot(self) -> bool:
        return any("overtemp" in errors for errors in self._relays.errors.values())

    def _channel(self, channel: int) -> dict[str, Any]:
        view, now_s = self._relays.view(channel), self._relays.clock.now().timestamp()
        told: dict[str, Any] = {
            "ison": view.on,
            "has_timer": False,
            "timer_started": 0,
            "timer_duration": 0,
            "timer_remaining": 0,
            "source": _SOURCES.get(self._relays.source(channel), self._relays.source(channel)),
        }
        if view.timer_started_s is not None and view.timer_until_s is not None:
            told |= {
                "has_timer": True,
                "timer_started": int(view.timer_started_s),
                "timer_duration": int(view.timer_until_s - view.timer_started_s),
                "timer_remaining": math.ceil(view.timer_until_s - now_s),
            }
        overpower = "overpower" in self._relays.errors[channel]
        return told | ({"overpower": overpower, "is_valid": True} if self._relays.model.metered else {})

    def _meter(self, channel: int) -> dict[str, Any]:
        if not self._relays.model.metered:
            return {"power": 0.0, "is_valid": True}  # such models show a meter that there is not
        return {
            "power": round(self._relays.power_w(channel), 2),
            "overpower": 0.0,
            "is_valid": True,
            "timestamp": int(self._relays.clock.now().timestamp()),
            "counters": [0.0, 0.0, 0.0],
            "total": int(self._relays.energy_kwh(channel) * _WATT_MINUTES_PER_KWH),
        }

    def _settings(self) -> dict[str, Any]:
        model = self._relays.model
        metered = model.channels if model.metered else 0
        return {
            "device": {
                "type": model.model,
                "mac": self._relays.mac,
                "hostname": self._name(),
                "num_outputs": model.channels,
                "num_meters": metered,
            },
            "name": self._relays.device.id,
            "fw": model.firmware,
            "login": {"enabled": self._login is not None, "unprotected": False, "username": USER},
            "mode": "relay",
            **({"max_power": 3_500} if metered else {}),
            "relays": [self._kept(channel) for channel in self._relays.channels],
        }

    def _kept(self, channel: int) -> dict[str, Any]:
        kept = self._relays.settings[channel]
        view = self._relays.view(channel)
        return {
            "name": None,
            "appliance_type": "General",
            "ison": view.on,
            "has_timer": view.timer_until_s is not None,
            "default_state": _STATES.get(kept.initial_state, kept.initial_state),
            "btn_type": "toggle",
            "auto_on": 0.0,
            "auto_off": kept.auto_off_s or 0.0,
            "schedule": False,
            "schedule_rules": [],
        }

    def _relay(self, request: web.Request) -> web.Response:
        """`?turn=on|off|toggle&timer=<s>`; without `turn` the state alone."""
        channel = self._named(request)
        if channel is None:
            return web.Response(status=404, text="Not Found")
        turn = request.query.get("turn")
        if turn is not None:
            after_s = _seconds(request.query.get("timer"))
            if turn not in ("on", "off", "toggle") or after_s == 0:
                return web.Response(status=400, text="Bad turn or timer!")
            on = not self._relays.is_on(channel) if turn == "toggle" else turn == "on"
            self._relays.command(channel, on, after_s, "HTTP_in")
        return web.json_response(self._channel(channel))

    def _relay_settings(self, request: web.Request) -> web.Response:
        """`?auto_off=<s>&default_state=off|on|last|switch` writes, and the settings come back."""
        channel = self._named(request)
        if channel is None:
            return web.Response(status=404, text="Not Found")
        kept = self._relays.settings[channel]
        state = request.query.get("default_state")
        if state is not None and state not in _KEPT_STATES:
            return web.Response(status=400, text="Bad default_state!")
        kept.initial_state = _KEPT_STATES[state] if state else kept.initial_state
        if "auto_off" in request.query:
            kept.auto_off_s = _seconds(request.query["auto_off"]) or None
        return web.json_response(self._kept(channel))

    def _one_meter(self, request: web.Request) -> web.Response:
        channel = self._named(request)
        return (
            web.Response(status=404, text="Not Found") if channel is None else web.json_response(self._meter(channel))
        )

    def _reboot(self, _: web.Request) -> web.Response:
        self._relays.reboot(counters=True)
        return web.json_response({"ok": True})

    def _named(self, request: web.Request) -> int | None:
        text = request.match_info["channel"]
        return int(text) if text.isdecimal() and int(text) in self._relays.channels else None


def _seconds(text: str | None) -> float | None:
    """The whole seconds of a parameter; None without one, 0 for what is no positive number."""
    if text is None:
        return None
    return float(text) if text.isdecimal() else 0.0
