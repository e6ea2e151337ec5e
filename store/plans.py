"""Plans as they were made: what was to be done, why, and from which forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import delete, insert, select

from store import forecasts
from store.columns import storable
from store.database import Database
from store.forecast_tables import plans as table
from store.forecasts import StoredForecast

if TYPE_CHECKING:
    from energy.plan.plan import Plan

log = structlog.get_logger()
_LOOKED_BACK = 16  # plans of a few hours: what is older helps nobody who asks for the newest
_AT_ONCE = 500
_said: set[int] = set()  # numbers of plans whose trouble stands in the log already


@dataclass(frozen=True)
class StoredPlan:
    """A plan with its number (None before it is kept), when and why it was made, and in which mode of the site."""

    plan_id: int | None
    planned_at: datetime
    because: str
    mode: str
    plan: Plan
    forecast_issued_at: datetime | None


async def put(
    db: Database, org_id: str, site_id: str, stored: StoredPlan, foreseen: Sequence[StoredForecast] = ()
) -> int:
    """Keep a plan, and what is foreseen under it: both or neither. Its number."""
    from energy.plan.plan_json import to_json

    values = {
        "org_id": org_id,
        "site_id": site_id,
        "planned_at": stored.planned_at,
        "because": storable(stored.because),
        "mode": stored.mode,
        "plan": to_json(stored.plan),
        "forecast_issued_at": stored.forecast_issued_at,
    }
    async with db.begin() as connection:
        result = await connection.execute(insert(table).values(values).returning(table.c.plan_id))
        plan_id = int(result.scalar_one())
        for each in foreseen:
            await forecasts.put_in(connection, org_id, site_id, each)
    return plan_id


async def newest(db: Database, org_id: str, site_id: str, *, as_of: datetime) -> StoredPlan | None:
    """The newest plan made by `as_of`, or None.

    One that cannot be read (of another version, or damaged) is passed over, and the log names it once: the plan that
    takes its place could never be made else.
    """
    query = _of(org_id, site_id).where(table.c.planned_at <= as_of)
    query = query.order_by(table.c.planned_at.desc(), table.c.plan_id.desc())
    async with db.read() as connection:
        rows = (await connection.execute(query.limit(1))).all()
        found = _readable(rows)
        if rows and not found:
            found = _readable((await connection.execute(query.offset(1).limit(_LOOKED_BACK))).all())
    return found[0] if found else None


async def between(db: Database, org_id: str, site_id: str, start: datetime, end: datetime) -> list[StoredPlan]:
    """The plans made in [start, end), in order, without those that cannot be read."""
    query = _of(org_id, site_id).where(table.c.planned_at >= start, table.c.planned_at < end)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.planned_at, table.c.plan_id))).all()
    return _readable(rows)


async def forget_before(db: Database, org_id: str, site_id: str, moment: datetime) -> int:
    """Drop the plans that were made before `moment`; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.planned_at < moment)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


async def made_between(
    db: Database, org_id: str, site_id: str, start: datetime, end: datetime
) -> list[tuple[int, datetime]]:
    """The numbers of the plans made in [start, end) and when they were made, in order."""
    query = select(table.c.plan_id, table.c.planned_at).where(table.c.org_id == org_id, table.c.site_id == site_id)
    query = query.where(table.c.planned_at >= start, table.c.planned_at < end)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.planned_at, table.c.plan_id))).all()
    return [(row.plan_id, row.planned_at) for row in rows]


async def forget(db: Database, org_id: str, site_id: str, plan_ids: Sequence[int]) -> int:
    """Drop these plans; how many."""
    dropped = 0
    for first in range(0, len(plan_ids), _AT_ONCE):
        statement = delete(table).where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.plan_id.in_(plan_ids[first : first + _AT_ONCE]),
        )
        async with db.begin() as connection:
            dropped += int((await connection.execute(statement)).rowcount)
    return dropped


def _of(org_id: str, site_id: str) -> Any:
    return select(*table.c).where(table.c.org_id == org_id, table.c.site_id == site_id)


def _readable(rows: Sequence[Any]) -> list[StoredPlan]:
    found = []
    for row in rows:
        try:
            found.append(_stored(row))
        except ValueError as error:
            if row.plan_id not in _said:
                _said.add(row.plan_id)
                log.warning("plan_not_readable", site=row.site_id, plan_id=row.plan_id, reason=str(error))
    return found


def _stored(row: Any) -> StoredPlan:
    from energy.plan.plan_json import from_json

    return StoredPlan(row.plan_id, row.planned_at, row.because, row.mode, from_json(row.plan), row.forecast_issued_at)
