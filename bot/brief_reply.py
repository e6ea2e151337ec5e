"""A brief as it is sent: composed at that moment, for that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.reply import Reply
    from services.scope import Scope


async def brief_reply(scope: Scope, data: Mapping[str, Any]) -> Reply:
    """The reply for an outbox entry of kind "brief": `data` is `{"kind": "daily", "day": "2026-11-23"}`, and may have
    `"also": ["weekly"]`. For a group the scope's actor is a viewer without a `person_id`.
    """
    raise NotImplementedError
