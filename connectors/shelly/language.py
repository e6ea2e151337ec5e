"""What the generations of Shelly have in common: the port that each of their languages fills, and their remedies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.device import Channel, SettingValue, variable_prefix
from connectors.http import Remedies


@dataclass(frozen=True, slots=True)
class Identity:
    """What a Shelly says about itself to anybody, at `/shelly`."""

    generation: int
    model: str | None
    firmware: str | None
    serial: str | None
    wants_login: bool
    meters: int | None  # told by the first generation only


class Language(Protocol):
    """One generation's way to be asked and told. Requests queue: a device is asked one thing at a time."""

    async def channels(self) -> tuple[Channel, ...]: ...

    async def switch(self, channel: int, on: bool, *, off_after_s: float | None) -> None:
        """Send the command once; nothing is repeated. `off_after_s` goes with `on` alone."""

    async def settings(self, known: Sequence[Channel]) -> Mapping[str, SettingValue]: ...

    async def close(self) -> None: ...


def device_name(device_id: str) -> str:
    """How messages call the device."""
    return f"Shelly relay ({device_id})"


def remedies_of(device_id: str) -> Remedies:
    """What a person can do about a relay."""
    prefix = variable_prefix(device_id)
    return Remedies(
        unreachable="check that it has power and WiFi, and its host in commandcenter.toml",
        credentials=f"set {prefix}_PASSWORD to the password of the relay's web page",
    )


def no_such_channel(name: str, channel: int) -> str:
    """The message for a channel that the relay does not have."""
    return f"{name} has no channel {channel}; check device and channel of the miner in commandcenter.toml"


def told(listed: Mapping[str, Any]) -> dict[str, SettingValue]:
    """The settings that the device tells, without the ones that it does not."""
    return {name: value for name, value in listed.items() if value is not None}
