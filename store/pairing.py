"""Pairing codes: how an account becomes a person. Single use, short-lived, rate limited, stored as a slow hash.

A code has 50 random bits. Guessing is limited twice: per account, and over all accounts of an organisation, which also
bounds the work that strangers can cause. An account over its limit costs no hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audit import append_in
from store.database import Database
from store.dialect import lock
from store.errors import StoreError
from store.people import ROLES, Identity, Person, Role, create_in, grant_in, link_in, person_in
from store.tables import identities, pairing_attempts, pairing_codes, roles

CODE_LIFETIME = timedelta(minutes=15)
ATTEMPTS_WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_ACCOUNT = 5
ATTEMPTS_IN_ALL = 100

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_HALF = 5


class CodeRefused(StoreError):
    """The code is wrong, used or expired; which of these is not told."""


class TooManyAttempts(CodeRefused):
    """This account, or all together, tried too often; again after `after_s` seconds."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"too many attempts; try again in {max(1, round(after_s / 60))} minutes")
        self.after_s = after_s


class AlreadyPaired(CodeRefused):
    """The account belongs to another person than the code; that link must be removed first."""


async def create_code(
    db: Database,
    org_id: str,
    site_id: str,
    role: Role,
    *,
    created_by: str | None = None,
    person_id: str | None = None,
    lifetime: timedelta = CODE_LIFETIME,
    now: datetime | None = None,
) -> str:
    """A new code such as "7GQ2M-X4KTD", to be shown once: only its hash is stored.

    Whoever redeems it gets `role` on the site; with `person_id` their account becomes one more of that person.
    """
    if role not in ROLES:
        raise ValueError(f'"{role}" is no role; roles are {", ".join(ROLES)}')
    now = now or datetime.now(UTC)
    code = new_code()
    digest = await asyncio.to_thread(_hashed, org_id, code)
    async with db.begin() as connection:
        await connection.execute(delete(pairing_codes).where(pairing_codes.c.expires_at < now - timedelta(days=30)))
        await connection.execute(
            insert(pairing_codes).values(
                org_id=org_id,
                code_hash=digest,
                site_id=site_id,
                role=role,
                person_id=person_id,
                created_by=created_by,
                created_at=now,
                expires_at=now + lifetime,
            )
        )
    return f"{code[:_HALF]}-{code[_HALF:]}"


def new_code() -> str:
    """Ten characters with a digit among them, so that a code is told from two words; that costs 0.04 of 50 bits."""
    while True:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _HALF))
        if any(character.isdigit() for character in code):
            return code


async def redeem(
    db: Database,
    org_id: str,
    platform: str,
    external_id: str,
    name: str,
    code: str,
    *,
    now: datetime | None = None,
) -> Person:
    """Use a code up for an account; the person that it belongs to from now on.

    An account that is known keeps its person, and a role is never lowered. Raises CodeRefused, TooManyAttempts or
    AlreadyPaired. Case, spaces, hyphens and the usual misreadings (O for 0) do not matter.
    """
    now = now or datetime.now(UTC)
    await _count_attempt(db, org_id, platform, external_id, now)
    digest = await asyncio.to_thread(_hashed, org_id, _normal(code))
    async with db.begin() as connection:
        # The one statement that decides between two who use the same code at the same time.
        used = await connection.execute(
            update(pairing_codes)
            .where(
                pairing_codes.c.org_id == org_id,
                pairing_codes.c.code_hash == digest,
                pairing_codes.c.used_at.is_(None),
                pairing_codes.c.expires_at > now,
            )
            .values(used_at=now)
        )
        if used.rowcount != 1:
            raise CodeRefused("this code is wrong, used or expired; ask for a new one")
        of_code = (pairing_codes.c.org_id == org_id, pairing_codes.c.code_hash == digest)
        row = (await connection.execute(select(pairing_codes).where(*of_code))).one()
        person_id = await _person_for(connection, org_id, Identity(platform, external_id, name), row.person_id, now=now)
        role = await _raised(connection, org_id, row.site_id, person_id, row.role)
        await grant_in(connection, org_id, row.site_id, person_id, role, granted_by=row.created_by, now=now)
        await connection.execute(update(pairing_codes).where(*of_code).values(used_by=person_id))
        await append_in(
            connection,
            org_id,
            site_id=row.site_id,
            actor=person_id,
            action="paired",
            subject=f"{platform}:{external_id}",
            details={"role": role},
            now=now,
        )
        person = await person_in(connection, org_id, person_id)
    if person is None:
        raise StoreError(f"person {person_id} vanished while pairing; try again")
    return person


async def _count_attempt(db: Database, org_id: str, platform: str, external_id: str, now: datetime) -> None:
    since = now - ATTEMPTS_WINDOW
    recent = select(func.count(), func.min(pairing_attempts.c.attempted_at)).where(
        pairing_attempts.c.org_id == org_id, pairing_attempts.c.attempted_at > since
    )
    of_account = recent.where(pairing_attempts.c.platform == platform, pairing_attempts.c.external_id == external_id)
    async with db.begin() as connection:
        await lock(connection, "pairing_attempts", org_id)
        for query, limit in ((of_account, ATTEMPTS_PER_ACCOUNT), (recent, ATTEMPTS_IN_ALL)):
            count, oldest = (await connection.execute(query)).one()
            if count >= limit:
                raise TooManyAttempts((oldest + ATTEMPTS_WINDOW - now).total_seconds())
        await connection.execute(delete(pairing_attempts).where(pairing_attempts.c.attempted_at <= since))
        await connection.execute(
            insert(pairing_attempts).values(org_id=org_id, platform=platform, external_id=external_id, attempted_at=now)
        )


async def _person_for(
    connection: AsyncConnection, org_id: str, account: Identity, of_code: str | None, *, now: datetime
) -> str:
    query = select(identities.c.person_id).where(
        identities.c.org_id == org_id,
        identities.c.platform == account.platform,
        identities.c.external_id == account.external_id,
    )
    known: str | None = (await connection.execute(query)).scalar_one_or_none()
    if known is not None:
        if of_code not in (None, known):
            raise AlreadyPaired("this account belongs to somebody else already; remove it there first")
        return known
    person_id = of_code or await create_in(connection, org_id, account.display_name, now=now)
    await link_in(connection, org_id, person_id, account, now=now)
    return person_id


async def _raised(connection: AsyncConnection, org_id: str, site_id: str, person_id: str, role: Role) -> Role:
    query = select(roles.c.role).where(
        roles.c.org_id == org_id, roles.c.site_id == site_id, roles.c.person_id == person_id
    )
    present: Role | None = (await connection.execute(query)).scalar_one_or_none()
    return role if present is None else max(role, present, key=ROLES.index)


def _normal(code: str) -> str:
    return "".join(code.upper().split()).replace("-", "")[:64].translate(_MISREAD)


def _hashed(org_id: str, code: str) -> str:
    # scrypt with 16 MB, some 40 ms: a stolen database does not give away a code within its 15 minutes.
    salt = f"commandcenter pairing {org_id}".encode()
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()
