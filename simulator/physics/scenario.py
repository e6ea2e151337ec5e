"""What makes one virtual world differ from another: weather, grid, generator, habits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A world's conditions. Hours are local clock hours; shares are 0 to 1; SOC in %."""

    name: str
    description: str
    cloudiness: float = 0.25  # mean cloud cover
    cloud_variability: float = 1.0  # scale of the day-to-day and minute-to-minute swings
    load_scale: float = 1.0
    temperature_offset_c: float = 0.0
    initial_soc_pct: float = 62.0
    off_grid: bool = False  # no grid connection, whatever the site says
    outage_hours: tuple[tuple[float, float], ...] = ()  # (from, to) on every outage day
    outage_every_days: int = 1
    reserve_soc_pct: float = 20.0  # on the grid, the inverter keeps this much for an outage
    empty_soc_pct: float = 6.0  # off the grid, the BMS disconnects here
    generator_w: float = 0.0
    generator_start_soc_pct: float = 22.0
    generator_stop_soc_pct: float = 45.0
    automatic_miners: int = 1  # how many miners, by priority, follow the SOC on their own until someone switches them
