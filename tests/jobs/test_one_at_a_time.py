"""Two workers on one ranch: one holds control, whatever their clocks say, and the other takes over when it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from structlog.testing import capture_logs

from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import MovableClock, events, until


async def test_two_workers_whose_clocks_differ_by_more_than_a_slot_do_everything_once(database):
    async with on_ranch(database, ranch_site(timer_s=60.0)) as ranch:
        ahead = MovableClock()
        ahead.ahead = timedelta(seconds=20)
        pace = without(QUICK, lease_s=6.0)
        first, second = ranch.work(clock=ahead, pace=pace), ranch.work(pace=pace)
        with capture_logs() as logs:
            async with ranch.controlled(first), ranch.controlled(second):
                for action in ("start", "stop", "start"):
                    assert (await ranch.done(action, "s21")).tries == 1
                    await asyncio.sleep(0.5)
        assert len(events(logs, "control_ready")) == 1
        assert await ranch.switchings("s21") == [(True, "us"), (False, "us"), (True, "us")]
        assert not await ranch.has_told("miner_by_hand")


async def test_the_second_takes_over_at_once_when_the_first_ends(database):
    async with on_ranch(database) as ranch:
        with capture_logs() as logs:
            async with ranch.controlled():
                standing_by = ranch.controlled()
                await standing_by.__aenter__()
                await until(lambda: events(logs, "lock_held_by_another"))
                await ranch.done("start", "s21")
            await until(lambda: len(events(logs, "control_ready")) == 2, within_s=1.0)
            assert (await ranch.done("stop", "s21")).tries == 1
            await standing_by.__aexit__(None, None, None)
        assert await ranch.switchings("s21") == [(True, "us"), (False, "us")]
