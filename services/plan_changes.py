"""What it would take for a miner to do something else than the plan says, and why it does not do what the plan says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from energy.plan.plan import PlanStep, Reason
from energy.site import Miner, Site
from energy.units import UnitPreferences, format_duration, format_energy, format_power
from services.outlook_values import PlanMode

if TYPE_CHECKING:
    from services.miners import MinerState

_BY_HAND = ("hand_on", "hand_off")


def would_change(site: Site, miner: Miner, step: PlanStep, ahead: Sequence[PlanStep], units: UnitPreferences) -> str:
    """A sentence of what it would take; "" where nothing is known to. `ahead` are the steps from this one on."""
    reason = step.miner_reasons.get(miner.id)
    if reason is None:
        return ""
    return (
        _keeps_on(site, miner, reason, units) if miner.id in step.on else _keeps_off(site, miner, reason, ahead, units)
    )


def _keeps_on(site: Site, miner: Miner, reason: Reason, units: UnitPreferences) -> str:
    earns = reason.figures.get("earns")
    match reason.code:
        case "always" | "run_until":
            return f"/miners auto {miner.id} gives it back to the plan."
        case "cheap_import" | "keeps_running" if earns is not None:
            return f"An import price above {earns:.2f} {site.economics.currency} a kWh would stop it."
        case "battery":
            level = f" or a battery near {miner.stop_soc_pct:.0f} %" if site.battery is not None else ""
            return f"Less sun to come than expected{level} would stop it."
        case "surplus":
            surplus_w = reason.figures.get("surplus_w", 0.0)
            spare_w = surplus_w - miner.power_w
            if spare_w <= 0:
                return f"Less than its {format_power(miner.power_w, units)} of surplus for long would stop it."
            return (
                f"{format_power(spare_w, units)} less sun, or as much more load, would leave it without full surplus."
            )
        case _:
            return ""


def _keeps_off(site: Site, miner: Miner, reason: Reason, ahead: Sequence[PlanStep], units: UnitPreferences) -> str:
    figures, currency = reason.figures, site.economics.currency
    missing_w = max(miner.power_w - max(figures.get("surplus_w", 0.0), 0.0), 0.0)
    earns = figures.get("earns", 0.0)
    match reason.code:
        case "hours":
            return f"It may run in its allowed hours, {miner.allowed_hours}."
        case "never":
            return f"/miners auto {miner.id} gives it to the plan, where its preference allows it."
        case "low_soc" | "start_soc":
            return _from_level(site, miner, ahead)
        case "hot":
            return "It may run when it is cooler."
        case "starts":
            return f"Its starts count anew at midnight; max_starts_per_day allows {miner.max_starts_per_day}."
        case "inverter":
            over_w = figures.get("load_w", 0.0) + miner.power_w - figures.get("limit_w", 0.0)
            return f"{format_power(max(over_w, 0.0), units)} less load would make room for it."
        case "excess_solar":
            return f"{format_power(missing_w, units)} more surplus would start it."
        case "reserve" if site.battery is not None and "lowest_pct" in figures:
            margin = (
                max(site.limits.safe_min_soc_pct + 1.0 - figures["lowest_pct"], 0.0) / 100 * site.battery.usable_kwh
            )
            hour = miner.power_w / 1_000.0
            return f"{format_energy(margin + hour)} more sun, or less load, would let it run for an hour."
        case "too_dear" if earns:
            return (
                f"{format_power(missing_w, units)} more surplus, or an import price below {earns:.2f} {currency}, "
                "would start it."
            )
        case "stored" if missing_w > 0:
            return f"{format_power(missing_w, units)} more surplus would start it."
        case "export" if earns:
            return f"An export price below {earns:.2f} {currency} would start it."
        case "battery_first":
            return "A surer forecast of sun, or a fuller battery, would start it."
        case _:
            return ""


def _from_level(site: Site, miner: Miner, ahead: Sequence[PlanStep]) -> str:
    """The level that lets it start, and when the plan reaches it."""
    if miner.by_voltage:
        return f"It may start from {miner.start_voltage_v:g} V."
    reached = next((s for s in ahead if s.soc_pct.get("p50", -1.0) >= miner.start_soc_pct), None)
    said = f"It may start from {miner.start_soc_pct:.0f} %"
    if reached is None:
        return f"{said}, which this plan does not reach."
    local = datetime.fromtimestamp(reached.end_s, UTC).astimezone(site.zone)
    return f"{said}, expected at {local:%a %H:%M}."


def differs(state: MinerState | None, planned_on: bool | None, mode: PlanMode, *, age: timedelta, too_old: bool) -> str:
    """Why a miner is not as planned, in a sentence with the remedy; "" where it is, or nothing is known."""
    if state is None or planned_on is None or state.on == planned_on:
        return ""
    if state.on is None:
        return "Whether it runs is unknown: its relay does not answer; /health says more."
    is_so = f"It is {'on' if state.on else 'off'} though"
    wish = state.wish
    if wish is not None and wish.mode in _BY_HAND:
        return f"{is_so}: somebody switched it by hand at the relay; /miners auto {state.miner.id} ends that."
    if wish is not None and wish.mode in ("on", "off"):
        by = f" by {wish.set_by}" if wish.set_by else ""
        return f"{is_so}: that was ordered{by}; /miners auto {state.miner.id} gives it back to the plan."
    if mode == "advise":
        return f"{is_so}: the plan only advises here, and {_own(state)}."
    if mode == "ask":
        return f"{is_so}: the plan asks before each change, and nobody has said yes to this one."
    if too_old:
        return f"{is_so}: the plan is {format_duration(age)} old, and {_own(state)}."
    if planned_on and state.start_blocks:
        block = state.start_blocks[0]
        return f"{is_so}: {block.says}{f'; possible {block.when}' if block.when else ''}."
    return f"{is_so}: the change is under way, or its minimum time holds it."


def _own(state: MinerState) -> str:
    """Who decides instead."""
    if state.wish is None or state.wish.mode != "auto":
        word = "off" if state.on else "on"
        return f"nobody has ordered it {word}; /miners {'stop' if state.on else 'start'} {state.miner.id} does"
    return f"its own levels decide ({state.wants.because})"
