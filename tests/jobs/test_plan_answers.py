"""What people answer to the plan's questions: once, while the site asks, and for as long as the plan wants it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from energy.plan.plan import Reason
from services import outbox
from services.control import Accepted, RefusedBy
from services.plan_answers import Declined, Gone, approve, decline
from services.plan_asks import ask_for_changes, current
from services.plan_modes import set_mode
from services.scope import Actor
from store import audit, plans, relays, wishes
from tests.jobs.plans import automatic, put_plan, scope_of
from tests.jobs.ranch import ORG, on_ranch
from tests.jobs.stage import MovableClock, until

LOW = {"soc_pct": 55.0, "solar_w": 2_000.0}  # between the levels of s21: it stays as it is by itself
PLACE = "telegram:1"


@asynccontextmanager
async def asking(database, *, controlled=True):
    """The ranch with Anna (owner) and Bob (operator), where the plan has asked whether s21 shall start.

    Without control, a test may go on at another time.
    """
    async with on_ranch(database) as ranch:
        anna = Actor(await ranch.person("Anna"), "Anna", "owner")
        bob = Actor(await ranch.person("Bob", "operator"), "Bob", "operator")
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(ranch.controlled())
            await until(lambda: ranch.looked_at("s21"))
            if not controlled:
                await stack.aclose()
            await put_plan(ranch, "s21", mode="ask")
            assert await asked(ranch) == 1
            (ask,) = await current(scope_of(ranch))
            yield ranch, ask, anna, bob


async def asked(ranch, *, later: timedelta = timedelta()):
    return await ask_for_changes(ranch.database, ORG, ranch.site, datetime.now(UTC) + later)


async def planned(ranch, *on: str, later: timedelta = timedelta(), steps: int = 12, code: str = "") -> None:
    """A plan, the weather and the relay as they are at that time; `code` is another reason than usual."""
    await ranch.weather(**LOW, age=-later)
    if later:
        seen = replace(await ranch.state("s21"), read_at=datetime.now(UTC) + later)
        await relays.put(ranch.database, ORG, "ranch", seen)
    stored = await put_plan(ranch, *on, age=-later, mode="ask")
    if code or steps != 12:
        reasons = {m: Reason(code or r.code, r.text) for m, r in stored.plan.steps[0].miner_reasons.items()}
        changed = tuple(replace(step, miner_reasons=reasons) for step in stored.plan.steps[:steps])
        at = stored.planned_at + timedelta(milliseconds=1)
        await plans.put(
            ranch.database, ORG, "ranch", replace(stored, planned_at=at, plan=replace(stored.plan, steps=changed))
        )


async def asks_in_audit(ranch) -> list[str]:
    rows = await audit.entries(ranch.database, ORG, kinds=("plan_ask",))
    return [row.action for row in reversed(rows)]


async def test_after_a_no_a_yes_of_somebody_else_switches_nothing(database):
    async with asking(database) as (ranch, ask, anna, bob):
        assert isinstance(await decline(scope_of(ranch, actor=anna), ask.ask_id), Declined)
        late = await approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE)
        assert late == Gone("Anna has said no to this; /miners start s21 does it all the same.")
        assert await ranch.wish("s21") == "auto"
        assert not ranch.is_on("s21")


@pytest.mark.parametrize("round_", range(3))
async def test_of_a_yes_and_a_no_at_the_same_moment_one_counts(database, round_):
    async with asking(database) as (ranch, ask, anna, bob):
        no, yes = await asyncio.gather(
            decline(scope_of(ranch, actor=anna), ask.ask_id),
            approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE),
        )
        assert [isinstance(no, Declined), isinstance(yes, Accepted)].count(True) == 1
        assert len(await asks_in_audit(ranch)) == 2
        if isinstance(yes, Accepted):
            await until(lambda: ranch.is_on("s21"))
        else:
            assert await ranch.wish("s21") == "auto"


async def test_two_who_say_yes_at_once_order_it_once(database):
    async with asking(database) as (ranch, ask, anna, bob):
        both = await asyncio.gather(
            *(approve(scope_of(ranch, actor=each), ask.ask_id, place=PLACE) for each in (anna, bob, anna))
        )
        assert len({each.request.request_id for each in both if isinstance(each, Accepted)}) == 1
        assert any(isinstance(each, Gone) for each in both)
        assert await asks_in_audit(ranch) == ["plan_asked", "plan_ask_approved"]


async def test_where_the_site_only_advises_by_now_a_yes_switches_nothing(database):
    async with asking(database) as (ranch, ask, _anna, bob):
        await set_mode(scope_of(ranch), "advise")
        said = await approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE)
        assert said == Gone("The site does not ask any more: the plan only advises now. /miners start s21 does it.")
        assert await ranch.wish("s21") == "auto"
        assert await outbox.due(database, ranch.site, datetime.now(UTC)) == []  # and nobody is asked late


async def test_where_the_plan_is_followed_by_now_a_no_promises_nothing(database):
    async with asking(database) as (ranch, ask, anna, _bob):
        await set_mode(scope_of(ranch), "automatic")
        said = await decline(scope_of(ranch, actor=anna), ask.ask_id)
        assert said == Gone(
            "The site does not ask any more: it follows the plan by itself now. /miners stop s21 keeps it off."
        )
        assert await asks_in_audit(ranch) == ["plan_asked"]


async def test_a_yes_that_was_refused_may_be_said_again(database):
    async with asking(database) as (ranch, ask, _anna, bob):
        await ranch.weather(**LOW | {"soc_pct": 41.0})
        assert isinstance(await approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE), RefusedBy)
        assert await current(scope_of(ranch)) == (ask,)
        await ranch.weather(**LOW)
        assert isinstance(await approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE), Accepted)
        await until(lambda: ranch.is_on("s21"))


async def test_two_that_look_at_once_ask_once(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
        await put_plan(ranch, "s21", mode="ask")
        later = [timedelta(seconds=second) for second in (1, 0, 2)]
        assert sum(await asyncio.gather(*(asked(ranch, later=each) for each in later))) == 1
        assert len(await outbox.due(database, ranch.site, datetime.now(UTC) + timedelta(seconds=3))) == 1


async def test_a_plan_that_wavers_asks_again_after_half_an_hour(database):
    async with asking(database, controlled=False) as (ranch, _ask, _anna, _bob):
        for _ in range(3):
            await planned(ranch)
            assert await asked(ranch) == 0
            await planned(ranch, "s21")
            assert await asked(ranch) == 0
        half = timedelta(minutes=31)
        await planned(ranch, "s21", later=half)
        assert await asked(ranch, later=half) == 1


async def test_a_no_is_remembered_until_the_reason_is_another(database):
    async with asking(database, controlled=False) as (ranch, ask, anna, _bob):
        await decline(scope_of(ranch, actor=anna), ask.ask_id)
        await planned(ranch)
        await asked(ranch)
        for minutes, code, expected in ((40, "", 0), (41, "cheap_import", 1)):
            later = timedelta(minutes=minutes)
            await planned(ranch, "s21", later=later, code=code)
            assert await asked(ranch, later=later) == expected


async def test_a_no_is_over_after_two_hours_once_the_plan_has_changed(database):
    async with asking(database, controlled=False) as (ranch, ask, anna, _bob):
        await decline(scope_of(ranch, actor=anna), ask.ask_id)
        await planned(ranch)
        await asked(ranch)
        later = timedelta(minutes=121)
        await planned(ranch, "s21", later=later)
        assert await asked(ranch, later=later) == 1


async def test_after_another_mode_what_the_plan_wants_is_asked_anew(database):
    async with asking(database) as (ranch, ask, anna, _bob):
        await decline(scope_of(ranch, actor=anna), ask.ask_id)
        await set_mode(scope_of(ranch), "ask")  # it is so already
        assert await asked(ranch) == 0
        await set_mode(scope_of(ranch), "advise")
        await set_mode(scope_of(ranch), "ask")
        assert await asked(ranch) == 1


async def test_nothing_is_asked_out_of_a_plan_that_was_made_to_advise(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
        await put_plan(ranch, "s21", mode="advise")
        assert await asked(ranch) == 0


async def test_what_was_approved_goes_on_while_the_plan_wants_it_and_ends_with_it(database):
    async with asking(database) as (ranch, ask, _anna, bob):
        await approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE)
        await until(lambda: ranch.is_on("s21"))
        wish = (await wishes.all_of(database, ORG, "ranch"))["s21"]
        assert wish.until is not None
        soon = wish.until - datetime.now(UTC) - timedelta(minutes=5)  # five minutes before its end
        await planned(ranch, "s21", later=soon)  # by now the plan wants it for three hours more
        assert await asked(ranch, later=soon) == 0
        later = (await wishes.all_of(database, ORG, "ranch"))["s21"]
        assert later.until is not None
        assert timedelta(minutes=20) < later.until - wish.until < timedelta(minutes=30)
        assert (later.mode, later.before, later.set_at) == (wish.mode, wish.before, wish.set_at)
        then = later.until - datetime.now(UTC) - timedelta(minutes=5)
        await planned(ranch, later=then)  # the plan wants it no longer
        await asked(ranch, later=then)
        assert (await wishes.all_of(database, ORG, "ranch"))["s21"].until == later.until


async def test_what_a_person_ordered_until_then_ends_then(database):
    async with asking(database) as (ranch, _ask, _anna, _bob):
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
        await ranch.done("start", "s21", until=ends.isoformat())
        await planned(ranch, "s21")
        await asked(ranch)
        assert (await wishes.all_of(database, ORG, "ranch"))["s21"].until == ends


async def test_the_worker_lets_what_was_approved_run_on_where_its_end_was_put_off(database):
    async with on_ranch(database) as ranch:
        bob = Actor(await ranch.person("Bob", "operator"), "Bob", "operator")
        clock = MovableClock()
        work = ranch.work(clock=clock)
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        async with ranch.controlled(work):
            await until(lambda: ranch.looked_at("s21"))
            await planned(ranch, "s21", steps=2)  # until the next quarter is over
            assert await asked(ranch) == 1
            (ask,) = await current(scope_of(ranch))
            await approve(scope_of(ranch, actor=bob), ask.ask_id, place=PLACE)
            await until(lambda: ranch.is_on("s21"))
            ends = (await wishes.all_of(database, ORG, "ranch"))["s21"].until
            assert ends is not None
            await planned(ranch, "s21")  # the next plan wants it for longer
            await asked(ranch, later=ends - datetime.now(UTC) - timedelta(minutes=5))
            clock.ahead = ends - datetime.now(UTC) - timedelta(seconds=3)
            await ranch.weather(**LOW, age=-clock.ahead)
            await until(lambda: clock() > ends + timedelta(seconds=2), within_s=8)
            assert ranch.is_on("s21")
            assert await ranch.switchings("s21") == [(True, "us")]
            ends = (await wishes.all_of(database, ORG, "ranch"))["s21"].until
            assert ends is not None
            clock.ahead = ends - datetime.now(UTC) + timedelta(seconds=1)  # not put off any more
            await ranch.weather(**LOW, age=-clock.ahead)
            await until(lambda: ranch.wishes_are("auto", "s21"), within_s=8)
            await until(lambda: not ranch.is_on("s21"))


async def test_where_the_plan_is_followed_a_run_that_is_over_goes_on_with_it(database):
    async with on_ranch(database) as ranch:
        await ranch.weather(**LOW)
        await automatic(ranch, "s21")
        await put_plan(ranch, "s21")
        async with ranch.controlled():
            await ranch.done("start", "s21", until=(datetime.now(UTC) + timedelta(seconds=2)).isoformat())
            assert await ranch.wish("s21") == "on"
            await until(lambda: ranch.wishes_are("auto", "s21"))
            assert ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "us")]
