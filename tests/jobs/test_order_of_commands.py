"""What was decided later holds, whatever the clocks say; a stop always holds; a role is asked again, and a time too."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from store import audit, people, wishes
from store.wishes import Wish
from tests.jobs.ranch import ORG, on_ranch, ranch_site
from tests.jobs.stage import MovableClock, until


@pytest.mark.parametrize("behind", [timedelta(seconds=20), timedelta(minutes=50)])
async def test_a_stop_from_a_clock_that_is_behind_is_carried_out(database, behind):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("start", "s21")
        stop = await ranch.done("stop", "s21", now=datetime.now(UTC) - behind)
        assert stop.results["s21"]["state"] == "done"
        assert not ranch.is_on("s21")


async def test_a_stop_after_the_worker_s_clock_went_back_is_carried_out(database):
    clock = MovableClock()
    async with on_ranch(database) as ranch:
        clock.ahead = timedelta(minutes=10)
        async with ranch.controlled(clock=clock):
            assert (await ranch.done("start", "s21", now=clock())).state == "done"
            clock.ahead = timedelta()
            stop = await ranch.done("stop", "s21", now=clock())
            assert stop.results["s21"]["state"] == "done"
            assert not ranch.is_on("s21")
            await asyncio.sleep(0.5)
            assert not ranch.is_on("s21")


async def test_a_late_stop_turns_off_what_is_wanted_from_before_also_when_a_clock_jumped(database):
    async with on_ranch(database) as ranch:
        async with ranch.controlled():
            await ranch.done("start", "s21", now=datetime.now(UTC) + timedelta(minutes=4))
            stop = await ranch.done("stop", "s21", now=datetime.now(UTC) - timedelta(hours=2))
            assert stop.state == "expired"
            await until(lambda: not ranch.is_on("s21"))  # it is not wanted any more
        assert await ranch.wish("s21") == "off"


@pytest.mark.parametrize("action", ["start", "auto"])
async def test_a_command_that_a_later_one_overtook_is_left_whatever_the_clocks_say(database, action):
    async with on_ranch(database) as ranch:
        now = datetime.now(UTC)
        early = await ranch.ask(action, "s21", now=now + timedelta(seconds=30))
        stop = await ranch.ask("stop", "s21", now=now - timedelta(seconds=30))
        # the stop was carried out by a worker before this one
        await wishes.put(database, ORG, "ranch", Wish("s21", "off", None, "host", now, stop, queue_no=2))
        async with ranch.controlled():
            ended = await ranch.ended(early)
            assert ended.results["s21"]["state"] == "superseded"
            assert "a later command came first" in ended.results["s21"]["says"]
        assert not ranch.is_on("s21")
        assert await ranch.wish("s21") == "off"


async def test_a_start_after_a_stop_is_carried_out_also_from_a_clock_that_is_behind(database):
    async with on_ranch(database) as ranch, ranch.controlled():
        await ranch.done("stop", "s21")
        start = await ranch.done("start", "s21", now=datetime.now(UTC) - timedelta(seconds=40))
        assert start.results["s21"]["state"] == "done"
        assert ranch.is_on("s21")


@pytest.mark.parametrize("action", ["start", "auto"])
async def test_what_somebody_asked_who_was_removed_since_is_refused_with_a_row_in_the_audit(database, action):
    async with on_ranch(database) as ranch:
        owner, ben = await ranch.person("Ann"), await ranch.person("Ben", "operator")
        asked = await ranch.ask(action, "s21", person_id=ben, person_name="Ben")
        await people.forget(database, ORG, ben, by=owner)
        async with ranch.controlled():
            ended = await ranch.ended(asked)
            await asyncio.sleep(0.3)
        assert ended.state == "refused"
        assert "Ben has no role" in ended.results["s21"]["says"]
        assert not ranch.is_on("s21")
        assert await ranch.wish("s21") is None
        (row,) = await audit.entries(database, ORG, action="control_denied")
        assert row.subject == "s21"


async def test_a_viewer_s_start_is_refused_and_the_stop_of_somebody_who_is_gone_is_carried_out(database):
    async with on_ranch(database) as ranch:
        owner, ben = await ranch.person("Ann"), await ranch.person("Ben", "operator")
        async with ranch.controlled():
            await ranch.done("start", "s21", person_id=ben, person_name="Ben")
        start = await ranch.ask("start", "s19-1", person_id=ben, person_name="Ben")
        charge = await ranch.ask("grid_charge.on", person_id=ben, person_name="Ben")
        stop = await ranch.ask("stop", "s21", person_id=ben, person_name="Ben")
        await people.set_role(database, ORG, "ranch", ben, "viewer", granted_by=owner)
        async with ranch.controlled():
            ended = await ranch.ended(start)
            assert ended.state == "refused"
            assert "needs the role operator, and Ben is viewer" in ended.results["s19-1"]["says"]
            assert "needs the role owner" in (await ranch.ended(charge)).results["grid_charge"]["says"]
            assert (await ranch.ended(stop)).state == "done"
        assert not ranch.is_on("s21")
        assert not ranch.is_on("s19-1")


async def test_a_time_that_is_over_when_the_pause_before_a_start_is_over_starts_nothing(database):
    async with on_ranch(database, ranch_site(stagger_s=1.5)) as ranch, ranch.controlled():
        ends = (datetime.now(UTC) + timedelta(seconds=1.0)).isoformat()
        ended = await ranch.done("start", "s21", "s19-1", until=ends)
        assert ended.results["s19-1"]["state"] == "expired"
        assert "its time was over" in ended.results["s19-1"]["says"]
        assert await ranch.switchings("s19-1") == []


async def test_what_the_host_or_somebody_who_was_removed_wanted_comes_back_within_the_site_s_limits_alone(database):
    async with on_ranch(database) as ranch:
        ben = await ranch.person("Ben", "operator")
        dark = {"solar_w": 0.0, "battery_charge_w": -800.0, "grid_import_w": 0.0}
        async with ranch.controlled():
            await ranch.weather(**dark)
            assert (await ranch.done("start", "s21")).state == "done"
            await people.change_preferences(database, ORG, ben, lambda _: {"miner_priority": "always"}, noted={})
            assert (await ranch.done("start", "s19-1", person_id=ben)).state == "done"
            await people.forget(database, ORG, ben, by="host")
            await ranch.weather(**dark, soc_pct=10.0)
            await until(lambda: not ranch.is_on("s21") and not ranch.is_on("s19-1"))
            await ranch.weather(**dark, soc_pct=93.0)
            await until(lambda: ranch.is_on("s21") and ranch.is_on("s19-1"))
