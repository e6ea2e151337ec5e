"""People, their accounts on platforms, and their roles on sites.

An account is (platform, immutable id). Who is not in these tables is nobody: an empty table lets nobody in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audit import append_in
from store.database import Database
from store.dialect import insert_for
from store.tables import identities, people, roles

Role = Literal["viewer", "operator", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)  # rising rights


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


async def has_owner(db: Database, org_id: str, site_id: str) -> bool:
    """Whether the site has an owner; if not, the host offers a pairing code for one."""
    query = select(roles.c.person_id).where(
        roles.c.org_id == org_id, roles.c.site_id == site_id, roles.c.role == "owner"
    )
    async with db.read() as connection:
        return (await connection.execute(query.limit(1))).first() is not None


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
    """Give a person a role on a site, or take it away (None); with an audit row. `granted_by` is a person or "host"."""
    async with db.begin() as connection:
        if role is None:
            await connection.execute(
                delete(roles).where(
                    roles.c.org_id == org_id, roles.c.site_id == site_id, roles.c.person_id == person_id
                )
            )
        else:
            await grant_in(connection, org_id, site_id, person_id, role, granted_by=granted_by, now=now)
        await append_in(
            connection,
            org_id,
            site_id=site_id,
            actor=granted_by,
            action="role_changed",
            subject=person_id,
            details={"role": role},
            now=now,
        )


async def set_preferences(db: Database, org_id: str, person_id: str, preferences: Mapping[str, Any]) -> None:
    """Replace a person's preferences."""
    statement = update(people).where(people.c.org_id == org_id, people.c.person_id == person_id)
    async with db.begin() as connection:
        await connection.execute(statement.values(preferences=dict(preferences)))


async def forget(db: Database, org_id: str, person_id: str, *, by: str, now: datetime | None = None) -> bool:
    """Delete a person with all accounts and roles, with an audit row; False when there is none."""
    statement = delete(people).where(people.c.org_id == org_id, people.c.person_id == person_id)
    async with db.begin() as connection:
        gone = bool((await connection.execute(statement)).rowcount == 1)
        if gone:
            await append_in(connection, org_id, actor=by, action="person_forgotten", subject=person_id, now=now)
    return gone


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
