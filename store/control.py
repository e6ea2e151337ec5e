"""Requests to switch something: proposed -> queued -> executing -> done, refused or failed; or cancelled, or expired.

Each step is one UPDATE that names the state it starts from, so of any number of callers exactly one makes it. What was
confirmed is what is executed: a request whose arguments do not fit its digest any more goes nowhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import control_requests as table
from store.database import Database
from store.dialect import insert_new, lock
from store.errors import StoreError
from store.outbox import NewEntry
from store.outbox import add_in as add_entry_in
from store.requests import COLUMNS, get_in, is_request, note_in
from store.requests import Action as Action
from store.requests import AtMost as AtMost
from store.requests import ControlRequest as ControlRequest
from store.requests import Origin as Origin
from store.requests import State as State
from store.requests import digest as digest


async def create(db: Database, org_id: str, **values: Any) -> ControlRequest:
    """`create_in` in a transaction of its own."""
    async with db.begin() as connection:
        return await create_in(connection, org_id, **values)


async def create_in(
    connection: AsyncConnection,
    org_id: str,
    *,
    site_id: str,
    action: Action,
    arguments: Mapping[str, Any],
    origin: Origin,
    state: Literal["proposed", "queued", "refused"],
    person_id: str | None,
    person_name: str,
    place: str,
    now: datetime,
    address: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    expires_at: datetime | None = None,
    results: Mapping[str, Any] | None = None,
    noted: Mapping[str, Any] | None = None,
) -> ControlRequest:
    """A new request, with an audit row that holds `noted` too.

    With an `idempotency_key` that is known: the request that has it, unchanged, and no audit row.
    """
    request_id = uuid.uuid4().hex
    row = {
        "request_id": request_id,
        "org_id": org_id,
        "site_id": site_id,
        "action": action,
        "arguments": dict(arguments),
        "digest": digest(action, arguments),
        "origin": origin,
        "state": state,
        "person_id": person_id,
        "person_name": person_name,
        "place": place,
        "address": None if address is None else dict(address),
        "idempotency_key": idempotency_key,
        "created_at": now,
        "expires_at": expires_at,
        "decided_at": None if state == "proposed" else now,
        "tries": 0,
        "finished_at": now if state == "refused" else None,
        "results": dict(results or {}),
        "queue_no": await _next_in(connection, org_id, site_id) if state == "queued" else None,
    }
    if idempotency_key is None:
        await connection.execute(insert(table).values(row))
    elif not await insert_new(connection, table, row):
        query = select(table.c.request_id).where(table.c.org_id == org_id, table.c.idempotency_key == idempotency_key)
        request_id = (await connection.execute(query)).scalar_one()
    found = await get_in(connection, org_id, request_id)
    if found is None:
        raise StoreError(f"request {request_id} vanished while it was made; ask again")
    if found.request_id == row["request_id"]:
        await note_in(
            connection, org_id, found, "control_asked" if state == "queued" else f"control_{state}", now=now, more=noted
        )
    return found


async def get(db: Database, org_id: str, request_id: str) -> ControlRequest | None:
    """The request with this id, or None."""
    async with db.read() as connection:
        return await get_in(connection, org_id, request_id)


async def by_key(db: Database, org_id: str, idempotency_key: str) -> ControlRequest | None:
    """The request that was made with this key, or None."""
    query = select(*COLUMNS).where(table.c.org_id == org_id, table.c.idempotency_key == idempotency_key)
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else ControlRequest(**row._mapping)


async def queue(
    db: Database,
    org_id: str,
    request_id: str,
    *,
    now: datetime,
    by: str | None = None,
    address: Mapping[str, Any] | None = None,
    at_most: AtMost | None = None,
) -> bool:
    """Confirm a proposal, exactly once, with an audit row of `by`; False when it is not open (any more).

    False too when it was altered after it was made, which an audit row tells, and when there were too many (`at_most`).
    An `address` is where the result is told from now on.
    """
    async with db.begin() as connection:
        request = await get_in(connection, org_id, request_id)
        if request is None:
            return False
        if at_most is not None:
            await lock(connection, "control", org_id, request.site_id)
            count, _ = await _decided_in(connection, org_id, request.site_id, at_most)
            if count >= at_most.count:
                return False
        meant = digest(request.action, request.arguments)
        # The one statement that decides between any number of taps at the same time.
        statement = update(table).where(
            is_request(org_id, request_id),
            table.c.state == "proposed",
            table.c.expires_at > now,
            table.c.digest == meant,
        )
        queue_no = await _next_in(connection, org_id, request.site_id)
        values: dict[str, Any] = {"state": "queued", "decided_at": now, "queue_no": queue_no}
        if address is not None:
            values["address"] = dict(address)
        done = bool((await connection.execute(statement.values(values))).rowcount == 1)
        if done:
            await note_in(connection, org_id, request, "control_confirmed", now=now, by=by)
        elif request.state == "proposed" and request.digest != meant:
            await note_in(connection, org_id, request, "control_altered", now=now, by=by)
    return done


async def _next_in(connection: AsyncConnection, org_id: str, site_id: str) -> int:
    """The number of the next request that is decided on a site, for whoever holds the lock of its control."""
    await lock(connection, "control", org_id, site_id)
    query = select(func.max(table.c.queue_no)).where(table.c.org_id == org_id, table.c.site_id == site_id)
    return ((await connection.execute(query)).scalar_one() or 0) + 1


async def cancel(db: Database, org_id: str, request_id: str, *, now: datetime, by: str | None = None) -> bool:
    """Withdraw a proposal, with an audit row of `by`; False when it is not open (any more)."""
    return await _close(db, org_id, request_id, "cancelled", now=now, by=by)


async def refuse(
    db: Database,
    org_id: str,
    request_id: str,
    *,
    results: Mapping[str, Any],
    now: datetime,
    by: str | None = None,
    noted: Mapping[str, Any] | None = None,
) -> bool:
    """Close a proposal that may not be done any more, with an audit row; False when it is not open (any more)."""
    return await _close(db, org_id, request_id, "refused", now=now, by=by, results=results, noted=noted)


async def _close(
    db: Database,
    org_id: str,
    request_id: str,
    state: Literal["cancelled", "refused"],
    *,
    now: datetime,
    by: str | None,
    results: Mapping[str, Any] | None = None,
    noted: Mapping[str, Any] | None = None,
) -> bool:
    statement = update(table).where(is_request(org_id, request_id), table.c.state == "proposed")
    values = {"state": state, "decided_at": now, "finished_at": now, "results": dict(results or {})}
    async with db.begin() as connection:
        if (await connection.execute(statement.values(values))).rowcount != 1:
            return False
        request = await get_in(connection, org_id, request_id)
        if request is not None:
            await note_in(connection, org_id, request, f"control_{state}", now=now, by=by, more=noted)
    return True


async def cancel_of_person_in(
    connection: AsyncConnection,
    org_id: str,
    person_id: str,
    *,
    now: datetime,
    site_id: str | None = None,
    by: str | None = None,
) -> None:
    """Withdraw all open proposals of somebody who is removed, or loses the role on a site, each with an audit row."""
    where = table.c.person_id == person_id
    if site_id is not None:
        where = and_(where, table.c.site_id == site_id)
    await _end_proposals_in(connection, org_id, where, {"state": "cancelled", "decided_at": now}, now=now, by=by)


async def expire_proposals(db: Database, org_id: str, now: datetime) -> int:
    """Close the proposals whose time is over, each with an audit row; how many."""
    async with db.begin() as connection:
        return await _end_proposals_in(
            connection, org_id, table.c.expires_at <= now, {"state": "expired"}, now=now, by="worker"
        )


async def _end_proposals_in(
    connection: AsyncConnection,
    org_id: str,
    where: ColumnElement[bool],
    values: Mapping[str, Any],
    *,
    now: datetime,
    by: str | None,
) -> int:
    open_ones = and_(table.c.org_id == org_id, table.c.state == "proposed", where)
    query = select(*COLUMNS).where(open_ones).order_by(table.c.created_at, table.c.request_id)
    ended = 0
    for row in (await connection.execute(query)).all():
        request = ControlRequest(**row._mapping)
        statement = update(table).where(is_request(org_id, request.request_id), table.c.state == "proposed")
        if (await connection.execute(statement.values(finished_at=now, **values))).rowcount == 1:
            ended += 1
            await note_in(connection, org_id, request, f"control_{values['state']}", now=now, by=by)
    return ended


async def claim_next(
    db: Database,
    org_id: str,
    site_id: str,
    *,
    now: datetime,
    lease_s: float,
    in_hand: Collection[str] | None = None,
) -> ControlRequest | None:
    """Begin the request that was decided first, or one whose worker did not end it in its time; None without any.

    Who is the only worker tells which requests it has `in_hand`: any other that was begun is taken up at once, whatever
    the clocks say. A request that was altered since it was decided is refused here, with an audit row, and never begun.
    """
    left = table.c.lease_until <= now if in_hand is None else table.c.request_id.not_in(sorted(in_hand))
    waiting = or_(table.c.state == "queued", and_(table.c.state == "executing", left))
    query = (
        select(*COLUMNS).where(table.c.org_id == org_id, table.c.site_id == site_id, waiting).order_by(table.c.queue_no)
    )
    async with db.begin() as connection:
        await lock(connection, "control", org_id, site_id)
        while (row := (await connection.execute(query.limit(1))).one_or_none()) is not None:
            request = ControlRequest(**row._mapping)
            if request.digest == digest(request.action, request.arguments):
                values = {
                    "state": "executing",
                    "lease_until": now + timedelta(seconds=lease_s),
                    "tries": request.tries + 1,
                }
                await connection.execute(update(table).where(is_request(org_id, request.request_id)).values(values))
                return await get_in(connection, org_id, request.request_id)
            await _refuse_altered(connection, org_id, request, now)
    return None


async def _refuse_altered(connection: AsyncConnection, org_id: str, request: ControlRequest, now: datetime) -> None:
    values = {"state": "refused", "finished_at": now, "results": {"problem": "it was altered after it was confirmed"}}
    await connection.execute(update(table).where(is_request(org_id, request.request_id)).values(values))
    await note_in(connection, org_id, request, "control_altered", now=now, by="worker")


async def finish(
    db: Database,
    org_id: str,
    request_id: str,
    *,
    state: Literal["done", "refused", "failed", "expired"],
    results: Mapping[str, Any],
    now: datetime,
    notices: Sequence[NewEntry] = (),
) -> bool:
    """End a begun request, with the notices about it in the same transaction; False when it had ended before."""
    statement = update(table).where(is_request(org_id, request_id), table.c.state == "executing")
    values = {"state": state, "results": dict(results), "finished_at": now, "lease_until": None}
    async with db.begin() as connection:
        if (await connection.execute(statement.values(values))).rowcount != 1:
            return False
        for notice in notices:
            await add_entry_in(connection, org_id, notice, now=now)
    return True


async def claim_report(db: Database, org_id: str, request_id: str, *, now: datetime) -> bool:
    """Whether the caller is the one to tell the asker how a finished request ended."""
    statement = update(table).where(
        is_request(org_id, request_id), table.c.finished_at.is_not(None), table.c.reported_at.is_(None)
    )
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(reported_at=now))).rowcount == 1)


async def report(db: Database, org_id: str, request_id: str, notice: NewEntry, *, now: datetime) -> bool:
    """`claim_report`, with a notice that tells it in the same transaction; nobody is told when there is no way."""
    statement = update(table).where(
        is_request(org_id, request_id), table.c.finished_at.is_not(None), table.c.reported_at.is_(None)
    )
    async with db.begin() as connection:
        if (await connection.execute(statement.values(reported_at=now))).rowcount != 1:
            return False
        if notice.person_id is None and notice.address is None:
            return False
        return await add_entry_in(connection, org_id, notice, now=now)


async def unreported(
    db: Database, org_id: str, site_id: str | None = None, *, finished_before: datetime
) -> list[ControlRequest]:
    """What the worker ended before a moment and nobody told its asker yet, oldest first."""
    query = (
        select(*COLUMNS)
        .where(
            table.c.org_id == org_id,
            table.c.state.in_(("done", "refused", "failed", "expired")),
            table.c.tries > 0,
            table.c.reported_at.is_(None),
            table.c.finished_at < finished_before,
        )
        .order_by(table.c.finished_at, table.c.request_id)
    )
    if site_id is not None:
        query = query.where(table.c.site_id == site_id)
    async with db.read() as connection:
        return [ControlRequest(**row._mapping) for row in await connection.execute(query)]


async def decided(db: Database, org_id: str, site_id: str, limit: AtMost) -> tuple[int, datetime | None]:
    """How many requests of the limit's actions were decided in its time, and when the first of them was."""
    async with db.read() as connection:
        return await _decided_in(connection, org_id, site_id, limit)


async def _decided_in(
    connection: AsyncConnection, org_id: str, site_id: str, limit: AtMost
) -> tuple[int, datetime | None]:
    query = select(table.c.decided_at).where(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.action.in_(limit.actions),
        table.c.state.in_(("queued", "executing", "done", "failed")),
        table.c.decided_at > limit.since,
    )
    found = [row[0] for row in await connection.execute(query)]
    return len(found), min(found, default=None)
