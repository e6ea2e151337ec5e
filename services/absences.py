"""When people are away from the site, which others see in its lists.

Being away is not being unreachable: whoever is away is told of alerts like everybody else. Who does not want that has
quiet hours, mutes and `alerts off`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.scope import Refused, Scope, require
from store import absences, audit, people
from store.absences import Absence


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who is away, or will be."""

    person_id: str
    person_name: str
    since: datetime
    until: datetime
    note: str


async def add(scope: Scope, *, until: datetime, since: datetime | None = None, note: str = "") -> None:
    """The actor is away from `since` (None: now) until `until`; this replaces what they said before."""
    person_id = _person(scope)
    absence = Absence(person_id, since or scope.now, until, note[:200])
    await absences.add(scope.database, scope.org_id, absence, now=scope.now)
    await _note(scope, "absence_added", {"from": absence.from_at.isoformat(), "until": until.isoformat()})


async def cancel(scope: Scope) -> bool:
    """The actor is back, or stays; False when they were not away."""
    ended = await absences.cancel(scope.database, scope.org_id, _person(scope), scope.now)
    if ended:
        await _note(scope, "absence_cancelled", {})
    return ended


async def current(scope: Scope) -> list[Away]:
    """Everybody with a role on the site who is away or will be, by when they are back."""
    require(scope, "viewer")
    found: list[Away] = []
    for person in await people.list_people(scope.database, scope.org_id, site_id=scope.site.id):
        absence = await absences.current(scope.database, scope.org_id, person.person_id, scope.now)
        if absence is not None:
            found.append(Away(person.person_id, person.name, absence.from_at, absence.until_at, absence.note))
    return sorted(found, key=lambda away: away.until)


def _person(scope: Scope) -> str:
    require(scope, "viewer")
    if scope.actor.person_id is None:
        raise Refused("only a person can be away; use --as NAME on the host's command line")
    return scope.actor.person_id


async def _note(scope: Scope, action: str, details: dict[str, str]) -> None:
    person_id = _person(scope)
    await audit.append(
        scope.database,
        scope.org_id,
        site_id=scope.site.id,
        actor=person_id,
        action=action,
        subject=person_id,
        details=details,
        now=scope.now,
    )
