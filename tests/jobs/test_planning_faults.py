"""Plans where something goes wrong: what is stored cannot be read, two workers plan at once, a write fails half-way."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from energy.plan.plan_json import VERSION, to_json
from jobs.planning import make_plan, plan_on_events
from services.reckoning import InlineReckoner
from store import plans
from store.forecast_tables import plans as plans_table
from tests.jobs.plans import automatic, put_forecasts, put_plan
from tests.jobs.ranch import ORG, on_ranch


async def newest(database):
    return await plans.newest(database, ORG, "ranch", as_of=datetime.now(UTC))


async def test_a_stored_plan_of_another_version_does_not_keep_the_next_one_from_being_made(database):
    async with on_ranch(database) as ranch:
        await put_forecasts(database)
        await automatic(ranch, "s21")
        stored = await put_plan(ranch, "s21")
        async with database.begin() as connection:
            await connection.execute(update(plans_table).values(plan=to_json(stored.plan) | {"version": VERSION + 1}))
        await plan_on_events(ranch.work(reckoner=InlineReckoner()))
        assert (await newest(database)).because == "because there is none yet"
        await make_plan(ranch.work(reckoner=InlineReckoner()))
        assert (await newest(database)).plan.method == "milp"
