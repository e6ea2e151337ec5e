"""Plans where something goes wrong: what is stored cannot be read, two workers plan at once, a write fails half-way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from energy.plan.plan_json import VERSION, to_json
from jobs.claims import NotDone
from jobs.housekeeping import keep_house
from jobs.planning import EVERY, make_plan, make_plan_now, plan_on_events
from services.planning import NoPlan
from services.reckoning import InlineReckoner, ReckoningLate
from store import forecasts, plans, slots
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


async def test_two_workers_that_look_at_once_make_one_plan(database):
    async with on_ranch(database) as ranch:
        await put_forecasts(database)
        await automatic(ranch, "s21")
        one, other = ranch.work(reckoner=InlineReckoner()), ranch.work(reckoner=InlineReckoner())
        done = await asyncio.gather(make_plan(one), plan_on_events(other), return_exceptions=True)
        assert [each for each in done if each is not None and not isinstance(each, NotDone)] == []
        now = datetime.now(UTC)
        assert len(await plans.between(database, ORG, "ranch", now - timedelta(hours=1), now)) == 1
        assert await slots.last_claimed(database, ORG, "ranch:planning") is None  # given back


@pytest.mark.parametrize("refused", ["plans", "forecasts"])
async def test_a_write_that_fails_half_way_leaves_neither_a_plan_nor_what_is_foreseen_under_it(database, refused):
    async with on_ranch(database) as ranch:
        await put_forecasts(database)
        await automatic(ranch, "s21")
        when = "" if refused == "plans" else "WHEN NEW.target = 'soc_as_is' "
        async with database.begin() as connection:
            trigger = (
                f"CREATE TRIGGER full BEFORE INSERT ON {refused} {when}BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
            await connection.execute(text(trigger))
        with pytest.raises(DBAPIError, match="disk full"):
            await plan_on_events(ranch.work(reckoner=InlineReckoner()))
        assert await newest(database) is None
        for target in ("soc", "soc_as_is"):
            assert await forecasts.newest(database, ORG, "ranch", target, as_of=datetime.now(UTC)) is None
        assert await slots.last_claimed(database, ORG, "ranch:planning") is None


async def test_of_plans_all_of_three_days_stay_then_the_last_of_each_hour_then_of_each_day(database):
    now = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)
    async with on_ranch(database) as ranch:
        zone = ranch.site.zone
        stored = await put_plan(ranch, "s21")
        kept = {await plans.put(database, ORG, "ranch", replace(stored, planned_at=now - timedelta(days=2)))}
        for days in (5, 20, 70):
            noon = (now - timedelta(days=days)).astimezone(zone).replace(hour=12, minute=0).astimezone(UTC)
            made = [noon + timedelta(minutes=15 * n) for n in range(8)]
            ids = [await plans.put(database, ORG, "ranch", replace(stored, planned_at=at)) for at in made]
            kept |= set({5: (ids[3], ids[7]), 20: (ids[7],), 70: ()}[days])
        await keep_house(ranch.work(clock=lambda: now))
        left = await plans.made_between(database, ORG, "ranch", now - timedelta(days=90), now - timedelta(days=1))
        assert {number for number, _ in left} == kept


@pytest.mark.parametrize(("hours", "said"), [(2, None), (5, "5 h"), (47, "47 h")])
async def test_a_plan_from_old_forecasts_says_their_age_and_none_that_switches_is_made_from_them_after_a_day(
    database, hours, said
):
    async with on_ranch(database) as ranch:
        await put_forecasts(database, at=datetime.now(UTC) - timedelta(hours=hours))
        await automatic(ranch, "s21", mode="advise")
        made = await make_plan_now(ranch.work(), EVERY)
        notes = [note for note in made.plan.notes if "one is made every hour" in note]
        assert len(notes) == (0 if said is None else 2)
        assert all(f"forecast is {said}" in note for note in notes)
        for mode in ("ask", "automatic"):
            await automatic(ranch, "s21", mode=mode)
            made = await make_plan_now(ranch.work(), EVERY)
            assert isinstance(made, NoPlan) is (hours == 47)
            if isinstance(made, NoPlan):
                assert f"is {said} old, and in the mode {mode} nothing is switched by one of more than" in made.says
                assert "see whether the worker runs" in made.says


class Late:
    """A reckoner whose child is always late."""

    async def warm(self, function, *args, timeout_s):
        raise ReckoningLate(f"{function.__name__} took longer than {timeout_s:g} s")


async def test_the_last_good_plan_moves_on_while_the_solver_is_late_for_three_hours_at_most(database):
    start = datetime.now(UTC)
    async with on_ranch(database) as ranch:
        await put_forecasts(database, solar_w=0.0, load_w=300.0)
        await automatic(ranch, "s21", "s19-1", "s19-2")
        good = await put_plan(ranch, "s21")
        notes = []
        for minutes in range(15, 240, 45):
            now = start + timedelta(minutes=minutes)
            await ranch.weather(age=datetime.now(UTC) - now, soc_pct=88.0, solar_w=0.0, load_w=300.0)
            made = await make_plan_now(ranch.work(reckoner=Late(), clock=lambda now=now: now), EVERY)
            notes.append((minutes, made.plan.notes[-1].split(",")[0], "s21" in made.plan.steps[0].on))
        assert good.plan.method == "milp"
        assert notes[0] == (15, "This is the last plan moved on", True)
        assert {words for minutes, words, _ in notes if minutes <= 180} == {"This is the last plan moved on"}
        assert notes[-1][1].startswith("This is the simple rule-based plan")
