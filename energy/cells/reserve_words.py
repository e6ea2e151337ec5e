"""Why the reserve is reached or kept, in sentences whose figures a person can check."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from energy.plan.problem import HOUR_S, LOW, MIDDLE
from energy.site import Site
from energy.units import day_name, format_energy, format_percent

if TYPE_CHECKING:
    from energy.cells.courses import Course

_WORTH_SAYING_KWH = 0.05


def because(course: Course, site: Site, issued_s: int, level: float) -> str:
    """One or two sentences, with a clock in the site's zone."""
    now, zone = _moment(issued_s), site.zone
    reached_s, cautious_s = course.falls_to_s(MIDDLE, level), course.falls_to_s(LOW, level)
    lowest_pct, lowest_s = course.lowest(MIDDLE) or (math.nan, course.begins_s)
    if reached_s is not None and reached_s <= course.begins_s:
        text = f"The battery is below the reserve of {format_percent(level)} already"
        text += _balance(course, site, now, lowest_s)
    elif reached_s is not None:
        text = _needs(course, site, now, level, reached_s)
    else:
        text = f"The lowest is {format_percent(lowest_pct)} at {_clock(_moment(lowest_s), zone, now)}"
        text += _balance(course, site, now, lowest_s)
    if cautious_s is not None and (reached_s is None or cautious_s <= reached_s - HOUR_S):
        text += f" With little sun and much load the reserve is reached at {_clock(_moment(cautious_s), zone, now)}."
    return text


def _needs(course: Course, site: Site, now: datetime, level: float, reached_s: int) -> str:
    """What flows from the last highest level on: before it the sun may have filled the battery, or been lost."""
    until = _clock(_moment(reached_s), site.zone, now)
    peak_pct, peak_s = course.peak_before(MIDDLE, reached_s)
    spoken = _spoken(course, peak_s, reached_s)
    if spoken is None:
        return f"The battery falls to the reserve of {format_percent(level)} at {until}."
    held = _above_kwh(course, site, peak_pct, level)
    left = "" if held is None else f"; the battery holds {format_energy(held)} above the reserve"
    if peak_s <= course.begins_s or peak_pct is None:
        return f"Until {until} {spoken}{left}."
    then = f"From {_clock(_moment(peak_s), site.zone, now)}, at {format_percent(peak_pct)}, until {until} {spoken}"
    return f"{then}{left.replace('holds', 'then holds')}."


def _balance(course: Course, site: Site, now: datetime, until_s: int) -> str:
    if until_s <= course.begins_s:
        return "."
    _, peak_s = course.peak_before(MIDDLE, until_s)
    spoken = _spoken(course, peak_s, until_s)
    if spoken is None:
        return "."
    since = "" if peak_s <= course.begins_s else f"from {_clock(_moment(peak_s), site.zone, now)} "
    return f": {since}until {_clock(_moment(until_s), site.zone, now)} {spoken}."


def _spoken(course: Course, from_s: int, until_s: int) -> str | None:
    """Such as "the house needs 9.2 kWh and the miners 4.1 kWh, and the sun brings 2 kWh"."""
    powers = course.powers
    if powers is None:
        return None
    house, miners, sun, grid = (
        course.kwh_between(values, from_s, until_s)
        for values in (powers.base_load_w, powers.miner_w, powers.solar_w, powers.import_w)
    )
    needs = f"the house needs {format_energy(house)}"
    if miners > _WORTH_SAYING_KWH:
        needs += f" and the miners {format_energy(miners)}"
    brings = f"the sun brings {format_energy(sun)}" if sun > _WORTH_SAYING_KWH else "no sun comes"
    if grid > _WORTH_SAYING_KWH:
        brings += f" and the grid {format_energy(grid)}"
    return f"{needs}, and {brings}" if miners <= _WORTH_SAYING_KWH else f"{needs}; {brings}"


def _above_kwh(course: Course, site: Site, pct: float | None, level: float) -> float | None:
    usable = course.usable_kwh or (site.battery.usable_kwh if site.battery is not None else None)
    if usable is None or pct is None:
        return None
    return max(pct - level, 0.0) * usable / 100.0


def _clock(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`04:30` today, `04:30 tomorrow`, `04:30 on Thu`."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    clock, days = local.strftime("%H:%M"), (local.date() - today).days
    return clock if days == 0 else f"{clock} tomorrow" if days == 1 else f"{clock} on {day_name(local)}"


def _moment(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
