"""How the battery is doing: what it holds, what is lost on the way, its cycles, what is left of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from energy.brief import BriefLine
from energy.series import Series
from energy.units import format_energy
from services.merging import merged_hours
from services.outlook_values import Nothing
from services.scope import Scope, require
from services.times_ahead import utc

if TYPE_CHECKING:
    from energy.cells.estimate import Estimate
    from energy.cells.health import Health
    from energy.site import Site

LOOKS_BACK = timedelta(days=90)
_HOUR_S = 3_600
_LEAST_HOURS = 48


@dataclass(frozen=True, slots=True)
class HealthView:
    """The battery's health, reckoned from hourly means of the last three months."""

    health: Health
    days: int


@dataclass(frozen=True, slots=True)
class HealthInputs:
    """What the health is reckoned from: hourly means, each at the middle of its hour."""

    soc: Series
    charge_w: Series
    temperature_c: Series | None
    surplus_w: Series | None


async def health_view(scope: Scope) -> HealthView | Nothing:
    """Capacity, efficiency, cycles and fade, out of what was measured."""
    inputs = await health_inputs(scope)
    if isinstance(inputs, Nothing):
        return inputs
    told = await asyncio.to_thread(reckon_health, scope.site, inputs)
    return HealthView(told, round((told.until_s - told.since_s) / 86_400))


async def health_inputs(scope: Scope) -> HealthInputs | Nothing:
    """What was measured of the battery in the last three months; or that it is too little."""
    require(scope, "viewer")
    if scope.site.battery is None:
        return Nothing("This site has no battery; the owner describes it in commandcenter.toml under [battery].")
    found = {field: await _hours(scope, field) for field in _FIELDS}
    soc, charge_w = found["soc_pct"], found["battery_charge_w"]
    if min(soc.times.size, charge_w.times.size) < _LEAST_HOURS:
        return Nothing("Too little was measured for that: level and flow of the battery over two days are needed.")
    temperature = found["battery_temperature_c"]
    return HealthInputs(
        soc,
        charge_w,
        temperature if temperature.times.size else None,
        _difference(found["solar_w"], found["load_w"]),
    )


def reckon_health(site: Site, inputs: HealthInputs) -> Health:
    """The health out of them; heavy, so beside the event loop."""
    from energy.cells.health import health

    return health(site, inputs.soc, inputs.charge_w, inputs.temperature_c, surplus_w=inputs.surplus_w)


def cells_values(found: Health) -> dict[str, Any]:
    """The figures of a night, as the scores keep them under "cells"; None is unknown."""
    fade, takes = found.fade, found.acceptance
    values: dict[str, Any] = {
        "scored": True,
        "since_s": found.since_s,
        "until_s": found.until_s,
        "rated_kwh": found.rated_kwh,
        "usable_kwh": _estimate(found.usable_kwh),
        "round_trip": _estimate(found.round_trip),
        "taper": None
        if takes is None
        else {"from_pct": takes.taper_from_pct, "end_w": round(takes.taper_end_w, 1), "count": takes.count},
        "full_cycles": round(found.cycles.full, 3),
        "seen_days": round(found.cycles.seen_days, 2),
        "wear_per_kwh": _rounded(found.wear_per_kwh),
        "cost_per_cycle": _rounded(found.cost_per_cycle),
        "yearly_cost": _rounded(found.yearly_cost),
        "remaining": None,
        "months": [],
        "notes": list(found.notes),
    }
    if fade is not None:
        values["remaining"] = {
            "pct": round(fade.remaining_pct, 2),
            "low": round(fade.low_pct, 2),
            "high": round(fade.high_pct, 2),
            "method": fade.method,
        }
        values["months"] = [
            {"at_s": p.at_s, "pct": round(p.pct, 2), "low": round(p.low_pct, 2), "high": round(p.high_pct, 2)}
            for p in fade.points
        ]
    return values


def _estimate(found: Estimate | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {
        "value": round(found.value, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "count": found.count,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


_FIELDS = ("soc_pct", "battery_charge_w", "battery_temperature_c", "solar_w", "load_w")


async def _hours(scope: Scope, field: str) -> Series:
    """Hourly means, each at the middle of its hour."""
    hours, source = await merged_hours(scope, field, scope.as_of - LOOKS_BACK, scope.as_of)
    times = np.array([hour.start_s + _HOUR_S // 2 for hour in hours], dtype=np.int64)
    values = np.array([hour.mean for hour in hours], dtype=np.float64)
    return Series(times, values, float(_HOUR_S), source or "")


def _difference(a: Series, b: Series) -> Series | None:
    times, at_a, at_b = np.intersect1d(a.times, b.times, return_indices=True)
    if not times.size:
        return None
    return Series(times, a.values[at_a] - b.values[at_b], float(_HOUR_S), "+".join(filter(None, (a.source, b.source))))


def health_lines(scope: Scope, view: HealthView) -> list[BriefLine]:
    """In up to six lines, the figure first; what cannot be told is said with why."""
    found, currency = view.health, scope.site.economics.currency
    lines: list[BriefLine] = []
    fade = found.fade
    if fade is not None:
        how = "measured" if fade.method == "measured" else "by what batteries of its kind usually lose"
        span = f", likely {fade.low_pct:.0f} to {fade.high_pct:.0f}"
        end = f"; 70 % about {utc(fade.end_of_life_s):%Y}" if fade.end_of_life_s is not None else ""
        lines.append(BriefLine(f"{fade.remaining_pct:.0f} % of its capacity is left", f"{span} ({how}){end}."))
    if found.usable_kwh is not None and found.rated_kwh is not None:
        held = found.usable_kwh
        lines.append(
            BriefLine(
                f"{format_energy(held.value)} usable",
                f", likely {held.low:.1f} to {held.high:.1f}, of {format_energy(found.rated_kwh)} as described.",
            )
        )
    if found.round_trip is not None:
        lines.append(BriefLine(f"{100 * found.round_trip.value:.0f} % comes back", " of what is charged."))
    cycles = found.cycles
    if cycles.seen_days >= 1:
        depth = f", {cycles.mean_depth_pct:.0f} % deep on average" if cycles.mean_depth_pct is not None else ""
        lines.append(BriefLine(f"{cycles.full:.1f} full cycles in {cycles.seen_days:.0f} days", f"{depth}."))
    if found.cost_per_cycle is not None and found.yearly_cost is not None:
        lines.append(
            BriefLine(
                f"{found.cost_per_cycle:.2f} {currency} a full cycle",
                f", {found.yearly_cost:,.0f} a year at this pace.",
            )
        )
    room = 6 - len(lines)
    return [*lines, *[BriefLine(note) for note in found.notes[: max(room, 0)]]]
