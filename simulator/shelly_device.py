"""A Shelly Pro 4PM by its RPC methods: pure request to result, on the relays of the virtual site."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from energy.site import Device
from simulator.physics import VirtualSite
from simulator.web import FrozenClock

MODEL, APP, FIRMWARE = "SPSW-104PE16EU", "Pro4PM", "2.0.0"
CHANNELS = 4
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
    """One relay device of `world`. Timers run on the device, in simulated time."""

    def __init__(self, world: VirtualSite, device: Device, clock: FrozenClock, *, auth: bool) -> None:
        self._world, self._device, self._clock = world, device, clock
        self.mac = hashlib.sha256(f"{world.site.id}/{world.seed}/{device.id}".encode()).hexdigest()[:12].upper()
        self.id = f"shellypro4pm-{self.mac.lower()}"
        self._auth = auth
        self._miners = {m.channel: m for m in world.site.miner if m.device == device.id}
        self._sources = dict.fromkeys(range(CHANNELS), "init")
        self._reset_kwh = dict.fromkeys(range(CHANNELS), 0.0)
        self._configs = {channel: _factory_config(channel) for channel in range(CHANNELS)}
        self.methods: dict[str, Callable[[Params, str], Any]] = {
            "Shelly.GetDeviceInfo": lambda _, __: self.info(),
            "Shelly.GetStatus": lambda _, __: self.status(),
            "Shelly.GetConfig": lambda _, __: self.config(),
            "Shelly.GetComponents": lambda _, __: {"components": [], "cfg_rev": 12, "offset": 0, "total": 0},
            "Shelly.ListMethods": lambda _, __: {"methods": sorted(self.methods)},
            "Shelly.Reboot": lambda _, __: self._reboot(),
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
            "name": self._device.id,
            "id": self.id,
            "mac": self.mac,
            "slot": 0,
            "model": MODEL,
            "gen": 2,
            "fw_id": f"20260713-101500/{FIRMWARE}-g1a2b3c4",
            "ver": FIRMWARE,
            "app": APP,
            "auth_en": self._auth,
            "auth_domain": self.id if self._auth else None,
            "profile": "switch",
        }

    def status(self) -> dict[str, Any]:
        """`Shelly.GetStatus`."""
        switches = {f"switch:{channel}": self.switch(channel) for channel in range(CHANNELS)}
        inputs = {f"input:{channel}": {"id": channel, "state": False} for channel in range(CHANNELS)}
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
        switches = {f"switch:{channel}": dict(self._configs[channel]) for channel in range(CHANNELS)}
        device = {"name": self._device.id, "mac": self.mac, "fw_id": self.info()["fw_id"], "discoverable": True}
        return {
            "ble": {"enable": False},
            "cloud": {"enable": False, "server": None},
            "mqtt": {"enable": False, "server": None, "client_id": self.id, "topic_prefix": self.id},
            **switches,
            "sys": {"device": device, "location": {"tz": self._world.site.timezone}, "cfg_rev": 12},
            "wifi": {"sta": {"ssid": "ranch", "enable": True}},
            "ws": {"enable": False, "server": None},
        }

    def switch(self, channel: int) -> dict[str, Any]:
        """`Switch.GetStatus` of one channel (W, V, A, Wh; minutes in mWh, newest first)."""
        now = self._clock.now()
        view = self._world.relay(self._device.id, channel, now)
        watts = round(self._power_w(channel, now), 1)
        minute = now.replace(second=0, microsecond=0)
        marks = [self._kwh(channel, minute - timedelta(minutes=back)) for back in range(4)]
        celsius = round(31.0 + watts / 180.0, 1)
        status: dict[str, Any] = {
            "id": channel,
            "source": self._source(channel, view.on, view.automatic),
            "output": view.on,
            "apower": watts,
            "voltage": _VOLTS,
            "freq": 60.0,
            "current": round(watts / _VOLTS / 0.99, 3),
            "pf": 0.99 if watts else 0.0,
            "aenergy": {
                "total": round((self._kwh(channel, now) - self._reset_kwh[channel]) * 1_000.0, 3),
                "by_minute": [round((marks[i] - marks[i + 1]) * _MILLIWATT_HOURS, 3) for i in range(3)],
                "minute_ts": int(minute.timestamp()),
            },
            "ret_aenergy": {"total": 0.0, "by_minute": [0.0, 0.0, 0.0], "minute_ts": int(minute.timestamp())},
            "temperature": {"tC": celsius, "tF": round(celsius * 1.8 + 32.0, 1)},
        }
        if view.timer_started_s is not None and view.timer_until_s is not None:
            status["timer_started_at"] = round(view.timer_started_s, 2)
            status["timer_duration"] = round(view.timer_until_s - view.timer_started_s, 2)
        return status

    def _source(self, channel: int, on: bool, automatic: bool) -> str:
        if automatic:
            return "loopback"  # the site's own automation
        asked_for_on = self._sources[channel].startswith("on:")
        if self._sources[channel] == "init":
            return "init"
        return self._sources[channel].partition(":")[2] if asked_for_on == on else "timer"

    def _power_w(self, channel: int, now: datetime) -> float:
        miner = self._miners.get(channel)
        return self._world.state_at(now).miner_w[miner.id] if miner else 0.0

    def _kwh(self, channel: int, at: datetime) -> float:
        miner = self._miners.get(channel)
        return self._world.totals_at(max(at, self._world.start)).miner_kwh[miner.id] if miner else 0.0

    def _channel(self, params: Params) -> int:
        channel = params.get("id")
        if channel is None:
            raise RpcError(-103, "Missing required argument 'id'!")
        if isinstance(channel, bool) or not isinstance(channel, int) or channel not in range(CHANNELS):
            raise RpcError(-105, f"Argument 'id', value {channel} not found!")
        return channel

    def _set(self, params: Params, source: str) -> dict[str, Any]:
        channel, on = self._channel(params), params.get("on")
        if not isinstance(on, bool):
            raise RpcError(-103, "Missing or bad required argument 'on'!")
        return self._switch_to(channel, on, params.get("toggle_after"), source)

    def _toggle(self, params: Params, source: str) -> dict[str, Any]:
        channel = self._channel(params)
        was_on = self._world.relay(self._device.id, channel, self._clock.true_now()).on
        return self._switch_to(channel, not was_on, params.get("toggle_after"), source)

    def _switch_to(self, channel: int, on: bool, toggle_after: Any, source: str) -> dict[str, Any]:
        now = self._clock.true_now()
        if toggle_after is None and on and self._configs[channel]["auto_off"]:
            toggle_after = self._configs[channel]["auto_off_delay"]
        until = None
        if toggle_after is not None:
            if isinstance(toggle_after, bool) or not isinstance(toggle_after, int | float) or toggle_after <= 0:
                raise RpcError(-103, "Invalid argument 'toggle_after'!")
            until = now + timedelta(seconds=toggle_after)
        was_on = self._world.relay(self._device.id, channel, now).on
        self._world.set_relay(self._device.id, channel, on, until, at=now)
        self._sources[channel] = f"{'on' if on else 'off'}:{source}"
        return {"was_on": was_on}

    def _set_config(self, params: Params, _: str) -> dict[str, Any]:
        channel, changes = self._channel(params), params.get("config")
        if not isinstance(changes, Mapping):
            raise RpcError(-103, "Missing required argument 'config'!")
        known = self._configs[channel]
        known |= {key: value for key, value in changes.items() if key in known and key != "id"}
        return {"restart_required": False}

    def _reset_counters(self, params: Params, _: str) -> dict[str, Any]:
        channel, now = self._channel(params), self._clock.now()
        before = self.switch(channel)["aenergy"]["total"]
        self._reset_kwh[channel] = self._kwh(channel, now)
        return {"aenergy": {"total": before}}

    def _reboot(self) -> None:
        """Power-cycle: timers are lost; outputs come back as `initial_state` says."""
        now = self._clock.true_now()
        for channel in range(CHANNELS):
            was_on = self._world.relay(self._device.id, channel, now).on
            on = {"on": True, "restore_last": was_on}.get(self._configs[channel]["initial_state"], False)
            self._world.set_relay(self._device.id, channel, on, at=now)
        self._sources = dict.fromkeys(range(CHANNELS), "init")

    def _system(self) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "mac": self.mac,
            "restart_required": False,
            "time": now.astimezone(self._world.site.zone).strftime("%H:%M"),
            "unixtime": int(now.timestamp()),
            "uptime": int(now.timestamp()) - self._world.start_s,
            "ram_size": 247_524,
            "ram_free": 104_112,
            "fs_size": 524_288,
            "fs_free": 188_416,
            "cfg_rev": 12,
            "available_updates": {},
        }


def _factory_config(channel: int) -> dict[str, Any]:
    return {
        "id": channel,
        "name": None,
        "in_mode": "follow",
        "initial_state": "off",
        "auto_on": False,
        "auto_on_delay": 60.0,
        "auto_off": False,
        "auto_off_delay": 60.0,
        "power_limit": 4_480,
        "voltage_limit": 280,
        "current_limit": 16.0,
        "autorecover_voltage_errors": False,
    }
