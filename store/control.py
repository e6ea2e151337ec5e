"""Requests to switch something: proposed -> queued -> executing -> done, refused or failed; or cancelled, or expired.

Each step is one UPDATE that names the state it starts from, so of any number of callers exactly one makes it. What was
confirmed is what is executed: a request whose arguments do not fit its digest any more goes nowhere.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import notices as stored_notices
from store.audit import append_in
from store.control_tables import control_requests as table
from store.database import Database
from store.dialect import insert_new, lock

Action = Literal["miners.start", "miners.stop", "miners.auto", "grid_charge.on", "grid_charge.off"]
Origin = Literal["typed", "tapped", "model", "plan"]
State = Literal["proposed", "queued", "executing", "done", "refused", "failed", "cancelled", "expired"]
ACTIONS: tuple[Action, ...] = get_args(Action)
FINISHED: tuple[State, ...] = ("done", "refused", "failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """One request. `results` holds what came of it per miner; `address` is where its asker is answered.

    `expires_at` bounds the time in which a proposal can be confirmed. `tries` counts how often it was begun.
    """

    request_id: str
    site_id: str
    action: Action
    arguments: Mapping[str, Any]
    digest: str
    origin: Origin
    state: State
    person_id: str | None
    person_name: str
    place: str
    address: Mapping[str, Any] | None
    idempotency_key: str | None
    created_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None
    lease_until: datetime | None
    tries: int
    finished_at: datetime | None
    results: Mapping[str, Any]
    reported_at: datetime | None


_COLUMNS = [table.c[name] for name in ControlRequest.__dataclass_fields__]


def digest(action: str, arguments: Mapping[str, Any]) -> str:
    """What stands for an action with its arguments: the same for the same, different for anything else."""
    text = json.dumps([action, dict(arguments)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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
) -> ControlRequest:
    """A new request; with an `idempotency_key` that is known, the request that has it, unchanged."""
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
    }
    if idempotency_key is None:
        await connection.execute(insert(table).values(row))
    elif not await insert_new(connection, table, row):
        query = select(table.c.request_id).where(table.c.org_id == org_id, table.c.idempotency_key == idempotency_key)
        request_id = (await connection.execute(query)).scalar_one()
    found = await get_in(connection, org_id, request_id)
    assert found is not None
    return found


async def get(db: Database, org_id: str, request_id: str) -> ControlRequest | None:
    """The request with this id, or None."""
    async with db.read() as connection:
        return await get_in(connection, org_id, request_id)


async def get_in(connection: AsyncConnection, org_id: str, request_id: str) -> ControlRequest | None:
    """`get` inside the caller's transaction."""
    row = (await connection.execute(select(*_COLUMNS).where(_is(org_id, request_id)))).one_or_none()
    return None if row is None else ControlRequest(**row._mapping)


async def by_key(db: Database, org_id: str, idempotency_key: str) -> ControlRequest | None:
    """The request that was made with this key, or None."""
    query = select(*_COLUMNS).where(table.c.org_id == org_id, table.c.idempotency_key == idempotency_key)
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else ControlRequest(**row._mapping)


async def queue(
    db: Database, org_id: str, request_id: str, *, now: datetime, by: str | None = None, place: str | None = None
) -> bool:
    """Confirm a proposal, exactly once, with an audit row of `by`; False when it is not open (any more).

    False too when it was altered after it was made; an audit row tells that.
    """
    async with db.begin() as connection:
        request = await get_in(connection, org_id, request_id)
        if request is None:
            return False
        meant = digest(request.action, request.arguments)
        # The one statement that decides between any number of taps at the same time.
        result = await connection.execute(
            update(table)
            .where(_is(org_id, request_id), table.c.state == "proposed", table.c.expires_at > now)
            .where(table.c.digest == meant)
            .values(state="queued", decided_at=now)
        )
        done = bool(result.rowcount == 1)
        if done or (request.state == "proposed" and request.digest != meant):
            await append_in(
                connection,
                org_id,
                site_id=request.site_id,
                actor=by or request.person_id or "host",
                action="control_confirmed" if done else "control_altered",
                subject=request_id,
                details={"action": request.action, **request.arguments, "place": place or request.place},
                now=now,
            )
    return done


async def cancel(db: Database, org_id: str, request_id: str, *, now: datetime, by: str | None = None) -> bool:
    """Withdraw a proposal, with an audit row of `by`; False when it is not open (any more)."""
    statement = update(table).where(_is(org_id, request_id), table.c.state == "proposed")
    async with db.begin() as connection:
        result = await connection.execute(statement.values(state="cancelled", decided_at=now, finished_at=now))
        if result.rowcount != 1:
            return False
        request = await get_in(connection, org_id, request_id)
        assert request is not None
        await append_in(
            connection,
            org_id,
            site_id=request.site_id,
            actor=by or request.person_id or "host",
            action="control_cancelled",
            subject=request_id,
            details={"action": request.action, **request.arguments},
            now=now,
        )
    return True


