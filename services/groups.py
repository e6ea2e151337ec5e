"""Which group chats may hear the site's figures: those that an owner opened."""

from __future__ import annotations

from services.scope import Scope, require
from store import group_alerts, groups


async def open_group(scope: Scope, platform: str, chat_id: str) -> bool:
    """Open a group, for owners; False when it was open before."""
    require(scope, "owner")
    return await groups.open_group(
        scope.database, scope.org_id, scope.site.id, platform, chat_id, by=_by(scope), now=scope.now
    )


async def close_group(scope: Scope, platform: str, chat_id: str) -> bool:
    """Close a group, for owners; False when it was not open."""
    require(scope, "owner")
    return await groups.close_group(
        scope.database, scope.org_id, scope.site.id, platform, chat_id, by=_by(scope), now=scope.now
    )


async def is_open(scope: Scope, platform: str, chat_id: str) -> bool:
    """Whether a group is open for this site."""
    return await groups.is_open(scope.database, scope.org_id, scope.site.id, platform, chat_id)


async def set_alerts(scope: Scope, platform: str, chat_id: str, on: bool) -> bool:
    """Whether a group hears the site's alerts, for owners; False when the group is not open."""
    require(scope, "owner")
    return await group_alerts.put(
        scope.database, scope.org_id, scope.site.id, platform, chat_id, on, by=_by(scope), now=scope.now
    )


async def has_alerts(scope: Scope, platform: str, chat_id: str) -> bool:
    """Whether a group hears the site's alerts."""
    heard = await group_alerts.listening(scope.database, scope.org_id, scope.site.id)
    return (platform, chat_id) in heard


async def moved(scope: Scope, platform: str, old_chat_id: str, new_chat_id: str) -> None:
    """The platform gave a group a new id: an open one stays open."""
    async with scope.database.begin() as connection:
        await groups.move_in(connection, scope.org_id, platform, old_chat_id, new_chat_id)


def _by(scope: Scope) -> str:
    return scope.actor.person_id or scope.actor.name
