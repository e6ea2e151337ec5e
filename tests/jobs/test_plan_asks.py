"""The mode "ask": each change that the plan wants is asked once, and done or left as people answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services import outbox
from services.control import Accepted, RefusedBy
from services.plan_answers import Declined, Gone, approve, decline
from services.plan_asks import ask_for_changes, current
from services.scope import Actor, Refused
from store import audit
from tests.jobs.plans import automatic, put_plan, scope_of
from tests.jobs.ranch import ORG, on_ranch
from tests.jobs.stage import until

LOW = {"soc_pct": 55.0, "solar_w": 2_000.0}  # between the levels of s21: it stays as it is by itself
PLACE = "telegram:1"


async def asked(ranch):
    return await ask_for_changes(ranch.database, ORG, ranch.site, datetime.now(UTC))


async def test_what_the_plan_wants_is_asked_once_and_done_after_a_yes(database):
    async with on_ranch(database) as ranch:
        anna, bob = await ranch.person("Anna"), await ranch.person("Bob", "operator")
        await ranch.person("Vic", "viewer")
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        await put_plan(ranch, "s21", mode="ask")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
            assert await asked(ranch) == 1
            await put_plan(ranch, "s21", mode="ask")
            assert await asked(ranch) == 0  # the next plan wants the same
            due = await outbox.due(database, ranch.site, datetime.now(UTC))
            assert {each.person_id for each in due} == {anna, bob}
            assert {each.kind for each in due} == {"plan"}
            assert due[0].text.startswith("The plan would start s21 until ")
            assert "runs on 6.0 kW of surplus" in due[0].text
            (ask,) = await current(scope_of(ranch))
            assert due[0].data["ask_id"] == ask.ask_id
            done = await approve(scope_of(ranch, actor=Actor(bob, "Bob", "operator")), ask.ask_id, place=PLACE)
            assert isinstance(done, Accepted)
            await until(lambda: ranch.is_on("s21"))
            again = await approve(scope_of(ranch, actor=Actor(bob, "Bob", "operator")), ask.ask_id, place=PLACE)
            assert isinstance(again, Accepted)
            assert again.again
            late = await approve(scope_of(ranch, actor=Actor(anna, "Anna", "owner")), ask.ask_id, place=PLACE)
            assert late == Gone("Bob has answered this already: it is being done.")
        assert await ranch.switchings("s21") == [(True, "us")]
        assert await current(scope_of(ranch)) == ()


async def test_a_no_holds_until_the_plan_changes_and_an_old_question_is_gone(database):
    async with on_ranch(database) as ranch:
        anna = Actor(await ranch.person("Anna"), "Anna", "owner")
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
        await put_plan(ranch, "s21", mode="ask")
        assert await asked(ranch) == 1
        (ask,) = await current(scope_of(ranch))
        said = await decline(scope_of(ranch, actor=anna), ask.ask_id)
        assert said == Declined("s21 is left off until the plan changes.")
        await put_plan(ranch, "s21", mode="ask")
        assert await asked(ranch) == 0
        assert await outbox.due(database, ranch.site, datetime.now(UTC)) == []  # nobody is asked what is answered
        await put_plan(ranch, mode="ask")
        assert await asked(ranch) == 0
        assert isinstance(await approve(scope_of(ranch, actor=anna), ask.ask_id, place=PLACE), Gone)
        rows = await audit.entries(database, ORG, kinds=("plan_ask",))
        assert [row.action for row in reversed(rows)] == ["plan_asked", "plan_ask_declined", "plan_ask_over"]


async def test_the_interlocks_of_now_have_the_last_word_and_a_viewer_may_not_answer(database):
    async with on_ranch(database) as ranch:
        anna = Actor(await ranch.person("Anna"), "Anna", "owner")
        viewer = Actor(await ranch.person("Vic", "viewer"), "Vic", "viewer")
        await ranch.weather(**LOW)
        await automatic(ranch, "s21", mode="ask")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
        await put_plan(ranch, "s21", mode="ask")
        await asked(ranch)
        (ask,) = await current(scope_of(ranch))
        with pytest.raises(Refused, match="needs the role operator"):
            await approve(scope_of(ranch, actor=viewer), ask.ask_id, place=PLACE)
        await ranch.weather(**LOW | {"soc_pct": 41.0})
        done = await approve(scope_of(ranch, actor=anna), ask.ask_id, place=PLACE)
        assert isinstance(done, RefusedBy)
        assert "SOC is 41 %" in done.says[0]


async def test_what_may_not_be_done_is_not_asked_and_neither_is_a_miner_that_a_person_keeps(database):
    async with on_ranch(database) as ranch:
        await ranch.person("Anna")
        await ranch.weather(**LOW | {"soc_pct": 41.0})
        await automatic(ranch, "s21", mode="ask")
        await put_plan(ranch, "s21", "s19-1", mode="ask")
        async with ranch.controlled():
            await until(lambda: ranch.looked_at("s21"))
        assert await asked(ranch) == 0
        assert await current(scope_of(ranch)) == ()
