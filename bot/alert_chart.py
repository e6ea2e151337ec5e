"""The chart that goes with an alert: its figure over the two hours before, its thresholds, the moment it fired."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from charts.specs import AlertChart
    from services.scope import Scope
    from store.alerts import StoredEpisode


async def alert_chart(scope: Scope, stored: StoredEpisode) -> AlertChart | None:
    """The chart of an episode in the person's units and zone, or None where none says anything (the clock, the disk)."""
    raise NotImplementedError
