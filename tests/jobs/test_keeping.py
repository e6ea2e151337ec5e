"""Miners kept as they are wanted: timers, limits, times, the automatic mode, and what survives a restart."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from store import wishes
from store.wishes import Wish
from tests.jobs.plans import automatic, put_plan
from tests.jobs.ranch import ORG, QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until


async def test_the_timer_of_a_wanted_miner_is_renewed_and_a_worker_that_is_gone_means_off(database):
    async with on_ranch(database, ranch_site(timer_s=1.5)) as ranch:
        async with ranch.controlled() as work:
            await ranch.done("start", "s21")
            for _ in range(8):
                await asyncio.sleep(0.4)
                assert ranch.is_on("s21")
            assert await ranch.switchings("s21") == [(True, "us")]
            assert work.switched
        assert 1.2 < ranch.timer_left_s("s21") <= 1.5  # told to end: renewed first
        await asyncio.sleep(1.6)
        assert not ranch.is_on("s21")
        async with ranch.controlled():
            await until(lambda: ranch.is_on("s21"))  # wanted, and let through by the interlocks
            await asyncio.sleep(0.2)
        assert await ranch.switchings("s21") == [(True, "us"), (False, "timer"), (True, "us")]
        assert "miner_timer_ended" in await ranch.actions()
        assert await ranch.wish("s21") == "on"


async def test_after_a_restart_a_wanted_miner_comes_back_through_the_interlocks_alone(database):
    async with on_ranch(database, ranch_site(timer_s=1.0)) as ranch:
        owner = await ranch.person("Anna")
        async with ranch.controlled():
            await ranch.done("start", "s21", person_id=owner)
        await until(lambda: not ranch.is_on("s21"))
        await ranch.weather(soc_pct=41.0)
        async with ranch.controlled():
            await asyncio.sleep(1.0)
            assert not ranch.is_on("s21")
            assert (await ranch.actions()).count("miner_waits") == 1
            await until(lambda: ranch.has_notice("warning"))
            ((level, text),) = [notice for notice in await ranch.notices() if "waits" in notice[1]]
            assert level == "warning"
            assert "SOC is 41 %" in text
            await ranch.weather(soc_pct=80.0)
            await until(lambda: ranch.has_notice("info"))
        assert ("info", "s21 is wanted on and is on again.") in await ranch.notices()


async def test_a_running_miner_is_adopted_after_a_restart_and_not_switched_again(database):
    async with on_ranch(database, ranch_site(timer_s=3.0)) as ranch:
        async with ranch.controlled():
            await ranch.done("start", "s21")
        async with ranch.controlled():
            await asyncio.sleep(3.2)
            assert ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "us")]


async def test_below_the_minimum_a_running_miner_is_stopped_told_and_comes_back_later(database):
    async with on_ranch(database, ranch_site(timer_s=3.0)) as ranch:
        owner = await ranch.person("Anna")
        async with ranch.controlled():
            await ranch.done("start", "s21", person_id=owner)
            await ranch.weather(soc_pct=33.0)
            await until(lambda: not ranch.is_on("s21"))
            await until(lambda: ranch.has_notice("warning"))
            assert await ranch.wish("s21") == "on"
            ((level, text),) = await ranch.notices()
            assert level == "warning"
            assert "SOC is 33 %" in text
            assert "miner_min_soc_pct" in text
            await ranch.weather(soc_pct=70.0)
            await until(lambda: ranch.is_on("s21"))


async def test_data_that_stays_stale_stops_the_miners(database):
    async with on_ranch(database, ranch_site(timer_s=2.0)) as ranch:
        work = ranch.work()
        async with ranch.controlled(work):
            await ranch.done("start", "s21")
            clock = work.clock
            work.clock = lambda: clock() + timedelta(minutes=16)  # nothing was heard of the battery since
            await until(lambda: not ranch.is_on("s21"), within_s=4)
            await until(lambda: ranch.has_told("miner_held_back"))
        assert any("may be at most 15 minutes old" in said for _, said in await ranch.told())


async def test_a_miner_that_was_wanted_for_a_time_is_stopped_at_its_end(database):
    async with on_ranch(database) as ranch:
        owner = await ranch.person("Anna")
        async with ranch.controlled():
            ends = datetime.now(UTC) + timedelta(seconds=1.2)
            request = await ranch.done("start", "s21", person_id=owner, until=ends.isoformat())
            assert request.state == "done"
            assert ranch.is_on("s21")
            await until(lambda: not ranch.is_on("s21"))
            assert datetime.now(UTC) >= ends
            await until(lambda: ranch.has_notice("info"))
            assert await ranch.wish("s21") == "off"
            ((level, text),) = await ranch.notices()
            assert (level, text) == ("info", "s21 is off, read back from the relay: its time is over.")


async def test_after_a_time_off_a_miner_is_what_it_was_before(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        await ranch.done("auto", "s19-1")
        ends = (datetime.now(UTC) + timedelta(seconds=1.0)).isoformat()
        await ranch.done("stop", "s21", "s19-1", "s19-2", until=ends)
        assert not ranch.is_on("s21")
        await until(lambda: ranch.is_on("s21"))
        assert [await ranch.wish(m) for m in ("s21", "s19-1", "s19-2")] == ["on", "auto", "off"]


async def test_the_automatic_mode_starts_by_priority_with_the_pause_and_stops_below_its_limits(database):
    async with on_ranch(database, ranch_site(stagger_s=0.5)) as ranch, ranch.controlled():
        request = await ranch.done("auto", "s19-1", "s21", "s19-2")
        assert request.state == "done"
        await until(lambda: ranch.is_on("s21"))
        assert not ranch.is_on("s19-1")
        await until(lambda: ranch.is_on("s19-1"))  # 88 % is enough for the second ...
        await asyncio.sleep(0.8)
        assert not ranch.is_on("s19-2")  # ... and not for the third, which starts at 92 %
        await ranch.weather(soc_pct=73.0)
        await until(lambda: not ranch.is_on("s19-1"))
        assert ranch.is_on("s21")
        await until(lambda: ranch.has_said("s19-1 is off, read back from the relay: "))


async def test_the_automatic_mode_keeps_to_the_dwell_times_and_to_the_starts_of_a_day(database):
    site = ranch_site(s21={"min_off_minutes": 0.02, "max_starts_per_day": 2})
    async with on_ranch(database, site) as ranch, ranch.controlled():
        await ranch.done("auto", "s21")
        await until(lambda: ranch.is_on("s21"))
        await ranch.weather(soc_pct=45.0)
        await until(lambda: not ranch.is_on("s21"))
        stopped = asyncio.get_running_loop().time()
        await ranch.weather(soc_pct=88.0)
        await until(lambda: ranch.is_on("s21"))
        assert asyncio.get_running_loop().time() - stopped > 1.0
        await ranch.weather(soc_pct=45.0)
        await until(lambda: not ranch.is_on("s21"))
        await ranch.weather(soc_pct=88.0)
        await asyncio.sleep(1.8)
        assert not ranch.is_on("s21")
        assert "starts" in [said for action, said in await ranch.told() if action == "miner_waits"][-1]


async def test_a_relay_that_lost_its_timer_gets_a_new_one_at_once(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        ranch.world.set_relay("garage", 0, True, at=ranch.clock.now())  # a restart with restore_last
        assert ranch.timer_left_s("s21") is None
        await until(lambda: ranch.timer_left_s("s21") is not None)


async def test_one_miner_s_trouble_does_not_stop_the_others(database):
    site = ranch_site()
    broken = site.miner[0].model_copy(update={"channel": 9})
    site = site.model_copy(update={"miner": (broken, *site.miner[1:])})
    async with on_ranch(database, site) as ranch, ranch.controlled():
        request = await ranch.done("start", "s21", "s19-1")
        assert request.results["s19-1"]["state"] == "done"
        assert "has no channel 9" in request.results["s21"]["says"]
        assert request.state == "failed"
        assert ranch.is_on("s19-1")


class AskedRelay:
    """A relay that counts how often it is looked at."""

    def __init__(self, relay):
        self._relay, self.asked = relay, 0

    def __getattr__(self, name):
        return getattr(self._relay, name)

    async def channels(self):
        self.asked += 1
        return await self._relay.channels()


@pytest.mark.parametrize("by", ["a person", "their own levels", "the plan"])
async def test_a_relay_is_not_asked_again_and_again_while_the_start_of_its_miner_is_blocked(database, by):
    async with on_ranch(database, ranch_site(s21={"max_starts_per_day": 0})) as ranch:
        if by == "a person":
            await wishes.put(database, ORG, "ranch", Wish("s21", "on", None, "host", datetime.now(UTC)))
        else:
            await automatic(ranch, "s21", mode="automatic" if by == "the plan" else "advise")
            await put_plan(ranch, "s21")
        relay = AskedRelay(ranch.open("garage"))
        async with ranch.controlled(switched={"garage": relay}, pace=without(QUICK, look_s=60.0)):
            await until(lambda: ranch.has_told("miner_waits"))
            asked = relay.asked
            await asyncio.sleep(1.0)  # ten ticks
            assert relay.asked == asked
            assert not ranch.is_on("s21")
