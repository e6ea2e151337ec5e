"""What the cloud tells about a plant and its inverters: settings with units in their names, nothing personal. Pure.

Plant and inverter bodies hold the owner's name, address and e-mail: only the keys named here are ever read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.device import SettingValue
from connectors.numbers import flag, instant, mapping, number, objects, text

SLOTS = range(1, 7)
ABSENT_TEMPERATURES_C = (-100.0, 0.0)  # what a battery without a sensor reports
DEAD_GRID_V = 50.0


@dataclass(frozen=True, slots=True)
class Inverter:
    """One inverter of the plant; `serial` is for requests only and stays inside the connector."""

    serial: str
    model: str | None
    firmware: str | None


def inverters(data: Any) -> tuple[Inverter, ...]:
    """The inverters of `plant/{id}/inverters`, in the vendor's order."""
    found = []
    for info in objects(mapping(data).get("infos")):
        serial = text(info.get("sn"))
        if serial is not None:
            version = mapping(info.get("version"))
            firmware = text(version.get("softVer")) or text(version.get("masterVer")) or text(info.get("softVer"))
            found.append(Inverter(serial, text(info.get("model")), firmware))
    return tuple(found)


def plant_zone(data: Any) -> ZoneInfo | None:
    """The zone that the cloud keeps this plant's days in, or None when it names none that exists."""
    code = text(mapping(mapping(data).get("timezone")).get("code"))
    if code is None:
        return None
    try:
        return ZoneInfo(code)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def uploaded_at(realtime: Any, gateways: Any = None) -> datetime | None:
    """When the plant's data last changed: `updateAt` of the plant, else the newest one of its gateways."""
    stamp = instant(mapping(realtime).get("updateAt"))
    if stamp is not None:
        return stamp
    stamps = [instant(gateway.get("updateAt")) for gateway in objects(mapping(gateways).get("infos"))]
    return max((s for s in stamps if s is not None), default=None)


def battery_voltage_v(realtime: Any) -> float | None:
    """Voltage (V) of `inverter/battery/{sn}/realtime`; 0 and less mean that there is none."""
    volts = number(mapping(realtime).get("voltage"))
    return volts if volts is not None and volts > 0 else None


def battery_temperature_c(realtime: Any) -> float | None:
    """Temperature (°C) of `inverter/battery/{sn}/realtime`."""
    celsius = number(mapping(realtime).get("temp"))
    return None if celsius in ABSENT_TEMPERATURES_C else celsius


def grid_present(realtime: Any) -> bool | None:
    """Whether `inverter/grid/{sn}/realtime` shows a live grid: its relay is closed, or its phases carry a voltage."""
    grid = mapping(realtime)
    if flag(grid.get("acRealyStatus")) is True:  # the vendor's spelling
        return True
    volts = [number(phase.get("volt")) for phase in objects(grid.get("vip"))]
    known = [v for v in volts if v is not None]
    return max(known) > DEAD_GRID_V if known else None


def is_master(common: Any) -> bool:
    """Whether a settings block is that of the master inverter."""
    return number(mapping(common).get("equipMode")) == 1


def settings(common: Any, plant: Any, gateways: Any) -> dict[str, SettingValue]:
    """The settings worth showing, each only where the cloud tells it."""
    block = mapping(common)
    known: dict[str, SettingValue] = {
        "rated_power_kw": number(mapping(plant).get("totalPower")),
        "upload_interval_s": _upload_interval_s(objects(mapping(gateways).get("infos"))),
        "system_work_mode": text(block.get("sysWorkMode")) or number(block.get("sysWorkMode")),
        "time_of_use": flag(block.get("peakAndVallery")),
        "solar_sell": flag(block.get("solarSell")),
        "zero_export_power_w": number(block.get("zeroExportPower")),
        "max_sell_power_w": number(block.get("solarMaxSellPower")),
    }
    for slot in SLOTS:
        known |= _slot(block, slot)
    return {name: value for name, value in known.items() if value is not None}


def _slot(block: Mapping[str, Any], slot: int) -> dict[str, SettingValue]:
    return {
        f"slot_{slot}_start": text(block.get(f"sellTime{slot}")),
        f"slot_{slot}_power_w": number(block.get(f"sellTime{slot}Pac")),
        f"slot_{slot}_reserve_pct": number(block.get(f"cap{slot}")),
        f"slot_{slot}_grid_charge": flag(block.get(f"time{slot}on")),
    }


def _upload_interval_s(gateways: Sequence[Mapping[str, Any]]) -> float | None:
    # the key's name is not documented and has been seen spelled differently
    intervals = [number(gateway.get(key)) for gateway in gateways for key in ("uploadInterval", "interval")]
    return min((s for s in intervals if s is not None and s > 0), default=None)
