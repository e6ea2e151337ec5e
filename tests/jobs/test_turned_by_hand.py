"""A relay that somebody turns at the device: noticed, told, respected; except below the owner's minimum."""

from __future__ import annotations

import asyncio

from tests.jobs.ranch import on_ranch, ranch_site
from tests.jobs.stage import until


async def test_a_miner_switched_off_by_hand_is_not_brought_back_until_somebody_commands_it(database):
    async with on_ranch(database, ranch_site(timer_s=6.0)) as ranch:
        owner = await ranch.person("Anna")
        async with ranch.controlled():
            await ranch.done("start", "s21", person_id=owner)
            await ranch.done("auto", "s19-1", person_id=owner)
            await until(lambda: ranch.is_on("s19-1"))
            await asyncio.sleep(0.4)
            for miner in ("s21", "s19-1"):
                await ranch.by_hand(miner, False)
            await until(lambda: ranch.wishes_are("hand_off", "s21", "s19-1"))
            await asyncio.sleep(1.0)
            assert not ranch.is_on("s21")
            assert not ranch.is_on("s19-1")
            assert (await ranch.switchings("s21"))[-1] == (False, "hand")
            assert (await ranch.state("s21")).changed_by == "hand"
            told = [said for action, said in await ranch.told() if action == "miner_by_hand"]
            assert len(told) == 2
            assert "was switched off at the relay, not by us. It is left off" in told[0]
            assert "warning" not in [level for level, _ in await ranch.notices()]  # `relay_by_hand` tells it
        async with ranch.controlled():  # nor after a restart
            await asyncio.sleep(0.6)
            assert not ranch.is_on("s21")
            request = await ranch.done("start", "s21", person_id=owner)
            assert request.state == "done"
            assert await ranch.wish("s21") == "on"


async def test_a_hand_that_switched_off_while_the_worker_was_away_for_longer_than_the_timer_is_respected(database):
    async with on_ranch(database, ranch_site(timer_s=2.0)) as ranch:
        async with ranch.controlled():
            await ranch.done("start", "s21")
        await ranch.by_hand("s21", False)
        await asyncio.sleep(2.2)
        async with ranch.controlled():
            await until(lambda: ranch.wishes_are("hand_off", "s21"))
            await asyncio.sleep(0.5)
        assert not ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "us"), (False, "hand")]


async def test_a_button_with_the_relay_s_own_automatic_off_is_a_hand(database):
    site = ranch_site(timer_s=60.0, s21={"start_soc_pct": 95.0, "stop_soc_pct": 90.0})
    async with on_ranch(database, site) as ranch, ranch.controlled():
        await ranch.done("auto", "s21")
        await ranch.tell("/relay", device="garage", channel=0, on=True, source="button", seconds=600)
        await until(lambda: ranch.wishes_are("hand_on", "s21"))
        await asyncio.sleep(0.5)
        assert ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "hand")]


async def test_a_miner_switched_on_by_hand_is_left_on_without_a_timer(database):
    async with on_ranch(database, ranch_site(timer_s=1.5)) as ranch:
        await ranch.person("Anna")
        async with ranch.controlled():
            await ranch.done("stop", "s21")
            await ranch.by_hand("s21", True)
            await until(lambda: ranch.wishes_are("hand_on", "s21"))
            await asyncio.sleep(2.0)
            assert ranch.is_on("s21")
            assert ranch.timer_left_s("s21") is None
            assert "miner_by_hand" in await ranch.actions()
            await ranch.weather(soc_pct=45.0)  # too low to start, and none of our business
            await asyncio.sleep(0.5)
            assert ranch.is_on("s21")
            await ranch.weather(soc_pct=29.0)  # below the minimum of the site
            await until(lambda: not ranch.is_on("s21"))
            await until(lambda: ranch.has_told("miner_held_back"))
            assert await ranch.wish("s21") == "off"
            await until(lambda: ranch.has_notice("critical"))
            (text,) = [text for level, text in await ranch.notices() if level == "critical"]
            assert "SOC is 29 %" in text
            assert "min_soc_pct" in text


async def test_a_start_takes_over_what_a_hand_switched_on_and_gives_it_a_timer(database):
    async with on_ranch(database, on=("s21",)) as ranch, ranch.controlled():
        await until(lambda: ranch.wishes_are("hand_on", "s21"))
        await asyncio.sleep(0.5)
        assert ranch.timer_left_s("s21") is None
        request = await ranch.done("start", "s21")
        assert request.results["s21"]["already"]
        assert ranch.timer_left_s("s21") > 50
        assert await ranch.wish("s21") == "on"


async def test_a_stop_ends_what_a_hand_switched_on(database):
    async with on_ranch(database, on=("s21",)) as ranch, ranch.controlled():
        await until(lambda: ranch.wishes_are("hand_on", "s21"))
        assert (await ranch.done("stop", "s21")).state == "done"
        await asyncio.sleep(0.5)
        assert not ranch.is_on("s21")
        assert await ranch.wish("s21") == "off"


async def test_a_look_that_began_before_a_command_and_ended_after_it_is_no_hand(database):
    async with on_ranch(database) as ranch:
        work = ranch.work()
        slow = Slow(work.switched["garage"])
        work.switched = {"garage": slow}
        async with ranch.controlled(work):
            await until(lambda: ranch.looked_at("s21"))
            slow.hold = True
            await until(lambda: slow.held)
            assert (await ranch.done("start", "s21")).state == "done"
            slow.go_on.set()  # only now the look gives what it saw before
            await asyncio.sleep(0.8)
            assert await ranch.wish("s21") == "on"
        assert await ranch.switchings("s21") == [(True, "us")]


class Slow:
    """A relay that gives one answer late."""

    device_id = "garage"

    def __init__(self, relay):
        self.relay = relay
        self.hold = self.held = False
        self.go_on = asyncio.Event()

    async def channels(self):
        seen = await self.relay.channels()
        if self.hold:
            self.hold, self.held = False, True
            await asyncio.wait_for(self.go_on.wait(), 3)
        return seen

    async def switch_on(self, channel, *, off_after_s):
        await self.relay.switch_on(channel, off_after_s=off_after_s)

    async def switch_off(self, channel):
        await self.relay.switch_off(channel)

    async def close(self):
        await self.relay.close()


async def test_a_power_cut_is_no_hand_and_the_miner_comes_back(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        await ranch.tell("/reboot", device="garage")
        assert not ranch.is_on("s21")
        await until(lambda: ranch.is_on("s21"))
        await asyncio.sleep(0.2)
        assert await ranch.wish("s21") == "on"
        assert await ranch.switchings("s21") == [(True, "us"), (False, "unknown"), (True, "us")]


async def test_the_device_s_own_automation_with_miners_that_nobody_commanded_is_not_told_to_people(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
            await ranch.tell("/relay", device="garage", channel=0, on=True, source="loopback")
            await until(lambda: ranch.switched("s21"))
            await ranch.tell("/relay", device="garage", channel=0, on=False, source="loopback")
            await asyncio.sleep(0.6)
        assert await ranch.switchings("s21") == [(True, "unknown"), (False, "unknown")]
        assert await ranch.wish("s21") is None
        assert await ranch.notices() == []
