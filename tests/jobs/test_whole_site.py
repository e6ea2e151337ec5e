"""The worker with the ranch as the simulator serves it: SolArk, Shelly, Cerbo GX and the weather."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from jobs.backfill import backfill_history
from jobs.streaming import listen
from services.scope import Scope
from services.state import current_state
from store import backfill, device_facts, readings, weather
from tests.jobs.stage import on_stage, until, working


async def test_the_worker_reads_every_device_and_the_merged_view_balances(database, redis_url):
    async with on_stage(victron=True) as stage:
        work = stage.work(database, "solark", "garage", "cerbo")

        async def all_heard():
            latest = await readings.latest(database, "home", "ranch", as_of=datetime.now(UTC))
            return {"solark", "garage", "cerbo"} <= latest.keys()

        async def all_described():
            return len(await device_facts.all_of(database, "home", "ranch", as_of=datetime.now(UTC))) == 3

        async with working(work, redis_url):
            await until(all_heard, within_s=15)
            await until(all_described, within_s=5)
        view = await current_state(Scope(database=database, site=stage.site, as_of=datetime.now(UTC)))
        truth = stage.world.state_at(datetime.now(UTC))
    assert view.silent_devices == view.stale_devices == ()
    assert view.balance_w == pytest.approx(0, abs=400)
    assert view.number("solar_w") == pytest.approx(truth.solar_w, rel=0.2, abs=300)
    assert view.number("battery_charge_w") == pytest.approx(truth.battery_charge_w, rel=0.2, abs=300)
    assert view.number("grid_import_w") == pytest.approx(truth.grid_import_w, rel=0.2, abs=300)
    assert view["soc_pct"].sources == ("cerbo",)
    assert view.number("soc_pct") == pytest.approx(truth.soc_pct, abs=2)


async def test_the_gx_is_heard_by_one_of_two_workers_and_by_the_other_when_that_one_ends(database):
    async with on_stage(victron=True) as stage:
        works = [stage.work(database, "cerbo", lease_s=0.6) for _ in range(2)]

        async def heard_since(moment):
            now = datetime.now(UTC)
            rows = await readings.field_rows(database, "home", "ranch", "soc_pct", moment, now, now)
            return len(rows["cerbo"].times) if "cerbo" in rows else 0

        listening = [asyncio.create_task(listen(work, work.streamed["cerbo"])) for work in works]
        began = datetime.now(UTC)
        await until(lambda: heard_since(began))
        for task in listening:  # one of the two holds the stream
            ended = datetime.now(UTC)
            await asyncio.sleep(1.5)
            assert await heard_since(ended) <= 2  # a reading a second, not two
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if task is listening[0]:
                after = datetime.now(UTC)
                await until(lambda after=after: heard_since(after))


async def test_forecasts_are_archived_under_their_issue_time(database, redis_url):
    async with on_stage() as stage:
        stage.faults.order("open_meteo", "html", count=1)  # the first try fails: the slot is given back
        work = stage.work(database)
        before = datetime.now(UTC)
        async with working(work, redis_url):
            await until(lambda: work.watch.trouble("weather"))
        async with working(work, redis_url):
            await until(lambda: weather.latest_issued(database, "home", "ranch", as_of=datetime.now(UTC)))
        issued = await weather.issued_between(database, "home", "ranch", before, datetime.now(UTC))
    assert len(issued) == 1
    assert before <= issued[0].issued_at <= datetime.now(UTC)
    assert issued[0].hours[0].start < issued[0].issued_at < issued[0].hours[-1].start


async def test_history_is_fetched_from_the_cloud_and_an_interrupted_run_goes_on_where_it_stopped(database):
    async with on_stage(days=4) as stage:
        work = stage.work(database, "solark", backfill_days=3)
        seen = []

        def cut_after_two(device_id, done, total):
            seen.append((device_id, done, total))
            if done == 2:
                stage.faults.order("solark", "html")

        assert not await backfill_history(work, cut_after_two)
        assert seen == [("solark", 1, 4), ("solark", 2, 4)]
        stage.faults.order("solark", "none")
        seen.clear()
        assert await backfill_history(work, lambda *step: seen.append(step))
        # today is not over and comes again; yesterday is there; two days are missing
        assert seen == [("solark", 1, 3), ("solark", 2, 3), ("solark", 3, 3)]
        today = datetime.now(UTC).astimezone(stage.site.zone).date()
        done = await backfill.days_done(database, "home", "ranch", "solark")
        assert done == {today - timedelta(days=back) for back in (1, 2, 3)}
        now = datetime.now(UTC)
        flows = {}
        for field in ("solar_w", "load_w", "battery_charge_w", "grid_import_w"):
            rows = await readings.field_rows(database, "home", "ranch", field, now - timedelta(days=2), now, now)
            flows[field] = rows["solark"].values
    assert len(flows["load_w"]) == pytest.approx(2 * 288, abs=4)
    unexplained = flows["solar_w"] + flows["grid_import_w"] - flows["load_w"] - flows["battery_charge_w"]
    assert np.abs(unexplained).mean() < 0.1 * np.abs(flows["battery_charge_w"]).mean()
