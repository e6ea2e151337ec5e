"""The battery's level against its floors, in SOC or in volts, for a start and for a miner that runs.

A miner with `start_voltage_v` and `stop_voltage_v` is judged by the battery's voltage. The site's minimum SOC then
holds through the site's voltage curve, and by a fresh SOC that a shunt has measured: an inverter's own estimate drifts
and decides nothing beside a curve. Without a curve it holds by SOC wherever the SOC is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from energy.conditions import FRESH, USABLE, Block, Conditions, Observed, usable
from energy.preferences import PersonalLimits
from energy.site import Miner, Site
from energy.units import format_duration, format_percent
from energy.voltage import Curve, soc_from_voltage, voltage_from_soc

MEASURING = ("victron_mqtt", "victron_vrm")  # the kinds of device whose SOC comes from a shunt
AGED_EXTRA_SOC_PCT = 5.0  # what a start on data between 5 and 15 minutes old needs above the limit


def level_blocks(
    site: Site, miner: Miner, c: Conditions, personal: PersonalLimits | None, *, starting: bool
) -> list[Block]:
    """What the battery's level says against a start, or (`starting` False) against running on."""
    floor = _soc_floor(site, miner, personal, starting=starting)
    if not miner.by_voltage:
        return _soc_blocks(c, floor, starting=starting)
    curve = site.battery.voltage_curve if site.battery is not None else ()
    blocks = _voltage_blocks(miner, c, curve, floor, starting=starting)
    if not curve and usable(c.soc_pct, c.now) is not None:  # without a curve only the SOC can hold the site's minimum
        blocks += _soc_blocks(c, floor, starting=starting, decides="SOC decides, since the site has no voltage curve")
    elif _is_measured(site, c):
        measured = _Floor(site.limits.min_soc_pct, "the site's min_soc_pct")
        decides = f"SOC decides, since {c.soc_pct.source if c.soc_pct else ''} measured it"
        blocks += _soc_blocks(c, measured, starting=False, decides=decides)
    return blocks


def _is_measured(site: Site, c: Conditions) -> bool:
    """Whether the SOC is fresh and comes from a shunt."""
    if usable(c.soc_pct, c.now) is None or c.soc_pct is None or c.now - c.soc_pct.taken_at > FRESH:
        return False
    device = site.device_by_id(c.soc_pct.source)
    return device is not None and device.kind in MEASURING


@dataclass(frozen=True, slots=True)
class _Floor:
    """A lowest level and who set it."""

    value: float
    set_by: str


def _soc_floor(site: Site, miner: Miner, personal: PersonalLimits | None, *, starting: bool) -> _Floor:
    floors = [
        _Floor(site.limits.miner_min_soc_pct, "the site's miner_min_soc_pct"),
        _Floor(site.limits.min_soc_pct, "the site's min_soc_pct"),
    ]
    if starting and not miner.by_voltage:
        floors.append(_Floor(miner.stop_soc_pct, f"stop_soc_pct of {miner.id}"))
    if personal is not None:
        floors.append(_Floor(personal.miner_min_soc_pct, "your own miner minimum SOC"))
        floors.append(_Floor(personal.min_soc_pct, "your own minimum SOC"))
    return max(floors, key=lambda floor: floor.value)  # of equals the first: the site's


def _soc_blocks(c: Conditions, floor: _Floor, *, starting: bool, decides: str | None = None) -> list[Block]:
    soc_pct = usable(c.soc_pct, c.now)
    if soc_pct is None or c.soc_pct is None:
        return [stale("SOC", c.soc_pct, c)]
    age = c.now - c.soc_pct.taken_at
    needed = floor.value
    because = floor.set_by
    if starting and age > FRESH:
        needed = floor.value + AGED_EXTRA_SOC_PCT
        because += f", and {AGED_EXTRA_SOC_PCT:g} % more since the figure is {format_duration(age)} old"
    if soc_pct >= needed:
        return []
    says = f"SOC is {_below(soc_pct)} and must be at least {format_percent(needed)} ({because})"
    says += f"; {decides}" if decides else ""
    when = f"once it reaches {format_percent(needed)}" if needed <= 100 else "once a newer figure arrives"
    return [Block("minimum_soc", says, when)]


def _voltage_blocks(miner: Miner, c: Conditions, curve: Curve, floor: _Floor, *, starting: bool) -> list[Block]:
    volts = usable(c.battery_voltage_v, c.now)
    if volts is None or c.battery_voltage_v is None or miner.stop_voltage_v is None:
        return [stale("Battery voltage", c.battery_voltage_v, c)]
    aged = starting and c.now - c.battery_voltage_v.taken_at > FRESH
    if aged and not curve:  # 5 % more cannot be told in volts
        return [stale("Battery voltage", c.battery_voltage_v, c, limit=FRESH)]
    floors = [] if curve and not starting else [_Floor(miner.stop_voltage_v, f"stop_voltage_v of {miner.id}")]
    if curve:
        says = f"{format_percent(floor.value)} on the voltage curve, {floor.set_by}"
        floors.append(_Floor(voltage_from_soc(curve, floor.value), says))
    lowest = max(floors, key=lambda f: f.value)
    needed, because = lowest.value, lowest.set_by
    if aged:
        more = soc_from_voltage(curve, needed) + AGED_EXTRA_SOC_PCT
        if more > curve[-1][1]:
            return [stale("Battery voltage", c.battery_voltage_v, c, limit=FRESH)]
        needed = max(needed, voltage_from_soc(curve, more))
        age = format_duration(c.now - c.battery_voltage_v.taken_at)
        because += f", and {AGED_EXTRA_SOC_PCT:g} % more since the figure is {age} old"
    if volts >= needed:
        return []
    says = f"The battery is at {_floor_of(volts, 2):.2f} V and must be at least {needed:.2f} V ({because}); "
    says += f"the voltage decides for {miner.id}"
    return [Block("minimum_soc", says, f"once it reaches {needed:.2f} V")]


def stale(label: str, observed: Observed | None, c: Conditions, *, limit: timedelta = USABLE) -> Block:
    """The block for a figure that is unknown, or older than `limit` (15 minutes unless said)."""
    minutes = f"{limit / timedelta(minutes=1):g} minutes"
    if observed is None or not math.isfinite(observed.value):
        says = f"{label} is unknown, and no miner runs on unknown figures; check the device that tells it"
        return Block("stale_data", says, f"once a figure arrives that is at most {minutes} old")
    age = c.now - observed.taken_at
    old = f"{format_duration(age)} old" if age >= timedelta(0) else "from the future; check the device's clock"
    says = f"{label} from {observed.source} is {old} and may be at most {minutes} old"
    return Block("stale_data", says, "once a newer figure arrives")


def _below(soc_pct: float) -> str:
    """A level that is too low, never rounded up to the limit that it misses."""
    return format_percent(_floor_of(soc_pct, 1))


def _floor_of(value: float, decimals: int) -> float:
    scale = 10.0**decimals
    return math.floor(round(value * scale, 6)) / scale
