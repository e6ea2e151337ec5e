"""Figures that a device tells wrongly: stuck, with the wrong sign or unit, impossible, or with a clock that is off.

They act on what goes out, below the vendors' words for our fields: JSON bodies by key, a GX's leaves by path. Several
may be in force at one target, one per field.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

FIELD_FAULTS = ("frozen", "swapped", "kilowatts", "value")
ALARM_FAULTS = ("inverter_fault", "bms_alarm")
CLOCK_FAULTS = ("clock",)
COUNTER_FAULTS = ("counter_reset",)
DISTORTIONS = (*FIELD_FAULTS, *ALARM_FAULTS, *CLOCK_FAULTS, *COUNTER_FAULTS)

_SYSTEM = "system/0"
_SHELLY = {"miner_w": ("apower", "power")}
KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {  # kind of target -> our field -> the vendor's keys or paths
        "solark": {
            "soc_pct": ("soc",),
            "solar_w": ("pvPower",),
            "battery_charge_w": ("battPower",),
            "grid_import_w": ("gridOrMeterPower",),
            "load_w": ("loadOrEpsPower",),
            "generator_w": ("genPower",),
            "battery_voltage_v": ("voltage",),
            "battery_temperature_c": ("temp",),
        },
        "victron": {
            "soc_pct": (f"{_SYSTEM}/Dc/Battery/Soc", "battery/512/Soc"),
            "solar_w": (f"{_SYSTEM}/Dc/Pv/Power", "solarcharger/289/Yield/Power"),
            "battery_charge_w": (f"{_SYSTEM}/Dc/Battery/Power", "battery/512/Dc/0/Power"),
            "grid_import_w": (f"{_SYSTEM}/Ac/Grid/L1/Power", f"{_SYSTEM}/Ac/Grid/L2/Power", "grid/30/Ac/Power"),
            "load_w": (f"{_SYSTEM}/Ac/Consumption/L1/Power", f"{_SYSTEM}/Ac/Consumption/L2/Power"),
            "generator_w": (f"{_SYSTEM}/Ac/Genset/L1/Power", f"{_SYSTEM}/Ac/Genset/L2/Power"),
            "battery_voltage_v": (f"{_SYSTEM}/Dc/Battery/Voltage", "battery/512/Dc/0/Voltage"),
            "battery_temperature_c": (f"{_SYSTEM}/Dc/Battery/Temperature", "battery/512/Dc/0/Temperature"),
        },
        "shelly": _SHELLY,
    }
)
_DIRECTIONS = {"battery_charge_w": ("toBat", "batTo"), "grid_import_w": ("gridTo", "toGrid")}  # of magnitudes
_COUNTERS = frozenset(
    ("etoday", "emonth", "eyear", "etotal", "etodayChg", "etodayDischg", "etodayFrom", "etodayTo", "dailyUsed")
) | frozenset(
    ("totalUsed", "total", "User", "System", "Yield", "ChargedEnergy", "DischargedEnergy", "Forward", "Reverse")
)
_STAMPS = frozenset(("updateAt", "unixtime", "minute_ts", "timer_started_at", "timer_started", "timestamp", "When"))
_STAMPS_OF_GX = frozenset(("heartbeat", "full_publish_completed"))


@dataclass(slots=True)
class Distortion:
    """One of `DISTORTIONS`. `field` is ours or, at the GX, a path; `value` what "value" shows (None is null); `codes`
    the alarms; `by_s` how far a clock is ahead. It ends at `ends` (monotonic s; None = not by itself)."""

    kind: str
    field: str = ""
    value: float | str | None = None
    by_s: float = 0.0
    codes: tuple[str, ...] = ()
    ends: float | None = None
    held: dict[str, Any] = dataclasses.field(default_factory=dict)


class Distortions:
    """The distortions in force by target."""

    def __init__(self) -> None:
        self._by_target: dict[str, dict[str, Distortion]] = {}

    def order(self, target: str, distortion: Distortion) -> None:
        """Let it be in force from now on, instead of an earlier one of the same field or kind. Raises ValueError."""
        kind, name = target.partition(":")[0], distortion.field
        if kind not in KEYS and distortion.kind not in CLOCK_FAULTS:
            raise ValueError(f'{target} has no figures to distort; "{distortion.kind}" goes with {", ".join(KEYS)}')
        if distortion.kind in FIELD_FAULTS and name not in KEYS[kind] and not (kind == "victron" and "/" in name):
            raise ValueError(f'fault "{distortion.kind}" at {target} needs "field", one of {", ".join(KEYS[kind])}')
        if distortion.kind in ALARM_FAULTS and (kind == "shelly" or not distortion.codes):
            raise ValueError(f'fault "{distortion.kind}" needs "codes", such as ["Overload"], and victron or solark')
        if distortion.kind in CLOCK_FAULTS and not distortion.by_s:
            raise ValueError('fault "clock" needs "by_s": seconds that the device is ahead, negative for behind')
        self._by_target.setdefault(target, {})[name or distortion.kind] = distortion

    def end(self, target: str, name: str | None = None) -> None:
        """End what is in force at `target`: everything, or what concerns one field or is of one kind."""
        if name is None:
            self._by_target.pop(target, None)
        else:
            self._by_target.get(target, {}).pop(name, None)

    def of(self, target: str) -> list[Distortion]:
        """Those in force at `target` now."""
        known = self._by_target.get(target)
        if not known:
            return []
        for name, each in list(known.items()):
            if each.ends is not None and time.monotonic() >= each.ends:
                del known[name]
        return list(known.values())

    def in_force(self) -> dict[str, str]:
        """Target and field ("victron soc_pct") to kind."""
        return {
            f"{target} {each.field}".strip() if each.field else f"{target} {each.kind}": each.kind
            for target in list(self._by_target)
            for each in self.of(target)
        }

    def body(self, target: str, path: str, payload: Any) -> Any:
        """A JSON body that `target` would answer at `path`, as it tells it."""
        for each in self.of(target):
            payload = _in_json(each, KEYS.get(target.partition(":")[0], {}), payload, path)
        return payload

    def leaves(self, target: str, values: dict[str, Any]) -> dict[str, Any]:
        """A GX's values by path, as it tells them."""
        for each in self.of(target):
            values = _in_leaves(each, values)
        return values

    def stamp_s(self, target: str) -> float:
        """How far the clock of `target` is ahead (s)."""
        return sum(each.by_s for each in self.of(target) if each.kind == "clock")


