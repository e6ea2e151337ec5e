"""When a group gets the daily brief: owners say it there."""

from __future__ import annotations

from datetime import time

from services.scope import Scope, require
from store import group_briefs


async def set_group_brief(scope: Scope, platform: str, chat_id: str, at: time | None) -> bool:
    """Let a group have the brief at a time of the site's clock (None: not at all), for owners; False when not open."""
    require(scope, "owner")
    return await group_briefs.put(
        scope.database,
        scope.org_id,
        scope.site.id,
        platform,
        chat_id,
        None if at is None else f"{at:%H:%M}",
        by=scope.actor.person_id or scope.actor.name,
        now=scope.now,
    )


async def group_brief(scope: Scope, platform: str, chat_id: str) -> str | None:
    """The local time at which a group gets the brief, or None."""
    found = await group_briefs.all_of(scope.database, scope.org_id, scope.site.id)
    return next((each.brief_at for each in found if (each.platform, each.chat_id) == (platform, chat_id)), None)
