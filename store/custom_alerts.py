"""People's own alert rules ("tell me when solar passes 8 kW")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import replace as with_changes
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update

from energy.alerts.custom import MOST_PER_PERSON, CustomRule
from energy.alerts.rule import Level
from store.alert_revision import moved_in
from store.alert_tables import custom_alerts as table
from store.database import Database
from store.dialect import insert_new, lock
from store.errors import StoreError


class TooMany(StoreError):
    """The person has as many rules as one may have."""


@dataclass(frozen=True, slots=True)
class StoredCustom:
    """A rule of a person. `custom_id` is the number that people type."""

    custom_id: int
    person_id: str
    rule: CustomRule
    created_at: datetime


_COLUMNS = (table.c.custom_id, table.c.person_id, table.c.rule, table.c.created_at)


async def add(
    db: Database, org_id: str, site_id: str, person_id: str, rule: CustomRule, now: datetime
) -> StoredCustom | None:
    """A new rule of a person, None when they have the same one already. Raises TooMany. It is theirs (`owner`)."""
    rule = with_changes(rule, owner=person_id)
    row = {
        "org_id": org_id,
        "site_id": site_id,
        "person_id": person_id,
        "rule_id": rule.id,
        "rule": _to_json(rule),
        "created_at": now,
    }
    theirs = and_(table.c.org_id == org_id, table.c.site_id == site_id, table.c.person_id == person_id)
    async with db.begin() as connection:
        await lock(connection, "custom alerts", org_id, site_id, person_id)
        same = select(table.c.custom_id).where(theirs, table.c.rule_id == rule.id)
        if (await connection.execute(same)).first() is not None:
            return None
        count = (await connection.execute(select(func.count()).select_from(table).where(theirs))).scalar_one()
        if count >= MOST_PER_PERSON:
            raise TooMany(f"one may have {MOST_PER_PERSON} alerts of their own; remove one first")
        if not await insert_new(connection, table, row):
            return None
        custom_id = (await connection.execute(same)).scalar_one()
        await moved_in(connection, org_id, site_id)
    return StoredCustom(custom_id, person_id, rule, now)


async def replace(db: Database, org_id: str, person_id: str, custom_id: int, rule: CustomRule) -> bool:
    """Another condition in the place of a person's rule; False when it is not theirs, or they have that one too."""
    rule = with_changes(rule, owner=person_id)
    async with db.begin() as connection:
        mine = select(table.c.site_id).where(_is(org_id, person_id, custom_id))
        site_id = (await connection.execute(mine)).scalar_one_or_none()
        if site_id is None:
            return False
        await lock(connection, "custom alerts", org_id, site_id, person_id)
        same = select(table.c.custom_id).where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.person_id == person_id,
            table.c.rule_id == rule.id,
            table.c.custom_id != custom_id,
        )
        if (await connection.execute(same)).first() is not None:
            return False
        statement = update(table).where(_is(org_id, person_id, custom_id))
        result = await connection.execute(statement.values(rule_id=rule.id, rule=_to_json(rule)))
        if result.rowcount != 1:
            return False
        await moved_in(connection, org_id, site_id)
    return True


async def remove(db: Database, org_id: str, person_id: str, custom_id: int) -> bool:
    """Drop a person's rule; False when it is not theirs."""
    async with db.begin() as connection:
        mine = select(table.c.site_id).where(_is(org_id, person_id, custom_id))
        site_id = (await connection.execute(mine)).scalar_one_or_none()
        removed = await connection.execute(delete(table).where(_is(org_id, person_id, custom_id)))
        if site_id is None or removed.rowcount != 1:
            return False
        await moved_in(connection, org_id, site_id)
    return True


async def all_of(db: Database, org_id: str, site_id: str) -> list[StoredCustom]:
    """Everybody's rules on a site, the oldest first."""
    return await _found(db, and_(table.c.org_id == org_id, table.c.site_id == site_id))


async def of_person(db: Database, org_id: str, site_id: str, person_id: str) -> list[StoredCustom]:
    """A person's rules on a site, the oldest first."""
    return await _found(db, and_(table.c.org_id == org_id, table.c.site_id == site_id, table.c.person_id == person_id))


async def _found(db: Database, where: ColumnElement[bool]) -> list[StoredCustom]:
    query = select(*_COLUMNS).where(where).order_by(table.c.custom_id)
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
    return [StoredCustom(row[0], row[1], _from_json(row[2], row[1]), row[3]) for row in rows]


def _to_json(rule: CustomRule) -> dict[str, Any]:
    return asdict(rule) | {"level": str(rule.level)}


def _from_json(kept: Mapping[str, Any], person_id: str) -> CustomRule:
    known = {name: kept[name] for name in CustomRule.__dataclass_fields__ if name in kept}
    return CustomRule(**known | {"level": Level(kept["level"]), "owner": person_id})


def _is(org_id: str, person_id: str, custom_id: int) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.person_id == person_id, table.c.custom_id == custom_id)
