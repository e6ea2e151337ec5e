"""What a command that failed leaves behind: nothing that silences, holds up or outlives the commands after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from store import control, wishes
from store.control_tables import control_requests
from store.wishes import Wish
from tests.jobs.ranch import ORG, QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until
from tests.jobs.test_stopping import Asic

SLOW = without(QUICK, first_retry_s=6.0, last_retry_s=20.0)


async def test_a_second_off_that_fails_is_noted_like_the_first(database):
    async with on_ranch(database) as ranch, ranch.controlled(pace=SLOW):
        await ranch.done("start", "s21")
        for times in (1, 2):
            ranch.faults.order("shelly:garage", "stuck")
            assert (await ranch.done("stop", "s21")).state == "failed"
            assert len(await ranch.actions("miner_switch_failed")) == times
            ranch.faults.order("shelly:garage", "none")
            assert (await ranch.done("start", "s21")).state == "done"
            assert (await ranch.state("s21")).problem is None


@pytest.mark.parametrize("action", ["start", "auto"])
async def test_a_stop_by_the_limits_is_gentle_again_after_a_later_command(database, action):
    async with on_ranch(database, ranch_site(s21={"cool_down_s": 1.0})) as ranch:
        asic = Asic()
        async with ranch.controlled(miner_apis={"s21": asic}, pace=SLOW):
            await ranch.done("start", "s21")
            ranch.faults.order("shelly:garage", "stuck")
            assert (await ranch.done("stop", "s21")).state == "failed"
            ranch.faults.order("shelly:garage", "none")
            assert (await ranch.done(action, "s21")).state == "done"
            asic.told.clear()
            await ranch.weather(soc_pct=20.0)
            await until(lambda: not ranch.is_on("s21"), within_s=5)
            assert "stop" in asic.told
            await until(lambda: ranch.has_told("miner_held_back"))


async def test_a_start_that_failed_puts_off_no_renewal(database):
    async with on_ranch(database, ranch_site(timer_s=3.0)) as ranch:
        await ranch.notices_read()
        async with ranch.controlled(pace=without(QUICK, start_retry_s=300.0)):
            ranch.faults.order("shelly:garage", "stuck")
            await ranch.done("auto", "s21")
            await until(lambda: ranch.has_told("miner_switch_failed"), within_s=8)
            ranch.faults.order("shelly:garage", "none")
            await until(lambda: ranch.reached("s21"))
            assert (await ranch.done("start", "s21")).state == "done"
            for _ in range(10):
                await asyncio.sleep(0.4)
                assert ranch.is_on("s21")
            assert await ranch.switchings("s21") == [(True, "us")]


async def cut_off(ranch, request_id):
    """As a worker that was killed in the middle of a start left it."""
    now = datetime.now(UTC)
    async with ranch.database.begin() as connection:
        left = {"state": "executing", "tries": 1, "lease_until": now}
        table = control_requests
        await connection.execute(update(table).where(table.c.request_id == request_id).values(left))
    await wishes.put(ranch.database, ORG, "ranch", Wish("s21", "on", None, "host", now, request_id, 2))


async def test_a_start_that_is_refused_while_another_has_the_turn_is_not_wanted_any_more(database):
    async with on_ranch(database, ranch_site(stagger_s=4.0, s21={"max_starts_per_day": 0})) as ranch:
        await ranch.ask("start", "s19-1")
        cut = await ranch.ask("start", "s21")
        await cut_off(ranch, cut)
        async with ranch.controlled():
            ended = await ranch.ended(cut)
            assert ended.results["s21"]["state"] == "refused"
            await until(lambda: ranch.wishes_are("off", "s21"))


async def test_a_start_that_is_refused_as_nothing_can_be_recorded_is_not_wanted_any_more(database):
    from jobs.recording import Recorder
    from jobs.relays import Relays
    from jobs.starting import Reason, Starting
    from jobs.telling import Telling

    async def refused():
        raise OSError("no space left on device")

    async with on_ranch(database) as ranch:
        work = ranch.work()
        recorder = Recorder(work)
        telling = Telling(work, recorder)
        relays = Relays(work, telling, recorder)
        wish = relays.wishes["s21"] = Wish("s21", "on", None, "host", datetime.now(UTC), "r1", 2)
        for name in ("a", "b"):
            await recorder.write("x", name, refused, keep=name)
        await until(lambda: relays.unrecorded)
        starting = Starting(work, relays, telling)
        outcome = await starting.start(ranch.miner("s21"), Reason(actor="host", request_id="r1"), wish=wish)
        assert outcome.state == "failed"
        assert relays.wishes["s21"].mode == "off"
        assert not ranch.is_on("s21")
        await recorder.close()
        await work.switched["garage"].close()


class Faulty:
    """A relay whose connector has a fault, once."""

    device_id = "garage"

    def __init__(self, relay):
        self.relay = relay
        self.faults = 1

    async def channels(self):
        return await self.relay.channels()

    async def switch_on(self, channel, *, off_after_s):
        if self.faults:
            self.faults -= 1
            raise ValueError("a fault of the connector")
        await self.relay.switch_on(channel, off_after_s=off_after_s)

    async def switch_off(self, channel):
        await self.relay.switch_off(channel)

    async def close(self):
        await self.relay.close()


async def test_a_start_that_failed_for_an_unforeseen_reason_is_not_done_later(database):
    async with on_ranch(database) as ranch:
        work = ranch.work()
        work.switched = {"garage": Faulty(work.switched["garage"])}
        async with ranch.controlled(work):
            request = await ranch.done("start", "s21")
            assert request.state == "failed"
            assert "something unforeseen went wrong (ValueError)" in request.results["s21"]["says"]
            assert await ranch.wish("s21") == "off"
            await asyncio.sleep(1.0)
            assert not ranch.is_on("s21")
            assert await control.get(database, ORG, request.request_id) == request
