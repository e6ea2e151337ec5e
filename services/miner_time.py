"""How long miners ran, from the changes of their relays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from energy.periods import Period
from services.scope import Scope
from store import relays
from store.relays import RelayState, Switching

LOOK_BACK = timedelta(days=60)


async def miner_hours(scope: Scope, period: Period) -> float | None:
    """The hours that the miners were on in a period, all together; None where nothing is known of any."""
    if not scope.site.miner:
        return None
    end = min(period.end, scope.as_of)
    switched = await relays.switchings(
        scope.database, scope.org_id, scope.site.id, since=period.start - LOOK_BACK, until=scope.as_of
    )
    states = await relays.all_of(scope.database, scope.org_id, scope.site.id)
    found = [
        hours_on([each for each in switched if each.miner_id == miner.id], states.get(miner.id), period.start, end)
        for miner in scope.site.miner
    ]
    known = [hours for hours in found if hours is not None]
    return sum(known) if known else None


def hours_on(switched: Sequence[Switching], state: RelayState | None, start: datetime, end: datetime) -> float | None:
    """One miner's hours between two moments. Before the first change that is known it was the opposite; without any
    change it is as it is now. None where not even that is known."""
    if not switched:
        if state is None or state.on is None or (state.changed_at is not None and state.changed_at > start):
            return None
        return (end - start).total_seconds() / 3_600 if state.on else 0.0
    on, since, total_s = not switched[0].on, start, 0.0
    for each in switched:
        at = min(max(each.happened_at, start), end)
        if on:
            total_s += (at - since).total_seconds()
        on, since = each.on, at
    return (total_s + ((end - since).total_seconds() if on else 0.0)) / 3_600
