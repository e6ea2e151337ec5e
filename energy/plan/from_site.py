"""A planning problem from a site's settings: battery, grid, inverter, prices and miners as the owner described them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.plan.prices import tariff_prices
from energy.plan.problem import (
    AsSet,
    BatteryState,
    Floats,
    GridState,
    InverterState,
    MinerPower,
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
from energy.voltage import soc_from_voltage

_USUAL_C_RATE = 0.5  # where the settings name no limit: half the capacity per hour


@dataclass(frozen=True)
class MinerNow:
    """What a miner did so far: on or off, for how many minutes, how many starts today; and what people want of it.

    `run_until_s`, `off_until_s`: somebody switched it by hand, and it stays so until then.
    """

    on: bool = False
    changed_ago_min: float = 1e6
    starts_today: int = 0
    run_hours: float = 0.0
    preference: Preference = "plan"
    run_until_s: int | None = None
    off_until_s: int | None = None


NO_MINERS_NOW: Mapping[str, MinerNow] = {}


def battery_of(
    site: Site,
    soc_pct: float,
    *,
    usable_kwh: float | None = None,
    taper: tuple[float, float] | None = None,
    reserve_pct: float | None = None,
) -> BatteryState | None:
    """The battery at this level; its hard floor is `min_soc_pct` and its reserve `safe_min_soc_pct`.

    `usable_kwh` and `taper` (from which level on it takes less, and how much at 100 %) are what was learned of it;
    `reserve_pct` is a person's own reserve, which counts where it is the higher one.
    """
    if site.battery is None:
        return None
    learned = {} if taper is None else {"taper_from_pct": taper[0], "taper_end_w": taper[1]}
    usual_w = _USUAL_C_RATE * site.battery.usable_kwh * 1_000.0
    return BatteryState(
        usable_kwh=site.battery.usable_kwh if usable_kwh is None else usable_kwh,
        soc_pct=soc_pct,
        hard_floor_pct=site.limits.min_soc_pct,
        reserve_pct=max(site.limits.safe_min_soc_pct, reserve_pct or 0.0),
        charge_w=usual_w if site.battery.max_charge_w is None else site.battery.max_charge_w,
        discharge_w=usual_w if site.battery.max_discharge_w is None else site.battery.max_discharge_w,
        wear_per_kwh=site.plan.wear_per_kwh,
        **learned,
    )


def grid_of(site: Site, *, charge_allowed: bool | None = None, outages: tuple[Outage, ...] = ()) -> GridState:
    """The grid as the settings allow it, with the outages announced there and those given. `charge_allowed` replaces
    the owner's `plan.grid_charge`."""
    allowed = site.plan.grid_charge if charge_allowed is None else charge_allowed
    return GridState(
        present=site.grid.present,
        import_allowed=site.grid.import_allowed,
        export_allowed=site.grid.export_allowed,
        charge_allowed=allowed and site.grid.import_allowed,
        max_import_w=site.grid.max_import_w,
        max_export_w=site.grid.max_export_w,
        outages=(*(Outage(*outage.span_s(site.zone)) for outage in site.plan.outage), *outages),
    )


def miner_of(
    site: Site, miner: Miner, now: MinerNow, steps: Steps, *, hashprice_per_phs_day: float | None = None
) -> MinerState:
    """A miner with what a kWh earns in it. Identical ones share model, power and hash rate.

    Where volts decide for it, its levels are those volts on the battery's curve; without a curve, its SOC levels.
    """
    allowed = None
    if miner.allowed_hours is not None:
        local = [datetime.fromtimestamp(start, UTC).astimezone(site.zone) for start in steps.starts_s.tolist()]
        allowed = np.array([in_hours(miner.allowed_hours, at.hour + at.minute / 60.0) for at in local])
    value = hash_value_per_kwh(
        site.economics.hashprice_per_phs_day if hashprice_per_phs_day is None else hashprice_per_phs_day,
        miner.hashrate_ths,
        miner.power_w,
        site.economics.pool_fee_pct,
    )
    start_pct, stop_pct = _levels(site, miner)
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
        start_soc_pct=start_pct,
        stop_soc_pct=max(stop_pct, site.limits.miner_min_soc_pct),
        priority=miner.priority,
        kind=f"{miner.model or ''}/{miner.power_w:g}/{miner.hashrate_ths:g}/{miner.priority}",
        run_hours=now.run_hours,
        preference="excess_solar" if now.preference == "plan" and miner.needs_excess_w > 0 else now.preference,
        allowed=allowed,
        max_temperature_c=miner.max_temperature_c,
        run_until_s=now.run_until_s,
        off_until_s=now.off_until_s,
        modes=tuple(MinerPower(mode.power_w, mode.hashrate_ths) for mode in miner.modes),
        ramp_min=miner.ramp_minutes,
        heat_value_per_kwh=miner.heat_value_per_kwh,
        heat_below_c=miner.heat_below_c,
        as_set=AsSet(
            hold_soc_pct=max(site.limits.miner_min_soc_pct, site.limits.min_soc_pct),
            start_soc_pct=start_pct,
            stop_soc_pct=stop_pct,
            needs_excess_w=miner.needs_excess_w,
            allowed=allowed,
        ),
    )


def _levels(site: Site, miner: Miner) -> tuple[float, float]:
    curve = site.battery.voltage_curve if site.battery is not None else ()
    if miner.start_voltage_v is None or miner.stop_voltage_v is None or not curve:
        return miner.start_soc_pct, miner.stop_soc_pct
    return soc_from_voltage(curve, miner.start_voltage_v), soc_from_voltage(curve, miner.stop_voltage_v)


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
    hashprice_per_phs_day: float | None = None,
    grid_charge_allowed: bool | None = None,
    grid_present: bool | None = None,
    outages: tuple[Outage, ...] = (),
    temperature_c: Floats | None = None,
    peak_so_far_w: float = 0.0,
    usable_kwh: float | None = None,
    taper: tuple[float, float] | None = None,
    reserve_pct: float | None = None,
    weights: Weights | None = None,
    notes: Sequence[str] = (),
) -> Problem:
    """The problem of a site now.

    `prices` replaces its tariff where hourly prices are known, `hashprice_per_phs_day` its own where a newer one is.
    `grid_present` is False while an outage lasts. `temperature_c` is outdoors, per step. `notes` stand in the plan.
    """
    base = tariff_prices(site.tariff, steps, site.zone) if prices is None else prices
    grid = grid_of(site, charge_allowed=grid_charge_allowed, outages=outages)
    if grid_present is not None:
        grid = replace(grid, present=grid.present and grid_present)
    return Problem(
        steps=steps,
        scenarios=scenarios,
        prices=replace(
            base,
            demand_per_kw=base.demand_per_kw or site.plan.demand_per_kw,
            peak_so_far_w=max(base.peak_so_far_w, peak_so_far_w),
        ),
        grid=grid,
        battery=battery_of(site, soc_pct, usable_kwh=usable_kwh, taper=taper, reserve_pct=reserve_pct),
        inverter=InverterState(site.inverter.max_output_w, site.inverter.islanded_max_w),
        miners=tuple(
            miner_of(site, m, miners.get(m.id, MinerNow()), steps, hashprice_per_phs_day=hashprice_per_phs_day)
            for m in site.miner
        ),
        weights=weights or Weights(),
        temperature_c=temperature_c,
        day_starts_s=day_starts_s(site, steps),
        zone=site.timezone,
        currency=site.economics.currency,
        notes=tuple(notes),
    )
