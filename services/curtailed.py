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
TRICKLE_SHARE = 0.03  # of the inverter: what a zero-export inverter draws so as to give nothing away
AT_EXPORT_LIMIT = 0.95
BELOW_FORECAST = 0.85
FEWEST_HOURS = 20  # for how much the panels give of what is reckoned from their rating
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

    The grid took no more, and either the battery was full and at rest (then solar is only what the loads took), or it
    was nearly full and took next to nothing, or it charged at its limit, and the panels gave clearly less than the
    weather promised (`expected_w`, by their rating under the sky that came, else as forecast; NaN where unknown).
    """
    nothing = np.zeros(hours.solar_w.shape, dtype=np.bool_)
    if site.battery is None:
        return nothing
    with np.errstate(invalid="ignore"):
        lit = hours.solar_w > 0
        promised_w = expected_w * _of_rating(hours, expected_w)
        idle_w = max(1_000.0 * site.battery.usable_kwh * IDLE_SHARE, FEWEST_IDLE_W)
        resting = np.abs(hours.battery_charge_w) <= idle_w
        less = hours.solar_w < BELOW_FORECAST * promised_w
        as_promised = hours.solar_w >= BELOW_FORECAST * promised_w
        full = (hours.soc_pct >= FULL_PCT) & resting & ~as_promised
        tapered = (hours.soc_pct >= NEARLY_FULL_PCT) & resting & less  # what it takes beyond that, it was offered
        most_w = site.battery.max_charge_w
        limited = nothing if not most_w else (hours.battery_charge_w >= AT_LIMIT * most_w) & less
        found: Bools = lit & _grid_takes_no_more(site, hours.grid_import_w) & (full | tapered | limited)
    return found


def _grid_takes_no_more(site: Site, import_w: Floats) -> Bools:
    """Where nothing went to or came from the grid, or the export was at its limit. Unknown: a site without a grid."""
    grid = site.grid
    trickle_w = NO_EXPORT_W
    if not grid.export_allowed:
        rated_w = site.inverter.max_output_w or 1_000.0 * sum(array.kwp for array in site.array)
        trickle_w = max(NO_EXPORT_W, TRICKLE_SHARE * rated_w)
    found: Bools = ~(np.abs(import_w) > trickle_w)
    if grid.export_allowed and grid.max_export_w is not None:
        found |= -import_w >= AT_EXPORT_LIMIT * grid.max_export_w
    return found


def _of_rating(hours: Held, expected_w: Floats) -> float:
    """What the panels give of what is reckoned from their rating, in hours in which the battery had room."""
    sure = (
        (hours.soc_pct < NEARLY_FULL_PCT)
        & (hours.solar_w > 0)
        & (expected_w > 0.1 * np.nanmax(expected_w, initial=0.0))
    )
    if sure.sum() < FEWEST_HOURS:
        return 1.0
    return float(np.clip(np.median(hours.solar_w[sure] / expected_w[sure]), 0.2, 5.0))
