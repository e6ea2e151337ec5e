"""What was learned of the battery in the last nights, as far as a plan may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from energy.site import Site
from energy.units import format_energy, format_percent, format_power
from store import scores
from store.database import Database

FRESH = timedelta(days=14)
MOST_SHARE = 1.1  # of the settings' capacity: a battery may hold a little more than its plate says
LEAST_SHARE = 0.6  # a plan does not believe in less; then the settings or the level's meter are wrong
FEWEST = 8  # observations


@dataclass(frozen=True, slots=True)
class Learned:
    """None where the settings count. `says` are sentences of what the plan takes instead of them."""

    usable_kwh: float | None = None
    taper: tuple[float, float] | None = None
    says: tuple[str, ...] = ()


NOTHING_LEARNED = Learned()


async def learned_battery(db: Database, org_id: str, site: Site, *, as_of: datetime) -> Learned:
    """Out of the newest night's figures, if they are two weeks old at the most."""
    if site.battery is None:
        return NOTHING_LEARNED
    today = as_of.astimezone(site.zone).date()
    found = await scores.between(db, org_id, site.id, today - FRESH, today - timedelta(days=1))
    cells = [score.values for score in found if score.target == "cells"]
    return learned_from(site, cells[-1]) if cells else NOTHING_LEARNED


def learned_from(site: Site, values: Mapping[str, Any]) -> Learned:
    """Capacity where what was measured does not agree with the settings, and where charging slows."""
    if site.battery is None:
        return NOTHING_LEARNED
    rated = site.battery.usable_kwh
    usable, says = None, []
    held = values.get("usable_kwh")
    if held is not None and held["count"] >= FEWEST and not held["low"] <= rated <= held["high"]:
        settings = f"the settings say {format_energy(rated)}"
        if held["value"] < LEAST_SHARE * rated:
            says.append(
                f"The battery seems to hold {format_energy(held['value'])}; {settings}, and the plan goes by them. "
                "See whether its usable_kwh and the device that tells its level are right."
            )
        else:
            usable = min(held["value"], MOST_SHARE * rated)
            says.append(f"The battery is taken to hold {format_energy(usable)}, as measured; {settings}.")
    taper = None
    slows = values.get("taper")
    if slows is not None and slows["from_pct"] < 100 and slows["end_w"] > 0:
        taper = (float(slows["from_pct"]), float(slows["end_w"]))
        least = format_power(taper[1])
        says.append(f"As measured, it takes less from {format_percent(taper[0])} on, down to {least} when full.")
    return Learned(usable, taper, tuple(says))
