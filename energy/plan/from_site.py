"""A planning problem from a site's settings: battery, grid, inverter, prices and miners as the owner described them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.plan.prices import tariff_prices
from energy.plan.problem import (
    BatteryState,
    GridState,
    InverterState,
    MinerState,
    Outage,
    Preference,
    Prices,
    Problem,
    Scenario,
    Steps,
    Weights,
    hash_value_per_kwh,
)
from energy.site import Miner, Site, in_hours

_USUAL_C_RATE = 0.5  # where the settings name no limit: half the capacity per hour


@dataclass(frozen=True)
class MinerNow:
    """What a miner did so far: on or off, for how many minutes, and how many starts today."""

    on: bool = False
    changed_ago_min: float = 1e6
    starts_today: int = 0
    run_hours: float = 0.0
    preference: Preference = "plan"


NO_MINERS_NOW: Mapping[str, MinerNow] = {}


def battery_of(site: Site, soc_pct: float) -> BatteryState | None:
    """The battery at this level; its hard floor is `min_soc_pct` and its reserve `safe_min_soc_pct`."""
    if site.battery is None:
        return None
    usual_w = _USUAL_C_RATE * site.battery.usable_kwh * 1_000.0
    return BatteryState(
        usable_kwh=site.battery.usable_kwh,
        soc_pct=soc_pct,
        hard_floor_pct=site.limits.min_soc_pct,
        reserve_pct=site.limits.safe_min_soc_pct,
        charge_w=usual_w if site.battery.max_charge_w is None else site.battery.max_charge_w,
        discharge_w=usual_w if site.battery.max_discharge_w is None else site.battery.max_discharge_w,
    )


def grid_of(site: Site, *, charge_allowed: bool = False, outages: tuple[Outage, ...] = ()) -> GridState:
    """The grid as the settings allow it; charging from it needs the owner's word as well."""
    return GridState(
        present=site.grid.present,
        import_allowed=site.grid.import_allowed,
        export_allowed=site.grid.export_allowed,
        charge_allowed=charge_allowed and site.grid.import_allowed,
        max_import_w=site.grid.max_import_w,
        outages=outages,
    )


def miner_of(site: Site, miner: Miner, now: MinerNow, steps: Steps) -> MinerState:
    """A miner with what a kWh earns in it. Identical ones share model, power and hash rate."""
    allowed = None
    if miner.allowed_hours is not None:
        local = [datetime.fromtimestamp(start, UTC).astimezone(site.zone) for start in steps.starts_s.tolist()]
        allowed = np.array([in_hours(miner.allowed_hours, at.hour + at.minute / 60.0) for at in local])
    value = hash_value_per_kwh(
        site.economics.hashprice_per_phs_day, miner.hashrate_ths, miner.power_w, site.economics.pool_fee_pct
    )
    return MinerState(
        id=miner.id,
        name=miner.name,
        power_w=miner.power_w,
        hashrate_ths=miner.hashrate_ths,
        hash_value_per_kwh=value,
        on=now.on,
        changed_ago_min=now.changed_ago_min,
        min_on_min=miner.min_on_minutes,
        min_off_min=miner.min_off_minutes,
        starts_left_today=max(miner.max_starts_per_day - now.starts_today, 0),
        max_starts_per_day=miner.max_starts_per_day,
        start_soc_pct=miner.start_soc_pct,
        stop_soc_pct=max(miner.stop_soc_pct, site.limits.miner_min_soc_pct),
        priority=miner.priority,
        kind=f"{miner.model or ''}/{miner.power_w:g}/{miner.hashrate_ths:g}/{miner.priority}",
        run_hours=now.run_hours,
        preference="excess_solar" if now.preference == "plan" and miner.needs_excess_w > 0 else now.preference,
        allowed=allowed,
    )


def day_starts_s(site: Site, steps: Steps) -> tuple[int, ...]:
    """The local midnights within the steps."""
    day = datetime.fromtimestamp(int(steps.starts_s[0]), UTC).astimezone(site.zone).date()
    midnights: list[int] = []
    while not midnights or midnights[-1] < steps.end_s:
        day += timedelta(days=1)
        midnights.append(int(datetime(day.year, day.month, day.day, tzinfo=site.zone).timestamp()))
    return tuple(midnights)


def problem_of(
    site: Site,
    steps: Steps,
    scenarios: tuple[Scenario, ...],
    *,
    soc_pct: float,
    miners: Mapping[str, MinerNow] = NO_MINERS_NOW,
    prices: Prices | None = None,
    grid_charge_allowed: bool = False,
    outages: tuple[Outage, ...] = (),
    weights: Weights | None = None,
) -> Problem:
    """The problem of a site now; `prices` replaces its tariff where hourly prices are known."""
    return Problem(
        steps=steps,
        scenarios=scenarios,
        prices=tariff_prices(site.tariff, steps, site.zone) if prices is None else prices,
        grid=grid_of(site, charge_allowed=grid_charge_allowed, outages=outages),
        battery=battery_of(site, soc_pct),
        inverter=InverterState(site.inverter.max_output_w, site.inverter.islanded_max_w),
        miners=tuple(miner_of(site, m, miners.get(m.id, MinerNow()), steps) for m in site.miner),
        weights=weights or Weights(),
        day_starts_s=day_starts_s(site, steps),
        zone=site.timezone,
        currency=site.economics.currency,
    )