def _in_leaves(each: Distortion, values: dict[str, Any]) -> dict[str, Any]:
    if each.kind in ALARM_FAULTS:
        service = "vebus/276" if each.kind == "inverter_fault" else "battery/512"
        return values | dict(_alarm(service, code) for code in each.codes)
    if each.kind in COUNTER_FAULTS:
        return {p: _since_held(each, p, v) if p.rsplit("/", 1)[-1] in _COUNTERS else v for p, v in values.items()}
    if each.kind not in FIELD_FAULTS:
        return values
    paths = KEYS["victron"].get(each.field, (each.field,))
    return values | {path: _told(each, path, values.get(path)) for path in paths if path in values or "/" in each.field}


def _alarm(service: str, code: str) -> tuple[str, int]:
    """A number is the inverter's own error, a name an alarm; "X warning" is one that is not an alarm yet."""
    if code.isdecimal():
        return f"{service}/VebusError", int(code)
    name, _, warning = code.partition(" ")
    return f"{service}/Alarms/{name}", 1 if warning == "warning" else 2


def _in_json(each: Distortion, keys: Mapping[str, tuple[str, ...]], value: Any, path: str) -> Any:
    if isinstance(value, list):
        return [_in_json(each, keys, inner, f"{path}/{n}") for n, inner in enumerate(value)]
    if not isinstance(value, dict):
        return value
    body = {key: _in_json(each, keys, inner, f"{path}/{key}") for key, inner in value.items()}
    if each.kind == "swapped" and each.field in _DIRECTIONS:
        one, other = _DIRECTIONS[each.field]
        if one in body and other in body:  # the magnitude stays, its direction turns round
            return body | {one: body[other], other: body[one]}
    for key, inner in body.items():
        if each.kind in FIELD_FAULTS and key in keys.get(each.field, ()):
            body[key] = _told(each, f"{path}/{key}", inner)
        elif each.kind == "clock" and key in _STAMPS:
            body[key] = _shifted(inner, each.by_s)
        elif each.kind == "counter_reset" and key in _COUNTERS and "pageSize" not in body:
            body[key] = _since_held(each, f"{path}/{key}", inner)
        elif each.kind == "bms_alarm" and key == "bmsCommFaultFlag":
            body[key] = True
    return body


def _told(each: Distortion, path: str, inner: Any) -> Any:
    if each.kind == "value":
        return math.nan if each.value == "NaN" else each.value
    if each.kind == "frozen":
        return each.held.setdefault(path, inner)
    factor = -1.0 if each.kind == "swapped" else 0.001
    return _changed(inner, lambda number: number * factor)


def _since_held(each: Distortion, path: str, inner: Any) -> Any:
    return _changed(inner, lambda number: number - each.held.setdefault(path, number))


def _changed(inner: Any, change: Any) -> Any:
    """A number, or a text that holds one, changed; everything else as it is."""
    if isinstance(inner, bool) or inner is None:
        return inner
    if isinstance(inner, int | float):
        return change(float(inner))
    try:
        return str(change(float(inner)))
    except (TypeError, ValueError):
        return inner


def _shifted(inner: Any, by_s: float) -> Any:
    if isinstance(inner, int | float) and not isinstance(inner, bool):
        return inner + int(by_s) if inner else inner
    try:
        return (datetime.fromisoformat(inner) + timedelta(seconds=by_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError):
        return inner
