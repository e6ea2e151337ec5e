"""What people have to be told on our own initiative, and the ways to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from energy.preferences import Preferences
from energy.quiet_hours import quiet_until
from energy.site import Site
from services import routes
from services.control_words import result_text
from services.preferences import as_preferred, preferences_in
from services.scope import DEFAULT_ORG_ID, Actor, Scope
from store import control, groups, notices, people
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
    """Claim what is due for a minute.

    A notice to somebody without a role on the site (any more) is given up. What is not critical follows its person's
    preferences: dropped with alerts off or critical only, put off in quiet hours. Results of their own requests pass.
    """
    found: list[Due] = []
    for notice in await notices.claim_due(database, DEFAULT_ORG_ID, now, LEASE_S, limit):
        if notice.person_id is not None:
            person = await people.get(database, DEFAULT_ORG_ID, notice.person_id)
            if person is None or site.id not in person.roles:
                await notices.drop(database, DEFAULT_ORG_ID, notice.notice_id, "the person has no role any more")
                continue
            if not await _wanted_now(database, site, notice, preferences_in(person.preferences), now):
                continue
        ways = await _ways(database, site, notice)
        found.append(Due(notice.notice_id, notice.level, notice.text, ways, notice.tries))
    return found


async def _wanted_now(
    database: Database, site: Site, notice: notices.Notice, preferences: Preferences, now: datetime
) -> bool:
    """Whether the person wants to hear it now; where not, it is dropped or put off."""
    if notice.level == "critical" or notice.is_result:
        return True
    if not preferences.alerts or preferences.critical_only:
        reason = "the person wants critical alerts only" if preferences.alerts else "the person's alerts are off"
        await notices.drop(database, DEFAULT_ORG_ID, notice.notice_id, reason)
        return False
    until = quiet_until(preferences.quiet_hours, preferences.zone or site.zone, now)
    if until is not None:
        await notices.put_off(database, DEFAULT_ORG_ID, notice.notice_id, "quiet hours", until=until)
    return until is None


async def _ways(database: Database, site: Site, notice: notices.Notice) -> tuple[Mapping[str, Any], ...]:
    """Where it may be told: in the person's direct chats, and where it was asked while that is one or an open group."""
    known = [] if notice.person_id is None else await routes.of_person(database, notice.person_id)
    ways: list[Mapping[str, Any]] = [
        {"platform": route.platform, "chat_id": route.chat_id, "thread": None} for route in known
    ]
    if notice.address is None:
        return _unique(ways)
    platform, chat_id = notice.address["platform"], notice.address["chat_id"]
    if any((way["platform"], way["chat_id"]) == (platform, chat_id) for way in ways) or await groups.is_open(
        database, DEFAULT_ORG_ID, site.id, platform, chat_id
    ):
        ways.insert(0, notice.address)
    return _unique(ways)


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
            once_key=f"{notices.RESULT}{request.request_id}",
        )
        added += await control.report(database, DEFAULT_ORG_ID, request.request_id, notice, now=now)
    return added


def _unique(ways: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    by_place: dict[Any, Mapping[str, Any]] = {}
    for way in ways:
        by_place.setdefault((way["platform"], way["chat_id"], way.get("thread")), way)
    return tuple(by_place.values())
