"""What people said yes to goes on as long as the plan wants it: the yes was to the plan, which moves on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from energy.following import Wanted
from energy.site import Site
from services.plan_questions import APPROVED, Record
from store import control, wishes
from store.audit import AuditEntry
from store.database import Database
from store.wishes import Wish

BEFORE_THE_END = timedelta(minutes=20)  # planning is done every 15 minutes, and may fail once
AT_ONCE = timedelta(minutes=30)  # no further: what a person wants binds the plan until then


async def carry_on(
    database: Database,
    org_id: str,
    site: Site,
    wanted: Mapping[str, Wanted],
    asks: Record,
    now: datetime,
) -> None:
    """Put off the ends of approved changes that the plan wants to last longer.

    A miner is not stopped at the end that the plan had when it was asked, only to be asked for again.
    """
    theirs = await wishes.all_of(database, org_id, site.id)
    for miner in site.miner:
        wish, planned = theirs.get(miner.id), wanted.get(miner.id)
        if wish is None or planned is None or wish.mode != ("on" if planned.on else "off"):
            continue
        if wish.until is None or wish.until <= now or wish.held or wish.request_id is None:
            continue
        if not await _was_asked(database, org_id, wish, [*asks.rows, *asks.earlier]):
            continue
        if wish.until - now <= BEFORE_THE_END:
            until = min(planned.until, now + AT_ONCE)
            if until > wish.until:
                await wishes.swap(database, org_id, site.id, wish, replace(wish, until=until))


async def _was_asked(database: Database, org_id: str, wish: Wish, rows: list[AuditEntry]) -> bool:
    """Whether a wish comes of a yes to the plan, and not of a person's own order."""
    for row in rows:
        if row.action == APPROVED and row.subject == wish.miner_id and "key" in row.details:
            request = await control.by_key(database, org_id, row.details["key"])
            if request is not None and request.request_id == wish.request_id:
                return True
    return False
