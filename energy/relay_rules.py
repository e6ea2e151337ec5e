"""The rules of relay, inverter, temperature, dwell, hours and excess solar, one function each.

Each gives the blocks that stand against a miner, with their figures; () or an empty list = nothing against it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta

from energy.battery_level import stale
from energy.conditions import (
    FRESH,
    USABLE,
    Block,
    Conditions,
    MinerRecord,
    comes_after,
    coming_w,
    excess_solar_w,
    gone_w,
    is_islanded,
    running_w,
    usable,
)
from energy.periods import local_midnight
from energy.preferences import PersonalLimits
from energy.site import Miner, Site, in_hours
from energy.units import MINUS, format_clock, format_duration

_CODE_LENGTH = 24


def relay_blocks(site: Site, record: MinerRecord | None, c: Conditions) -> list[Block]:
    """A start needs a relay that was heard within 15 minutes, whose state is known and that reports no error."""
    if record is None or record.read_at is None:
        return [Block("unreachable", "The miner's relay has not answered yet", "once the relay answers")]
    read = format_clock(record.read_at, site.zone, now=c.now)
    if not record.reachable or record.on is None or c.now - record.read_at > USABLE:
        says = f"The miner's relay does not answer (last heard at {read}); check its power and its Wi-Fi"
        return [Block("unreachable", says, "once the relay answers"), *relay_errors_of(record.relay_errors)]
    return relay_errors_of(record.relay_errors)


def relay_errors_of(errors: tuple[str, ...]) -> list[Block]:
    """Errors that the relay itself reports, such as overpower: it opened for a reason, and is not hammered on."""
    if not errors:
        return []
    named = ", ".join(error[:24] for error in errors[:3])
    return [Block("relay_fault", f"The relay reports {named}; check the load and the wiring", "once that is cleared")]


def _output_limit(site: Site, c: Conditions) -> tuple[str, float, str] | None:
    """The rule's name, its watts and its words for what the inverter may carry now, or None without a limit."""
    always_w, alone_w = site.inverter.max_output_w, site.inverter.islanded_max_w
    if alone_w is not None and is_islanded(site, c) and (always_w is None or alone_w <= always_w):
        why = "no grid" if not site.grid.present or c.grid_present is False else "whether there is a grid is unknown"
        return "islanded_limit", alone_w, f"inverter.islanded_max_w, {why}"
    return None if always_w is None else ("inverter_limit", always_w, "inverter.max_output_w")


def inverter_start_blocks(site: Site, miner: Miner, c: Conditions, also_starting_w: float) -> list[Block]:
    """The load, this miner at its full power and miners still on their way up must fit the inverter's limit."""
    limit = _output_limit(site, c)
    if limit is None:
        return []
    rule, limit_w, words = limit
    load_w = usable(c.load_w, c.now)
    if load_w is None or c.load_w is None:
        return [stale("Load", c.load_w, c)]
    record = c.miners.get(miner.id)
    own_w = miner.power_w - running_w(c, miner, since=c.load_w.taken_at)
    if record is not None and record.on and record.power_w is None:
        own_w = 0.0  # on already and without a meter: the load shows it
    since = c.load_w.taken_at
    others_w = also_starting_w + sum(coming_w(c, other, since=since) for other in site.miner if other.id != miner.id)
    total_w = load_w + max(0.0, own_w) + others_w
    if total_w <= limit_w:
        return []
    others = f", other miners that are starting {in_watts(others_w)}" if others_w > 0 else ""
    says = (
        f"The inverter would carry {in_watts(total_w)} (load {in_watts(load_w)}, {miner.id} "
        f"{in_watts(miner.power_w)}{others}) and may carry {in_watts(limit_w)} ({words})"
    )
    room_w = limit_w - max(0.0, own_w) - others_w
    when = f"once the load is at most {in_watts(room_w)}" if room_w >= 0 else None
    return [Block(rule, says, when)]


