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
from tests.jobs.plans import automatic, plan_of, put_forecasts, scope_of
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


class Stuck:
    """A reckoner whose child never answers."""

    async def warm(self, function, *args, timeout_s):
        raise ReckoningLate(f"{function.__name__} took longer than {timeout_s:g} s")


async def test_a_solver_that_does_not_come_back_leaves_the_rule_based_plan_with_why(database):
    async with on_ranch(database) as ranch:
        await put_forecasts(database)
        await automatic(ranch, "s21")
        stored = await make_plan_now(ranch.work(reckoner=Stuck()), EVERY)
        assert stored.plan.method == "fallback"
        assert any("solved took longer than 30 s" in note for note in stored.plan.notes)
        assert (await newest(database)).plan.notes == stored.plan.notes


async def test_miners_that_people_keep_are_left_alone_by_the_plan_which_says_so(database):
    async with on_ranch(database) as ranch:
        await put_forecasts(database)
        anna = await ranch.person("Anna")
        await automatic(ranch, "s21", "s19-1")
        now = datetime.now(UTC)
        await wishes.put(database, ORG, "ranch", Wish("s21", "off", None, anna, now))
        await wishes.put(database, ORG, "ranch", Wish("s19-2", "hand_off", None, "worker", now))
        stored = await make_plan_now(ranch.work(), EVERY)
        assert not any({"s21", "s19-2"} & step.on for step in stored.plan.steps)
        assert any("s19-1" in step.on for step in stored.plan.steps)
        assert any(note.startswith("s21 is kept off by Anna, so the plan leaves it so") for note in stored.plan.notes)
        assert any(note.startswith("s19-2 was switched off at its relay") for note in stored.plan.notes)
        await set_mode(scope_of(ranch), "advise")  # how it stands binds no advice
        stored = await make_plan_now(ranch.work(), EVERY)
        assert any("s21" in step.on for step in stored.plan.steps)


async def test_a_plan_is_made_anew_for_what_it_did_not_expect_and_for_nothing_else(database):
    async with on_ranch(database) as ranch:
        await put_forecasts(database, at=datetime.now(UTC) - timedelta(minutes=20))
        await automatic(ranch, "s21")
        work = ranch.work()
        assert await unexpected(work) == "because there is none yet"
        await plan_on_events(work)
        assert (await newest(database)).because == "because there is none yet"
        assert await unexpected(work) is None
        later = ranch.work(clock=lambda: datetime.now(UTC) + timedelta(minutes=4))
        assert await unexpected(later) is None
        await ranch.weather(soc_pct=88.0 - OFF_PLAN_PCT - 20)
        assert (await unexpected(later)).startswith("because the battery is at 63 %; planned were ")
        await put_forecasts(database, at=datetime.now(UTC))
        assert await unexpected(later) == "because a new forecast came"
        await relays.put(
            database,
            ORG,
            "ranch",
            relays.RelayState(miner_id="s21", on=True, changed_at=datetime.now(UTC), changed_by="hand"),
        )
        assert await unexpected(later) == "because s21 was switched on, and not by us"
        await set_mode(scope_of(ranch), "ask")
        assert await unexpected(work) == "because the mode is ask now"  # at once


async def test_a_plan_made_within_a_quarter_hour_is_not_off_plan_minutes_later(database):
    """50 % at 13 past, and what 9 kW bring in the three minutes after it."""
    now = (datetime.now(UTC) + timedelta(hours=1)).replace(minute=13, second=20, microsecond=0)
    async with on_ranch(database) as ranch:
        await put_forecasts(database, solar_w=10_500.0, at=now - timedelta(minutes=5))
        await set_mode(scope_of(ranch), "automatic")
        for miner in ranch.site.miner:
            await wishes.put(database, ORG, "ranch", Wish(miner.id, "off", None, "anna", now - timedelta(hours=1)))
        await ranch.weather(age=datetime.now(UTC) - now, soc_pct=50.0, solar_w=10_500.0)
        made = await make_plan_now(ranch.work(clock=lambda: now), EVERY)
        assert planned_soc(made.plan, now, 30.0) == pytest.approx(50.0, abs=0.6)
        later = now + timedelta(minutes=3, seconds=1)
        await ranch.weather(age=datetime.now(UTC) - later, soc_pct=51.5, solar_w=10_500.0)
        assert await unexpected(ranch.work(clock=lambda: later)) is None


def test_the_level_planned_for_a_moment_lies_between_the_ends_of_steps():
    start = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
    plan = plan_of(start, steps=2)
    assert planned_soc(plan, start + timedelta(minutes=20), 30.0) == 88.0
    assert planned_soc(plan, start + timedelta(minutes=31), 30.0) is None
