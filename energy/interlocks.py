"""Interlocks: why a miner may not start now, why a running one must stop, and what the auto mode wants.

Checked when a person asks and again right before the relay is switched, for owners too. Switching off is never
blocked, so nothing here speaks about it. Unknown is never taken for safe: a start needs a known battery level, and a
known load where the inverter has a limit. A limit's own value is allowed ("at least", "at most").

Allowed hours, `needs_excess_w` and a hand on the relay bind the plan and the auto mode; a person's start is bound only
by that person's own `miner_priority`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from energy import relay_rules as rules
from energy.battery_level import level_blocks
from energy.conditions import Block, Conditions, MinerRecord, Observed, excess_solar_w, is_islanded, usable
from energy.preferences import PersonalLimits
from energy.site import Miner, Site
from energy.units import format_percent

__all__ = [
    "Block",
    "Conditions",
    "MinerRecord",
    "Observed",
    "Wants",
    "auto_wants",
    "excess_solar_w",
    "hold_blocks",
    "is_islanded",
    "plan_wants",
    "start_blocks",
]
EXCESS_KEPT_SHARE = 0.8  # a running miner goes on down to this share of its needs_excess_w


def start_blocks(
    site: Site,
    miner: Miner,
    c: Conditions,
    *,
    personal: PersonalLimits | None = None,
    also_starting_w: float = 0.0,
    by_person: bool = True,
) -> tuple[Block, ...]:
    """Every rule that stands against switching `miner` on now; () = it may start.

    `personal` are the limits of the person who asks, only ever stricter than the site's. `also_starting_w` (W) is the
    power of miners that will be switched on before this one and are not on in `c` yet: it counts for the inverter and
    against excess solar. Those that are on are counted from `c`. `by_person` is False for the plan and the auto mode. A
    miner that is on already is no block, and its power is not counted twice.
    """
    record = c.miners.get(miner.id)
    blocks = [
        *rules.relay_blocks(site, record, c),
        *level_blocks(site, miner, c, personal, starting=True),
        *rules.inverter_start_blocks(site, miner, c, also_starting_w),
        *rules.temperature_blocks(site, c),
        *rules.fault_blocks(c),
    ]
    if record is not None and not record.on:
        blocks += rules.dwell_and_starts_blocks(site, miner, record, c)
    blocks += rules.priority_blocks(site, miner, c, personal, by_person, also_starting_w)
    if not by_person:
        blocks += rules.automatic_blocks(site, miner, c, record, also_starting_w)
    return tuple(blocks)


def hold_blocks(site: Site, miner: Miner, c: Conditions) -> tuple[Block, ...]:
    """Why `miner` must stop now although it runs; () = it may go on. These stop it whoever started it.

    Site limits only: no person's limits, no minimum on time and no extra SOC for aged data, so that a cloud that
    uploads every five minutes does not switch a miner on and off. On overload the miners of the last priority go first.
    An unknown load stops nothing: the battery's level and the inverter's own protection stand behind it.
    """
    record = c.miners.get(miner.id)
    errors = record.relay_errors if record is not None else ()
    return (
        *rules.relay_errors_of(errors),
        *level_blocks(site, miner, c, None, starting=False),
        *rules.overload_blocks(site, miner, c),
        *rules.temperature_blocks(site, c),
        *rules.fault_blocks(c),
    )


@dataclass(frozen=True, slots=True)
class Wants:
    """Whether a miner in auto mode should run, and why, with the figures; `by_plan`: because the plan says so."""

    on: bool
    because: str
    by_plan: bool = False


def auto_wants(site: Site, miner: Miner, c: Conditions, *, running: bool) -> Wants:
    """What the auto mode wants of `miner` now. `running` is whether it is on.

    Wanting it on is not yet permission: a start must also pass `start_blocks(..., by_person=False)`. The order of
    reasons: what protects the site (`hold_blocks`), a hand on the relay, the minimum on time, allowed hours, the
    battery's level between start and stop (SOC, or volts where the miner has them), excess solar. Between the start and
    the stop level, and between 80 and 100 % of `needs_excess_w`, a miner stays as it is.
    """
    if (first := _first(site, miner, c, running=running)) is not None:
        return first
    level = _level_wants(miner, c, running=running)
    if not level.on or miner.needs_excess_w == 0:
        return level
    return _excess_wants(site, miner, c, level, running=running)


def plan_wants(site: Site, miner: Miner, c: Conditions, *, running: bool, planned: bool, because: str) -> Wants:
    """What the auto mode wants of `miner` now while it follows a plan that wants it on (`planned`), `because` so.

    As with `auto_wants`, wanting it on is not yet permission. What comes before the plan: what protects the site, a
    hand, the minimum on time, allowed hours, the miner's own levels, and excess solar where it needs some. Under its
    stop level it stops whatever the plan says, and it starts at its start level alone, as the plan itself reckons:
    otherwise a plan would start again and again what the stop level has just stopped. A plan keeps on what runs
    between the two.
    """
    if (first := _first(site, miner, c, running=running)) is not None:
        return first
    plan = Wants(planned, because, by_plan=True)
    if not planned:
        return plan
    level = _level_wants(miner, c, running=running)
    if not level.on:
        return level
    if miner.needs_excess_w > 0:
        excess = _excess_wants(site, miner, c, level, running=running)
        return plan if excess.on else excess
    return plan


def _first(site: Site, miner: Miner, c: Conditions, *, running: bool) -> Wants | None:
    """What comes before levels and plans; None where nothing does."""
    blocks = hold_blocks(site, miner, c)
    if blocks:
        return Wants(False, blocks[0].sentence)
    record = c.miners.get(miner.id)
    if record is not None and record.hand is not None:
        left = f"{miner.id} was switched {record.hand} by hand at its relay and is left so"
        return Wants(record.hand == "on", left)
    if running and record is not None and record.changed_at is not None:
        until = record.changed_at + timedelta(minutes=miner.min_on_minutes)
        if c.now < until:
            clock = rules.clock_up(until, site, c)
            return Wants(True, f"{miner.id} stays on until {clock} (min_on_minutes {miner.min_on_minutes:g})")
    if miner.allowed_hours is not None and not rules.in_allowed_hours(site, miner, c.now):
        return Wants(False, f"{miner.id} may run by itself between {miner.allowed_hours} o'clock (allowed_hours)")
    return None


def _level_wants(miner: Miner, c: Conditions, *, running: bool) -> Wants:
    by_volts = miner.start_voltage_v is not None and miner.stop_voltage_v is not None
    if miner.start_voltage_v is not None and miner.stop_voltage_v is not None:
        level, start, stop = usable(c.battery_voltage_v, c.now), miner.start_voltage_v, miner.stop_voltage_v
    else:
        level, start, stop = usable(c.soc_pct, c.now), miner.start_soc_pct, miner.stop_soc_pct
    label = "Battery voltage" if by_volts else "SOC"
    if level is None:
        return Wants(False, f"{label} is unknown or older than 15 minutes")
    shown, started, stopped = (f"{v:.2f} V" if by_volts else format_percent(v) for v in (level, start, stop))
    if level >= start:
        return Wants(True, f"{label} is {shown}, at or above the start at {started}")
    if level <= stop:
        return Wants(False, f"{label} is {shown}, at or below the stop at {stopped}")
    between = f"{label} is {shown}, between the stop at {stopped} and the start at {started}"
    return Wants(running, f"{between}: {miner.id} stays {'on' if running else 'off'}")


def _excess_wants(site: Site, miner: Miner, c: Conditions, level: Wants, *, running: bool) -> Wants:
    excess_w = excess_solar_w(site, c, miner)
    if excess_w is None:
        return Wants(False, "Excess solar is unknown: solar and load are missing or older than 15 minutes")
    needed_w = miner.needs_excess_w * (EXCESS_KEPT_SHARE if running else 1.0)
    said = f"excess solar is {rules.in_watts(excess_w)} and {rules.in_watts(needed_w)} are needed (needs_excess_w)"
    return Wants(True, f"{level.because}; {said}") if excess_w >= needed_w else Wants(False, said[0].upper() + said[1:])
