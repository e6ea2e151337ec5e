"""The ports of a device: what the worker needs from a connector, and the secrets that a connector needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol, TypeAlias, runtime_checkable

from pydantic import SecretStr

from energy.reading import Reading

Clock: TypeAlias = Callable[[], datetime]
SettingValue: TypeAlias = float | bool | str | None


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DeviceSecrets:
    """What opens a device. All are optional: a relay may have no password."""

    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None

    @classmethod
    def from_environment(cls, device_id: str, environment: Mapping[str, str]) -> DeviceSecrets:
        """The secrets of `device_id` out of `<DEVICE_ID>_USERNAME`, `_PASSWORD` and `_TOKEN`; empty means none."""
        prefix = variable_prefix(device_id)
        password, token = environment.get(f"{prefix}_PASSWORD"), environment.get(f"{prefix}_TOKEN")
        return cls(
            username=environment.get(f"{prefix}_USERNAME") or None,
            password=SecretStr(password) if password else None,
            token=SecretStr(token) if token else None,
        )


def variable_prefix(device_id: str) -> str:
    """How the names of the environment variables of this device begin: `garage-2` gives `GARAGE_2`."""
    return device_id.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """What a device is and how it is set. `settings` has the unit in each name (`slot_1_reserve_pct`).

    `serial_tail` is the last four characters: enough to tell two devices apart, too little to register one.
    """

    device_id: str
    kind: str
    model: str | None
    firmware: str | None
    serial_tail: str | None
    taken_at: datetime
    settings: Mapping[str, SettingValue] = field(default_factory=dict)


@runtime_checkable
class Connected(Protocol):
    """Any device: who it is, what it is, and the end of the connection."""

    @property
    def device_id(self) -> str: ...

    @property
    def source(self) -> str: ...

    async def details(self) -> DeviceDetails: ...

    async def close(self) -> None: ...


@runtime_checkable
class PolledDevice(Connected, Protocol):
    """A device that answers when asked. `read` raises a `ConnectorError`; an empty list means: nothing new is known."""

    async def read(self) -> list[Reading]: ...


@runtime_checkable
class StreamedDevice(Connected, Protocol):
    """A device that speaks by itself. Iterating connects; it raises a `ConnectorError` when the connection is lost."""

    def readings(self) -> AsyncIterator[Reading]: ...


@runtime_checkable
class DaySeries(Protocol):
    """A device whose vendor keeps the history: all readings of one local calendar day, quality BACKFILLED."""

    async def day(self, day: date) -> list[Reading]: ...


@dataclass(frozen=True, slots=True)
class Channel:
    """One switch of a relay. `energy_kwh` is its counter's total, which may begin again at 0 when the relay restarts.

    `timer_left_s` runs until the device flips the switch back by itself; a device whose clock is not set cannot tell
    it, only that a timer of `timer_s` in all is running. `switched_by` is the relay's own word for what switched it
    last (`http`, `HTTP_in`, `timer`, `button`, `switch`, `input`, `init`). A relay without a meter has no power figure
    at all: that is None, and a metered channel that is off is 0.
    """

    channel: int
    on: bool | None
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    energy_kwh: float | None
    temperature_c: float | None
    timer_left_s: float | None
    switched_by: str | None
    errors: tuple[str, ...]
    timer_s: float | None = None

    @property
    def metered(self) -> bool:
        """Whether the channel can tell its power."""
        return self.power_w is not None


@runtime_checkable
class SwitchedDevice(Protocol):
    """A relay. Every switch-on carries its end: when nobody renews it, the relay itself switches off.

    Both commands raise a `ConnectorError`; only `Unreachable` without `maybe_done` says that surely nothing was done.
    After any other, and after a command that came through as well, the caller reads the channel back. Neither command
    is ever repeated by the connector. Switching on what is on already starts its timer again.
    """

    @property
    def device_id(self) -> str: ...

    async def channels(self) -> tuple[Channel, ...]: ...

    async def switch_on(self, channel: int, *, off_after_s: float) -> None: ...

    async def switch_off(self, channel: int) -> None: ...


@runtime_checkable
class MinerApi(Protocol):
    """The gentle way to stop a miner and to let it hash again. What it answers is a promise: watch its power."""

    async def stop(self) -> None: ...

    async def resume(self) -> None: ...

    async def hashrate_ths(self) -> float | None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class GridChargeSlot:
    """One slot of the inverter's day plan. `start` is local "HH:MM"; it lasts until the next slot's start."""

    slot: int
    start: str | None
    grid_charge: bool | None


@dataclass(frozen=True, slots=True)
class GridCharge:
    """Whether the battery may be charged from the grid in any slot of the inverter's day plan; None = not told."""

    enabled: bool | None
    slots: tuple[GridChargeSlot, ...]


@runtime_checkable
class InverterSettings(Protocol):
    """The settings of an inverter that we may write. `set_grid_charge` gives what was read back, or raises."""

    async def grid_charge(self) -> GridCharge: ...

    async def set_grid_charge(self, on: bool) -> GridCharge: ...
