"""The automatic mode: miners follow the plan, and the interlocks, people and hands have the word before it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs.following import HELD_S, LOOK_EVERY_S, Following
from store import plans
from tests.jobs.plans import automatic, put_plan
from tests.jobs.ranch import ORG, on_ranch, ranch_site
from tests.jobs.stage import until


class Hurried:
    """A clock on which a plan is looked at again soon, and that a test sets ahead."""

    ahead_s = 0.0

    def __call__(self):
        return time.monotonic() * 2 * LOOK_EVERY_S + self.ahead_s


hurried = Hurried()  # never set ahead


@asynccontextmanager
async def plans_out_of_reach(ranch):
    """The database refuses every question for a plan while the block runs."""
    async with ranch.database.begin() as connection:
        await connection.execute(text("ALTER TABLE plans RENAME TO plans_away"))
    with pytest.raises(DBAPIError):
        await plans.newest(ranch.database, ORG, "ranch", as_of=datetime.now(UTC))
    yield
    async with ranch.database.begin() as connection:
        await connection.execute(text("ALTER TABLE plans_away RENAME TO plans"))


async def test_a_miner_is_started_and_stopped_by_the_plan_and_its_owner_is_told_in_one_message(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        await automatic(ranch, "s21", "s19-1")
        await put_plan(ranch, "s21", "s19-1")
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.is_on("s21") and ranch.is_on("s19-1"))
            await put_plan(ranch)
            await until(lambda: not ranch.is_on("s21") and not ranch.is_on("s19-1"))
            await until(lambda: ranch.has_said("s19-1 was stopped by the plan"))
            await until(lambda: ranch.has_said("s21 was stopped by the plan"))
        said = [text for action, text in await ranch.told() if action == "miner_plan"]
        assert "s21 was started by the plan: runs on 6.0 kW of surplus: a kWh earns 0.11 USD." in said
        assert "s21 was stopped by the plan: export brings 0.20 USD, mining 0.11." in said
        assert len(said) == 4
        ((level, text),) = await ranch.notices()
        assert level == "info"
        assert sorted(text.split("\n")) == sorted(said)


async def test_the_plan_starts_nothing_under_the_start_level_and_keeps_on_down_to_the_stop_level(database):
    levels = {"stop_soc_pct": 50, "start_soc_pct": 60}
    site = ranch_site(s21={"stop_soc_pct": 60, "start_soc_pct": 70}, s19_1=levels)
    async with on_ranch(database, site) as ranch:
        await ranch.weather(soc_pct=45.0)
        await automatic(ranch, "s21", "s19-1")
        await put_plan(ranch, "s21", "s19-1")
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.looked_at("s21"))
            await asyncio.sleep(0.5)
            assert not ranch.is_on("s21")
            assert not await ranch.switchings("s21")
            await ranch.weather(soc_pct=65.0)
            await until(lambda: ranch.is_on("s19-1"))
            await asyncio.sleep(0.5)
            assert not ranch.is_on("s21")  # under its own start
            await ranch.weather(soc_pct=70.0)
            await until(lambda: ranch.is_on("s21"))
            await ranch.weather(soc_pct=61.0)
            await asyncio.sleep(0.5)
            assert ranch.is_on("s21")  # above its stop: the plan keeps it on
            await ranch.weather(soc_pct=59.0)
            await until(lambda: not ranch.is_on("s21"))
            await ranch.weather(soc_pct=61.0)
            await asyncio.sleep(0.5)
            assert ranch.is_on("s19-1")
        assert await ranch.switchings("s21") == [(True, "us"), (False, "us")]
        said = [text for _, text in await ranch.told() if text.startswith("s21 is off")]
        assert any("at or below the stop at 60 %" in text for text in said), said


async def test_a_person_and_a_hand_at_the_relay_take_a_miner_out_of_the_plan_until_it_is_handed_back(database):
    async with on_ranch(database) as ranch:
        await automatic(ranch, "s21", "s19-1")
        await put_plan(ranch, "s21", "s19-1")
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.is_on("s21") and ranch.is_on("s19-1"))
            await ranch.done("stop", "s21")
            await ranch.by_hand("s19-1", False)
            await until(lambda: ranch.wishes_are("hand_off", "s19-1"))
            await asyncio.sleep(0.6)
            assert not ranch.is_on("s21")
            assert not ranch.is_on("s19-1")
            await ranch.done("auto", "s21", "s19-1")
            await until(lambda: ranch.is_on("s21") and ranch.is_on("s19-1"))


async def test_without_a_new_enough_plan_miners_keep_to_their_own_levels_and_owners_are_told_once(database):
    clock = Hurried()
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        await automatic(ranch, "s21")
        await put_plan(ranch, age=timedelta(minutes=50))  # wants it off
        async with ranch.controlled(monotonic=clock):
            await until(lambda: ranch.looked_at("s21"))
            await asyncio.sleep(0.5)
            assert not ranch.is_on("s21")  # the first plan may be on its way
            clock.ahead_s = HELD_S
            await until(lambda: ranch.is_on("s21"))  # by its SOC
            await until(lambda: ranch.has_told("miner_auto"))
        async with ranch.controlled(monotonic=clock):  # started again, it is still missing
            await asyncio.sleep(0.5)
            clock.ahead_s = 2 * HELD_S
            await asyncio.sleep(0.5)
        async with ranch.controlled(monotonic=clock):
            await asyncio.sleep(0.5)
            await put_plan(ranch)
            await until(lambda: not ranch.is_on("s21"))
            await until(lambda: ranch.has_told("miner_plan"))
            await asyncio.sleep(0.3)
        notes = [text for action, text in await ranch.told() if action == "miner_plan_missing"]
        assert len(notes) == 2
        assert notes[0].startswith("There is no plan that is new enough to follow, so the miners keep to their own")
        assert notes[1] == "There is a plan to follow again."
        told = await ranch.notices()
        assert [each for each in told if "to follow" in each[1]] == [("warning", notes[0]), ("info", notes[1])]
        assert any(text.startswith("s21 was started by itself: SOC is 88 %") for _, text in told)


async def test_what_a_miner_s_own_level_stops_is_told_as_what_the_plan_started_in_the_automatic_mode_alone(database):
    async with on_ranch(database, ranch_site(s21={"stop_soc_pct": 60, "start_soc_pct": 70})) as ranch:
        await ranch.person("Anna")
        await automatic(ranch, "s21")
        await put_plan(ranch, "s21")
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.has_told("miner_plan"))
            await ranch.weather(soc_pct=60.0)
            await until(lambda: not ranch.is_on("s21"))
            stopped = "s21 was stopped by its own settings: SOC is 60 %, at or below the stop at 60 %."
            await asyncio.sleep(0.5)
            assert [text.split("\n") for _, text in await ranch.notices()] == [
                ["s21 was started by the plan: runs on 6.0 kW of surplus: a kWh earns 0.11 USD.", stopped]
            ]
            await ranch.notices_read()
            await automatic(ranch, mode="advise")
            await asyncio.sleep(0.7)
            await ranch.weather(soc_pct=80.0)
            await until(lambda: ranch.is_on("s21"))
            await ranch.weather(soc_pct=60.0)
            await until(lambda: not ranch.is_on("s21"))
            await asyncio.sleep(0.3)
            assert await ranch.notices() == []


@pytest.mark.parametrize("age", [None, timedelta(minutes=50)], ids=["no plan", "an old plan"])
async def test_a_worker_that_starts_switches_nothing_on_before_the_first_plan_and_off_what_its_level_stops(
    database, age
):
    async with on_ranch(database, ranch_site(s19_1={"stop_soc_pct": 70, "start_soc_pct": 95})) as ranch:
        await automatic(ranch, "s21", "s19-1")
        await put_plan(ranch, "s19-1")
        await ranch.weather(soc_pct=96.0)
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.is_on("s19-1"))
        async with database.begin() as connection:
            await connection.execute(text("DELETE FROM plans"))
        if age is not None:
            await put_plan(ranch, age=age)
        await ranch.weather(soc_pct=65.0)
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: not ranch.is_on("s19-1"))
            await asyncio.sleep(1.0)
            await put_plan(ranch)  # wants s21 off, whose own level would have started it
            await asyncio.sleep(1.0)
        assert not await ranch.switchings("s21")
        assert not await ranch.has_told("miner_plan_missing")


async def test_only_the_automatic_mode_follows(database):
    async with on_ranch(database) as ranch:
        await automatic(ranch, "s21", mode="ask")
        await put_plan(ranch, mode="ask")  # wants it off
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.is_on("s21"))
            await automatic(ranch)
            await put_plan(ranch)
            await until(lambda: not ranch.is_on("s21"))
            await automatic(ranch, mode="advise")
            await until(lambda: ranch.is_on("s21"))


@pytest.mark.parametrize("before", ["advise", "ask"])
async def test_a_plan_that_was_made_in_another_mode_is_not_followed_after_the_mode_has_changed(database, before):
    async with on_ranch(database) as ranch:
        await automatic(ranch, "s21", mode=before)
        await put_plan(ranch, mode=before)  # wants it off
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.is_on("s21"))  # by its SOC
            await automatic(ranch)
            await asyncio.sleep(1.2)
            assert ranch.is_on("s21")
            await put_plan(ranch)
            await until(lambda: not ranch.is_on("s21"))


async def test_a_worker_that_was_started_again_follows_on_and_switches_nothing_twice(database):
    async with on_ranch(database) as ranch:
        await automatic(ranch, "s21")
        await put_plan(ranch, "s21")
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.has_told("miner_plan"))
        async with ranch.controlled(monotonic=hurried):
            await asyncio.sleep(0.8)
            assert ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "us")]
        assert (await ranch.actions()).count("miner_plan") == 1


async def test_while_plans_cannot_be_read_the_last_one_is_followed_until_it_is_too_old(database):
    async with on_ranch(database) as ranch:
        await automatic(ranch, "s21", "s19-1")
        await put_plan(ranch, "s19-1")  # wants s21 off, whose own level would start it
        following = Following(ranch.work(monotonic=hurried))
        async with ranch.controlled(monotonic=hurried):
            await until(lambda: ranch.is_on("s19-1"))
            assert await following.wanted(datetime.now(UTC))
            async with plans_out_of_reach(ranch):
                await asyncio.sleep(1.5)  # three looks
                now = datetime.now(UTC)
                wanted = await following.wanted(now)
                assert wanted is not None
                assert {miner_id for miner_id, each in wanted.items() if each.on} == {"s19-1"}
                assert await following.wanted(now + timedelta(minutes=46)) is None
            assert not await ranch.switchings("s21")
            assert ranch.is_on("s19-1")
            await put_plan(ranch)
            await until(lambda: not ranch.is_on("s19-1"))
