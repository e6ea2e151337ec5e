"""A relay that says off while power flows: never told as off, and told once to be cut by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.jobs.ranch import on_ranch, ranch_site
from tests.jobs.stage import until


async def weld(ranch, welded=True):
    await ranch.tell("/weld", device="garage", channel=0, welded=welded)


async def running(ranch):
    """s21 at full power, with nothing left to be told."""
    await ranch.done("start", "s21")
    ranch.clock.advance(timedelta(minutes=4))
    await ranch.weather()
    await ranch.notices_read()


async def test_a_stuck_contact_is_not_off_at_a_second_stop_nor_at_last(database):
    async with on_ranch(database, ranch_site(timer_s=3000.0)) as ranch:
        await ranch.person("Ben")
        async with ranch.controlled():
            await running(ranch)
            await weld(ranch)
            for _ in range(2):
                request = await ranch.done("stop", "s21")
                assert request.state == "failed"
                assert "power flows although the relay is open" in request.results["s21"]["says"]
                assert "cut it by hand at the breaker" in request.results["s21"]["says"]
            await asyncio.sleep(1.5)
            assert not await ranch.has_said("s21 is off")
            assert not await ranch.has_said("was off already")
            await weld(ranch, False)
            await until(lambda: ranch.has_said("s21 is off at last"))
            assert (await ranch.state("s21")).problem is None
            again = await ranch.done("stop", "s21")
            assert again.results["s21"]["says"] == "s21 was off already."


async def test_power_behind_an_open_relay_is_noted_once_whoever_opened_it(database):
    async with on_ranch(database, ranch_site(timer_s=3000.0)) as ranch:
        await ranch.person("Ben")
        async with ranch.controlled():
            await running(ranch)
            await weld(ranch)
            await ranch.by_hand("s21", False)
            await until(lambda: ranch.has_told("relay_contact_stuck"))
            await asyncio.sleep(1.2)
        async with ranch.controlled():  # nor again after a restart
            await asyncio.sleep(1.0)
            (text,) = [said for action, said in await ranch.told() if action == "relay_contact_stuck"]
            assert text.startswith("s21 is not off: power flows although the relay is open")
            assert "cut it by hand at the breaker" in text
            assert "although the relay is open" in (await ranch.state("s21")).problem
            await weld(ranch, False)
            await until(lambda: ranch.has_said("s21 draws no power any more"))
            assert (await ranch.state("s21")).problem is None


async def test_what_the_limits_stop_is_not_told_off_while_power_flows(database):
    async with on_ranch(database, ranch_site(timer_s=3000.0)) as ranch:
        await ranch.person("Ben")
        async with ranch.controlled():
            await running(ranch)
            await weld(ranch)
            await ranch.weather(soc_pct=20.0)
            await until(lambda: ranch.has_said("power flows although the relay is open"), within_s=8)
            await asyncio.sleep(0.8)
            assert not await ranch.has_said("s21 is off")
