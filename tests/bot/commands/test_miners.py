from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from bot.commands import miners
from bot.message import Address
from bot.reply import Button, Reply, plain
from energy.site import Control, Inverter
from services import buttons as stored
from services import control
from services.scope import Role
from store import audit
from tests.bot.commands.stage import ORG, Stage, buttons, labels, lines, newcomer
from tests.bot.commands.worker import relays_read, work_off, working

LOW = datetime(2026, 11, 13, 7, 35, tzinfo=ZoneInfo("America/Los_Angeles"))  # the battery is at its lowest


async def tap(stage: Stage, button: Button, *, key: str = "tap") -> Reply:
    """What `Responder` does with a tap: the token is looked up, its action is run."""
    redeemed = await stored.redeem(
        stage.scope.database,
        stage.site,
        button.token,
        person_id=stage.scope.actor.person_id or "",
        place=stage.context.place,
        key=key,
        now=stage.scope.now,
    )
    assert redeemed.verdict in ("ok", "expired"), redeemed.verdict
    return await stage.commands.tapped(redeemed.action or {}, stage.scope, replace(stage.context, origin="tapped"))


def button(reply: Reply, label: str) -> Button:
    return next(each for each in buttons(reply) if each.label == label)


async def proposed(stage: Stage, action: Literal["start", "stop"], miner: str) -> control.Confirm:
    """What the assistant's tool does."""
    wanted = control.Order(action, (miner,))
    asked = await control.order(stage.scope, wanted, origin="model", place=stage.context.place, address=None, key=None)
    assert isinstance(asked, control.Confirm)
    return asked


async def requests(stage: Stage) -> list[str]:
    return [entry.action for entry in await audit.entries(stage.scope.database, ORG) if entry.action[:4] == "cont"]


async def test_the_list_says_what_runs_and_offers_the_switches(stage: Stage) -> None:
    await relays_read(stage.scope, on=["s21"])
    reply = await stage.say("/miners")
    assert plain(reply.blocks).startswith("1 of 3 miners on, 3.88 kW")
    assert "s21 on, 3.88 kW, since 11:00" in plain(reply.blocks)
    assert "s19-1 off, since 11:00" in plain(reply.blocks)
    assert labels(reply) == ["Stop s21", "Start s19-1", "Start s19-2", "Log", "Refresh"]
    assert len(lines(reply)) <= 6


async def test_where_several_run_one_button_stops_all(stage: Stage) -> None:
    await relays_read(stage.scope, on=["s21", "s19-2"])
    reply = await stage.say("/miners")
    assert labels(reply) == ["Stop s21", "Stop s19-2", "Start s19-1", "Stop all", "Log", "Refresh"]
    async with working(stage.scope):
        said = plain((await tap(stage, button(reply, "Stop all"))).blocks)
    assert said.count("is off") == 3


async def test_a_viewer_gets_no_switches_and_cannot_use_those_of_others(stage: Stage) -> None:
    await relays_read(stage.scope, on=["s21"])
    stop = button(await stage.say("/miners"), "Stop s21")
    viewer = await somebody(stage, "Vic", "viewer")
    assert labels(await viewer.say("/miners")) == ["Log", "Refresh"]
    said = plain((await tap(viewer, stop)).blocks)
    assert said.startswith("That is not allowed: this needs the role operator; Vic is viewer")
    assert await requests(stage) == ["control_denied"]


async def somebody(stage: Stage, name: str, role: Role) -> Stage:
    """Somebody else who says something in the same place."""
    actor = await newcomer(stage.scope.database, stage.site, name, name, role)
    return replace(stage, scope=replace(stage.scope, actor=actor))


async def test_stop_acts_at_once_and_says_what_was_read_back(stage: Stage) -> None:
    await relays_read(stage.scope, on=["s21"])
    async with working(stage.scope) as done:
        reply = await stage.say("/miners stop s21")
    assert plain(reply.blocks) == "s21 is off, read back from its relay."
    assert reply.buttons == ()
    assert len(done) == 1


@pytest.mark.parametrize("text", ["stop the miners", "/miners stop", "/miners stop all", "/miners off"])
async def test_stop_without_a_name_stops_all(stage: Stage, text: str) -> None:
    async with working(stage.scope):
        said = await stage.hears(text)
    assert said.splitlines() == [f"{miner} is off, read back from its relay." for miner in ("s21", "s19-1", "s19-2")]


async def test_the_same_message_handled_again_stops_once_and_says_the_same(stage: Stage) -> None:
    context = stage.context
    call = stage.commands.find("/miners stop s21")
    assert call is not None
    async with working(stage.scope) as done:
        first = await stage.commands.run(call, stage.scope, context)
        again = await stage.commands.run(call, stage.scope, context)
    assert plain(first.blocks) == plain(again.blocks)
    assert len(done) == 1


async def test_a_result_that_was_told_here_is_not_told_again(stage: Stage) -> None:
    async with working(stage.scope) as done:
        await stage.say("/miners stop s21")
    assert not await control.claim_report(stage.scope, done[0])


