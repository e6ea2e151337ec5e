"""A start of which nobody knows whether it was done: told as such, and what becomes of it is what is said."""

from __future__ import annotations

import asyncio

import pytest

from connectors.errors import CredentialsRefused, TryLater, Unreachable
from tests.jobs.ranch import QUICK, on_ranch, ranch_site, without
from tests.jobs.stage import until

PACE = without(QUICK, call_s=0.3)


class Vague:
    """A relay that does what it is told, says something else, and is silent then."""

    device_id = "garage"

    def __init__(self, relay, error):
        self.relay = relay
        self.error = error
        self.silent = False
        self.vague = True

    async def channels(self):
        if self.silent:
            raise Unreachable("garage cannot be reached")
        return await self.relay.channels()

    async def switch_on(self, channel, *, off_after_s):
        await self.relay.switch_on(channel, off_after_s=off_after_s)
        if self.vague:
            self.vague, self.silent = False, True
            raise self.error

    async def switch_off(self, channel):
        if self.silent:
            raise Unreachable("garage cannot be reached")
        await self.relay.switch_off(channel)

    async def close(self):
        await self.relay.close()


def vague(ranch, error, **changes):
    work = ranch.work(pace=PACE, **changes)
    work.switched = {"garage": Vague(work.switched["garage"], error)}
    return work


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("garage cannot be reached", maybe_done=False),
        Unreachable("garage did not answer", maybe_done=True),
        TryLater("garage has a fault of its own (502)", after_s=0.1),
        CredentialsRefused("garage refuses the password"),
    ],
)
async def test_only_the_relay_itself_tells_that_a_start_was_not_done(database, error):
    async with on_ranch(database) as ranch:
        work = vague(ranch, error)
        async with ranch.controlled(work):
            request = await ranch.done("start", "s21")
            says = request.results["s21"]["says"]
            assert request.state == "failed"
            assert says.startswith("It is not known whether s21 is on")
            assert says.endswith("it is switched off when the relay answers again.")
            assert request.results["s21"]["on"] is None
            assert ranch.is_on("s21")
            work.switched["garage"].silent = False
            await until(lambda: not ranch.is_on("s21"))
            await asyncio.sleep(0.4)
            assert not ranch.is_on("s21")


async def test_what_was_left_off_by_hand_before_an_unknown_start_is_switched_off(database):
    async with on_ranch(database) as ranch:
        work = vague(ranch, Unreachable("garage did not answer", maybe_done=True))
        work.switched["garage"].vague = False
        async with ranch.controlled(work):
            await ranch.done("start", "s21")
            await ranch.by_hand("s21", False)
            await until(lambda: ranch.wishes_are("hand_off", "s21"))
            work.switched["garage"].vague = True
            await ranch.done("start", "s21")
            assert ranch.is_on("s21")
            work.switched["garage"].silent = False
            await until(lambda: not ranch.is_on("s21"))


async def test_what_was_automatic_before_is_said_to_be_so_and_is(database):
    # between its limits the automatic starts nothing, and stops nothing either
    site = ranch_site(s21={"start_soc_pct": 95.0, "stop_soc_pct": 60.0})
    async with on_ranch(database, site) as ranch:
        work = vague(ranch, Unreachable("garage did not answer", maybe_done=True))
        async with ranch.controlled(work):
            await ranch.done("auto", "s21")
            request = await ranch.done("start", "s21")
            assert "it is automatic, so its limits decide" in request.results["s21"]["says"]
            work.switched["garage"].silent = False
            await until(lambda: ranch.reached("s21"))
            assert await ranch.wish("s21") == "auto"
            await ranch.weather(soc_pct=59.0)
            await until(lambda: not ranch.is_on("s21"))


async def test_a_second_try_that_meets_a_silent_relay_does_not_say_that_nothing_was_started(database):
    async with on_ranch(database) as ranch:
        work = vague(ranch, Unreachable("garage did not answer", maybe_done=True))
        work.switched["garage"].vague = False
        async with ranch.controlled(work):
            asked = await ranch.ask("start", "s21")
            await ranch.ended(asked)
        assert ranch.is_on("s21")
        await again(database, asked)  # as if the worker had been killed before it could say so
        work = vague(ranch, Unreachable("garage did not answer"))
        work.switched["garage"].silent = True
        async with ranch.controlled(work):
            ended = await ranch.ended(asked)
            assert ended.results["s21"]["says"].startswith("It is not known whether s21 is on")
            work.switched["garage"].silent = False
            await until(lambda: not ranch.is_on("s21"))


async def again(database, request_id):
    from sqlalchemy import update

    from store.control_tables import control_requests as table

    async with database.begin() as connection:
        values = {"state": "executing", "finished_at": None}
        await connection.execute(update(table).where(table.c.request_id == request_id).values(values))
