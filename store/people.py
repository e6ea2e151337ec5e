"""People, their accounts on platforms, and their roles on sites.

An account is (platform, immutable id). Who is not in these tables is nobody: an empty table lets nobody in.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.alert_tables import alert_mutes, contacts, custom_alerts, outbox, postings
from store.audit import append_in
from store.control import cancel_of_person_in
from store.control_tables import absences, buttons, routes
from store.database import Database
from store.dialect import insert_for, lock
from store.errors import StoreError
from store.tables import identities, pairing_codes, people, roles

Role = Literal["viewer", "operator", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)  # rising rights


class LastOwner(StoreError):
    """The change would leave a site without an owner."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An account of a person. `display_name` is what the platform showed when it was paired."""

    platform: str
    external_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known: accounts, and the role on each site (site id -> role)."""

    person_id: str
    name: str
    roles: Mapping[str, Role]
    identities: tuple[Identity, ...]
    preferences: Mapping[str, Any]


async def admit(db: Database, org_id: str, platform: str, external_id: str) -> Person | None:
    """The person behind an account, or None for a stranger."""
    account = select(identities.c.person_id).where(
        identities.c.org_id == org_id,
        identities.c.platform == platform,
        identities.c.external_id == external_id,
    )
    async with db.read() as connection:
        person_id = (await connection.execute(account)).scalar_one_or_none()
        return None if person_id is None else await person_in(connection, org_id, person_id)


async def get(db: Database, org_id: str, person_id: str) -> Person | None:
    """The person with this id, or None."""
    async with db.read() as connection:
        return await person_in(connection, org_id, person_id)


async def list_people(db: Database, org_id: str, *, site_id: str | None = None) -> list[Person]:
    """Everybody, or everybody with a role on `site_id`, by name."""
    async with db.read() as connection:
        found = await _people(connection, org_id)
    return [person for person in found if site_id is None or site_id in person.roles]


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody on a site: their role there, and what they set for themselves, as it is kept."""

    person_id: str
    name: str
    role: Role
    preferences: Mapping[str, Any]


async def on_site(db: Database, org_id: str, site_id: str) -> list[Standing]:
    """Everybody with a role on the site by name, without their accounts and other sites: one short query."""
    query = (
        select(people.c.person_id, people.c.name, roles.c.role, people.c.preferences)
        .join(roles, roles.c.person_id == people.c.person_id)
        .where(roles.c.org_id == org_id, roles.c.site_id == site_id, people.c.org_id == org_id)
    )
    async with db.read() as connection:
        found = [Standing(*row) for row in await connection.execute(query)]
    return sorted(found, key=lambda each: (each.name.casefold(), each.person_id))


async def set_role(
    db: Database,
    org_id: str,
    site_id: str,
    person_id: str,
    role: Role | None,
    *,
    granted_by: str,
    now: datetime | None = None,
) -> None:
    """Give a person a role on a site, or take it away (None); with an audit row. `granted_by` is a person or "host".

    Whoever loses the role loses what was open on the site: proposals, buttons, codes. Raises LastOwner.
    """
    moment = now or datetime.now(UTC)
    async with db.begin() as connection:
        await _keep_an_owner(connection, org_id, site_id, person_id, role)
        if role is None:
            await connection.execute(
                delete(roles).where(
                    roles.c.org_id == org_id, roles.c.site_id == site_id, roles.c.person_id == person_id
                )
            )
            await _drop_what_was_open(connection, org_id, person_id, site_id=site_id, now=moment, by=granted_by)
        else:
            await grant_in(connection, org_id, site_id, person_id, role, granted_by=granted_by, now=moment)
        person = await person_in(connection, org_id, person_id)
        await append_in(
            connection,
            org_id,
            site_id=site_id,
            actor=granted_by,
            action="role_changed",
            subject=person_id,
            details={"role": role, "name": person.name if person else None},
            now=moment,
        )


async def _keep_an_owner(
    connection: AsyncConnection, org_id: str, site_id: str, person_id: str, role: Role | None
) -> None:
    """Raise LastOwner when the change would leave a site that has an owner without one."""
    await lock(connection, "roles", org_id, site_id)
    query = select(roles.c.person_id).where(
        roles.c.org_id == org_id, roles.c.site_id == site_id, roles.c.role == "owner"
    )
    owners = {row[0] for row in await connection.execute(query)}
    if role != "owner" and owners == {person_id}:
        raise LastOwner(
            "the last owner of a site can neither be removed nor get another role; make somebody else owner first"
        )


async def _drop_what_was_open(
    connection: AsyncConnection,
    org_id: str,
    person_id: str,
    *,
    now: datetime,
    by: str,
    site_id: str | None = None,
) -> None:
    await cancel_of_person_in(connection, org_id, person_id, now=now, site_id=site_id, by=by)
    for table in (buttons, pairing_codes, outbox, postings, custom_alerts, alert_mutes):
        theirs = and_(table.c.org_id == org_id, table.c.person_id == person_id)
        if site_id is not None:  # what belongs to no site goes too: it may do something on this one
            theirs = and_(theirs, or_(table.c.site_id == site_id, table.c.site_id.is_(None)))
        await connection.execute(delete(table).where(theirs))


