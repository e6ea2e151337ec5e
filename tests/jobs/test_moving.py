"""A miner that the settings move to another channel leaves nothing running that nobody looks after."""

from __future__ import annotations

import asyncio

import pytest

from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until


def moved(ranch, **changes):
    return ranch.site.model_copy(
        update={"miner": tuple(m.model_copy(update=changes) if m.id == "s21" else m for m in ranch.site.miner)}
    )


def is_on(ranch, channel):
    return ranch.world.relay("garage", channel, ranch.clock.now()).on


async def test_the_old_channel_is_switched_off_and_the_miner_begins_as_never_seen(database):
    async with on_ranch(database, ranch_site(timer_s=60.0)) as ranch:
        await ranch.person("Anna")
        async with ranch.controlled():
            await ranch.done("start", "s21")
        assert is_on(ranch, 0)
        await ranch.notices_read()
        ranch.site = moved(ranch, channel=3)
        async with ranch.controlled():
            await until(lambda: not is_on(ranch, 0))
            await until(lambda: ranch.looked_at("s21"))
            await asyncio.sleep(1.0)
            assert not is_on(ranch, 3)  # what was wanted there was not wanted here
            assert await ranch.wish("s21") is None
            ((level, text),) = [each for each in await ranch.notices() if "moved" in each[1]]
            assert level == "warning"
            assert "from garage channel 0 to garage channel 3" in text
            assert await ranch.has_told("miner_moved")
            assert ((await ranch.state("s21")).channel, (await ranch.state("s21")).on) == (3, False)
            await ranch.done("start", "s21")
            assert is_on(ranch, 3)
        async with ranch.controlled():  # once
            await asyncio.sleep(0.5)
        assert (await ranch.actions()).count("miner_moved") == 1
        assert is_on(ranch, 3)


@pytest.mark.parametrize("silent", [True, False])
async def test_an_old_channel_that_cannot_be_switched_off_is_told_as_critical(database, silent):
    async with on_ranch(database, ranch_site(timer_s=60.0)) as ranch:
        await ranch.person("Anna")
        async with ranch.controlled():
            await ranch.done("start", "s21")
        await ranch.notices_read()
        if silent:
            ranch.faults.order("shelly:garage", "timeout")
            ranch.site = moved(ranch, channel=3)
        else:  # its device is gone from the settings
            ranch.site = moved(ranch, channel=3)
            async with database.begin() as connection:
                await connection.exec_driver_sql("UPDATE relay_states SET device = 'barn' WHERE miner_id = 's21'")
        async with ranch.controlled():
            await until(lambda: ranch.has_notice("critical"), within_s=12)
            (text,) = [text for level, text in await ranch.notices() if level == "critical"]
            assert "The old channel may still be on" in text
            assert "Its timer ends it by" in text
            ranch.faults.order("shelly:garage", "none")


class Away:
    """A relay that does not answer until it is told to."""

    device_id = "barn"

    def __init__(self):
        self.back = asyncio.Event()

    async def channels(self):
        await self.back.wait()
        return ()

    async def switch_on(self, channel, *, off_after_s):
        await self.back.wait()

    async def switch_off(self, channel):
        await self.back.wait()

    async def close(self):
        pass


async def test_only_the_moved_miner_waits_for_an_old_relay_that_does_not_answer(database):
    async with on_ranch(database) as ranch:
        async with ranch.controlled():
            await ranch.done("start", "s21")
        ranch.site = moved(ranch, channel=3)
        async with database.begin() as connection:
            await connection.exec_driver_sql("UPDATE relay_states SET device = 'barn' WHERE miner_id = 's21'")
        work = ranch.work(pace=without(QUICK, call_s=2.0))
        work.switched = {**work.switched, "barn": Away()}
        async with ranch.controlled(work):
            waits = await ranch.ask("start", "s21")
            assert (await ranch.ended(await ranch.ask("start", "s19-1"), within_s=2.0)).state == "done"
            assert not is_on(ranch, 3)
            assert not await ranch.has_told("miner_moved")
            request = await ranch.ended(waits, within_s=15)
            assert request.state == "done"
            assert await ranch.has_told("miner_moved")
            assert is_on(ranch, 3)
            assert await ranch.wish("s21") == "on"
