"""What battery and grid do in one step when the miners are decided: the inverter's own way, and money for it.

The load takes the sun first, then the battery down to its hard floor, then the grid; what is left of the sun charges
the battery, then is exported, then lost. Without a grid the house goes on below the floor; a replay counts that.
"""

from __future__ import annotations

from dataclasses import dataclass

from energy.plan.plan import BatteryMode
from energy.plan.problem import BatteryState, GridState, InverterState

_EPSILON_W = 1e-6


@dataclass(frozen=True)
class Flow:
    """Means of a step in W, all positive, and the energy in the battery at its end (kWh)."""

    charge_w: float
    discharge_w: float
    import_w: float
    export_w: float
    curtailed_w: float
    short_w: float
    soc_kwh: float


def dispatch(
    battery: BatteryState | None,
    grid: GridState,
    inverter: InverterState,
    *,
    grid_there: bool,
    soc_kwh: float,
    hours: float,
    solar_w: float,
    load_w: float,
    mode: BatteryMode = "self_use",
    grid_charge_w: float = 0.0,
) -> Flow:
    """The flows of one step. `hold` keeps the battery from discharging while the grid is there to take over."""
    may_import = grid_there and grid.import_allowed
    import_cap_w = (grid.max_import_w if grid.max_import_w is not None else 1e9) if may_import else 0.0
    export_cap_w = 0.0
    if grid_there and grid.export_allowed:
        export_cap_w = grid.max_export_w if grid.max_export_w is not None else 1e9
    limit_w = inverter.limit_w(grid_there)
    from_sun_w = min(solar_w, load_w, limit_w)
    missing_w, spare_w = load_w - from_sun_w, solar_w - from_sun_w
    charge_w = discharge_w = 0.0
    if battery is not None:
        floor_kwh = battery.kwh(battery.hard_floor_pct)
        stored_kwh = max(soc_kwh - (floor_kwh if may_import else 0.0), 0.0)
        gives_w = min(battery.discharge_w, stored_kwh * battery.discharge_efficiency / hours * 1_000.0)
        most_w = min(gives_w, max(limit_w - from_sun_w, 0.0))
        if missing_w > _EPSILON_W:
            held = mode != "self_use" and may_import
            discharge_w = min(missing_w, most_w) if not held else min(max(missing_w - import_cap_w, 0.0), most_w)
        room_kwh = max(battery.kwh(battery.max_soc_pct) - soc_kwh, 0.0)
        takes_w = min(battery.accepts_w(battery.pct(soc_kwh)), room_kwh / battery.charge_efficiency / hours * 1_000.0)
        charge_w = min(spare_w, takes_w)
        spare_w -= charge_w
        if mode == "grid_charge" and may_import and grid.charge_allowed and discharge_w == 0.0:
            extra_w = min(grid_charge_w - charge_w, takes_w - charge_w, import_cap_w - missing_w)
            charge_w, missing_w = charge_w + max(extra_w, 0.0), missing_w + max(extra_w, 0.0)
    missing_w = max(missing_w - discharge_w, 0.0)
    import_w = min(missing_w, import_cap_w)
    export_w = min(spare_w, export_cap_w, max(limit_w - from_sun_w, 0.0))
    if battery is not None:
        soc_kwh += (charge_w * battery.charge_efficiency - discharge_w / battery.discharge_efficiency) * hours / 1_000.0
    return Flow(charge_w, discharge_w, import_w, export_w, spare_w - export_w, missing_w - import_w, soc_kwh)
