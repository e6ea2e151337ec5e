"""How right the forecasts and plans of each day were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import delete, select

from store.database import Database
from store.dialect import insert_for
from store.forecast_tables import forecast_scores as table


@dataclass(frozen=True)
class Score:
    """The figures of one local day and target: "solar", "load", "soc" or "plan". `values` are as JSON has them."""

    day: date
    target: str
    values: Mapping[str, Any] = field(default_factory=dict)


async def put(db: Database, org_id: str, site_id: str, score: Score) -> None:
    """Keep the figures of a day, in place of those that were there."""
    figures = dict(score.values)
    row = {"org_id": org_id, "site_id": site_id, "target": score.target, "day": score.day, "figures": figures}
    async with db.begin() as connection:
        statement = insert_for(connection, table).values(row)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["org_id", "site_id", "target", "day"], set_={"figures": figures}
            )
        )


async def between(db: Database, org_id: str, site_id: str, first_day: date, last_day: date) -> list[Score]:
    """The scores of the days from the first to the last, both included; by day, then target."""
    query = select(table.c.day, table.c.target, table.c.figures).where(
        table.c.org_id == org_id, table.c.site_id == site_id, table.c.day >= first_day, table.c.day <= last_day
    )
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(table.c.day, table.c.target))).all()
    return [Score(row.day, row.target, row.figures) for row in rows]


async def forget_before(db: Database, org_id: str, site_id: str, day: date) -> int:
    """Drop the scores of the days before `day`; how many."""
    statement = delete(table).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.day < day)
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)
