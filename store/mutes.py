"""Rules that somebody silenced for a while, for everybody or for themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.alert_revision import moved_in
from store.alert_tables import alert_mutes as table
from store.database import Database
from store.dialect import insert_for

_EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Mute:
    """Nothing is told of this rule until then: to nobody where `person_id` is None, else not to that person."""

    rule_id: str
    person_id: str | None
    until: datetime
    set_by: str
    set_at: datetime


async def put_mute_in(connection: AsyncConnection, org_id: str, site_id: str, mute: Mute) -> None:
    """Silence a rule, in the place of an earlier mute for the same people."""
    values = {"until": mute.until, "set_by": mute.set_by, "set_at": mute.set_at}
    key = {"org_id": org_id, "site_id": site_id, "rule_id": mute.rule_id, "person_id": mute.person_id or _EVERYBODY}
    statement = insert_for(connection, table).values(**key, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
    await moved_in(connection, org_id, site_id)


async def mutes(db: Database, org_id: str, site_id: str, now: datetime) -> list[Mute]:
    """The mutes that are not over yet, by rule; those for everybody first."""
    query = (
        select(table.c.rule_id, table.c.person_id, table.c.until, table.c.set_by, table.c.set_at)
        .where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.until > now)
        .order_by(table.c.rule_id, table.c.person_id)
    )
    async with db.read() as connection:
        return [Mute(row[0], row[1] or None, *row[2:]) for row in await connection.execute(query)]


async def end_mute_in(
    connection: AsyncConnection, org_id: str, site_id: str, rule_id: str, person_id: str | None
) -> bool:
    """The rule is told again, to everybody (None) or to that person; False when there was no such mute."""
    statement = delete(table).where(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.rule_id == rule_id,
        table.c.person_id == (person_id or _EVERYBODY),
    )
    ended = bool((await connection.execute(statement)).rowcount == 1)
    if ended:
        await moved_in(connection, org_id, site_id)
    return ended


async def forget_over_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop the mutes that were over before `moment`; how many."""
    async with db.begin() as connection:
        statement = delete(table).where(table.c.org_id == org_id, table.c.until < moment)
        return int((await connection.execute(statement)).rowcount)
