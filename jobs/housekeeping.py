"""Dropping what nobody needs any more, once a night. Readings and forecasts stay: models learn from them."""

from __future__ import annotations

from datetime import timedelta

import structlog

from jobs.work import Work
from store import alerts, buttons, control, inbox, messages, mutes, outbox, slots

log = structlog.get_logger()
KEPT = timedelta(days=30)
STRANDED = timedelta(days=7)


async def keep_house(work: Work) -> None:
    """Drop what is over for 30 days: slots, settled messages' keys, buttons, what people were told, mutes.

    Requests stay: the audit table names them. Episodes stay too, and their transitions, but for signs that came to
    nothing.
    """
    database, org_id, moment = work.database, work.org_id, work.clock() - KEPT
    dropped = {
        "slots": await slots.forget_before(database, org_id, moment),
        "messages": await inbox.forget_settled_before(database, org_id, moment),
        "buttons": await buttons.forget_before(database, org_id, moment),
        "told": await outbox.forget_settled_before(database, org_id, moment),
        "alert_messages": await messages.forget_before(database, org_id, moment),
        "mutes": await mutes.forget_over_before(database, org_id, moment),
        "signs": await alerts.forget_signs_before(database, org_id, moment),
    }
    stranded_since = work.clock() - STRANDED
    dropped["stranded"] = await outbox.strand(
        database, org_id, but=work.site.id, due_before=stranded_since, now=work.clock()
    )
    await control.expire_proposals(database, org_id, work.clock())
    if any(dropped.values()):
        log.info("house_kept", **dropped)
