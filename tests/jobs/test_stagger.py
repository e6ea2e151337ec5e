"""While one miner waits for its turn, those that run already are looked after as ever."""

from __future__ import annotations

import asyncio
import time

from store.database import Database
from tests.jobs.ranch import on_ranch, ranch_site
from tests.jobs.stage import until


async def test_a_stagger_that_is_longer_than_the_timer_costs_no_miner_its_run(database):
    async with on_ranch(database, ranch_site(timer_s=2.0, stagger_s=1.5)) as ranch, ranch.controlled():
        request = await ranch.ended(await ranch.ask("start", "s21", "s19-1", "s19-2"), within_s=12)
        assert request.state == "done"
        await asyncio.sleep(0.5)
        for miner in ("s21", "s19-1", "s19-2"):
            assert ranch.is_on(miner)
            assert await ranch.switchings(miner) == [(True, "us")]


async def test_limits_stop_a_miner_while_the_next_of_its_request_waits(database):
    async with on_ranch(database, ranch_site(stagger_s=4.0)) as ranch, ranch.controlled():
        asked = await ranch.ask("start", "s21", "s19-1")
        await until(lambda: ranch.is_on("s21"))
        await asyncio.sleep(0.3)
        await ranch.weather(soc_pct=10.0)
        assert await until(lambda: not ranch.is_on("s21")) < 2
        assert (await ranch.ended(asked)).results["s19-1"]["state"] == "refused"


async def test_timers_are_renewed_while_the_end_of_a_request_waits_for_the_database(database):
    async with on_ranch(database, ranch_site(timer_s=4.0)) as ranch, ranch.controlled():
        asked = await ranch.ask("start", "s21")
        await until(lambda: ranch.is_on("s21"))
        url = database._engine.url.render_as_string(hide_password=False)
        other = await Database.open(url)
        began = time.monotonic()
        try:
            async with other.begin():  # SQLite has one writer at a time: nobody else writes until this ends
                while time.monotonic() - began < 5.0:
                    await asyncio.sleep(0.1)
                    assert ranch.is_on("s21")
        finally:
            await other.close()
        assert (await ranch.ended(asked)).state == "done"
        assert await ranch.switchings("s21") == [(True, "us")]
