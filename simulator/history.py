"""The virtual site's past as readings, the way that the connectors would have stored them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from energy.reading import Reading
from energy.site import Device, Site
from simulator.physics import PhysicalState, Scenario, VirtualSite, Wiring
from simulator.scenarios import SCENARIOS

_SOURCES = {"solark_cloud": "solark", "victron_mqtt": "victron", "shelly": "shelly"}
_IDLE_W = 1.0


def virtual_site(
    site: Site,
    *,
    seed: int,
    end: datetime,
    days: int = 30,
    wiring: Wiring = "solark",
    scenario: Scenario = SCENARIOS["sunny"],
) -> VirtualSite:
    """The world that `history` with the same arguments tells of; it lives on after `end`."""
    return VirtualSite(site, seed=seed, start=end - timedelta(days=days), wiring=wiring, scenario=scenario)


def history(
    site: Site,
    *,
    seed: int,
    end: datetime,
    days: int = 30,
    step_s: int = 300,
    wiring: Wiring = "solark",
    scenario: Scenario = SCENARIOS["sunny"],
) -> list[Reading]:
    """Readings of all the site's devices in the `days` before `end` (aware), every `step_s`, in time order."""
    world = virtual_site(site, seed=seed, end=end, days=days, wiring=wiring, scenario=scenario)
    return readings(world, world.start, end, step_s=step_s)


def readings(world: VirtualSite, start: datetime, end: datetime, *, step_s: int = 300) -> list[Reading]:
    """Readings of all devices of `world` at the multiples of `step_s` in [start, end], in time order."""
    first_s = max(-int(-start.timestamp() // step_s), -(-world.start_s // step_s)) * step_s
    taken: list[Reading] = []
    for at_s in range(first_s, int(end.timestamp()) + 1, step_s):
        taken.extend(readings_at(world, datetime.fromtimestamp(at_s, UTC)))
    return taken


def readings_at(world: VirtualSite, at: datetime) -> Iterator[Reading]:
    """One reading per device of the site at `at`."""
    state = world.state_at(at)
    for device in world.site.device:
        if device.kind == "solark_cloud":
            yield _solark(world, device, state)
        elif device.kind == "victron_mqtt":
            yield _victron(world, device, state)
        elif device.kind == "shelly":
            yield _shelly(world, device, state)


def _solark(world: VirtualSite, device: Device, state: PhysicalState) -> Reading:
    return Reading(
        site_id=world.site.id,
        source=_SOURCES[device.kind],
        device_id=device.id,
        taken_at=state.at,
        soc_pct=float(round(state.solark_soc_pct)),
        battery_charge_w=float(round(state.solark_battery_charge_w)),
        solar_w=float(round(state.solar_w_solark)),
        load_w=float(round(state.load_w)),
        grid_import_w=float(round(state.grid_import_w)),
        generator_w=float(round(state.generator_w)),
        battery_voltage_v=round(state.battery_voltage_v, 1),
        battery_temperature_c=round(state.battery_temperature_c, 1),
        grid_present=state.grid_present if world.has_grid else None,
    )


def _victron(world: VirtualSite, device: Device, state: PhysicalState) -> Reading:
    return Reading(
        site_id=world.site.id,
        source=_SOURCES[device.kind],
        device_id=device.id,
        taken_at=state.at,
        soc_pct=round(state.soc_pct, 1),
        battery_charge_w=round(state.battery_charge_w, 1),
        solar_w=round(state.solar_w_victron, 1) if world.wiring == "both" else None,
        battery_voltage_v=round(state.battery_voltage_v, 2),
        battery_temperature_c=round(state.battery_temperature_c, 1),
        load_w=round(state.load_w, 1),
        grid_import_w=round(state.grid_import_w, 1) if world.site.grid.present else None,
        grid_present=state.grid_present if world.site.grid.present else None,
        inverter_state=_battery_state(state),
        fault_codes=(),
    )


def _battery_state(state: PhysicalState) -> str:
    """What a GX says of the system: it names what the battery does."""
    if abs(state.battery_charge_w) < _IDLE_W:
        return "idle"
    return "charging" if state.battery_charge_w > 0 else "discharging"


def _shelly(world: VirtualSite, device: Device, state: PhysicalState) -> Reading:
    metered = [miner.id for miner in world.site.miner if miner.device == device.id]
    return Reading(
        site_id=world.site.id,
        source=_SOURCES[device.kind],
        device_id=device.id,
        taken_at=state.at,
        miner_w=round(sum(state.miner_w[miner_id] for miner_id in metered), 1) if metered else None,
        fault_codes=(),
    )
