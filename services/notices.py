"""What people have to be told on our own initiative, and the ways to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from energy.site import Site
from services import routes
from services.control_words import result_text
from services.preferences import as_preferred, preferences_in
from services.scope import DEFAULT_ORG_ID, Actor, Scope
from store import control, notices, people
from store.database import Database
from store.notices import Level as Level
from store.notices import NewNotice as NewNotice

LEASE_S = 60.0
TOLD_BY_THE_ASKER_S = 10.0  # as long as a reply waits for its result, and a little


@dataclass(frozen=True, slots=True)
class Due:
    """A notice to deliver. `addresses` are the ways, best first, as `bot.message.Address` has its fields."""

    notice_id: int
    level: Level
    text: str
    addresses: tuple[Mapping[str, Any], ...]
    tries: int


async def due(database: Database, site: Site, now: datetime, *, limit: int = 50) -> Sequence[Due]:
    """Claim what is due for a minute. A notice to somebody without a role on the site (any more) is given up."""
    found: list[Due] = []
    for notice in await notices.claim_due(database, DEFAULT_ORG_ID, now, LEASE_S, limit):
        if notice.person_id is not None and not await _has_role(database, site, notice.person_id):
            await notices.failed(
                database, DEFAULT_ORG_ID, notice.notice_id, "the person has no role any more", next_try_at=None
            )
            continue
        ways = [notice.address] if notice.address is not None else []
        if notice.person_id is not None:
            ways += [
                {"platform": route.platform, "chat_id": route.chat_id, "thread": None}
                for route in await routes.of_person(database, notice.person_id)
            ]
        found.append(Due(notice.notice_id, notice.level, notice.text, _unique(ways), notice.tries))
    return found


async def sent(database: Database, notice_id: int, now: datetime) -> bool:
    """It arrived."""
    return await notices.sent(database, DEFAULT_ORG_ID, notice_id, now=now)


async def failed(database: Database, notice_id: int, reason: str, *, next_try_at: datetime | None) -> bool:
    """It did not arrive; None gives it up."""
    return await notices.failed(database, DEFAULT_ORG_ID, notice_id, reason, next_try_at=next_try_at)


async def add_late_results(database: Database, site: Site, now: datetime) -> int:
    """Make notices of results that came too late for the reply to the order; how many."""
    before = now - timedelta(seconds=TOLD_BY_THE_ASKER_S)
    added = 0
    for request in await control.unreported(database, DEFAULT_ORG_ID, site.id, finished_before=before):
        person = None if request.person_id is None else await people.get(database, DEFAULT_ORG_ID, request.person_id)
        scope = Scope(database=database, site=site, as_of=now)
        if person is not None and site.id in person.roles:
            actor = Actor(person.person_id, person.name, person.roles[site.id])
            scope = as_preferred(replace(scope, actor=actor), preferences_in(person.preferences))
        level: Level = "info" if request.state == "done" else "warning"
        notice = NewNotice(
            site_id=site.id,
            level=level,
            text=result_text(request, scope),
            person_id=request.person_id,
            address=request.address,
        )
        added += await control.report(database, DEFAULT_ORG_ID, request.request_id, notice, now=now)
    return added


async def _has_role(database: Database, site: Site, person_id: str) -> bool:
    person = await people.get(database, DEFAULT_ORG_ID, person_id)
    return person is not None and site.id in person.roles


def _unique(ways: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    by_place = {(way["platform"], way["chat_id"], way.get("thread")): way for way in reversed(ways)}
    return tuple(reversed(by_place.values()))
