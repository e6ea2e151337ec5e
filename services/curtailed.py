"""Which hours' panels were held back, so that a forecast does not learn that the sun was weak then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.forecast.hours import Bools, Floats
from energy.site import Site

FULL_PCT = 97.0
NEARLY_FULL_PCT = 90.0  # from here on a battery may take less than it is offered
IDLE_SHARE = 0.03  # of the bank per hour: a full battery's charge is within it
FEWEST_IDLE_W = 100.0
NO_EXPORT_W = 50.0
BELOW_FORECAST = 0.85
AT_LIMIT = 0.97  # of the highest charge


@dataclass(frozen=True)
class Held:
    """Means of the same hours (NaN unknown): solar (W), SOC (%), battery charge (W, + charging), grid import (W)."""

    solar_w: Floats
    soc_pct: Floats
    battery_charge_w: Floats
    grid_import_w: Floats


def held_back(site: Site, hours: Held, expected_w: Floats) -> Bools:
    """The hours in which the inverter gave less than the panels had.

    Nothing went to or came from the grid, and either the battery was full and at rest (then solar is only what the
    loads took), or it was nearly full, or charged at its limit, and the panels gave clearly less than the weather's
    forecast had promised (`expected_w`, NaN where there was none).
    """
    nothing = np.zeros(hours.solar_w.shape, dtype=np.bool_)
    if site.battery is None:
        return nothing
    with np.errstate(invalid="ignore"):
        lit = hours.solar_w > 0
        no_grid = ~(np.abs(hours.grid_import_w) > NO_EXPORT_W)  # unknown: a site without a grid
        idle_w = max(1_000.0 * site.battery.usable_kwh * IDLE_SHARE, FEWEST_IDLE_W)
        resting = np.abs(hours.battery_charge_w) <= idle_w
        less = hours.solar_w < BELOW_FORECAST * expected_w
        as_promised = hours.solar_w >= BELOW_FORECAST * expected_w
        full = (hours.soc_pct >= FULL_PCT) & resting & ~as_promised
        tapered = (hours.soc_pct >= NEARLY_FULL_PCT) & (hours.battery_charge_w >= -idle_w) & less
        most_w = site.battery.max_charge_w
        limited = nothing if not most_w else (hours.battery_charge_w >= AT_LIMIT * most_w) & less
    found: Bools = lit & no_grid & (full | tapered | limited)
    return found
