"""A Shelly of the second generation by its RPC methods: pure request to result, on the relays of the virtual site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from simulator.shelly_relays import ShellyRelays

_VOLTS = 248.1
_MILLIWATT_HOURS = 1_000_000.0

Params = Mapping[str, Any]


class RpcError(Exception):
    """An error frame: the device's code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ShellyDevice:
    """The RPC face of one relay device."""

    def __init__(self, relays: ShellyRelays, *, auth: bool) -> None:
        self.relays = relays
        self._model, self._clock = relays.model, relays.clock
        self.id = f"shelly{self._model.name}-{relays.mac.lower()}"
        self._auth = auth
        self._configs = {channel: _factory_config(channel, metered=self._model.metered) for channel in relays.channels}
        self.methods: dict[str, Callable[[Params, str], Any]] = {
            "Shelly.GetDeviceInfo": lambda _, __: self.info(),
            "Shelly.GetStatus": lambda _, __: self.status(),
            "Shelly.GetConfig": lambda _, __: self.config(),
            "Shelly.GetComponents": lambda _, __: {"components": [], "cfg_rev": 12, "offset": 0, "total": 0},
            "Shelly.ListMethods": lambda _, __: {"methods": sorted(self.methods)},
            "Shelly.Reboot": lambda _, __: relays.reboot(counters=False),
            "Sys.GetStatus": lambda _, __: self._system(),
            "Switch.GetStatus": lambda params, _: self.switch(self._channel(params)),
            "Switch.GetConfig": lambda params, _: dict(self._configs[self._channel(params)]),
            "Switch.SetConfig": self._set_config,
            "Switch.Set": self._set,
            "Switch.Toggle": self._toggle,
            "Switch.ResetCounters": self._reset_counters,
        }

    def call(self, method: str, params: Params, source: str) -> Any:
        """The result of a method; `source` is the way it came ("HTTP_in", "WS_in"). Raises RpcError."""
        handler = self.methods.get(method)
        if handler is None:
            raise RpcError(404, f"No handler for {method}")
        return handler(params, source)

    def info(self) -> dict[str, Any]:
        """What `/shelly` and `Shelly.GetDeviceInfo` say, to anybody."""
        return {
            "name": self.relays.device.id,
            "id": self.id,
            "mac": self.relays.mac,
            "slot": 0,
            "model": self._model.model,
            "gen": self._model.generation,
            "fw_id": f"20260713-101500/{self._model.firmware}-g1a2b3c4",
            "ver": self._model.firmware,
            "app": self._model.app,
            "auth_en": self._auth,
            "auth_domain": self.id if self._auth else None,
            "profile": "switch",
        }

    def status(self) -> dict[str, Any]:
        """`Shelly.GetStatus`."""
        switches = {f"switch:{channel}": self.switch(channel) for channel in self.relays.channels}
        inputs = {f"input:{channel}": {"id": channel, "state": False} for channel in self.relays.channels}
        return {
            "ble": {},
            "cloud": {"connected": False},
            "eth": {"ip": None},
            **inputs,
            "mqtt": {"connected": False},
            **switches,
            "sys": self._system(),
            "wifi": {"sta_ip": "192.168.1.50", "status": "got ip", "ssid": "ranch", "rssi": -57},
            "ws": {"connected": False},
        }

    def config(self) -> dict[str, Any]:
        """`Shelly.GetConfig`."""
        switches = {f"switch:{channel}": dict(self._configs[channel]) for channel in self.relays.channels}
        device = {
            "name": self.relays.device.id,
            "mac": self.relays.mac,
            "fw_id": self.info()["fw_id"],
            "discoverable": True,
        }
        return {
            "ble": {"enable": False},
            "cloud": {"enable": False, "server": None},
            "mqtt": {"enable": False, "server": None, "client_id": self.id, "topic_prefix": self.id},
            **switches,
            "sys": {"device": device, "location": {"tz": self.relays.world.site.timezone}, "cfg_rev": 12},
            "wifi": {"sta": {"ssid": "ranch", "enable": True}},
            "ws": {"enable": False, "server": None},
        }

    def switch(self, channel: int) -> dict[str, Any]:
        """`Switch.GetStatus` of one channel (W, V, A, Wh; the last minutes in mWh, newest first)."""
        view = self.relays.view(channel)
        watts = round(self.relays.power_w(channel), 1)
        celsius = round(31.0 + watts / 180.0, 1)
        status: dict[str, Any] = {
            "id": channel,
            "source": self.relays.source(channel),
            "output": view.on,
            **(self._meter(channel, watts) if self._model.metered else {}),
            "temperature": {"tC": celsius, "tF": round(celsius * 1.8 + 32.0, 1)},
        }
        if self.relays.errors[channel]:
            status["errors"] = list(self.relays.errors[channel])
        if view.timer_started_s is not None and view.timer_until_s is not None:
            status["timer_started_at"] = round(view.timer_started_s, 2)
            status["timer_duration"] = round(view.timer_until_s - view.timer_started_s, 2)
        return status

    def _meter(self, channel: int, watts: float) -> dict[str, Any]:
        minute = self._clock.now().replace(second=0, microsecond=0)
        marks = [self.relays.kwh_at(channel, minute - timedelta(minutes=back)) for back in range(4)]
        return {
            "apower": watts,
            "voltage": _VOLTS,
            "freq": 60.0,
            "current": round(watts / _VOLTS / 0.99, 3),
            "pf": 0.99 if watts else 0.0,
            "aenergy": {
                "total": round(self.relays.energy_kwh(channel) * 1_000.0, 3),
                "by_minute": [round((marks[i] - marks[i + 1]) * _MILLIWATT_HOURS, 3) for i in range(3)],
                "minute_ts": int(minute.timestamp()),
            },
            "ret_aenergy": {"total": 0.0, "by_minute": [0.0, 0.0, 0.0], "minute_ts": int(minute.timestamp())},
        }

    def _channel(self, params: Params) -> int:
        channel = params.get("id")
        if channel is None:
            raise RpcError(-103, "Missing required argument 'id'!")
        if isinstance(channel, bool) or not isinstance(channel, int) or channel not in self.relays.channels:
            raise RpcError(-105, f"Argument 'id', value {channel} not found!")
        return channel

    def _set(self, params: Params, source: str) -> dict[str, Any]:
        channel, on = self._channel(params), params.get("on")
        if not isinstance(on, bool):
            raise RpcError(-103, "Missing or bad required argument 'on'!")
        return self._switch_to(channel, on, params.get("toggle_after"), source)

    def _toggle(self, params: Params, source: str) -> dict[str, Any]:
        channel = self._channel(params)
        return self._switch_to(channel, not self.relays.is_on(channel), params.get("toggle_after"), source)

    def _switch_to(self, channel: int, on: bool, toggle_after: Any, source: str) -> dict[str, Any]:
        if toggle_after is not None and (
            isinstance(toggle_after, bool) or not isinstance(toggle_after, int | float) or toggle_after <= 0
        ):
            raise RpcError(-103, "Invalid argument 'toggle_after'!")
        return {"was_on": self.relays.command(channel, on, toggle_after, source)}

    def _set_config(self, params: Params, _: str) -> dict[str, Any]:
        channel, changes = self._channel(params), params.get("config")
        if not isinstance(changes, Mapping):
            raise RpcError(-103, "Missing required argument 'config'!")
        known = self._configs[channel]
        known |= {key: value for key, value in changes.items() if key in known and key != "id"}
        kept = self.relays.settings[channel]
        kept.initial_state = str(known["initial_state"])
        kept.auto_off_s = float(known["auto_off_delay"]) if known["auto_off"] else None
        return {"restart_required": False}

    def _reset_counters(self, params: Params, _: str) -> dict[str, Any]:
        channel = self._channel(params)
        if not self._model.metered:
            raise RpcError(404, "No handler for Switch.ResetCounters")
        before = self.switch(channel)["aenergy"]["total"]
        self.relays.reset_counter(channel)
        return {"aenergy": {"total": before}}

    def _system(self) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "mac": self.relays.mac,
            "restart_required": False,
            "time": now.astimezone(self.relays.world.site.zone).strftime("%H:%M"),
            "unixtime": int(now.timestamp()),
            "uptime": int(now.timestamp() - self.relays.booted_s),
            "ram_size": 247_524,
            "ram_free": 104_112,
            "fs_size": 524_288,
            "fs_free": 188_416,
            "cfg_rev": 12,
            "available_updates": {},
        }


def _factory_config(channel: int, *, metered: bool) -> dict[str, Any]:
    limits = {"power_limit": 4_480, "voltage_limit": 280, "current_limit": 16.0, "autorecover_voltage_errors": False}
    return {
        "id": channel,
        "name": None,
        "in_mode": "follow",
        "initial_state": "off",
        "auto_on": False,
        "auto_on_delay": 60.0,
        "auto_off": False,
        "auto_off_delay": 60.0,
        **(limits if metered else {}),
    }