async def cancel_of_person_in(
    connection: AsyncConnection, org_id: str, person_id: str, *, now: datetime, site_id: str | None = None
) -> None:
    """Withdraw all open proposals of somebody who is removed, or loses the role on a site."""
    statement = update(table).where(
        table.c.org_id == org_id, table.c.person_id == person_id, table.c.state == "proposed"
    )
    if site_id is not None:
        statement = statement.where(table.c.site_id == site_id)
    await connection.execute(statement.values(state="cancelled", decided_at=now, finished_at=now))


async def expire_proposals(db: Database, org_id: str, now: datetime) -> int:
    """Close the proposals whose time is over; how many."""
    statement = update(table).where(table.c.org_id == org_id, table.c.state == "proposed", table.c.expires_at <= now)
    async with db.begin() as connection:
        return int((await connection.execute(statement.values(state="expired", finished_at=now))).rowcount)


async def claim_next(
    db: Database, org_id: str, site_id: str, *, now: datetime, lease_s: float
) -> ControlRequest | None:
    """Begin the request that was decided first, or one whose worker did not end it in its time; None without any.

    A request that was altered since it was decided is refused here, with an audit row, and never begun.
    """
    waiting = or_(table.c.state == "queued", and_(table.c.state == "executing", table.c.lease_until <= now))
    query = (
        select(*_COLUMNS)
        .where(table.c.org_id == org_id, table.c.site_id == site_id, waiting)
        .order_by(table.c.decided_at, table.c.created_at, table.c.request_id)
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
                await connection.execute(update(table).where(_is(org_id, request.request_id)).values(values))
                return await get_in(connection, org_id, request.request_id)
            await _refuse_altered(connection, org_id, request, now)
    return None


async def _refuse_altered(connection: AsyncConnection, org_id: str, request: ControlRequest, now: datetime) -> None:
    values = {"state": "refused", "finished_at": now, "results": {"problem": "it was altered after it was confirmed"}}
    await connection.execute(update(table).where(_is(org_id, request.request_id)).values(values))
    await append_in(
        connection,
        org_id,
        site_id=request.site_id,
        actor="worker",
        action="control_altered",
        subject=request.request_id,
        details={"action": request.action, **request.arguments},
        now=now,
    )


async def extend(db: Database, org_id: str, request_id: str, *, now: datetime, lease_s: float) -> bool:
    """Keep a begun request for longer, or give it back (`lease_s` 0); False when it is not being executed."""
    statement = update(table).where(_is(org_id, request_id), table.c.state == "executing")
    async with db.begin() as connection:
        result = await connection.execute(statement.values(lease_until=now + timedelta(seconds=lease_s)))
        return bool(result.rowcount == 1)


async def finish(
    db: Database,
    org_id: str,
    request_id: str,
    *,
    state: Literal["done", "refused", "failed", "expired"],
    results: Mapping[str, Any],
    now: datetime,
    notices: Sequence[stored_notices.NewNotice] = (),
) -> bool:
    """End a begun request, with the notices about it in the same transaction; False when it had ended before."""
    statement = update(table).where(_is(org_id, request_id), table.c.state == "executing")
    values = {"state": state, "results": dict(results), "finished_at": now, "lease_until": None}
    async with db.begin() as connection:
        if (await connection.execute(statement.values(values))).rowcount != 1:
            return False
        for notice in notices:
            await stored_notices.add_in(connection, org_id, notice, now=now)
    return True


async def claim_report(db: Database, org_id: str, request_id: str, *, now: datetime) -> bool:
    """Whether the caller is the one to tell the asker how a finished request ended."""
    statement = update(table).where(
        _is(org_id, request_id), table.c.finished_at.is_not(None), table.c.reported_at.is_(None)
    )
    async with db.begin() as connection:
        return bool((await connection.execute(statement.values(reported_at=now))).rowcount == 1)


async def unreported(db: Database, org_id: str, *, finished_before: datetime) -> list[ControlRequest]:
    """What the worker ended before a moment and nobody told its asker yet, oldest first."""
    query = (
        select(*_COLUMNS)
        .where(
            table.c.org_id == org_id,
            table.c.state.in_(("done", "refused", "failed", "expired")),
            table.c.tries > 0,
            table.c.reported_at.is_(None),
            table.c.finished_at < finished_before,
        )
        .order_by(table.c.finished_at, table.c.request_id)
    )
    async with db.read() as connection:
        return [ControlRequest(**row._mapping) for row in await connection.execute(query)]


async def count_since(
    db: Database, org_id: str, site_id: str, actions: Sequence[Action], since: datetime
) -> tuple[int, datetime | None]:
    """How many requests of these actions were decided (not proposed, not refused) from `since` on; when the first."""
    query = (
        select(table.c.decided_at)
        .where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.action.in_(actions),
            table.c.state.in_(("queued", "executing", "done", "failed")),
            table.c.decided_at >= since,
        )
        .order_by(table.c.decided_at)
    )
    async with db.read() as connection:
        found = [row[0] for row in await connection.execute(query)]
    return len(found), found[0] if found else None


def _is(org_id: str, request_id: str) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.request_id == request_id)
