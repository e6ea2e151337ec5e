"""Buttons: what they do stays here, what goes out is an opaque token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from energy.site import Site
from services.scope import DEFAULT_ORG_ID, Scope
from store import buttons
from store.buttons import Redeemed as Redeemed
from store.buttons import Verdict as Verdict
from store.database import Database


async def mint(
    scope: Scope,
    action: Mapping[str, Any],
    *,
    person_id: str | None,
    place: str | None,
    expires_at: datetime | None,
    single_use: bool,
) -> str:
    """A token for a button that does `action`, for a person (None: anybody) in a place (None: anywhere)."""
    return await buttons.mint(
        scope.database,
        scope.org_id,
        action=action,
        person_id=person_id,
        place=place,
        expires_at=expires_at,
        single_use=single_use,
        now=scope.now,
        site_id=scope.site.id,
    )


async def redeem(
    database: Database, site: Site, token: str, *, person_id: str, place: str, key: str, now: datetime
) -> Redeemed:
    """Use a token; the same `key` (one tap, delivered again) gets the same verdict again. Refusals are audited."""
    return await buttons.redeem(
        database, DEFAULT_ORG_ID, token, person_id=person_id, place=place, now=now, key=key, site_id=site.id
    )
