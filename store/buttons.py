"""Buttons: an opaque token goes out, what it does stays here, and only the token's hash is kept.

A button may be bound to a person and a place, expire, and work once. Every refused tap is in the audit.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, insert, or_, select, update

from store.audit import append_in
from store.control_tables import buttons as table
from store.database import Database

Verdict = Literal["ok", "unknown", "used", "expired", "not_yours", "elsewhere"]
_TOKEN_BYTES = 24  # 192 bits, 32 characters


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a tap is worth; the action is told for "ok", and for "expired" so that a fresh button can be offered."""

    verdict: Verdict
    action: Mapping[str, Any] | None = None


async def mint(
    db: Database,
    org_id: str,
    *,
    action: Mapping[str, Any],
    person_id: str | None,
    place: str | None,
    expires_at: datetime | None,
    single_use: bool,
    now: datetime,
    site_id: str | None = None,
) -> str:
    """A new token for a button that does `action`, for `person_id` (None: anybody) in `place` (None: anywhere)."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = {
        "org_id": org_id,
        "token_hash": _hashed(token),
        "action": dict(action),
        "person_id": person_id,
        "place": place,
        "site_id": site_id,
        "single_use": single_use,
        "created_at": now,
        "expires_at": expires_at,
    }
    async with db.begin() as connection:
        await connection.execute(insert(table).values(row))
    return token


async def redeem(
    db: Database,
    org_id: str,
    token: str,
    *,
    person_id: str,
    place: str,
    now: datetime,
    key: str | None = None,
    site_id: str | None = None,
) -> Redeemed:
    """Use a token. `key` names the tap: the same one, delivered again, gets the verdict that it got.

    Of any number of taps on a button that works once exactly one is "ok".
    """
    hashed = _hashed(token)
    is_it = (table.c.org_id == org_id, table.c.token_hash == hashed)
    async with db.begin() as connection:
        # The one statement that decides between taps at the same time.
        used = await connection.execute(
            update(table)
            .where(
                *is_it,
                or_(table.c.single_use.is_(False), table.c.used_at.is_(None)),
                or_(table.c.expires_at.is_(None), table.c.expires_at > now),
                or_(table.c.person_id.is_(None), table.c.person_id == person_id),
                or_(table.c.place.is_(None), table.c.place == place),
            )
            .values(used_at=now, used_by=person_id, used_key=key)
        )
        row = (await connection.execute(select(table).where(*is_it))).one_or_none()
        if used.rowcount == 1 and row is not None:
            return Redeemed("ok", row.action)
        verdict = _refusal(row, person_id, place, key)
        if verdict == "ok":
            return Redeemed("ok", row.action)  # type: ignore[union-attr]  # "ok" needs a row
        action = None if row is None else dict(row.action)
        await append_in(
            connection,
            org_id,
            site_id=site_id,
            actor=person_id,
            action="button_refused",
            subject=hashed[:12],
            details={"verdict": verdict, "place": place, "button": action},
            now=now,
        )
    return Redeemed(verdict, action if verdict == "expired" else None)


def _refusal(row: Any, person_id: str, place: str, key: str | None) -> Verdict:
    if row is None:
        return "unknown"
    if row.person_id not in (None, person_id):
        return "not_yours"
    if row.place not in (None, place):
        return "elsewhere"
    if row.single_use and row.used_at is not None:
        return "ok" if key is not None and (row.used_key, row.used_by) == (key, person_id) else "used"
    return "expired"


async def forget_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop the buttons made before `moment`: a tap on one of them is "unknown" from then on; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.created_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


def _hashed(token: str) -> str:
    # A plain hash is enough: the token has 192 random bits, there is nothing to guess.
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
