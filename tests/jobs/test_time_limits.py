"""Wishes with an end: what a miner comes back to, what is said of it, and what a hold changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from jobs.control import _Control
from jobs.decisions import Step
from store import wishes
from store.wishes import Earlier, Wish
from tests.jobs.ranch import ORG, on_ranch, ranch_site
from tests.jobs.stage import until


def after(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def wish_of(ranch, miner="s21"):
    return (await wishes.all_of(ranch.database, ORG, "ranch"))[miner]


async def let_go(ranch):
    return not (await wish_of(ranch)).held


async def test_a_shorter_time_in_between_ends_in_the_longer_one_which_ends_too(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        ends = after(3.5)
        start = await ranch.done("start", "s21", until=ends)
        assert start.results["s21"]["says"].endswith(" and then stays off.")
        stop = await ranch.done("stop", "s21", until=after(1.2))
        assert "It starts again by itself at " in stop.results["s21"]["says"]
        assert "if the limits allow, and is wanted on until " in stop.results["s21"]["says"]
        await until(lambda: ranch.is_on("s21"))
        assert (await wish_of(ranch)).until == datetime.fromisoformat(ends).replace(
            microsecond=datetime.fromisoformat(ends).microsecond // 1000 * 1000
        )
        await until(lambda: not ranch.is_on("s21"))
        assert await ranch.wish("s21") == "off"


async def test_a_second_time_limit_for_the_same_ends_in_what_was_before_the_first(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("auto", "s21")
        await ranch.done("start", "s21", until=after(60))
        start = await ranch.done("start", "s21", until=after(1.0))
        assert start.results["s21"]["says"].endswith(" and then is automatic again.")
        await until(lambda: ranch.wishes_are("auto", "s21"))


async def test_a_second_try_keeps_what_was_wanted_before_the_first(database):
    async with on_ranch(database) as ranch:
        ends = datetime.now(UTC) + timedelta(seconds=1.5)
        asked = await ranch.ask("start", "s21", until=ends.isoformat())
        cut_off = Wish("s21", "on", ends, "host", datetime.now(UTC), asked, 1, (Earlier("auto", None, "host"),))
        await wishes.put(database, ORG, "ranch", cut_off)  # as far as a worker before this one came
        async with ranch.controlled():
            assert (await ranch.ended(asked)).state == "done"
            await until(lambda: ranch.wishes_are("auto", "s21"))


async def test_a_refused_second_try_takes_back_what_the_first_wanted(database):
    async with on_ranch(database) as ranch:
        await ranch.weather(soc_pct=44.0)
        asked = await ranch.ask("start", "s21")
        await wishes.put(database, ORG, "ranch", Wish("s21", "on", None, "host", datetime.now(UTC), asked, 1))
        async with ranch.controlled():
            assert (await ranch.ended(asked)).state == "refused"
            assert await ranch.wish("s21") == "off"
            await ranch.weather()
            await asyncio.sleep(0.5)
            assert not ranch.is_on("s21")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("auto", "It is automatic again from "),
        ("stop", "It stays off after "),
        ("start", "It starts again by itself at "),
    ],
)
async def test_a_stop_says_what_comes_after_its_time(database, before, said):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done(before, "s21")
        stop = await ranch.done("stop", "s21", until=after(600))
        assert said in stop.results["s21"]["says"]


async def test_what_the_limits_stopped_comes_back_at_its_start_level_and_not_at_once(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Ann")
        async with ranch.controlled():
            await ranch.done("start", "s21")
            await ranch.notices_read()
            await ranch.weather(soc_pct=49.0)
            await until(lambda: not ranch.is_on("s21"))
            await until(lambda: ranch.has_notice("warning"))
            ((_, text),) = await ranch.notices()
            assert text.endswith("It comes back by itself at SOC 60 % when the limits allow it.")
            await ranch.weather(soc_pct=59.0)
            await asyncio.sleep(0.6)
        async with ranch.controlled():  # which a restart does not forget
            await asyncio.sleep(0.6)
            assert await ranch.wish("s21") == "on"
            assert await ranch.switchings("s21") == [(True, "us"), (False, "us")]
            await ranch.weather(soc_pct=60.0)
            await until(lambda: ranch.is_on("s21"))
            await until(lambda: let_go(ranch))


async def test_a_person_s_start_needs_no_more_than_the_limits_also_after_a_hold(database):
    async with on_ranch(database, ranch_site()) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        await ranch.weather(soc_pct=49.0)
        await until(lambda: not ranch.is_on("s21"))
        await ranch.weather(soc_pct=52.0)
        assert (await ranch.done("start", "s21")).state == "done"


async def test_a_stop_that_comes_while_the_limits_are_about_to_stop_a_miner_stays_the_last_word(database):
    async with on_ranch(database) as ranch:
        work = ranch.work()
        control = _Control(work, asyncio.Event(), asyncio.Event())
        miner, now = ranch.miner("s21"), datetime.now(UTC)
        await control._relays.wish(Wish("s21", "on", None, "host", now))
        await control._relays.locks["s21"].acquire()  # the stop is being carried out
        held = asyncio.create_task(control._keeping._stop(miner, Step("stop", "held")))
        await until(lambda: ranch.has_told("miner_held_back"))
        await control._relays.wish(Wish("s21", "off", None, "host", now, queue_no=2))
        control._relays.locks["s21"].release()
        await held
        assert await ranch.wish("s21") == "off"
        await control._recorder.close()
        await work.switched["garage"].close()
