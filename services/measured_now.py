"""What sun and house do now, for a plan: means of a quarter of an hour, which a kettle or a cloud barely moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.merge import merge_series
from energy.series import covered_s, time_weighted_mean
from energy.site import Site
from store import readings
from store.database import Database
from store.relays import RelayState, Switching

OVER = timedelta(minutes=15)
SETTLED = timedelta(minutes=20)  # load and miners are told by different devices, which lag apart after a switch
_LEAST_SHARE = 0.5  # of the quarter of an hour that must be known


@dataclass(frozen=True, slots=True)
class MeasuredNow:
    """Means over the last 15 minutes (W): the sun, and the load without our miners. None is unknown."""

    solar_w: float | None
    base_load_w: float | None


async def measured_now(
    database: Database,
    org_id: str,
    site: Site,
    now: datetime,
    *,
    states: Mapping[str, RelayState],
    switched: Sequence[Switching],
) -> MeasuredNow:
    """The means at `now` (aware UTC). While a miner was switched in the last 20 minutes the base load is unknown."""
    load_w = await _mean(database, org_id, site, "load_w", now)
    if load_w is not None and site.miner:
        changed = any(now - each.happened_at < SETTLED for each in switched)
        miners_w = None if changed else await _miners_w(database, org_id, site, now, states)
        load_w = None if miners_w is None else load_w - miners_w
    return MeasuredNow(
        solar_w=await _mean(database, org_id, site, "solar_w", now),
        base_load_w=None if load_w is None else max(load_w, 0.0),
    )


async def _miners_w(
    database: Database, org_id: str, site: Site, now: datetime, states: Mapping[str, RelayState]
) -> float:
    """What the miners draw: measured, or where nobody measures it, the rating of those that run."""
    measured = await _mean(database, org_id, site, "miner_w", now)
    if measured is not None:
        return measured
    running = [(miner, state) for miner in site.miner if (state := states.get(miner.id)) is not None and state.on]
    return sum(miner.power_w if state.power_w is None else state.power_w for miner, state in running)


async def _mean(database: Database, org_id: str, site: Site, field: str, now: datetime) -> float | None:
    start_s, end_s = (now - OVER).timestamp(), now.timestamp()
    # Rows from before count too: each holds until the next one, for two cadences at the most.
    by_device = await readings.field_rows(database, org_id, site.id, field, now - 2 * OVER, now, as_of=now)
    rows = merge_series(site, field, by_device)
    if covered_s(rows, start_s, end_s) < _LEAST_SHARE * OVER.total_seconds():
        return None
    return time_weighted_mean(rows, start_s, end_s)
