"""OFF in all weathers: gently where the miner listens, and in any case; told and repeated when nobody answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.errors import Malformed, Unreachable
from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until


@dataclass
class Asic:
    """A miner's own interface, which does as it is told; `world` lets it sleep really."""

    ranch: object = None
    error: Exception | None = None
    hangs: bool = False
    told: list[str] = field(default_factory=list)

    async def stop(self) -> None:
        self.told.append("stop")
        if self.hangs:
            await asyncio.sleep(60)
        if self.error is not None:
            raise self.error
        if self.ranch is not None:
            self.ranch.world.set_asleep("s21", True, at=self.ranch.clock.now())

    async def resume(self) -> None:
        self.told.append("resume")
        if self.error is not None:
            raise self.error

    async def hashrate_ths(self) -> float | None:
        return None

    async def close(self) -> None:
        pass


async def test_a_miner_stops_by_itself_before_its_relay_opens(database):
    async with on_ranch(database, ranch_site(s21={"cool_down_s": 5.0})) as ranch:
        asic = Asic(ranch)
        async with ranch.controlled(miner_apis={"s21": asic}):
            await ranch.done("start", "s21")
            assert asic.told == ["resume"]
            began = time.monotonic()
            request = await ranch.done("stop", "s21")
            assert time.monotonic() - began < 2  # it draws less than 100 W at once
            assert request.state == "done"
            assert asic.told == ["resume", "stop"]
            assert not ranch.is_on("s21")


async def test_a_miner_that_goes_on_drawing_power_gets_its_cool_down_and_no_longer(database):
    async with on_ranch(database, ranch_site(s21={"cool_down_s": 1.0})) as ranch:
        asic = Asic()  # says yes, and does nothing
        async with ranch.controlled(miner_apis={"s21": asic}):
            await ranch.done("start", "s21")
            began = time.monotonic()
            assert (await ranch.done("stop", "s21")).state == "done"
            assert 0.9 < time.monotonic() - began < 2.5
            assert not ranch.is_on("s21")


async def test_a_relay_without_a_meter_waits_the_whole_cool_down(database):
    site = ranch_site(s21={"cool_down_s": 0.8})
    async with (
        on_ranch(database, site, shelly_models={"garage": "pro3"}) as ranch,
        ranch.controlled(miner_apis={"s21": Asic(ranch)}),
    ):
        request = await ranch.done("start", "s21")
        assert request.results["s21"]["power_w"] is None
        began = time.monotonic()
        assert (await ranch.done("stop", "s21")).state == "done"
        assert time.monotonic() - began > 0.8


async def test_a_miner_in_trouble_never_keeps_its_relay_from_opening(database):
    async with on_ranch(database, ranch_site(s21={"cool_down_s": 30.0})) as ranch:
        for asic in (Asic(error=Unreachable("no answer")), Asic(error=RuntimeError("a bug")), Asic(hangs=True)):
            async with ranch.controlled(miner_apis={"s21": asic}, pace=without(QUICK, resume_s=0.1, api_s=0.5)):
                await ranch.done("start", "s21")
                began = time.monotonic()
                assert (await ranch.done("stop", "s21")).state == "done"
                assert time.monotonic() - began < 2
                assert not ranch.is_on("s21")


async def test_others_are_served_while_one_miner_cools_down(database):
    async with (
        on_ranch(database, ranch_site(s21={"cool_down_s": 2.5})) as ranch,
        ranch.controlled(miner_apis={"s21": Asic()}),
    ):
        await ranch.done("start", "s21", "s19-1")
        slow = await ranch.ask("stop", "s21")
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await ranch.done("stop", "s19-1")
        await ranch.done("start", "s19-2")
        assert time.monotonic() - began < 1.5
        assert ranch.is_on("s21")
        assert (await ranch.ended(slow)).state == "done"


async def test_an_off_that_nobody_answers_is_sent_until_it_works_and_its_asker_told_so(database):
    async with on_ranch(database) as ranch:
        asker = await ranch.person("Anna")
        await ranch.person("Ben")
        async with ranch.controlled(pace=without(QUICK, call_s=0.3)):
            await ranch.done("start", "s21", person_id=asker)
            await ranch.notices_read()
            ranch.faults.order("shelly:garage", "timeout", seconds=4)
            request = await ranch.done("stop", "s21", person_id=asker)
            assert request.state == "failed"
            says = request.results["s21"]["says"]
            assert says.startswith("OFF for s21 is not confirmed")
            assert "Its own timer ends it by" in says
            await asyncio.sleep(1.5)
            assert await ranch.notices() == []  # Anna has her answer; an alert tells the others (test_watch_relays.py)
            await until(lambda: not ranch.is_on("s21"), within_s=8)
            await until(lambda: ranch.has_notice("info"))
            assert await ranch.wish("s21") == "off"
        assert await ranch.notices() == [("info", "s21 is off at last, read back from the relay.")]  # to Anna
        assert (await ranch.switchings("s21"))[-1] == (False, "us")


