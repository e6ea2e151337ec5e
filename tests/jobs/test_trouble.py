"""Control when its surroundings fail: a locked database, a poison request, a miner's real API, old-fashioned relays."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

from connectors.miner_api import connect as connect_miner
from jobs.housekeeping import keep_house
from store import buttons, control, outbox
from tests.jobs.ranch import ORG, on_ranch, ranch_site
from tests.jobs.stage import until, work_of


async def test_limits_hold_while_the_database_takes_no_writes(database, tmp_path):
    async with on_ranch(database, ranch_site(timer_s=30.0)) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        await ranch.weather(soc_pct=33.0)
        other = sqlite3.connect(tmp_path / "commandcenter.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # another process writes for long
        try:
            assert await until(lambda: not ranch.is_on("s21"), within_s=8) < 8
        finally:
            other.execute("ROLLBACK")
            other.close()
        await until(lambda: ranch.has_said("s21 is off, read back"))
        assert await ranch.has_told("miner_held_back")
        assert (await ranch.switchings("s21"))[-1] == (False, "us")


async def test_timers_run_out_where_the_database_cannot_be_read(database):
    async with on_ranch(database, ranch_site(timer_s=1.5)) as ranch, ranch.controlled() as work:
        await ranch.done("start", "s21")
        work.site = work.site.model_copy(update={"limits": None})  # whatever it is: nothing can be decided any more
        await until(lambda: not ranch.is_on("s21"), within_s=4)
        work.site = ranch.site
        await until(lambda: ranch.is_on("s21"), within_s=4)


async def test_a_request_that_kills_its_worker_again_and_again_is_given_up(database):
    async with on_ranch(database) as ranch:
        request_id = await ranch.ask("start", "s21")
        now = ranch.clock.now()
        for _ in range(5):  # five workers died over it
            assert await control.claim_next(database, ORG, "ranch", now=now, lease_s=-1)
        async with ranch.controlled():
            request = await ranch.ended(request_id)
        assert request.state == "failed"
        assert "Given up after 5 tries" in request.results["s21"]["says"]
        assert not ranch.is_on("s21")


async def test_a_miner_of_the_cgminer_family_sleeps_before_its_relay_opens_and_is_woken_after_it_closed(database):
    site = ranch_site(timer_s=900.0, s21={"api": "cgminer", "api_host": "127.0.0.1", "cool_down_s": 20.0})
    async with on_ranch(database, site) as ranch:
        api = connect_miner(ranch.miner("s21"))
        async with ranch.controlled(miner_apis={"s21": api}):
            await ranch.done("start", "s21")
            ranch.clock.advance(timedelta(minutes=5))  # it has booted
            assert ranch.world.miner("s21", ranch.clock.now()).hashrate_ths > 100
            began = time.monotonic()
            request = await ranch.ended(await ranch.ask("stop", "s21"), within_s=15)
            assert request.state == "done"
            assert time.monotonic() - began < 10
            assert not ranch.is_on("s21")
            assert "miner_not_gentle" not in await ranch.actions()
        await api.close()


@pytest.mark.parametrize(("model", "metered"), [("shelly4pro", True), ("pro3", False)])
async def test_relays_of_every_kind_are_switched_renewed_and_read_back(database, model, metered):
    async with on_ranch(database, ranch_site(timer_s=2.0), shelly_models={"garage": model}) as ranch:
        async with ranch.controlled():
            request = await ranch.done("start", "s21", "s19-1")
            assert {result["state"] for result in request.results.values()} == {"done"}
            assert (request.results["s21"]["power_w"] is not None) is metered
            assert request.results["s21"]["timer_until"] is not None
            await asyncio.sleep(2.5)
            assert ranch.is_on("s21")
            assert (await ranch.done("stop", "s21")).state == "done"
            assert not ranch.is_on("s21")
            assert ranch.is_on("s19-1")
        assert await ranch.switchings("s21") == [(True, "us"), (False, "us")]


async def test_the_housekeeping_drops_old_buttons_and_notices(database):
    now = datetime.now(UTC)
    for days in (40, 1):
        at = now - timedelta(days=days)
        await buttons.mint(
            database,
            ORG,
            action={"do": "x"},
            person_id=None,
            place=None,
            expires_at=None,
            single_use=True,
            now=at,
        )
        await outbox.add(database, ORG, outbox.NewEntry(site_id="ranch", level="info", text="hi"), now=at)
    for entry in await outbox.claim_due(database, ORG, now, lease_s=0):
        await outbox.sent(database, ORG, entry.outbox_id, now=entry.created_at)
    await keep_house(work_of(database))
    async with database.read() as connection:
        for table in ("buttons", "outbox"):
            kept = (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one()
            assert kept == 1
