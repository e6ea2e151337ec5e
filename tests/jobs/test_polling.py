"""Devices in trouble: each is said once, none holds up the others, and no reading is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from structlog.testing import capture_logs

from connectors.device import DeviceSecrets
from connectors.errors import TryLater, Unreachable
from jobs.polling import fetch_details, poll_devices
from jobs.schedule import SCHEDULE, Scheduled, run_scheduled
from store import device_facts, readings
from store.rejections import rejected_since
from tests.jobs.stage import Meter, MovableClock, events, on_stage, until, work_of, working

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def _count(database, device_id="one"):
    now = datetime.now(UTC)
    rows = await readings.field_rows(database, "home", "ranch", "load_w", LONG_AGO, now + timedelta(days=1), now)
    return len(rows[device_id].times) if device_id in rows else 0


async def test_a_silent_device_holds_up_no_other_and_is_said_once(database):
    clock = MovableClock()
    async with on_stage() as stage:
        stage.faults.order("solark", "html")
        work = stage.work(database, "solark", "garage", clock=clock)
        with capture_logs() as logs:
            for _ in range(3):
                await poll_devices(work)
                clock.ahead += timedelta(seconds=2)
            stage.faults.order("solark", "none")
            for _ in range(2):
                await poll_devices(work)
                clock.ahead += timedelta(seconds=2)
        latest = await readings.latest(database, "home", "ranch", as_of=datetime.now(UTC))
    assert {"solark", "garage"} <= latest.keys()
    assert events(logs, "device_malformed", "device_recovered") == ["device_malformed", "device_recovered"]


async def test_a_slow_device_is_not_asked_again_before_it_answered(database):
    clock = MovableClock()
    slow, quick = Meter("one", may_answer=asyncio.Event()), Meter("two")
    work = work_of(database, slow, quick, clock=clock)
    first = asyncio.create_task(poll_devices(work))
    await until(lambda: slow.asked_at and work.being_read == {"one"})
    clock.ahead += timedelta(seconds=5)
    assert await poll_devices(work) == 1
    slow.may_answer.set()
    assert await first == 2
    assert (len(slow.asked_at), len(quick.asked_at)) == (1, 2)


async def test_a_device_that_asks_for_a_pause_gets_it_whatever_the_wall_clock_does(database):
    clock, elapsed = MovableClock(), [0.0]
    meter = Meter("one", error=TryLater("busy", after_s=40))
    work = work_of(database, meter, clock=clock, monotonic=lambda: elapsed[0])
    await poll_devices(work)
    meter.error = None
    for _ in range(3):
        clock.ahead += timedelta(hours=1)
        elapsed[0] += 13
        await poll_devices(work)
    assert len(meter.asked_at) == 1
    clock.ahead += timedelta(seconds=10)
    elapsed[0] += 2
    assert await poll_devices(work) == 1


async def test_the_clouds_retry_after_is_kept(database):
    async with on_stage() as stage:
        stage.faults.order("solark", "429", count=1)
        work = stage.work(database, "solark")
        await poll_devices(work)
        assert 1 < work.pause_left_s("solark") <= 2
        assert work.watch.trouble("solark") == "device_busy"


async def test_refused_credentials_pause_the_device_for_minutes(database):
    async with on_stage() as stage:
        wrong = stage.device("solark", DeviceSecrets(stage.endpoints.solark_username, SecretStr("guessed")))
        work = stage.work(database, "garage", devices=[wrong])
        assert await poll_devices(work) == 1  # the relay
        assert work.watch.trouble("solark") == "device_credentials_refused"
        assert work.pause_left_s("solark") > 500


async def test_a_fault_of_a_connector_is_logged_with_its_traceback_and_stops_no_other_device(database):
    clock = MovableClock()
    broken, well = Meter("one", error=ZeroDivisionError("a bug")), Meter("two")
    work = work_of(database, broken, well, clock=clock)
    with capture_logs() as logs:
        for _ in range(3):
            await poll_devices(work)
            clock.ahead += timedelta(seconds=2)
        broken.error = None
        await poll_devices(work)
    assert events(logs, "device_read_failed", "failure_over") == ["device_read_failed", "failure_over"]
    assert logs[0]["exc_info"] is True
    assert len(well.asked_at) == 4


async def test_a_job_that_raises_is_logged_with_its_traceback_and_the_next_run_works(database, redis_url):
    runs = []

    async def fails_once(work):
        runs.append(work)
        if len(runs) == 1:
            raise ValueError("unforeseen")

    work = work_of(database)
    with capture_logs() as logs:
        for _ in range(3):
            await run_scheduled(work, Scheduled("odd", 60, 3600, fails_once, 5))
    assert len(runs) == 2  # the failed slot was given back, the other one is done
    assert events(logs, "job_failed", "failure_over") == ["job_failed", "failure_over"]
    assert logs[0]["exc_info"] is True


async def test_a_job_that_hangs_ends_in_its_time(database):
    async def hangs(_):
        await asyncio.sleep(60)

    with capture_logs() as logs:
        await run_scheduled(work_of(database), Scheduled("slow", 60, 60, hangs, 0.05))
    assert events(logs, "job_timed_out") == ["job_timed_out"]


async def test_readings_from_the_future_are_counted_and_kept_out(database):
    now = datetime.now(UTC)
    meter = Meter("one", taken=[now + timedelta(hours=2), now])
    assert await poll_devices(work_of(database, meter)) == 1
    (refused,) = await rejected_since(database, "home", "ranch", now - timedelta(days=1))
    assert (refused.device_id, refused.field, refused.times) == ("one", "taken_at", 1)


async def test_impossible_values_are_counted_and_unknown(database):
    meter = Meter("one", values={"load_w": 400.0, "soc_pct": 250.0, "solar_w": float("nan")})
    await poll_devices(work_of(database, meter))
    latest = await readings.latest(database, "home", "ranch", as_of=datetime.now(UTC))
    assert (latest["one"].load_w, latest["one"].soc_pct, latest["one"].solar_w) == (400.0, None, None)
    assert len(await rejected_since(database, "home", "ranch", datetime.now(UTC))) == 2


async def test_readings_twice_and_out_of_order_change_nothing(database):
    clock = MovableClock()
    now = datetime.now(UTC).replace(microsecond=0)
    meter = Meter("one", taken=[now, now - timedelta(minutes=2), now, now - timedelta(minutes=1)])
    work = work_of(database, meter, clock=clock)
    for _ in range(2):
        await poll_devices(work)
        clock.ahead += timedelta(seconds=2)
    assert await _count(database) == 3
    latest = await readings.latest(database, "home", "ranch", as_of=now)
    assert latest["one"].taken_at == now


async def test_a_database_that_another_process_holds_for_a_moment_costs_nothing(database, tmp_path):
    other = sqlite3.connect(tmp_path / "commandcenter.db", isolation_level=None)
    work = work_of(database, Meter("one"), Meter("two"))
    other.execute("BEGIN IMMEDIATE")
    with capture_logs() as logs:
        polling = asyncio.create_task(poll_devices(work))
        await asyncio.sleep(0.5)
        assert not polling.done()
        other.execute("COMMIT")
        assert await polling == 2
    other.close()
    assert logs == []


async def test_what_the_database_does_not_take_is_stored_later(database, tmp_path):
    clock = MovableClock()
    start = datetime.now(UTC)
    meter = Meter("one", now=clock)
    work = work_of(database, meter, clock=clock)
    async with database.begin() as connection:  # readings alone fail, as on a full disk
        await connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON readings BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        )
    with capture_logs() as logs:
        for _ in range(3):
            assert await poll_devices(work) == 0
            clock.ahead += timedelta(seconds=2)
        async with database.begin() as connection:
            await connection.exec_driver_sql("DROP TRIGGER full")
        assert await poll_devices(work) == 4
    assert events(logs, "readings_not_stored", "failure_over") == ["readings_not_stored", "failure_over"]
    rows = await readings.field_rows(
        database, "home", "ranch", "load_w", start, start + timedelta(minutes=1), start + timedelta(minutes=1)
    )
    assert len(rows["one"].times) == 4


async def test_a_poisoned_batch_is_dropped_after_five_tries_and_the_rest_goes_on(database):
    clock = MovableClock()
    meter = Meter("one", now=clock)
    work = work_of(database, meter, clock=clock)
    async with database.begin() as connection:
        await connection.exec_driver_sql(
            "CREATE TRIGGER poison BEFORE INSERT ON readings WHEN NEW.load_w = 666 "
            "BEGIN SELECT RAISE(FAIL, 'poison'); END"
        )
    meter.values = {"load_w": 666.0}
    with capture_logs() as logs:
        await poll_devices(work)
        meter.values = {"load_w": 500.0}
        for _ in range(7):
            clock.ahead += timedelta(seconds=2)
            assert await poll_devices(work) == 1
    assert events(logs, "readings_dropped") == ["readings_dropped"]
    assert not work.unsaved


async def test_details_of_one_device_come_in_spite_of_another(database):
    class Mute(Meter):
        async def details(self):
            raise Unreachable("nobody")

    class Broken(Meter):
        async def details(self):
            raise KeyError("model")

    with capture_logs() as logs:
        await fetch_details(work_of(database, Mute("one"), Broken("two"), Meter("three")))
    assert events(logs, "device_details_missing", "device_details_failed") == [
        "device_details_missing",
        "device_details_failed",
    ]
    assert set(await device_facts.all_of(database, "home", "ranch", as_of=datetime.now(UTC))) == {"three"}


async def test_idle_ticks_write_nothing(database):
    meter = Meter("one")
    work = work_of(database, meter, clock=lambda: datetime(2026, 6, 1, 12, tzinfo=UTC))
    await poll_devices(work)

    async def version():
        async with database.read() as connection:
            return (await connection.exec_driver_sql("PRAGMA data_version")).scalar_one()

    before = await version()
    async with database.begin() as connection:
        total = (await connection.exec_driver_sql("SELECT total_changes()")).scalar_one()
    for _ in range(20):
        await poll_devices(work)
        for job in SCHEDULE:
            if job.name == "housekeeping":
                await run_scheduled(work, job)
    async with database.begin() as connection:
        assert (await connection.exec_driver_sql("SELECT total_changes()")).scalar_one() - total <= 1
    assert before == await version()
    assert len(meter.asked_at) == 1


async def test_a_worker_polls_in_the_interval_that_the_settings_name(database, redis_url):
    meter = Meter("one")
    async with working(work_of(database, meter), redis_url):
        await asyncio.sleep(2.5)
    assert 2 <= len(meter.asked_at) <= 4


async def test_a_device_that_limits_our_rate_while_telling_of_itself_is_left_alone(database):
    class Busy(Meter):
        async def details(self):
            raise TryLater("busy", after_s=60)

    busy = Busy("one")
    work = work_of(database, busy)
    await fetch_details(work)
    assert work.pause_left_s("one") > 50
    await poll_devices(work)
    assert busy.asked_at == []