async def change_preferences(
    db: Database,
    org_id: str,
    person_id: str,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    *,
    noted: Mapping[str, Any],
    now: datetime | None = None,
) -> Mapping[str, Any]:
    """Replace a person's preferences by what `change` makes of them, with an audit row that holds `noted`.

    Changes at the same time are made one after the other. Raises LookupError for somebody who is not known.
    """
    async with db.begin() as connection:
        await lock(connection, "preferences", org_id, person_id)
        person = await person_in(connection, org_id, person_id)
        if person is None:
            raise LookupError(f"person {person_id} is not known any more")
        preferences = dict(change(person.preferences))
        statement = update(people).where(people.c.org_id == org_id, people.c.person_id == person_id)
        await connection.execute(statement.values(preferences=preferences))
        await append_in(
            connection,
            org_id,
            actor=person_id,
            action="preferences_changed",
            subject=person_id,
            details=noted,
            now=now,
        )
    return preferences


async def forget(db: Database, org_id: str, person_id: str, *, by: str, now: datetime | None = None) -> bool:
    """Delete a person with all that is theirs, with an audit row; False when there is none. Raises LastOwner."""
    moment = now or datetime.now(UTC)
    async with db.begin() as connection:
        person = await person_in(connection, org_id, person_id)
        if person is None:
            return False
        for site_id in sorted(person.roles):
            await _keep_an_owner(connection, org_id, site_id, person_id, None)
        await _drop_what_was_open(connection, org_id, person_id, now=moment, by=by)
        for table in (routes, absences, contacts, people):
            await connection.execute(delete(table).where(table.c.org_id == org_id, table.c.person_id == person_id))
        await append_in(
            connection,
            org_id,
            actor=by,
            action="person_forgotten",
            subject=person_id,
            details={"name": person.name},
            now=moment,
        )
    return True


async def approve(
    db: Database,
    org_id: str,
    site_id: str,
    identity: Identity,
    role: Role,
    *,
    granted_by: str,
    now: datetime | None = None,
) -> Person:
    """Let an account in with a role, as a new person where it is nobody's; with an audit row. Raises LastOwner."""
    moment = now or datetime.now(UTC)
    account = select(identities.c.person_id).where(
        identities.c.org_id == org_id,
        identities.c.platform == identity.platform,
        identities.c.external_id == identity.external_id,
    )
    async with db.begin() as connection:
        await lock(connection, "identities", org_id, identity.platform, identity.external_id)
        person_id: str | None = (await connection.execute(account)).scalar_one_or_none()
        if person_id is None:
            person_id = await create_in(connection, org_id, identity.display_name, now=moment)
            await link_in(connection, org_id, person_id, identity, now=moment)
        await _keep_an_owner(connection, org_id, site_id, person_id, role)
        await grant_in(connection, org_id, site_id, person_id, role, granted_by=granted_by, now=moment)
        person = await person_in(connection, org_id, person_id)
        await append_in(
            connection,
            org_id,
            site_id=site_id,
            actor=granted_by,
            action="person_approved",
            subject=f"{identity.platform}:{identity.external_id}",
            details={"role": role, "person": person_id},
            now=moment,
        )
    if person is None:
        raise StoreError(f"person {person_id} vanished while they were approved; try again")
    return person


async def create_in(connection: AsyncConnection, org_id: str, name: str, *, now: datetime | None = None) -> str:
    """A new person inside the caller's transaction; the id."""
    person_id = uuid.uuid4().hex
    await connection.execute(
        insert(people).values(
            person_id=person_id, org_id=org_id, name=name, preferences={}, created_at=now or datetime.now(UTC)
        )
    )
    return person_id


async def link_in(
    connection: AsyncConnection, org_id: str, person_id: str, identity: Identity, *, now: datetime | None = None
) -> None:
    """Give a person an account inside the caller's transaction; the account must be nobody's yet."""
    await connection.execute(
        insert(identities).values(
            org_id=org_id,
            platform=identity.platform,
            external_id=identity.external_id,
            person_id=person_id,
            display_name=identity.display_name,
            created_at=now or datetime.now(UTC),
        )
    )


async def grant_in(
    connection: AsyncConnection,
    org_id: str,
    site_id: str,
    person_id: str,
    role: Role,
    *,
    granted_by: str | None,
    now: datetime | None = None,
) -> None:
    """Set a role inside the caller's transaction."""
    if role not in ROLES:
        raise ValueError(f'"{role}" is no role; roles are {", ".join(ROLES)}')
    values = {"role": role, "granted_by": granted_by, "granted_at": now or datetime.now(UTC)}
    statement = insert_for(connection, roles).values(org_id=org_id, site_id=site_id, person_id=person_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["org_id", "site_id", "person_id"], set_=values)
    )


async def person_in(connection: AsyncConnection, org_id: str, person_id: str) -> Person | None:
    """`get` inside the caller's transaction."""
    return next(iter(await _people(connection, org_id, person_id)), None)


async def _people(connection: AsyncConnection, org_id: str, person_id: str | None = None) -> list[Person]:
    def rows_of(table: Any, *columns: Any) -> Any:
        query = select(table.c.person_id, *columns).where(table.c.org_id == org_id)
        return query if person_id is None else query.where(table.c.person_id == person_id)

    found = (await connection.execute(rows_of(people, people.c.name, people.c.preferences))).all()
    granted = (await connection.execute(rows_of(roles, roles.c.site_id, roles.c.role))).all()
    accounts = (
        await connection.execute(
            rows_of(identities, identities.c.platform, identities.c.external_id, identities.c.display_name)
        )
    ).all()
    return sorted(
        (
            Person(
                row[0],
                row[1],
                {g[1]: g[2] for g in _of(granted, row[0])},
                tuple(Identity(*a[1:]) for a in sorted(map(tuple, _of(accounts, row[0])))),
                row[2],
            )
            for row in found
        ),
        key=lambda person: (person.name.casefold(), person.person_id),
    )


def _of(rows: Iterable[Any], person_id: str) -> list[Any]:
    return [row for row in rows if row[0] == person_id]