def overload_blocks(site: Site, miner: Miner, c: Conditions) -> list[Block]:
    """A load above the inverter's limit stops miners, the last priority first, until the rest would fit."""
    limit = _output_limit(site, c)
    load_w = usable(c.load_w, c.now)
    if limit is None or load_w is None or c.load_w is None:
        return []
    rule, limit_w, words = limit
    since = c.load_w.taken_at
    after = [other for other in site.miner if comes_after(site, other, miner)]
    carried_w = load_w - sum(gone_w(c, other, since=since) for other in site.miner)  # the figure is older than a stop
    left_w = carried_w - sum(running_w(c, other, since=since) for other in after)
    if left_w <= limit_w:  # stopping the miners of later priority is enough
        return []
    says = f"The inverter carries {in_watts(carried_w)} and may carry {in_watts(limit_w)} ({words})"
    return [Block(rule, says, f"once the load leaves room for {in_watts(miner.power_w)}")]


def temperature_blocks(site: Site, c: Conditions) -> list[Block]:
    """A last known temperature outside the limits counts at any age: silence does not cool a battery."""
    seen = c.battery_temperature_c
    if seen is None or not math.isfinite(seen.value):
        return []
    low_c, high_c = site.control.min_battery_temperature_c, site.control.max_battery_temperature_c
    if low_c <= seen.value <= high_c:
        return []
    if seen.value > high_c:
        says = f"The battery is at {_celsius(seen.value)} and may have at most {_celsius(high_c)}"
        says, when = f"{says} (control.max_battery_temperature_c)", f"once it has cooled to {_celsius(high_c)}"
    else:
        says = f"The battery is at {_celsius(seen.value)} and must have at least {_celsius(low_c)}"
        says, when = f"{says} (control.min_battery_temperature_c)", f"once it has warmed to {_celsius(low_c)}"
    return [Block("temperature", says, when)]


def fault_blocks(c: Conditions) -> list[Block]:
    """Any present fault of the inverter. What it told more than 15 minutes ago is unknown now, and blocks nothing."""
    age = timedelta(0) if c.fault_codes_at is None else c.now - c.fault_codes_at
    if not c.fault_codes or age > USABLE:
        return []
    named = ", ".join(_shortened(code) for code in c.fault_codes[:3])
    reports = f"reports {named}" if age <= FRESH else f"reported {named} {format_duration(age)} ago"
    return [Block("inverter_fault", f"The inverter {reports}; look at its display", "once that is cleared")]


def _shortened(code: str) -> str:
    """A fault's code, the path of its device left out where it is long, and its end where it is long even so."""
    short = code if len(code) <= _CODE_LENGTH else code.rpartition("/")[2]
    return short if len(short) <= _CODE_LENGTH else f"{short[: _CODE_LENGTH - 1]}…"


def dwell_and_starts_blocks(site: Site, miner: Miner, record: MinerRecord, c: Conditions) -> list[Block]:
    """The minimum off time since the last switching, and the starts of the site's calendar day."""
    blocks = []
    if record.changed_at is not None and miner.min_off_minutes > 0:
        ready = record.changed_at + timedelta(minutes=miner.min_off_minutes)
        if c.now < ready:
            off = format_duration(c.now - record.changed_at)
            says = f"{miner.id} has been off for {off} and must stay off for {miner.min_off_minutes:g} min"
            when = f"at {clock_up(ready, site, c)}"
            blocks.append(Block("dwell_off", f"{says} (min_off_minutes)", when, ready))
    if record.starts_today >= miner.max_starts_per_day:
        midnight = local_midnight(c.now.astimezone(site.zone).date() + timedelta(days=1), site.zone)
        says = f"{miner.id} was started {record.starts_today} times today and may be {miner.max_starts_per_day} times"
        blocks.append(Block("starts_per_day", f"{says} (max_starts_per_day)", "after midnight", midnight))
    return blocks


