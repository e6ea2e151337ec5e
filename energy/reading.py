"""One device's measurements at one instant, in our signs, and the table of its fields.

Signs: `battery_charge_w` is positive while charging and negative while discharging; `grid_import_w` is positive
while importing and negative while exporting; every other power is positive towards the busbar (solar, generator)
or away from it (load, miners). `solar_w + grid_import_w + generator_w - load_w - battery_charge_w` is near 0.
None is unknown; zero is zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

ACCEPTED_CLOCK_SKEW = timedelta(minutes=2)


class Quality(StrEnum):
    """How far a reading can be trusted."""

    GOOD = "good"
    DEGRADED = "degraded"  # a direction was guessed, or a part was missing at the source
    BACKFILLED = "backfilled"  # from the vendor's series or a file, not seen live


class Kind(StrEnum):
    """What a field measures; decides its unit, its formatting and how periods of it are summed up."""

    POWER = "power"
    PERCENT = "percent"
    VOLTAGE = "voltage"
    TEMPERATURE = "temperature"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of `Reading`: its kind, the label that people see, and the range of physically possible values."""

    name: str
    kind: Kind
    label: str
    unit: str
    minimum: float = -math.inf
    maximum: float = math.inf


_POWER_LIMIT_W = 1_000_000.0
_TABLE = (
    Field("soc_pct", Kind.PERCENT, "Battery", "%", 0, 100),
    Field("battery_charge_w", Kind.POWER, "Battery charge", "W", -_POWER_LIMIT_W, _POWER_LIMIT_W),
    Field("solar_w", Kind.POWER, "Solar", "W", 0, _POWER_LIMIT_W),
    Field("load_w", Kind.POWER, "Load", "W", 0, _POWER_LIMIT_W),
    Field("grid_import_w", Kind.POWER, "Grid import", "W", -_POWER_LIMIT_W, _POWER_LIMIT_W),
    Field("generator_w", Kind.POWER, "Generator", "W", 0, _POWER_LIMIT_W),
    Field("battery_voltage_v", Kind.VOLTAGE, "Battery voltage", "V", 0, 1_000),
    Field("battery_temperature_c", Kind.TEMPERATURE, "Battery temperature", "°C", -60, 120),
    Field("miner_w", Kind.POWER, "Miners", "W", 0, _POWER_LIMIT_W),
    Field("grid_present", Kind.FLAG, "Grid present", ""),
    Field("inverter_state", Kind.TEXT, "Inverter state", ""),
    Field("fault_codes", Kind.TEXT, "Fault codes", ""),
)
FIELDS: MappingProxyType[str, Field] = MappingProxyType({field.name: field for field in _TABLE})
NUMERIC_FIELDS: tuple[str, ...] = tuple(f.name for f in _TABLE if f.kind not in (Kind.FLAG, Kind.TEXT))
POWER_FIELDS: tuple[str, ...] = tuple(f.name for f in _TABLE if f.kind is Kind.POWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Measurements of one device at `taken_at` (aware, UTC). Units are in the names, signs in the module's text."""

    site_id: str
    source: str
    device_id: str
    taken_at: datetime
    soc_pct: float | None = None
    battery_charge_w: float | None = None
    solar_w: float | None = None
    load_w: float | None = None
    grid_import_w: float | None = None
    generator_w: float | None = None
    battery_voltage_v: float | None = None
    battery_temperature_c: float | None = None
    miner_w: float | None = None
    grid_present: bool | None = None
    inverter_state: str | None = None
    fault_codes: tuple[str, ...] | None = None  # () = the device says that there are none
    quality: Quality = Quality.GOOD

    def __post_init__(self) -> None:
        if self.taken_at.tzinfo is None:
            raise ValueError("Reading.taken_at needs a time zone: pass an aware datetime, in UTC")

    @property
    def balance_w(self) -> float | None:
        """Power that the five flows do not explain; near 0 when the signs are right, None when a flow is unknown."""
        return balance_w(self)

    @property
    def base_load_w(self) -> float | None:
        """Load without the miners (W): what a load forecast learns. None when either is unknown."""
        if self.load_w is None or self.miner_w is None:
            return None
        return self.load_w - self.miner_w


READING_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Reading))


def balance_w(flows: Any) -> float | None:
    """`solar + import + generator - load - charge` in W of anything with those attributes.

    A generator that is not reported counts as none running; any other unknown flow makes the balance unknown.
    """
    known = (flows.solar_w, flows.grid_import_w, flows.load_w, flows.battery_charge_w)
    if any(value is None for value in known):
        return None
    solar_w, grid_import_w, load_w, battery_charge_w = known
    return float(solar_w + grid_import_w + (flows.generator_w or 0.0) - load_w - battery_charge_w)


def is_balanced(flows: Any, *, tolerance_share: float = 0.08, tolerance_w: float = 200.0) -> bool | None:
    """Whether the flows explain each other within 8 % of the largest plus 200 W (facts: SolArk flow payloads)."""
    unexplained_w = balance_w(flows)
    if unexplained_w is None:
        return None
    largest_w = max(abs(v) for v in (flows.solar_w, flows.grid_import_w, flows.load_w, flows.battery_charge_w))
    return bool(abs(unexplained_w) <= tolerance_share * largest_w + tolerance_w)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value that cannot be true: the field, and why in words that a person understands."""

    field: str
    reason: str


def sanitised(reading: Reading, *, now: datetime) -> tuple[Reading | None, tuple[Rejection, ...]]:
    """The reading with impossible values made unknown, and what was taken out.

    NaN and infinities become unknown; values outside the field's physical range are rejected; a reading from the
    future (more than 2 minutes after `now`, aware UTC) is quarantined whole: the first item is then None.
    """
    if reading.taken_at > now + ACCEPTED_CLOCK_SKEW:
        ahead_s = round((reading.taken_at - now).total_seconds())
        return None, (Rejection("taken_at", f"lies {ahead_s} s in the future; check the device's clock"),)
    rejections: list[Rejection] = []
    cleaned: dict[str, Any] = {}
    for name in NUMERIC_FIELDS:
        value = getattr(reading, name)
        if value is None:
            continue
        reason = impossible(FIELDS[name], value)
        if reason is not None:
            rejections.append(Rejection(name, reason))
            cleaned[name] = None
    if not cleaned:
        return reading, ()
    values = {column: getattr(reading, column) for column in READING_COLUMNS}
    return Reading(**(values | cleaned)), tuple(rejections)


def impossible(field: Field, value: float) -> str | None:
    """Why `value` cannot be a measurement of this field, or None when it can."""
    if not math.isfinite(value):
        return f"{value} is not a number"
    if not field.minimum <= value <= field.maximum:
        return f"{value:g} {field.unit} is outside {field.minimum:g} to {field.maximum:g}"
    return None
