"""What the virtual site looks like at one instant, and its energy counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalState:
    """The whole site at `at` (aware UTC), in our signs: battery + = charging, grid + = import.

    `solar_w + grid_import_w + generator_w - load_w - battery_charge_w` is 0 to float noise. In the wiring "both",
    the Victron's share of the solar power flows to the battery's busbar directly: the shunt sees
    `battery_charge_w`, the SolArk's own battery terminal sees `solark_battery_charge_w`.
    """

    at: datetime
    solar_w_solark: float
    solar_w_victron: float
    solar_available_w: float  # what the panels could give; more than solar_w while the inverter curtails
    load_w: float  # miners included
    base_load_w: float
    miner_w: Mapping[str, float]  # by miner id
    battery_charge_w: float
    soc_pct: float  # as the shunt counts it, which is right
    solark_soc_pct: float  # as the SolArk believes, which drifts
    battery_voltage_v: float
    battery_temperature_c: float
    grid_import_w: float
    grid_present: bool
    generator_w: float
    outside_temperature_c: float
    cloud_cover_pct: float
    ghi_w_m2: float
    inverter_state: str  # "on-grid" | "off-grid" | "generator" | "overload"

    @property
    def solar_w(self) -> float:
        """Both halves of the panels (W)."""
        return self.solar_w_solark + self.solar_w_victron

    @property
    def solark_battery_charge_w(self) -> float:
        """Battery power at the SolArk's terminals (W, + = charging)."""
        return self.battery_charge_w - self.solar_w_victron

    @property
    def battery_current_a(self) -> float:
        """Current into the battery (A, + = charging)."""
        return self.battery_charge_w / self.battery_voltage_v


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyTotals:
    """Energy since the virtual site's start (kWh); every counter only rises."""

    solar_solark_kwh: float
    solar_victron_kwh: float
    load_kwh: float
    charge_kwh: float
    discharge_kwh: float
    solark_charge_kwh: float  # at the SolArk's battery terminals, see PhysicalState.solark_battery_charge_w
    solark_discharge_kwh: float
    import_kwh: float
    export_kwh: float
    generator_kwh: float
    miner_kwh: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayView:
    """A relay channel at one instant. The timer, while one runs, flips the output back at `timer_until_s` (epoch)."""

    on: bool
    since_s: float
    automatic: bool
    timer_started_s: float | None = None
    timer_until_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerView:
    """A miner at one instant. `up`: it has power and has booted, so that its own API answers."""

    up: bool
    up_for_s: float
    asleep: bool  # told to stop hashing, and not told otherwise since it has power
    power_w: float
    hashrate_ths: float