def priority_blocks(
    site: Site,
    miner: Miner,
    c: Conditions,
    personal: PersonalLimits | None,
    by_person: bool,
    also_starting_w: float = 0.0,
) -> list[Block]:
    """What a person's own miner priority refuses."""
    if personal is None or personal.miner_priority == "always":
        return []
    if personal.miner_priority == "never":
        says = 'Your miner priority is "never"; change it with /prefs if miners shall run'
        return [Block("miner_priority", says, None)]
    if not by_person and miner.needs_excess_w > 0:
        return []  # the miner's own figure is judged there
    whose = 'your miner priority is "excess_solar"; "always" does without'
    return _excess_blocks(site, miner, c, whose, also_starting_w)


def automatic_blocks(
    site: Site, miner: Miner, c: Conditions, record: MinerRecord | None, also_starting_w: float = 0.0
) -> list[Block]:
    """What binds the plan and the auto mode alone: a hand that switched off, allowed hours, excess solar."""
    blocks = []
    if record is not None and record.hand == "off":
        says = f"{miner.id} was switched off by hand at its relay; a person may start it"
        blocks.append(Block("hand", says, "once a person starts it or sets it to auto"))
    if not in_allowed_hours(site, miner, c.now) and miner.allowed_hours is not None:
        clock = format_clock(c.now, site.zone, now=c.now)
        says = f"It is {clock} and {miner.id} starts by itself between {miner.allowed_hours} o'clock (allowed_hours)"
        opens = _next_opening(site, miner.allowed_hours, c.now)
        blocks.append(Block("allowed_hours", says, f"at {clock_up(opens, site, c)}", opens))
    if miner.needs_excess_w > 0:
        blocks += _excess_blocks(site, miner, c, "needs_excess_w", also_starting_w)
    return blocks


def _excess_blocks(site: Site, miner: Miner, c: Conditions, whose: str, also_starting_w: float) -> list[Block]:
    excess_w = excess_solar_w(site, c, miner)
    if excess_w is None:
        says = f"Excess solar is unknown, since solar and load are missing or older than 15 minutes ({whose})"
        return [Block("excess_solar", says, "once fresh figures arrive")]
    excess_w -= also_starting_w
    needed_w = miner.needs_excess_w
    if excess_w >= needed_w and excess_w > 0:
        return []
    must = f"must be at least {in_watts(needed_w)}" if needed_w > 0 else "must be above 0 W"
    when = f"once it reaches {in_watts(needed_w)}" if needed_w > 0 else "once the panels make more than the site uses"
    first = f", with {in_watts(also_starting_w)} for miners that start before," if also_starting_w > 0 else ""
    return [Block("excess_solar", f"Excess solar is {in_watts(excess_w)}{first} and {must} ({whose})", when)]


def in_allowed_hours(site: Site, miner: Miner, now: datetime) -> bool:
    """Whether the site's local hour at `now` is within the miner's `allowed_hours` (from included, to excluded)."""
    if miner.allowed_hours is None:
        return True
    return in_hours(miner.allowed_hours, now.astimezone(site.zone).hour)


def _next_opening(site: Site, hours: str, now: datetime) -> datetime:
    """The next instant (UTC) at which the local clock reaches the first allowed hour, right on days of 23 and 25 h."""
    local = now.astimezone(site.zone)
    for ahead in (0, 1):
        opens = datetime.combine(local.date() + timedelta(days=ahead), time(int(hours.split("-")[0])), site.zone)
        if opens.astimezone(UTC) > now:
            break
    return opens.astimezone(UTC)


def clock_up(moment: datetime, site: Site, c: Conditions) -> str:
    """The minute, rounded up: at the time that is told it is possible."""
    late = moment if moment.second == moment.microsecond == 0 else moment + timedelta(minutes=1)
    day = "tomorrow " if moment.astimezone(site.zone).date() > c.now.astimezone(site.zone).date() else ""
    return f"{day}{late.astimezone(site.zone):%H:%M}"


def in_watts(watts: float) -> str:
    """Whole watts, so that a figure just over a limit is not rounded to it."""
    text = f"{abs(watts):,.0f} W"
    return f"{MINUS}{text}" if round(watts) < 0 else text


def _celsius(celsius: float) -> str:
    return f"{MINUS if celsius < 0 else ''}{abs(celsius):g} °C"
