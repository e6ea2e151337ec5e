"""Who may talk to the bot, and what they may do on a site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.site import Site
from services.scope import DEFAULT_ORG_ID, HOST, Actor, Refused, Role, Scope, require
from store import audit, pairing, people
from store.database import Database
from store.pairing import AlreadyPaired, CodeRefused, TooManyAttempts
from store.people import Identity, LastOwner, Person

PAIRING_CODE_LIFETIME = timedelta(minutes=15)
_ROWS_LOOKED_AT = 500


class AccountTaken(Exception):
    """The account is a person of its own already; the words say what an owner can do. The code stays good."""


class NoSuchAccount(ValueError):
    """No platform gives its accounts such ids; the words say which it gives, with an example."""


@dataclass(frozen=True, slots=True)
class _AccountIds:
    """How a platform writes the ids of its accounts."""

    shape: re.Pattern[str]
    words: str
    example: str


_IDS: Mapping[str, _AccountIds] = {
    "telegram": _AccountIds(re.compile(r"[1-9][0-9]{0,19}"), "Telegram's ids are digits", "telegram:123456"),
    "slack": _AccountIds(
        re.compile(r"[TE][A-Z0-9]{1,30}:[UW][A-Z0-9]{1,30}"), "Slack's are TEAM:USER in capitals", "slack:T123:U456"
    ),
    "discord": _AccountIds(
        re.compile(r"[1-9][0-9]{0,19}"), "Discord's ids are digits (Copy User ID)", "discord:80351110224678912"
    ),
    "console": _AccountIds(re.compile(r"[!-~]{1,64}"), "the terminal's id is one word", "console:local"),
}


@dataclass(frozen=True, slots=True)
class Stranger:
    """An account that knocked and was not let in: what it called itself, and when it did so last."""

    platform: str
    external_id: str
    name: str
    last_at: datetime


async def admit(database: Database, site: Site, platform: str, external_id: str) -> Person | None:
    """The person behind a platform's account who has a role on this site; None for everybody else."""
    person = await people.admit(database, DEFAULT_ORG_ID, platform, external_id)
    return person if person is not None and site.id in person.roles else None


async def pair(database: Database, site: Site, platform: str, external_id: str, name: str, code: str) -> Person | None:
    """Use up a pairing code for an account; None when it is wrong, used, expired, or tried too often.

    Raises `AccountTaken` when the code would join an account to somebody that is somebody else already.
    """
    try:
        person = await pairing.redeem(database, DEFAULT_ORG_ID, platform, external_id, name, code)
    except AlreadyPaired as error:
        raise AccountTaken(
            f"This account is already a person of its own here, so the code cannot join it to another, and is still "
            f"good. An owner removes that person first (/people remove {platform}:{external_id}); then send the code "
            "again, or a new one when its 15 minutes are over."
        ) from error
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


async def link_code(scope: Scope) -> str:
    """A single-use code, good for 15 minutes, that makes one more account the actor's own. Shown to nobody else."""
    require(scope, "viewer")
    if scope.actor.person_id is None:
        raise Refused("the host is no person; use --as NAME to link an account of somebody")
    # The lowest role: the account gets the person's own, as it is when the code is used.
    return await pairing.create_code(
        scope.database,
        scope.org_id,
        scope.site.id,
        "viewer",
        created_by=scope.actor.person_id,
        person_id=scope.actor.person_id,
        lifetime=PAIRING_CODE_LIFETIME,
    )


async def strangers(scope: Scope, *, limit: int = 20) -> list[Stranger]:
    """The accounts that were not let in, newest first, each once; those that are known by now left out. For owners."""
    require(scope, "owner")
    rows = await audit.entries(scope.database, scope.org_id, action="stranger_refused", limit=_ROWS_LOOKED_AT)
    known = {
        (account.platform, account.external_id)
        for person in await people.list_people(scope.database, scope.org_id, site_id=scope.site.id)
        for account in person.identities
    }
    found: dict[tuple[str, str], Stranger] = {}
    for row in rows:
        platform, _, external_id = row.actor.partition(":")
        if (platform, external_id) not in known:
            found.setdefault((platform, external_id), Stranger(platform, external_id, row.subject, row.happened_at))
    return list(found.values())[:limit]


async def approve(scope: Scope, platform: str, external_id: str, role: Role) -> Person:
    """Let an account in with a role on this site, under the name that it gave when it knocked. For owners.

    Raises `NoSuchAccount`. Whoever never wrote cannot be let in as owner: a slip in an id would give the site away.
    """
    require(scope, "owner")
    _check_account(platform, external_id)
    known = await people.admit(scope.database, scope.org_id, platform, external_id)
    knocked = await _knocked(scope, platform, external_id)
    if role == "owner" and known is None and knocked is None:
        raise Refused(
            f"{platform}:{external_id} never wrote to the bot, so it cannot be let in as owner at once. Let it in as "
            "operator or viewer and raise the role once they have written, or let them write first"
        )
    name = knocked.name if knocked is not None and knocked.name.strip() else f"{platform} {external_id}"
    try:
        return await people.approve(
            scope.database,
            scope.org_id,
            scope.site.id,
            Identity(platform, external_id, name),
            role,
            granted_by=_by(scope),
            now=scope.now,
        )
    except LastOwner as error:
        raise Refused(str(error)) from error


def _check_account(platform: str, external_id: str) -> None:
    ids = _IDS.get(platform)
    if ids is None:
        raise NoSuchAccount(
            f'"{platform[:20]}" is no platform; platforms are {", ".join(_IDS)}, as in {_IDS["telegram"].example}'
        )
    if not ids.shape.fullmatch(external_id):
        raise NoSuchAccount(
            f'"{platform}:{external_id[:64]}" cannot be an account: {ids.words}, as in {ids.example}; '
            "the list of people shows who knocked"
        )


async def _knocked(scope: Scope, platform: str, external_id: str) -> Stranger | None:
    strange = await strangers(scope, limit=_ROWS_LOOKED_AT)
    return next((each for each in strange if (each.platform, each.external_id) == (platform, external_id)), None)


async def set_role(scope: Scope, person: Person, role: Role) -> None:
    """Give somebody another role on this site. For owners; the last owner stays owner."""
    require(scope, "owner")
    await _set_role(scope, person, role)


async def remove(scope: Scope, person: Person) -> None:
    """Take somebody's role on this site away, and all that is theirs when it was the only one.

    For owners; the last owner stays. What they had asked for and not confirmed is cancelled, their buttons die.
    """
    require(scope, "owner")
    await _set_role(scope, person, None)
    left = await people.get(scope.database, scope.org_id, person.person_id)
    if left is not None and not left.roles:
        await people.forget(scope.database, scope.org_id, person.person_id, by=_by(scope), now=scope.now)


async def _set_role(scope: Scope, person: Person, role: Role | None) -> None:
    known = await people.get(scope.database, scope.org_id, person.person_id)
    if known is None or scope.site.id not in known.roles:
        raise Refused(f"{person.name} has no role on {scope.site.name} any more; /people shows who has")
    try:
        await people.set_role(
            scope.database,
            scope.org_id,
            scope.site.id,
            person.person_id,
            role,
            granted_by=_by(scope),
            now=scope.now,
        )
    except LastOwner as error:
        raise Refused(str(error)) from error


def _by(scope: Scope) -> str:
    return scope.actor.person_id or scope.actor.name
