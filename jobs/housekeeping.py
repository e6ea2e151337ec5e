"""Dropping what nobody needs any more, once a night. Readings and forecasts stay: models learn from them."""

from __future__ import annotations

from datetime import timedelta

import structlog

from jobs.work import Work
from store import inbox, slots

log = structlog.get_logger()
KEPT = timedelta(days=30)


async def keep_house(work: Work) -> None:
    """Drop claimed slots and settled messages' keys that are older than 30 days."""
    moment = work.clock() - KEPT
    old_slots = await slots.forget_before(work.database, work.org_id, moment)
    old_messages = await inbox.forget_settled_before(work.database, work.org_id, moment)
    if old_slots or old_messages:
        log.info("house_kept", slots=old_slots, messages=old_messages)
