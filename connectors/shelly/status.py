"""Status and settings of a Shelly of the second generation or later by channel. Pure.

A relay without a meter has no power figure at all: that is None, and a metered channel that is off is 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.device import Channel, SettingValue
from connectors.numbers import flag, mapping, number, text
from connectors.shelly.language import told
from connectors.shelly.models import RATED_A


def channels(status: Mapping[str, Any]) -> tuple[Channel, ...]:
    """The switches in the result of `Shelly.GetStatus`, by number."""
    device_time_s = number(mapping(status.get("sys")).get("unixtime"))
    found = [_channel(int(key.partition(":")[2]), part, device_time_s) for key, part in _switches(status)]
    return tuple(sorted(found, key=lambda channel: channel.channel))


def miner_w(known: Sequence[Channel], carrying: Collection[int]) -> float | None:
    """Power (W) of the channels that carry a miner; None without such a channel, or while one of them is unmetered."""
    powers = [channel.power_w for channel in known if channel.channel in carrying]
    if not powers or len(powers) < len(set(carrying)):
        return None
    total_w = 0.0
    for power_w in powers:
        if power_w is None:
            return None
        total_w += power_w
    return total_w


def fault_codes(known: Sequence[Channel]) -> tuple[str, ...]:
    """The channels' errors as codes such as `channel_0_overpower`; empty when the device reports none."""
    return tuple(f"channel_{channel.channel}_{error}" for channel in known for error in channel.errors)


def settings(config: Mapping[str, Any], known: Sequence[Channel], model: str | None = None) -> dict[str, SettingValue]:
    """What `Shelly.GetConfig` says about the switches, and how they stand; nothing about the network."""
    listed: dict[str, SettingValue] = {}
    for channel in known:
        prefix = f"channel_{channel.channel}"
        part = mapping(config.get(f"switch:{channel.channel}"))
        listed |= {
            f"{prefix}_name": text(part.get("name")),
            f"{prefix}_on": channel.on,
            f"{prefix}_metered": channel.metered,
            f"{prefix}_initial_state": text(part.get("initial_state")),
            f"{prefix}_auto_off_s": number(part.get("auto_off_delay")) if flag(part.get("auto_off")) else None,
            f"{prefix}_auto_on_s": number(part.get("auto_on_delay")) if flag(part.get("auto_on")) else None,
            f"{prefix}_power_limit_w": number(part.get("power_limit")),
            f"{prefix}_current_limit_a": number(part.get("current_limit")),
            f"{prefix}_rated_a": RATED_A.get(model or ""),
            f"{prefix}_timer_left_s": channel.timer_left_s,
            f"{prefix}_energy_kwh": channel.energy_kwh,
            f"{prefix}_temperature_c": channel.temperature_c,
        }
    return told(listed)


def _switches(status: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (key, part)
        for key, part in status.items()
        if key.startswith("switch:") and key.partition(":")[2].isdecimal() and isinstance(part, dict)
    ]


def _channel(index: int, part: Mapping[str, Any], device_time_s: float | None) -> Channel:
    energy_wh = number(mapping(part.get("aenergy")).get("total"))
    errors = part.get("errors")
    return Channel(
        channel=index,
        on=flag(part.get("output")),
        power_w=number(part.get("apower")),
        voltage_v=number(part.get("voltage")),
        current_a=number(part.get("current")),
        energy_kwh=None if energy_wh is None else energy_wh / 1000,
        temperature_c=number(mapping(part.get("temperature")).get("tC")),
        timer_left_s=_timer_left_s(part, device_time_s),
        switched_by=text(part.get("source")),
        errors=tuple(str(error) for error in errors) if isinstance(errors, list) else (),
        timer_s=number(part.get("timer_duration")),
    )


def _timer_left_s(part: Mapping[str, Any], device_time_s: float | None) -> float | None:
    """Only while a timer runs does the device tell it, by its own clock."""
    started_s, duration_s = number(part.get("timer_started_at")), number(part.get("timer_duration"))
    if started_s is None or duration_s is None or device_time_s is None:
        return None
    return max(started_s + duration_s - device_time_s, 0.0)