async def test_without_a_worker_the_answer_comes_later(stage: Stage) -> None:
    stage.patience_s = 0.1
    assert "Still working on it" in await stage.hears("/miners stop s21")
    request_id = (await work_off(stage.scope))[0]
    assert await control.claim_report(stage.scope, request_id)  # which the courier will do


async def test_a_late_result_goes_to_the_chat_and_not_to_the_interaction(stage: Stage) -> None:
    address = Address("discord", "55", "77", via="an interaction's token")
    assert miners.address_to_json(address) == {"platform": "discord", "chat_id": "55", "thread": "77"}


async def test_start_asks_once_with_the_figures_of_now(stage: Stage) -> None:
    await relays_read(stage.scope)
    reply = await stage.say("/miners start s19-1 for 2h")
    said = plain(reply.blocks)
    assert "Start s19-1 (3.25 kW) until 15:00" in said
    assert "SOC" in said
    assert "solar" in said
    assert [(each.label, each.style) for each in buttons(reply)] == [("Start", "primary"), ("Cancel", "plain")]
    assert await work_off(stage.scope) == []


async def test_a_tap_on_start_starts_and_takes_the_buttons_away(stage: Stage) -> None:
    await relays_read(stage.scope)
    asked = await stage.say("/miners start s19-1")
    async with working(stage.scope):
        reply = await tap(stage, button(asked, "Start"))
    assert plain(reply.blocks) == "s19-1 is on, read back from its relay."
    assert reply.replaces
    assert reply.buttons == ()


async def test_a_tap_on_cancel_switches_nothing(stage: Stage) -> None:
    await relays_read(stage.scope)
    asked = await stage.say("/miners start s19-1")
    reply = await tap(stage, button(asked, "Cancel"))
    assert plain(reply.blocks) == "Cancelled; nothing was switched."
    assert reply.replaces
    assert plain((await tap(stage, button(asked, "Start"), key="other")).blocks).startswith("This was cancelled")
    assert await work_off(stage.scope) == []


async def test_a_late_tap_gets_a_fresh_confirmation_with_figures(stage: Stage) -> None:
    await relays_read(stage.scope)
    asked = await stage.say("/miners start s19-1")
    later = stage.at(stage.scope.as_of + timedelta(minutes=3))
    await relays_read(later.scope)
    reply = await tap(later, button(asked, "Start"))
    said = plain(reply.blocks)
    assert said.startswith("That confirmation has expired.")
    assert "Start s19-1" in said
    assert "SOC" in said
    assert labels(reply) == ["Start", "Cancel"]
    assert reply.replaces
    async with working(later.scope):
        assert "s19-1 is on" in plain((await tap(later, button(reply, "Start"), key="fresh")).blocks)


async def test_start_under_the_minimum_soc_is_refused_with_rule_and_figures_for_the_owner_too(stage: Stage) -> None:
    low = stage.at(LOW)
    await relays_read(low.scope)
    reply = await low.say("start the miners")
    said = plain(reply.blocks)
    assert "cannot start" in said
    assert "SOC is 43 %" in said
    assert "must be at least 50 % (the site's miner_min_soc_pct), possible once it reaches 50 %" in said
    assert reply.buttons == ()
    assert len(lines(reply)) <= 6
    assert "control_refused" in await requests(stage)


async def test_a_start_that_became_forbidden_is_refused_when_it_is_tapped(stage: Stage) -> None:
    await relays_read(stage.scope)
    asked = await stage.say("/miners start s19-1")
    old = stage.at(stage.scope.as_of + timedelta(seconds=60))
    await relays_read(old.scope, on=["s21", "s19-2"])
    strict = old.site.model_copy(update={"control": Control(max_battery_temperature_c=10)})
    stricter = replace(old, scope=replace(old.scope, site=strict))
    said = plain((await tap(stricter, button(asked, "Start"))).blocks)
    assert "s19-1 cannot start" in said


async def test_another_person_cannot_confirm_even_with_the_request(stage: Stage) -> None:
    await relays_read(stage.scope)
    request = (await proposed(stage, "start", "s19-1")).request.request_id
    ben = await somebody(stage, "Ben", "owner")
    reply = await ben.commands.tapped({"do": "confirm", "request": request}, ben.scope, ben.context)
    assert "only Ann, who asked, can decide this" in plain(reply.blocks)
    assert await work_off(stage.scope) == []


async def test_auto_acts_at_once(stage: Stage) -> None:
    async with working(stage.scope):
        assert await stage.hears("/miners auto s21") == "s21 is auto, read back from its relay."
    assert "automatic" in await stage.hears("/miners s21")


async def test_one_miner_says_why_it_cannot_start(stage: Stage) -> None:
    low = stage.at(LOW)
    await relays_read(low.scope)
    reply = await low.say("/miners s19-1")
    said = plain(reply.blocks)
    assert said.startswith("s19-1 off")
    assert "95 TH/s" in said
    assert "Cannot start now: SOC is 43 %" in said
    assert len(lines(reply)) <= 6


