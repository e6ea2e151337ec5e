"""A request to switch something, as it is kept, and the audit rows of its steps; `store.control` makes the steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audit import append_in
from store.control_tables import control_requests as table

Action = Literal["miners.start", "miners.stop", "miners.auto", "grid_charge.on", "grid_charge.off"]
Origin = Literal["typed", "tapped", "model", "plan"]
State = Literal["proposed", "queued", "executing", "done", "refused", "failed", "cancelled", "expired"]
ACTIONS: tuple[Action, ...] = get_args(Action)
FINISHED: tuple[State, ...] = ("done", "refused", "failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """One request. `results` holds what came of it per miner; `address` is where its asker is answered.

    `expires_at` bounds the time in which a proposal can be confirmed. `tries` counts how often it was begun. What was
    decided later has the higher `queue_no`.
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
    queue_no: int | None  # None until it is decided to be done


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than `count` requests of these actions may be decided after `since`."""

    actions: tuple[Action, ...]
    since: datetime
    count: int


COLUMNS = [table.c[name] for name in ControlRequest.__dataclass_fields__]


def digest(action: str, arguments: Mapping[str, Any]) -> str:
    """What stands for an action with its arguments: the same for the same, different for anything else."""
    text = json.dumps([action, dict(arguments)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


async def get_in(connection: AsyncConnection, org_id: str, request_id: str) -> ControlRequest | None:
    """`get` inside the caller's transaction."""
    row = (await connection.execute(select(*COLUMNS).where(is_request(org_id, request_id)))).one_or_none()
    return None if row is None else ControlRequest(**row._mapping)


async def note_in(
    connection: AsyncConnection,
    org_id: str,
    request: ControlRequest,
    action: str,
    *,
    now: datetime,
    by: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """The audit row of a step: `subject` is the miners that it is about."""
    await append_in(
        connection,
        org_id,
        site_id=request.site_id,
        actor=by or request.person_id or ("plan" if request.origin == "plan" else "host"),
        action=action,
        subject=subject_of(request.action, request.arguments),
        details={
            "request": request.request_id,
            "action": request.action,
            **request.arguments,
            "origin": request.origin,
            "name": request.person_name,
            "place": request.place,
            **(more or {}),
        },
        now=now,
    )


def subject_of(action: str, arguments: Mapping[str, Any]) -> str:
    """What an order is about, as audit rows name it: the miners' ids, or the setting."""
    miners = arguments.get("miners")
    return ", ".join(map(str, miners)) if miners else action.partition(".")[0]


def is_request(org_id: str, request_id: str) -> ColumnElement[bool]:
    """The condition that picks one request."""
    return and_(table.c.org_id == org_id, table.c.request_id == request_id)
