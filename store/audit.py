"""Who did what: rows are only ever added, the database itself refuses to change or to delete one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database
from store.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row. `actor` is a person's id, "host", or "platform:external id" of a stranger; `details` hold no secret."""

    audit_id: int
    happened_at: datetime
    site_id: str | None
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]


async def append(
    db: Database,
    org_id: str,
    *,
    actor: str,
    action: str,
    subject: str = "",
    site_id: str | None = None,
    details: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> None:
    """Add a row in a transaction of its own."""
    async with db.begin() as connection:
        await append_in(
            connection,
            org_id,
            actor=actor,
            action=action,
            subject=subject,
            site_id=site_id,
            details=details,
            now=now,
        )


async def append_in(
    connection: AsyncConnection,
    org_id: str,
    *,
    actor: str,
    action: str,
    subject: str = "",
    site_id: str | None = None,
    details: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> None:
    """Add a row in the transaction of what it tells of: both are there, or neither."""
    await connection.execute(
        insert(audit).values(
            org_id=org_id,
            site_id=site_id,
            happened_at=now or datetime.now(UTC),
            actor=actor,
            action=action,
            subject=subject,
            details=dict(details or {}),
        )
    )


async def entries(db: Database, org_id: str, **which: Any) -> list[AuditEntry]:
    """`entries_in` by itself."""
    async with db.read() as connection:
        return await entries_in(connection, org_id, **which)


async def entries_in(
    connection: AsyncConnection,
    org_id: str,
    *,
    site_id: str | None = None,
    action: str | None = None,
    kinds: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """The newest rows first, at most `limit`; of one site, one action, or between two moments where asked for.

    `kinds` are beginnings of actions ("miner_"), of which any will do.
    """
    query = select(
        audit.c.audit_id,
        audit.c.happened_at,
        audit.c.site_id,
        audit.c.actor,
        audit.c.action,
        audit.c.subject,
        audit.c.details,
    ).where(audit.c.org_id == org_id)
    if site_id is not None:
        query = query.where(audit.c.site_id == site_id)
    if action is not None:
        query = query.where(audit.c.action == action)
    if kinds:
        query = query.where(or_(*(audit.c.action.startswith(kind, autoescape=True) for kind in kinds)))
    if until is not None:
        query = query.where(audit.c.happened_at <= until)
    if since is not None:
        query = query.where(audit.c.happened_at >= since)
    query = query.order_by(audit.c.audit_id.desc()).limit(limit)
    return [AuditEntry(*row) for row in await connection.execute(query)]
