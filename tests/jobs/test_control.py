"""Miners switched on and off by the worker: looked at, checked, switched once, read back, told."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from store import people, wishes
from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until


async def test_a_start_is_switched_with_a_timer_read_back_and_told(database):
    async with on_ranch(database) as ranch:
        owner = await ranch.person("Anna")
        other = await ranch.person("Ben")
        await ranch.person("Carl", "viewer")
        async with ranch.controlled():
            request = await ranch.done("start", "s21", person_id=owner)
            assert request.state == "done"
            result = request.results["s21"]
            assert (result["state"], result["on"], result["already"]) == ("done", True, False)
            assert result["power_w"] == pytest.approx(310, abs=20)  # it boots
            assert ranch.is_on("s21")
            assert 50 < ranch.timer_left_s("s21") <= 60
        state = await ranch.state("s21")
        assert (state.on, state.changed_by, state.reachable) == (True, "us", True)
        assert state.energy_kwh is not None
        assert await ranch.wish("s21") == "on"
        assert await ranch.switchings("s21") == [(True, "us")]
        assert await ranch.actions() == ["control_asked", "control_claimed", "miner_switching", "miner_switched"]
        ((level, text),) = await ranch.notices()  # to the other owner alone
        assert level == "info"
        assert text.startswith("Anna: s21 is on, read back from the relay")
        assert other != owner


async def test_a_stop_is_read_back_and_the_wish_stays_off(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        request = await ranch.done("stop", "s21")
        assert request.results["s21"]["says"] == "s21 is off, read back from the relay."
        assert not ranch.is_on("s21")
        assert await ranch.wish("s21") == "off"
        await asyncio.sleep(0.6)
        assert not ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "us"), (False, "us")]


async def test_the_interlocks_are_asked_again_with_fresh_figures_when_it_is_carried_out(database):
    async with on_ranch(database) as ranch:
        await ranch.weather(soc_pct=44.0)  # it was fine when it was confirmed
        async with ranch.controlled():
            request = await ranch.done("start", "s21")
        assert request.state == "refused"
        (block,) = request.results["s21"]["blocks"]
        assert block["rule"] == "minimum_soc"
        assert "SOC is 44 %" in request.results["s21"]["says"]
        assert not ranch.is_on("s21")
        assert await ranch.wish("s21") is None
        assert "miner_refused" in await ranch.actions()


async def test_the_asker_s_own_stricter_limits_bind_too(database):
    async with on_ranch(database) as ranch:
        owner = await ranch.person("Anna")
        strict = {"miner_min_soc_pct": 95, "miner_priority": "always"}
        await people.change_preferences(database, "home", owner, lambda _: strict, noted={})
        async with ranch.controlled():
            request = await ranch.done("start", "s21", person_id=owner)
            assert request.state == "refused"
            assert "your own" in request.results["s21"]["says"]
            assert (await ranch.done("start", "s21")).state == "done"  # the host is nobody and has none


async def test_several_miners_start_by_priority_with_the_pause_and_a_refusal_of_one_stops_no_other(database):
    site = ranch_site(stagger_s=0.6, s19_1={"max_starts_per_day": 1})
    async with on_ranch(database, site) as ranch, ranch.controlled():
        await ranch.done("start", "s19-1")
        await ranch.done("stop", "s19-1")
        await asyncio.sleep(0.7)
        began = time.monotonic()
        request_id = await ranch.ask("start", "s19-2", "s19-1", "s21")
        first = await until(lambda: ranch.is_on("s21"))
        assert not ranch.is_on("s19-2")
        request = await ranch.ended(request_id)
        assert time.monotonic() - began >= first + 0.4
        assert request.state == "done"
        assert {m: r["state"] for m, r in request.results.items()} == {
            "s21": "done",
            "s19-1": "refused",
            "s19-2": "done",
        }
        assert request.results["s19-1"]["blocks"][0]["rule"] == "starts_per_day"
        assert [ranch.is_on(m) for m in ("s21", "s19-1", "s19-2")] == [True, False, True]


async def test_what_needs_no_switch_does_not_wait_for_the_pause_between_two_starts(database):
    async with on_ranch(database, ranch_site(stagger_s=30.0)) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        began = time.monotonic()
        again = await ranch.done("start", "s21")
        assert again.results["s21"]["already"]
        assert await ranch.wish("s21") == "on"
        await ranch.weather(soc_pct=41.0)
        assert (await ranch.done("start", "s19-1")).state == "refused"
        assert time.monotonic() - began < 3


async def test_a_stop_does_not_wait_for_the_pause_of_a_start_and_overtakes_it(database):
    async with on_ranch(database, ranch_site(stagger_s=1.5)) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        waiting = await ranch.ask("start", "s19-1")
        await asyncio.sleep(0.3)
        stop = await ranch.done("stop", "s21", "s19-1")
        assert {r["state"] for r in stop.results.values()} == {"done"}
        assert not ranch.is_on("s21")
        late = await ranch.ended(waiting)
        assert late.results["s19-1"]["state"] == "superseded"
        assert not ranch.is_on("s19-1")


async def test_a_command_whose_answer_is_lost_is_read_back_and_not_sent_twice(database):
    async with on_ranch(database) as ranch:
        ranch.faults.order("shelly:garage", "lost", count=1)
        async with ranch.controlled():
            request = await ranch.done("start", "s21")
            assert request.results["s21"]["state"] == "done"
            assert ranch.is_on("s21")
            assert await ranch.commands() == 1
            ranch.faults.order("shelly:garage", "lost", count=1)
            request = await ranch.done("stop", "s21")
            assert request.results["s21"]["state"] == "done"
            assert not ranch.is_on("s21")
            assert await ranch.commands() == 2
        assert await ranch.switchings("s21") == [(True, "us"), (False, "us")]


async def test_an_output_that_does_not_follow_is_a_failure_in_words(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        async with ranch.controlled():
            ranch.faults.order("shelly:garage", "stuck", seconds=3)
            request = await ranch.done("start", "s21")
            assert request.state == "failed"
            assert "is still off" in request.results["s21"]["says"]
            assert await ranch.wish("s21") == "off"
            ranch.faults.order("shelly:garage", "none")
            await ranch.done("start", "s21")
            ranch.faults.order("shelly:garage", "stuck", seconds=4)
            request = await ranch.done("stop", "s21")
            assert request.state == "failed"
            assert "cut the power by hand" in request.results["s21"]["says"]
            await until(lambda: not ranch.is_on("s21"), within_s=8)  # it is sent again and again
        assert "critical" not in [level for level, _ in await ranch.notices()]  # `relay_not_off` tells it, after 30 s


async def test_the_time_from_a_confirmation_to_the_read_back_is_short(database):
    async with on_ranch(database) as ranch, ranch.controlled(pace=without(QUICK, tick_s=1.0)):
        request = await ranch.done("start", "s21")
        assert request.finished_at - request.decided_at < timedelta(seconds=2)


async def test_a_request_that_lay_too_long_switches_nothing_and_says_so(database):
    async with on_ranch(database) as ranch:
        long_ago = datetime.now(UTC) - timedelta(hours=25)
        await ranch.ask("auto", "s19-1", now=long_ago)
        start = await ranch.ask("start", "s21", now=long_ago)
        charge = await ranch.ask("grid_charge.on", now=long_ago)
        async with ranch.controlled():
            assert (await ranch.ended(start)).state == "expired"
            assert (await ranch.ended(charge)).state == "expired"
            await asyncio.sleep(0.3)
        assert not ranch.is_on("s21")
        assert await ranch.wish("s19-1") is None
        assert (await ranch.actions("control_expired", "miner_switching")) == ["control_expired"] * 3


async def test_an_off_that_lay_too_long_still_means_that_nothing_comes_back(database):
    async with on_ranch(database, ranch_site(timer_s=1.0)) as ranch:
        async with ranch.controlled():
            await ranch.done("start", "s21")
        await until(lambda: not ranch.is_on("s21"))  # nobody renews its timer
        now = datetime.now(UTC)
        earlier = wishes.Wish("s21", "on", None, "host", now - timedelta(hours=26))
        await wishes.put(database, "home", "ranch", earlier)
        stop = await ranch.ask("stop", "s21", now=now - timedelta(hours=25))
        async with ranch.controlled():
            assert (await ranch.ended(stop)).state == "expired"
            await asyncio.sleep(0.5)
        assert await ranch.wish("s21") == "off"
        assert not ranch.is_on("s21")


async def test_a_wish_whose_time_ended_while_the_worker_was_away_starts_nothing(database):
    async with on_ranch(database) as ranch:
        now = datetime.now(UTC)
        over = wishes.Wish("s21", "on", now - timedelta(hours=1), "host", now - timedelta(hours=25))
        await wishes.put(database, "home", "ranch", over)
        async with ranch.controlled():
            await until(lambda: ranch.ended_wish("s21"))
            await asyncio.sleep(0.3)
        assert not ranch.is_on("s21")
        assert await ranch.switchings("s21") == []
