"""The relays' own errors: what a command met is never taken for what the look after it met, nor told of nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from connectors.errors import TryLater, Unreachable
from jobs.recording import Recorder
from jobs.relays import Relays
from jobs.telling import Telling
from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until

QUIET = without(QUICK, look_s=60.0)  # no look of its own comes between


class Moody:
    """A relay that does what it is told, asks for a pause all the same, and is gone for the looks after that."""

    device_id = "garage"

    def __init__(self, relay):
        self.relay = relay
        self.busy = 0
        self.gone = 0
        self.commands = 0
        self.timers = True
        self.told = True

    async def channels(self):
        if self.gone:
            self.gone -= 1
            raise Unreachable("garage cannot be reached")
        seen = await self.relay.channels()
        if not self.timers:  # a clock that is not set tells no time; a relay may not tell of its timer at all
            seen = tuple(replace(each, timer_left_s=None, timer_s=each.timer_s if self.told else None) for each in seen)
        return seen

    async def switch_on(self, channel, *, off_after_s):
        self.commands += 1
        await self.relay.switch_on(channel, off_after_s=off_after_s)
        if self.busy:
            self.busy -= 1
            self.gone = 1
            raise TryLater("garage has a fault of its own (502)", after_s=0.1)

    async def switch_off(self, channel):
        await self.relay.switch_off(channel)

    async def close(self):
        await self.relay.close()


async def test_a_look_that_fails_after_a_command_says_nothing_of_the_command(database):
    async with on_ranch(database, ranch_site(timer_s=60.0)) as ranch:
        work = ranch.work(pace=QUIET)
        moody = Moody(work.switched["garage"])
        work.switched = {"garage": moody}
        async with ranch.controlled(work):
            await until(lambda: ranch.looked_at("s21"))
            moody.busy = 1
            request = await ranch.done("start", "s21")
            assert request.state == "done"  # read back: it had been done
            assert moody.commands == 1
            await asyncio.sleep(0.3)
            assert ranch.is_on("s21")
            assert await ranch.wish("s21") == "on"


async def test_the_error_of_that_look_says_that_the_command_may_be_done(database):
    async with on_ranch(database, ranch_site(timer_s=60.0)) as ranch:
        work = ranch.work()
        moody = Moody(work.switched["garage"])
        work.switched = {"garage": moody}
        recorder = Recorder(work)
        moody.busy = 1
        with pytest.raises(Unreachable) as caught:
            await Relays(work, Telling(work, recorder), recorder).switch_on(ranch.miner("s21"), 60.0)
        assert caught.value.maybe_done
        assert ranch.is_on("s21")
        await moody.close()


async def test_what_the_worker_switches_by_itself_is_no_missed_answer(database):
    async with on_ranch(database, ranch_site(timer_s=60.0)) as ranch, ranch.controlled():
        await ranch.done("auto", "s21")
        await until(lambda: ranch.is_on("s21"))
        await until(lambda: ranch.has_told("miner_auto"))
        await ranch.weather(soc_pct=10.0)
        await until(lambda: not ranch.is_on("s21"))
        await until(lambda: ranch.has_said("s21 is off, read back"))
        assert "miner_found" not in await ranch.actions()


async def test_a_relay_whose_clock_is_not_set_is_started_and_renewed_as_any_other(database):
    async with on_ranch(database, ranch_site(timer_s=6.0)) as ranch:
        work = ranch.work()
        moody = Moody(work.switched["garage"])
        work.switched = {"garage": moody}
        moody.timers = False
        async with ranch.controlled(work):
            request = await ranch.done("start", "s21")
            assert request.state == "done"
            assert request.results["s21"]["timer_until"] is not None
            await asyncio.sleep(5.0)
            assert moody.commands == 3  # the start, and a renewal every 2 s
            assert ranch.timer_left_s("s21") > 3
        again = ranch.work()
        moody = Moody(again.switched["garage"])
        again.switched = {"garage": moody}
        moody.timers = False
        async with ranch.controlled(again):  # nor does a restart make it a stranger
            await asyncio.sleep(1.0)
        assert moody.commands == 1  # at the end
        assert await ranch.wish("s21") == "on"
        assert await ranch.switchings("s21") == [(True, "us")]


@pytest.mark.parametrize("timer_s", [6.0, 12.0])
async def test_a_relay_that_tells_of_no_timer_is_not_commanded_all_the_time(database, timer_s):
    async with on_ranch(database, ranch_site(timer_s=timer_s)) as ranch:
        work = ranch.work()
        moody = Moody(work.switched["garage"])
        work.switched = {"garage": moody}
        async with ranch.controlled(work):
            await ranch.done("start", "s21")
            moody.timers = moody.told = False
            before = moody.commands
            await asyncio.sleep(4.5)
            at_most = 4.5 // (timer_s / 6) + 2  # at once, and one whose look had begun before
            assert at_most - 3 <= moody.commands - before <= at_most