async def test_an_off_to_a_silent_relay_goes_on_after_a_restart(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Ben")
        quick = without(QUICK, call_s=0.3)
        async with ranch.controlled(pace=quick):
            await ranch.done("start", "s21")
            await ranch.notices_read()
            ranch.faults.order("shelly:garage", "timeout")
            assert (await ranch.done("stop", "s21")).state == "failed"
        async with ranch.controlled(pace=quick):
            await asyncio.sleep(3.5)
            assert ranch.is_on("s21")
            ranch.faults.order("shelly:garage", "none")
            await until(lambda: not ranch.is_on("s21"))


async def test_a_silent_relay_whose_timer_must_have_ended_is_left_alone(database):
    async with on_ranch(database, ranch_site(timer_s=2.0)) as ranch:
        await ranch.person("Ben")
        work = ranch.work(pace=without(QUICK, call_s=0.3))
        async with ranch.controlled(work):
            await ranch.done("start", "s21")
            await ranch.notices_read()
            ranch.faults.order("shelly:garage", "timeout")
            await ranch.done("stop", "s21")
            await until(lambda: ranch.has_told("miner_timer_ended"), within_s=12)
            assert not ranch.is_on("s21")
            await until(lambda: ranch.has_notice("warning"))
            assert [level for level, _ in await ranch.notices()] == ["warning"]
            ranch.faults.order("shelly:garage", "none")
            await until(lambda: ranch.reached("s21"))
        assert (await ranch.switchings("s21"))[-1] == (False, "timer")


async def test_a_contact_that_sticks_is_told_to_be_cut_by_hand(database):
    async with on_ranch(database, ranch_site(timer_s=900.0)) as ranch:
        await ranch.person("Ben")
        async with ranch.controlled():
            await ranch.done("start", "s21")
            await ranch.notices_read()
            ranch.clock.advance(timedelta(minutes=5))
            await ranch.tell("/weld", device="garage", channel=0)
            request = await ranch.done("stop", "s21")
            assert request.state == "failed"
            assert "power flows although the relay is open" in request.results["s21"]["says"]
            assert "cut it by hand at the breaker" in request.results["s21"]["says"]


async def test_a_relay_that_tripped_is_not_hammered_and_an_alert_is_enough(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Ben")
        async with ranch.controlled():
            await ranch.done("start", "s21")
            await ranch.notices_read()
            await ranch.tell("/trip", device="garage", channel=0, error="overpower")
            await until(lambda: ranch.has_said("s21 is wanted on and waits: The relay reports overpower"))
            await asyncio.sleep(0.8)
            assert not ranch.is_on("s21")
            assert await ranch.switchings("s21") == [(True, "us"), (False, "unknown")]
            assert await ranch.notices() == []  # `relay_fault` tells it


async def test_a_stop_that_a_restart_cuts_off_in_its_cool_down_renews_no_timer_and_is_finished_later(database):
    async with on_ranch(database, ranch_site(timer_s=30.0, s21={"cool_down_s": 20.0})) as ranch:
        apis = {"s21": Asic()}
        async with ranch.controlled(miner_apis=apis, pace=without(QUICK, ending_s=0.3)):
            await ranch.done("start", "s21")
            await asyncio.sleep(1.0)
            request_id = await ranch.ask("stop", "s21")
            await until(lambda: "stop" in apis["s21"].told)
        assert ranch.is_on("s21")
        assert ranch.timer_left_s("s21") < 29.2
        async with ranch.controlled():
            request = await ranch.ended(request_id)
        assert (request.state, request.tries) == ("done", 2)
        assert not ranch.is_on("s21")


async def test_a_miner_that_is_being_held_back_gets_no_new_timer_from_a_restart(database):
    async with on_ranch(database, ranch_site(timer_s=30.0, s21={"cool_down_s": 20.0})) as ranch:
        apis = {"s21": Asic()}
        async with ranch.controlled(miner_apis=apis):
            await ranch.done("start", "s21")
            await asyncio.sleep(1.0)
            await ranch.weather(soc_pct=33.0)
            await until(lambda: "stop" in apis["s21"].told)
        assert ranch.is_on("s21")
        assert ranch.timer_left_s("s21") < 29.2


async def test_a_start_with_an_unknown_end_is_said_so_and_undone_when_the_relay_answers(database):
    async with on_ranch(database) as ranch, ranch.controlled(pace=without(QUICK, call_s=0.3)) as work:
        relay = Mute(work.switched["garage"], ranch)
        work.switched = {"garage": relay}
        request = await ranch.done("start", "s21")
        says = request.results["s21"]["says"]
        assert request.state == "failed"
        assert says.startswith("It is not known whether s21 is on")
        assert request.results["s21"]["on"] is None
        assert ranch.is_on("s21")
        relay.silent = False
        await until(lambda: not ranch.is_on("s21"))
        assert relay.commands == ["on"]


@dataclass
class Mute:
    """A relay that does what it is told, and then does not answer any more."""

    relay: object
    ranch: object
    silent: bool = False
    commands: list[str] = field(default_factory=list)

    @property
    def device_id(self):
        return "garage"

    async def channels(self):
        if self.silent:
            raise Unreachable("garage does not answer", maybe_done=True)
        return await self.relay.channels()

    async def switch_on(self, channel, *, off_after_s):
        self.commands.append("on")
        await self.relay.switch_on(channel, off_after_s=off_after_s)
        self.silent = True
        raise Unreachable("garage does not answer", maybe_done=True)

    async def switch_off(self, channel):
        if self.silent:
            raise Malformed("garage talks nonsense")
        await self.relay.switch_off(channel)

    async def close(self):
        await self.relay.close()
