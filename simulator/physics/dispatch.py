"""How power flows at one instant: the inverter's order of sources, the battery's limits, curtailment, load shedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

_TAPER_FROM_PCT = 92.0
_TAPER_FLOOR = 0.06  # share of the charge limit that is still taken just below full
STEP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """The limits that flows obey. Powers in W, energy in kWh, efficiencies one way (share)."""

    usable_kwh: float
    max_charge_w: float
    max_discharge_w: float
    charge_efficiency: float = 0.97
    discharge_efficiency: float = 0.97
    inverter_w: float = 15_000.0  # SolArk 15K: AC side
    export_allowed: bool = False
    max_import_w: float = 12_000.0
    reserve_soc_pct: float = 20.0
    empty_soc_pct: float = 6.0
    generator_w: float = 0.0

    def charge_limit_w(self, soc_pct: float) -> float:
        """What the battery takes at `soc_pct` (W): tapered near full, and never past full within one step."""
        room_w = (100.0 - soc_pct) / 100.0 * self.usable_kwh * 3_600_000.0 / STEP_S / self.charge_efficiency
        taper = 1.0
        if soc_pct > _TAPER_FROM_PCT:
            taper = max((100.0 - soc_pct) / (100.0 - _TAPER_FROM_PCT), _TAPER_FLOOR)
        return max(min(self.max_charge_w * taper, room_w), 0.0)

    def discharge_limit_w(self, soc_pct: float, floor_pct: float) -> float:
        """What the battery gives at `soc_pct` (W): nothing below the floor, and never past it within one step."""
        stock_w = (soc_pct - floor_pct) / 100.0 * self.usable_kwh * 3_600_000.0 / STEP_S * self.discharge_efficiency
        return max(min(self.max_discharge_w, stock_w), 0.0)

    def soc_change_pct(self, battery_charge_w: float, seconds: float) -> float:
        """How far `battery_charge_w` moves the SOC in `seconds`; conversion losses are inside."""
        stored_w = (
            battery_charge_w * self.charge_efficiency
            if battery_charge_w >= 0
            else battery_charge_w / self.discharge_efficiency
        )
        return stored_w * seconds / 36_000.0 / self.usable_kwh


class Flows(NamedTuple):
    """Flows at one instant (W), balanced. `miner_share` is 0 when the miners were shed for want of power."""

    solar_solark: float
    solar_victron: float
    load: float
    base_load: float
    miner_share: float
    battery_charge: float
    grid_import: float
    generator: float
    overload: bool


def dispatch(
    plant: Plant,
    soc_pct: float,
    solar_solark: float,
    solar_victron: float,
    base_load: float,
    miners: float,
    grid_up: bool,
    generator_on: bool,
    stuck_generator_w: float = 0.0,
    charge_share: float = 1.0,
) -> Flows:
    """Panels first, then battery, then grid; surplus goes to the battery, then is exported, then curtailed.

    With no grid and too little power the miners drop out first, then the house. What a stuck generator gives
    (`stuck_generator_w`) flows whether it is needed or not, as far as there is somewhere for it to go. `charge_share`
    is how much of its limit the battery takes at this moment: no charger holds a power to the watt.
    """
    if stuck_generator_w:
        return _with_stuck_generator(
            plant, soc_pct, solar_solark, solar_victron, base_load, miners, grid_up, stuck_generator_w, charge_share
        )
    charge_limit = plant.charge_limit_w(soc_pct) * charge_share
    floor = plant.reserve_soc_pct if grid_up else plant.empty_soc_pct
    discharge_limit = plant.discharge_limit_w(soc_pct, floor)
    solar_solark = min(solar_solark, plant.inverter_w)
    solar = solar_solark + solar_victron
    reach = solar + discharge_limit
    if grid_up:
        reach += plant.max_import_w
    elif generator_on:
        reach = min(reach + plant.generator_w, plant.inverter_w)
    else:
        reach = min(reach, plant.inverter_w)
    overload, miner_share = False, 1.0
    if base_load + miners > reach:
        overload, miner_share, miners = True, 0.0, 0.0
        base_load = min(base_load, reach)
    load = base_load + miners
    generator = 0.0
    if generator_on and not grid_up:
        generator = min(plant.generator_w, max(charge_limit + load - solar, 0.0))
    surplus = solar + generator - load
    grid = 0.0
    if surplus >= 0.0:
        battery = min(surplus, charge_limit)
        surplus -= battery
        if surplus > 0.0:
            if grid_up and plant.export_allowed:
                grid = -min(surplus, plant.inverter_w)
                surplus += grid
            if surplus > 0.0 and solar > 0.0:
                kept = max(1.0 - surplus / solar, 0.0)
                solar_solark *= kept
                solar_victron *= kept
    else:
        battery = -min(-surplus, discharge_limit)
        if grid_up:
            grid = -surplus + battery
    # the last flow closes the balance, so that it is exact to float noise
    battery = solar_solark + solar_victron + generator + grid - load
    return Flows(solar_solark, solar_victron, load, base_load, miner_share, battery, grid, generator, overload)


def _with_stuck_generator(
    plant: Plant,
    soc_pct: float,
    solar_solark: float,
    solar_victron: float,
    base_load: float,
    miners: float,
    grid_up: bool,
    generator_w: float,
    charge_share: float,
) -> Flows:
    """As if that much of the load were not there; the rest of its power fills the battery."""
    load = base_load + miners
    charge_limit = plant.charge_limit_w(soc_pct) * charge_share
    taken = min(generator_w, load + charge_limit)
    served = min(taken, load)
    miners_left = max(miners - served, 0.0)
    flows = dispatch(
        plant,
        soc_pct,
        solar_solark,
        solar_victron,
        max(base_load - max(served - miners, 0.0), 0.0),
        miners_left,
        grid_up,
        False,
        charge_share=charge_share,
    )
    room_w = max(charge_limit - max(flows.battery_charge, 0.0), 0.0)
    into_battery = min(taken - served, room_w)
    generator = served + into_battery
    return flows._replace(
        load=flows.load + served,
        base_load=base_load,
        miner_share=1.0 if miners_left == 0.0 else flows.miner_share,
        battery_charge=flows.battery_charge + into_battery,
        generator=generator,
    )
