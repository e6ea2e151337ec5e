"""The D-Bus tree of a virtual Cerbo GX as MQTT sees it: every path of every service, from the physics of one instant.

Signs are Victron's: battery + = charging, grid + = import. Numbers carry float32 noise, as the real ones do.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from energy.site import Site
from simulator.victron.ports import State

Value = float | int | str | None

BATTERY, CHARGER, METER, INVERTER = "battery/512", "solarcharger/289", "grid/30", "vebus/276"
FIRMWARE = "v3.70"
_PHASES = ("L1", "L2", "L3")
_MAINS_V = 230.0
_IDLE_W = 30.0  # systemcalc calls the battery idle within this
# What stays known when a measurement fails: who the device is, and its settings.
_IDENTITY = frozenset(("ProductId", "ProductName", "CustomName", "FirmwareVersion", "Serial", "Connected"))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value with the range that a setting carries; `choices` are the only values a write may set, if given."""

    value: Value
    minimum: float | None = None
    maximum: float | None = None
    writable: bool = False
    choices: tuple[int, ...] = ()

    def accepts(self, value: object) -> bool:
        """Whether the GX would take `value` from a W message."""
        if not self.writable or isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.choices:
            return value in self.choices
        low, high = self.minimum, self.maximum
        return (low is None or value >= low) and (high is None or value <= high)


@dataclass(frozen=True, slots=True)
class Wiring:
    """How this GX is connected: AC phases, whether panels hang on its own charger, and the share (0..1) of the
    panels that hang on an AC-coupled inverter at the output instead."""

    phases: int = 1
    chargers: bool = True
    ac_coupled_share: float = 0.0


@dataclass(slots=True)
class Counters:
    """Energy counters in kWh; the meters count, so that the tree stays a function of one instant."""

    bought: float = 1234.5
    sold: float = 345.6
    charged: float = 2345.6
    discharged: float = 2222.2
    harvested: float = 5678.9
    harvested_today: float = 0.0
    day: int = field(default=0)

    def count(self, state: State, *, hours: float, day: int) -> None:
        """Add `hours` of the powers of `state`; `day` is any number that changes at local midnight."""
        if day != self.day:
            self.day, self.harvested_today = day, 0.0
        kilowatt_hours = hours / 1000
        self.bought += max(state.grid_import_w, 0) * kilowatt_hours
        self.sold += max(-state.grid_import_w, 0) * kilowatt_hours
        self.charged += max(state.battery_charge_w, 0) * kilowatt_hours
        self.discharged += max(-state.battery_charge_w, 0) * kilowatt_hours
        self.harvested += state.solar_w_victron * kilowatt_hours
        self.harvested_today += state.solar_w_victron * kilowatt_hours


def leaves(site: Site, state: State, wiring: Wiring, counters: Counters, portal_id: str) -> dict[str, Leaf]:
    """Every path below `N/<portal>/` with its value: system, battery, charger, grid meter, inverter, settings."""
    dc_solar_w = state.solar_w_victron * (1 - wiring.ac_coupled_share)
    tree = _system(site, state, wiring, dc_solar_w, portal_id) | _battery(state, counters)
    if wiring.chargers:
        tree |= _charger(state, counters, dc_solar_w)
    if site.grid.present:
        tree |= _meter(state, wiring, counters)
    return tree | _inverter(site, state, wiring) | _platform(site)


def nulled(tree: Mapping[str, Leaf]) -> dict[str, Leaf]:
    """The tree of a GX that has lost its measurements: everything null but identities and settings."""
    keep = ("settings/", "platform/")
    return {
        path: leaf if path.startswith(keep) or path.rsplit("/", 1)[-1] in _IDENTITY else Leaf(None)
        for path, leaf in tree.items()
    }


def _float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _of(service: str, values: Mapping[str, Value]) -> dict[str, Leaf]:
    return {
        f"{service}/{path}": Leaf(_float32(value) if isinstance(value, float) else value)
        for path, value in values.items()
    }


def _per_phase(prefix: str, total_w: float | None, phases: int, suffix: str = "/Power") -> dict[str, Value]:
    share = None if total_w is None else total_w / phases
    return {f"{prefix}/{name}{suffix}": share if n < phases else None for n, name in enumerate(_PHASES)}


