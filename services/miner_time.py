"""How long miners ran, from what they drew: a relay's record says nothing of the time before its first switching."""

from __future__ import annotations

from energy.periods import Period
from services import history
from services.scope import Scope

DRAWS_FROM_W = 50.0
LEAST_SHARE = 0.1  # of the smallest miner's power: what stands by draws less
LEAST_COVERED = 0.95


async def miner_hours(scope: Scope, period: Period, known_s: float) -> float | None:
    """The hours of a period in which miners drew power, as far as it is measured.

    `known_s` of it are behind the energy that stands beside the hours. None where there are no rows of (nearly) all
    that time: old ones are kept as hourly sums, from which no running time can be told.
    """
    if not scope.site.miner or known_s <= 0:
        return None
    floor_w = max(DRAWS_FROM_W, LEAST_SHARE * min(miner.power_w for miner in scope.site.miner))
    found = await history.threshold_passages(scope, "miner_w", floor_w, period, at_most=0)
    return found.above_s / 3_600 if found.covered_s >= LEAST_COVERED * known_s else None
