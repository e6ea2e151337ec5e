"""The site's present state."""

from __future__ import annotations

from energy.merge import MergedView, merge
from services.scope import Scope, require
from store import readings


async def current_state(scope: Scope) -> MergedView:
    """The merged view of all devices' latest readings at `scope.as_of`."""
    require(scope, "viewer")
    latest = await readings.latest(scope.database, scope.org_id, scope.site.id, as_of=scope.as_of)
    return merge(scope.site, latest, now=scope.as_of)
