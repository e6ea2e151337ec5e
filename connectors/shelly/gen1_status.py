"""Status and settings of a first-generation Shelly by channel. Pure.

Its counter is in Watt-minutes and begins again at 0 when the device restarts. Models without a meter show one all the
same, with a power of 0 and no counter: that is no measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.device import Channel, SettingValue
from connectors.numbers import flag, number, objects, text
from connectors.shelly.language import told
from connectors.shelly.models import RATED_A

WATT_MINUTES_PER_KWH = 60_000.0


def channels(status: Mapping[str, Any], *, meters: int | None = None) -> tuple[Channel, ...]:
    """The relays of `/status`, by number. `meters` is how many the device says that it has (`num_meters`)."""
    relays, shown = objects(status.get("relays")), objects(status.get("meters"))
    # fewer meters than relays (Shelly 2) measure several of them together: then none has a figure of its own
    own_meters = len(shown) >= len(relays) and (meters is None or meters >= len(relays))
    voltage_v = number(status.get("voltage"))
    temperature_c = number(status.get("temperature"))
    hot = flag(status.get("overtemperature")) is True
    found = []
    for index, relay in enumerate(relays):
        meter = shown[index] if own_meters else {}
        total = number(meter.get("total"))
        measured = total is not None and flag(meter.get("is_valid")) is True
        found.append(
            Channel(
                channel=index,
                on=flag(relay.get("ison")),
                power_w=number(meter.get("power")) if measured else None,
                voltage_v=voltage_v,
                current_a=None,
                energy_kwh=total / WATT_MINUTES_PER_KWH if measured and total is not None else None,
                temperature_c=temperature_c,
                timer_left_s=_timer_left_s(relay),
                switched_by=text(relay.get("source")),
                errors=_errors(relay, hot=hot),
            )
        )
    return tuple(found)


def settings(block: Mapping[str, Any], known: Sequence[Channel], model: str | None) -> dict[str, SettingValue]:
    """What `/settings` says about the relays, and how they stand; nothing about the network."""
    kept = objects(block.get("relays"))
    listed: dict[str, SettingValue] = {}
    for channel in known:
        prefix = f"channel_{channel.channel}"
        part = kept[channel.channel] if channel.channel < len(kept) else {}
        limit_w = number(part.get("max_power"))
        listed |= {
            f"{prefix}_name": text(part.get("name")),
            f"{prefix}_on": channel.on,
            f"{prefix}_metered": channel.metered,
            f"{prefix}_initial_state": text(part.get("default_state")),
            f"{prefix}_auto_off_s": number(part.get("auto_off")) or None,  # 0: none
            f"{prefix}_auto_on_s": number(part.get("auto_on")) or None,
            f"{prefix}_power_limit_w": number(block.get("max_power")) if limit_w is None else limit_w,
            f"{prefix}_rated_a": RATED_A.get(model or ""),
            f"{prefix}_timer_left_s": channel.timer_left_s,
            f"{prefix}_energy_kwh": channel.energy_kwh,
            f"{prefix}_temperature_c": channel.temperature_c,
        }
    return told(listed)


def _timer_left_s(relay: Mapping[str, Any]) -> float | None:
    return number(relay.get("timer_remaining")) if flag(relay.get("has_timer")) is True else None


def _errors(relay: Mapping[str, Any], *, hot: bool) -> tuple[str, ...]:
    """In the second generation's words."""
    found = {
        "overpower": flag(relay.get("overpower")) is True,
        "overtemp": hot or flag(relay.get("overtemperature")) is True,
    }
    return tuple(error for error, present in found.items() if present)
