"""What `doctor` looks at in the relays that carry miners: what they may carry, and what they do after a power cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.device import DeviceDetails
from energy.site import Device, Miner, Site
from energy.units import format_power

MAINS_V = 240.0  # North America's split phase, on which miners run; what a rating in amperes is worth there
_SAFE_STATES = ("off", None)


def relay_warnings(site: Site, details: Mapping[str, DeviceDetails]) -> Iterator[tuple[str, str]]:
    """(miner id, warning) for every relay that may be too weak for its miner, or may switch it on by itself.

    `details` is what the relays told of themselves, by device id; one that was not reached is judged by the site's
    settings alone.
    """
    for miner in site.miner:
        device = site.device_by_id(miner.device)
        if device is None:
            continue
        told = details[device.id].settings if device.id in details else {}
        prefix = f"channel_{miner.channel}"
        yield from _too_weak(miner, device, told, prefix)
        state = told.get(f"{prefix}_initial_state")
        if state not in _SAFE_STATES:
            yield (
                miner.id,
                f'after a power cut {device.id} channel {miner.channel} comes back as "{state}"; set its power-on '
                "default to off, so that a miner never starts unasked",
            )
        if told.get(f"{prefix}_auto_on_s"):
            yield (
                miner.id,
                f"{device.id} channel {miner.channel} switches itself on again (auto on); switch that off on the relay",
            )


def _too_weak(miner: Miner, device: Device, told: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    rated_a, limit_w = told.get(f"{prefix}_rated_a"), told.get(f"{prefix}_power_limit_w")
    draws = f"{miner.name} draws {format_power(miner.power_w)}"
    contactor = "put a contactor of enough rating behind it and set rated_w to what that carries"
    if device.rated_w is not None:
        if device.rated_w < miner.power_w:
            yield miner.id, f"{draws}, {device.id} carries {format_power(device.rated_w)} (rated_w); {contactor}"
    elif told and not isinstance(rated_a, float):
        yield miner.id, f"{draws}, and what {device.id} may carry is unknown (rating unknown: set rated_w)"
    elif isinstance(rated_a, float) and rated_a * MAINS_V < miner.power_w:
        carries = f"{rated_a:g} A, {format_power(rated_a * MAINS_V)} at {MAINS_V:g} V"
        yield miner.id, f"{draws}, {device.id} is rated for {carries}; {contactor}"
    if isinstance(limit_w, float) and limit_w < miner.power_w:
        yield miner.id, f"{draws}, but {device.id} trips at {format_power(limit_w)} (its own power limit)"
