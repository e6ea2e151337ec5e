"""Plans as the worker makes them: out of what is known now, kept with why, anew when something is unexpected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.planning import EVERY, OFF_PLAN_PCT, make_plan, make_plan_now, plan_on_events, planned_soc, unexpected
from services.plan_modes import set_mode
from services.planning import NoPlan
from services.reckoning import InlineReckoner, ReckoningLate
from store import forecasts, plans, relays, wishes
from store.wishes import Wish
from tests.jobs.plans import automatic, plan_of, put_forecasts, put_plan, scope_of
from tests.jobs.ranch import ORG, on_ranch


async def newest(database):
    return await plans.newest(database, ORG, "ranch", as_of=datetime.now(UTC))


async def test_a_plan_is_made_from_the_forecasts_and_kept_with_why_and_with_the_batterys_way(database):
    async with on_ranch(database) as ranch:
        await put_forecasts(database)
        await automatic(ranch, "s21", "s19-1", "s19-2")
        await make_plan(ranch.work(reckoner=InlineReckoner()))
        stored = await newest(database)
        assert (stored.because, stored.mode) == (EVERY, "automatic")
        assert stored.plan.method == "milp"
        assert set(stored.plan.steps[0].miner_reasons) == {"s21", "s19-1", "s19-2"}
        assert stored.plan.miner_kwh > 100  # 11 kW of sun all along
        for target in ("soc", "soc_as_is"):
            kept = await forecasts.newest(database, ORG, "ranch", target, as_of=datetime.now(UTC))
            assert 80 < kept.band.p50[0] <= 100
            assert kept.notes[0].endswith(".")
        await make_plan(ranch.work(reckoner=InlineReckoner()))  # one was made just before
        assert (await newest(database)).plan_id == stored.plan_id


@pytest.mark.parametrize(
    ("has", "later", "says"),
    [
        (False, timedelta(), "there is no forecast of solar and load: it is made within the hour"),
        (True, timedelta(minutes=20), "the battery's level is 20 min old: look at the device"),
    ],
)
async def test_without_what_it_needs_there_is_no_plan_and_the_remedy_is_said(database, has, later, says):
    async with on_ranch(database) as ranch:
        if has:
            await put_forecasts(database)
        work = ranch.work(clock=lambda: datetime.now(UTC) + later)
        found = await make_plan_now(work, EVERY)
        assert isinstance(found, NoPlan)
        assert says in found.says
        assert work.said == {"no_plan": found.says}
        assert await newest(database) is None
