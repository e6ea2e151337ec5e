"""Dropping what nobody needs any more, once a night. Readings and forecasts stay: models learn from them."""

from __future__ import annotations

from datetime import timedelta

import structlog

from jobs.work import Work
from store import buttons, control, inbox, notices, slots

log = structlog.get_logger()
KEPT = timedelta(days=30)


async def keep_house(work: Work) -> None:
    """Drop claimed slots, settled messages' keys, buttons and settled notices that are older than 30 days.

    Requests stay: the audit table names them.
    """
    moment = work.clock() - KEPT
    old_slots = await slots.forget_before(work.database, work.org_id, moment)
    old_messages = await inbox.forget_settled_before(work.database, work.org_id, moment)
    old_buttons = await buttons.forget_before(work.database, work.org_id, moment)
    old_notices = await notices.forget_settled_before(work.database, work.org_id, moment)
    await control.expire_proposals(work.database, work.org_id, work.clock())
    if old_slots or old_messages or old_buttons or old_notices:
        log.info("house_kept", slots=old_slots, messages=old_messages, buttons=old_buttons, notices=old_notices)
