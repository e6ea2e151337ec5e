"""What people have to be told on our own initiative, composed when it is sent, and the ways to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from energy.site import Site
from services.alert_content import content_for
from services.alert_telling import tell_joined_in, tell_over_in
from services.control_words import result_text
from services.preferences import as_preferred, preferences_in
from services.scope import DEFAULT_ORG_ID, Actor, Scope, require
from services.sorting import Due as Due
from services.sorting import Sorting, set_aside
from services.stale import StalePosting as StalePosting
from services.stale import stale_postings as stale_postings
from store import audit, control, messages, outbox, people
from store.database import Database
from store.outbox import DeadLetter as DeadLetter
from store.outbox import Kind as Kind
from store.outbox import Level as Level
from store.outbox import NewEntry as NewEntry
from store.outbox import Place as Place

log = structlog.get_logger()
TOLD_BY_THE_ASKER_S = 10.0  # as long as a reply waits for its result, and a little
_ROUNDS = 20


async def due(
    database: Database, site: Site, now: datetime, *, limit: int = 50, in_hand: Collection[int] = ()
) -> Sequence[Due]:
    """Claim what is due for a minute, critical first.

    What nobody wants any more is dropped, what is for later put off: somebody without a role, alerts off, quiet hours,
    a mute. What came and went while nobody could be reached, or in quiet hours, is gathered into one. `in_hand` are
    the entries that the caller still works on.
    """
    sorting = Sorting(database, site, now)
    for _ in range(_ROUNDS):
        entries = await outbox.claim_due(database, DEFAULT_ORG_ID, now, limit=limit, site_id=site.id, in_hand=in_hand)
        for entry in entries:
            try:
                await sorting.take(entry)
            except Exception as error:  # noqa: BLE001  one that cannot be read must not hold up the others; it is noted
                await set_aside(database, entry, error, now)
        # A long backlog is looked through, so that what is gathered is gathered into one.
        if len(entries) < limit or not sorting.gathers or len(sorting.found) >= limit:
            break
    found = await sorting.sorted()
    merged = await sorting.merge()
    return [*found, *(await due(database, site, now, limit=merged, in_hand=in_hand) if merged else ())]


async def sent(database: Database, outbox_id: int, now: datetime, *, at: Sequence[Place] = ()) -> bool:
    """It arrived; `at` is where it stands (`ref` None where it cannot be edited). False when it was settled before."""
    arrived = await outbox.sent(database, DEFAULT_ORG_ID, outbox_id, now=now, at=at)
    if any(place.ref is None for place in at):  # its alert may have ended while it was under way
        message_id = await outbox.message_of(database, DEFAULT_ORG_ID, outbox_id)
        if message_id is not None:
            await _tell_over(database, message_id, now, shown=max(place.version for place in at))
    return arrived


async def _tell_over(database: Database, message_id: int, now: datetime, *, shown: int = -1) -> None:
    """Say what joined a message, or that it is over, where that cannot be seen; not where it shows its newest one."""
    message = await messages.get(database, DEFAULT_ORG_ID, message_id)
    if message is None or message.version <= shown:
        return
    async with database.begin() as connection:
        await tell_over_in(connection, DEFAULT_ORG_ID, message_id, now=now)
        await tell_joined_in(connection, DEFAULT_ORG_ID, message_id, now=now)


async def failed(
    database: Database, outbox_id: int, reason: str, now: datetime, *, next_try_at: datetime | None
) -> bool:
    """It did not arrive; None makes it a dead letter. False when it was settled before."""
    return await outbox.failed(database, DEFAULT_ORG_ID, outbox_id, reason, now=now, next_try_at=next_try_at)


async def later(database: Database, outbox_id: int, reason: str, now: datetime, *, until: datetime) -> bool:
    """It has to wait for its turn, which is no failed try. False when it was settled before."""
    return await outbox.put_off(database, DEFAULT_ORG_ID, outbox_id, reason, now=now, until=until)


async def add_late_results(database: Database, site: Site, now: datetime) -> int:
    """Queue results that came too late for the reply to the order; how many."""
    before = now - timedelta(seconds=TOLD_BY_THE_ASKER_S)
    added = 0
    for request in await control.unreported(database, DEFAULT_ORG_ID, site.id, finished_before=before):
        person = None if request.person_id is None else await people.get(database, DEFAULT_ORG_ID, request.person_id)
        scope = Scope(database=database, site=site, as_of=now)
        if person is not None and site.id in person.roles:
            actor = Actor(person.person_id, person.name, person.roles[site.id])
            scope = as_preferred(replace(scope, actor=actor), preferences_in(person.preferences))
        entry = NewEntry(
            site_id=site.id,
            level="info" if request.state == "done" else "warning",
            text=_result_text(request, scope),
            person_id=request.person_id,
            address=request.address,
            once_key=f"{outbox.RESULT}{request.request_id}",
        )
        added += await control.report(database, DEFAULT_ORG_ID, request.request_id, entry, now=now)
    return added


def _result_text(request: control.ControlRequest, scope: Scope) -> str:
    try:
        return result_text(request, scope)
    except Exception:  # whatever is wrong with one request, its asker hears of it, and the others of theirs
        log.exception("result_not_readable", request=request.request_id)
        return f"Request {request.request_id} has ended ({request.state}). /miners log shows more."


async def shown(database: Database, posting_id: int, version: int) -> None:
    """The posting shows that version now."""
    await messages.shown(database, DEFAULT_ORG_ID, posting_id, version)


async def change_later(database: Database, posting_id: int, now: datetime, *, until: datetime) -> None:
    """The posting cannot be edited before then."""
    await messages.put_off_change(database, DEFAULT_ORG_ID, posting_id, now=now, until=until)


async def unchangeable(database: Database, posting_id: int, now: datetime) -> None:
    """The posting cannot be edited (any more): that it is over is told by a short message there instead."""
    await messages.unchangeable(database, DEFAULT_ORG_ID, posting_id)
    message_id = await messages.message_of_posting(database, DEFAULT_ORG_ID, posting_id)
    if message_id is not None:
        await _tell_over(database, message_id, now)


async def dead_letters(scope: Scope) -> Sequence[DeadLetter]:
    """What could not be delivered, newest first; an alert with what it says now. For owners."""
    require(scope, "owner")
    found = await outbox.dead(scope.database, scope.org_id, scope.site.id)
    return [each if each.text else replace(each, text=await _says(scope, each)) for each in found]


async def _says(scope: Scope, letter: DeadLetter) -> str:
    message_id = await outbox.message_of(scope.database, scope.org_id, letter.outbox_id)
    message = None if message_id is None else await messages.get(scope.database, scope.org_id, message_id)
    return letter.kind if message is None else (await content_for(scope, message)).text.partition("\n")[0]


async def replay(scope: Scope, outbox_id: int | None = None) -> int:
    """Try dead letters again (None: all of the site); how many. For owners, with an audit row."""
    require(scope, "owner")
    count = await outbox.replay(scope.database, scope.org_id, outbox_id, now=scope.now, site_id=scope.site.id)
    if count:
        await audit.append(
            scope.database,
            scope.org_id,
            site_id=scope.site.id,
            actor=scope.actor.person_id or scope.actor.name,
            action="deliveries_replayed",
            subject="all" if outbox_id is None else str(outbox_id),
            details={"count": count},
            now=scope.now,
        )
        await scope.wake("notices")
    return count
