"""Who may talk to the bot, and what they may do on a site."""

from __future__ import annotations

from datetime import timedelta

from energy.site import Site
from services.scope import DEFAULT_ORG_ID, HOST, Actor, Refused, Role, Scope, require
from store import audit, pairing, people
from store.database import Database
from store.pairing import CodeRefused, TooManyAttempts
from store.people import Person

PAIRING_CODE_LIFETIME = timedelta(minutes=15)


async def admit(database: Database, site: Site, platform: str, external_id: str) -> Person | None:
    """The person behind a platform's account who has a role on this site; None for everybody else."""
    person = await people.admit(database, DEFAULT_ORG_ID, platform, external_id)
    return person if person is not None and site.id in person.roles else None


async def pair(database: Database, site: Site, platform: str, external_id: str, name: str, code: str) -> Person | None:
    """Use up a pairing code for an account; None when it is wrong, used, expired, or tried too often."""
    try:
        person = await pairing.redeem(database, DEFAULT_ORG_ID, platform, external_id, name, code)
    except (CodeRefused, TooManyAttempts):
        return None
    return person if site.id in person.roles else None


async def note_stranger(database: Database, platform: str, external_id: str, name: str, reason: str) -> None:
    """An audit row about somebody who was not let in."""
    await audit.append(
        database,
        DEFAULT_ORG_ID,
        actor=f"{platform}:{external_id}",
        action="stranger_refused",
        subject=name[:200],
        details={"reason": reason},
    )


async def create_pairing_code(scope: Scope, role: Role) -> str:
    """A new single-use code, good for 15 minutes, that gives its redeemer `role` on this site. For owners."""
    require(scope, "owner")
    return await pairing.create_code(
        scope.database,
        scope.org_id,
        scope.site.id,
        role,
        created_by=scope.actor.person_id,
        lifetime=PAIRING_CODE_LIFETIME,
    )


async def list_people(scope: Scope) -> list[Person]:
    """Everybody with a role on this site. For owners."""
    require(scope, "owner")
    return await people.list_people(scope.database, scope.org_id, site_id=scope.site.id)


async def actor_of(database: Database, site: Site, person_id: str, name: str) -> Actor:
    """The person as an actor with their role on this site; raises `Refused` when they have none (any more)."""
    person = await people.get(database, DEFAULT_ORG_ID, person_id)
    role = None if person is None else person.roles.get(site.id)
    if role is None:
        raise Refused(f"{name} has no role on {site.name}; an owner can give one with a pairing code")
    return Actor(person_id, name, role)


async def actor_named(scope: Scope, text: str) -> Actor | None:
    """The actor that the host's command line names by name or id; None when nobody, or more than one, is called so."""
    if text == HOST.name:
        return HOST
    everybody = await people.list_people(scope.database, scope.org_id, site_id=scope.site.id)
    found = [p for p in everybody if text in (p.person_id, p.name)]
    return Actor(found[0].person_id, found[0].name, found[0].roles[scope.site.id]) if len(found) == 1 else None