def _system(site: Site, state: State, wiring: Wiring, dc_solar_w: float, portal_id: str) -> dict[str, Leaf]:
    phases, volts, charge_w = wiring.phases, state.battery_voltage_v, state.battery_charge_w
    grid_w = state.grid_import_w if site.grid.present else None
    ac_solar_w = state.solar_w_victron - dc_solar_w if wiring.ac_coupled_share else None
    capacity_ah = _capacity_ah(site)
    values: dict[str, Value] = {
        "Serial": portal_id,
        "SystemType": "ESS",
        "SystemState/State": _system_state(state),
        "Dc/Battery/Soc": float(state.soc_pct),
        "Dc/Battery/Power": float(charge_w),
        "Dc/Battery/Voltage": float(volts),
        "Dc/Battery/Current": charge_w / volts,
        "Dc/Battery/Temperature": float(state.battery_temperature_c),
        "Dc/Battery/State": _battery_state(charge_w),
        "Dc/Battery/TimeToGo": _time_to_go_s(state, capacity_ah),
        "Dc/Battery/ConsumedAmphours": -capacity_ah * (1 - state.soc_pct / 100),
        "Dc/Battery/BatteryService": "com.victronenergy.battery/512",
        "Dc/Pv/Power": dc_solar_w if wiring.chargers else None,
        "Dc/Pv/Current": dc_solar_w / volts if wiring.chargers else None,
        "Dc/System/Power": None,
        "Ac/ActiveIn/Source": _source(site, state),
        "Ac/Grid/NumberOfPhases": phases if site.grid.present else None,
        "Ac/Consumption/NumberOfPhases": phases,
        "Ac/ConsumptionOnOutput/NumberOfPhases": phases,
        "Ac/Genset/NumberOfPhases": phases if state.generator_w else None,
        "Ac/PvOnOutput/NumberOfPhases": phases if ac_solar_w is not None else None,
    }
    for prefix, total_w in (
        ("Ac/Grid", grid_w),
        ("Ac/Consumption", state.load_w),
        ("Ac/ConsumptionOnOutput", state.load_w),
        ("Ac/Genset", state.generator_w if state.generator_w else None),
        ("Ac/PvOnOutput", ac_solar_w),
        ("Ac/PvOnGrid", None),
        ("Ac/PvOnGenset", None),
    ):
        values |= _per_phase(prefix, total_w, phases)
    tree = _of("system/0", values)
    for relay in (0, 1):
        tree[f"system/0/Relay/{relay}/State"] = Leaf(0, writable=True, choices=(0, 1))
    return tree


def _battery(state: State, counters: Counters) -> dict[str, Leaf]:
    values: dict[str, Value] = {
        "ProductId": 0xA389,
        "ProductName": "SmartShunt 500A/50mV",
        "CustomName": "House bank",
        "FirmwareVersion": 0x0419,
        "Serial": "HQ2135ABCDE",
        "Connected": 1,
        "Soc": float(state.soc_pct),
        "Dc/0/Voltage": float(state.battery_voltage_v),
        "Dc/0/Current": state.battery_charge_w / state.battery_voltage_v,
        "Dc/0/Power": float(state.battery_charge_w),
        "Dc/0/Temperature": float(state.battery_temperature_c),
        "History/ChargedEnergy": counters.charged,
        "History/DischargedEnergy": counters.discharged,
        "Info/MaxChargeCurrent": None,
        "Alarms/LowVoltage": 0,
        "Alarms/HighVoltage": 0,
        "Alarms/LowSoc": 0,
        "Alarms/HighTemperature": 0,
    }
    return _of(BATTERY, values)


def _charger(state: State, counters: Counters, dc_solar_w: float) -> dict[str, Leaf]:
    values: dict[str, Value] = {
        "ProductId": 0xA060,
        "ProductName": "SmartSolar MPPT 150/100",
        "CustomName": "Barn roof",
        "FirmwareVersion": 0x0164,
        "Serial": "HQ2046FGHIJ",
        "Connected": 1,
        "State": 3 if dc_solar_w > 0 else 0,
        "ErrorCode": 0,
        "Yield/Power": dc_solar_w,
        "Yield/User": counters.harvested,
        "Yield/System": counters.harvested,
        "History/Daily/0/Yield": counters.harvested_today,
        "Dc/0/Voltage": float(state.battery_voltage_v),
        "Dc/0/Current": dc_solar_w / state.battery_voltage_v,
        "Pv/V": 110.0 if dc_solar_w > 0 else 5.0,
    }
    return _of(CHARGER, values)