async def test_a_relay_in_trouble_is_told(stage: Stage) -> None:
    await relays_read(stage.scope, problem="relay not reachable since 12:10")
    assert "relay not reachable since 12:10" in await stage.hears("/miners")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("/miners stop s99", 'There is no miner "s99"; the miners are s21'),
        ("/miners start s21 for ever", '"for ever" is no time that I understand'),
        ("/miners start s21 for 60 days", '"for 60 days" is too long.'),
        ("/miners auto s21 for 2h", "The automatic has no end"),
        ("/miners explode", 'There is no miner "explode"'),
        ("/miners log yesterday", '"yesterday" is no number of entries.'),
        ("/miners log ²", '"²" is no number of entries.'),
        ("/miners log 0", '"0" is no number of entries.'),
        ("/miners log " + "9" * 5_000, '"99999'),
        ("/miners stop all except s21", '"all except s21" leaves some out'),
        ("/miners stop s21 at 22:00", '"at 22:00" is later, and I switch now.'),
        ("/miners start at 8:00", '"at 8:00" is later, and I switch now.'),
    ],
)
async def test_an_order_that_makes_no_sense_is_answered_with_an_example(stage: Stage, text: str, wrong: str) -> None:
    said = await stage.hears(text)
    assert said.startswith(wrong)
    assert "For example: /miners" in said


@pytest.mark.parametrize(
    ("text", "miners", "hours"),
    [
        ("/miners stop s21 2h", ["s21"], 2),
        ("/miners stop s21 for 2h", ["s21"], 2),
        ("/miners stop Primary S21+ 2h", ["s21"], 2),
        ("/miners stop s21 18:00", ["s21"], 5),
        ("/miners stop s21 until 18:00", ["s21"], 5),
        ("/miners stop s21 and s19-2 tomorrow 13:00", ["s21", "s19-2"], 24),
        ("/miners stop both s19 90 min", ["s19-1", "s19-2"], 1.5),
        ("/miners stop 2h", ["s21", "s19-1", "s19-2"], 2),
        ("/miners stop all Friday", ["s21", "s19-1", "s19-2"], 59),
    ],
)
async def test_a_time_is_understood_as_native_commands_write_it(
    stage: Stage, text: str, miners: list[str], hours: float
) -> None:
    async with working(stage.scope) as done:
        await stage.say(text)
    request = await control.result(stage.scope, done[0], timeout_s=0)
    assert request is not None
    assert request.arguments["miners"] == miners
    assert datetime.fromisoformat(request.arguments["until"]) == stage.scope.as_of + timedelta(hours=hours)


async def test_the_log_tells_who_asked_and_what_was_refused(stage: Stage) -> None:
    await relays_read(stage.scope)
    async with working(stage.scope):
        await stage.say("/miners stop s21")
    low = stage.at(LOW)
    await relays_read(low.scope)
    await low.say("/miners start s21")
    said = await stage.hears("/miners log")
    assert "Ann: asked to stop s21" in said
    assert "Ann: was refused to start s21: s21 cannot start: SOC is 43 %" in said


async def test_the_log_cuts_nothing_in_the_middle_of_a_word(stage: Stage) -> None:
    low = stage.at(LOW)
    await relays_read(low.scope)
    await low.say("/miners start all")
    told = (await low.hears("/miners log")).split("\n")[-1]
    assert "s21 cannot start: SOC is 43 % and must be at least 50 %" in told
    assert told.endswith(("; and 2 more", "…")) or re.search(r"; and \d+ more$", told)
    assert len(told) < 300


async def test_a_site_without_miners_says_so(stage: Stage) -> None:
    empty = replace(stage, scope=replace(stage.scope, site=stage.site.model_copy(update={"miner": ()})))
    assert (await empty.hears("/miners stop")).startswith("This site has no miners.")


async def test_what_the_assistant_proposed_has_buttons_of_its_own(stage: Stage) -> None:
    await relays_read(stage.scope)
    asked = await proposed(stage, "stop", "s21")
    reply = await stage.commands.proposal(asked.request.request_id, stage.scope, stage.context)
    assert "Stop s21" in plain(reply.blocks)
    assert [(each.label, each.style) for each in buttons(reply)] == [("Stop", "danger"), ("Cancel", "plain")]
    async with working(stage.scope):
        assert "s21 is off" in plain((await tap(stage, button(reply, "Stop"))).blocks)


async def test_grid_charging_is_for_owners_of_sites_that_opted_in(stage: Stage) -> None:
    operator = await somebody(stage, "Olga", "operator")
    assert "this needs the role owner" in await operator.hears("/grid charge on")
    assert "Writing inverter settings is switched off for this site" in await stage.hears("/grid charge on")
    willing = stage.site.model_copy(update={"inverter": Inverter(allow_settings_writes=True)})
    owner = replace(stage, scope=replace(stage.scope, site=willing))
    reply = await owner.say("/grid charge on")
    assert "Enable charging the battery from the grid" in plain(reply.blocks)
    assert labels(reply) == ["Enable", "Cancel"]
    assert (await owner.hears("/grid charge maybe")).startswith("After /grid I understand nothing or charge on|off")