def _meter(state: State, wiring: Wiring, counters: Counters) -> dict[str, Leaf]:
    mains_v = _MAINS_V if state.grid_present else 0.0
    values: dict[str, Value] = {
        "ProductId": 0xB017,
        "ProductName": "Carlo Gavazzi EM24 Ethernet Energy Meter",
        "CustomName": "Grid meter",
        "Serial": "BN1720KLMNO",
        "Connected": 1,
        "ErrorCode": 0,
        "Ac/Power": float(state.grid_import_w),
        "Ac/Energy/Forward": counters.bought,
        "Ac/Energy/Reverse": counters.sold,
    }
    values |= _per_phase("Ac", state.grid_import_w, wiring.phases)
    values |= _per_phase("Ac", mains_v * wiring.phases, wiring.phases, "/Voltage")
    return _of(METER, values)


def _inverter(site: Site, state: State, wiring: Wiring) -> dict[str, Leaf]:
    lost = site.grid.present and state.grid_present is False
    values: dict[str, Value] = {
        "ProductId": 0x2629,
        "ProductName": "MultiPlus-II 48/5000/70-50",
        "CustomName": "Multi",
        "FirmwareVersion": 0x0502,
        "Serial": "HQ2208PQRST",
        "Connected": 1,
        "State": _system_state(state),
        "VebusError": 0,
        "Alarms/GridLost": 2 if lost else 0,
        "Alarms/LowBattery": 0,
        "Alarms/Overload": 0,
        "Alarms/HighTemperature": 0,
        "Dc/0/Voltage": float(state.battery_voltage_v),
    }
    values |= _per_phase("Ac/Out", state.load_w, wiring.phases, "/P")
    tree = _of(INVERTER, values)
    tree[f"{INVERTER}/Mode"] = Leaf(3, writable=True, choices=(1, 2, 3, 4))
    tree[f"{INVERTER}/Hub4/L1/AcPowerSetpoint"] = Leaf(0, -32768, 32767, writable=True)
    return tree


def _platform(site: Site) -> dict[str, Leaf]:
    settings = "settings/0/Settings"
    return {
        "platform/0/Firmware/Installed/Version": Leaf(FIRMWARE),
        "platform/0/Device/Model": Leaf("Cerbo GX"),
        f"{settings}/CGwacs/BatteryLife/MinimumSocLimit": Leaf(site.limits.min_soc_pct, 0, 100, writable=True),
        f"{settings}/CGwacs/BatteryLife/State": Leaf(10, 0, 12, writable=True, choices=(1, 9, 10)),
        f"{settings}/CGwacs/AcPowerSetPoint": Leaf(50, -100000, 100000, writable=True),
        f"{settings}/CGwacs/Hub4Mode": Leaf(1, 0, 3, writable=True),
        f"{settings}/SystemSetup/MaxChargeCurrent": Leaf(-1, -1, 10000, writable=True),
        f"{settings}/SystemSetup/AcInput1": Leaf(1 if site.grid.present else 2, 0, 3),
        f"{settings}/SystemSetup/SystemName": Leaf(site.name),
    }


def _capacity_ah(site: Site) -> float:
    return (site.battery.usable_kwh if site.battery else 10.0) * 1000 / 51.2


def _time_to_go_s(state: State, capacity_ah: float) -> int | None:
    if state.battery_charge_w >= -_IDLE_W:
        return None
    hours = capacity_ah * state.soc_pct / 100 / (-state.battery_charge_w / state.battery_voltage_v)
    return round(hours * 3600)


def _battery_state(charge_w: float) -> int:
    if abs(charge_w) <= _IDLE_W:
        return 0
    return 1 if charge_w > 0 else 2


def _source(site: Site, state: State) -> int:
    if state.generator_w > 0:
        return 2
    return 1 if site.grid.present and state.grid_present else 240


def _system_state(state: State) -> int:
    if state.battery_charge_w > _IDLE_W:
        return 3
    if state.battery_charge_w < -_IDLE_W:
        return 256
    return 5 if state.soc_pct >= 99 else 9
