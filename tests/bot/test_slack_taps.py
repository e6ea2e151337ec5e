"""Commands, buttons and forms on Slack: acknowledged at once, answered where they came from, alone where nobody else
should read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.message import Address
from bot.platforms.slack.parse import EPHEMERAL
from bot.platforms.slack.render import button_blocks
from bot.ports import Sent, Undeliverable
from bot.reply import FORM, Button, say
from tests.bot.house import House, Places
from tests.bot.slack_stage import Forms, running, until
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_world import TEAM, Channel, Posted


@pytest.fixture
async def slack() -> AsyncIterator[SlackApi]:
    async with SlackApi() as api:
        yield api


def with_buttons(*buttons: Button) -> House:
    house = House()
    house.commands.buttons = (buttons,)
    house.buttons.actions = {button.token: {"text": button.label} for button in buttons}
    return house


async def asked(slack: SlackApi, text: str = "status", **where: str) -> Posted:
    before = len(slack.messages)
    slack.socket.command(text, **where)
    return (await slack.wait_for(before + 1))[-1]


async def test_a_command_is_answered_and_its_button_changes_the_message(slack: SlackApi) -> None:
    house = with_buttons(Button("Stop", "tok-1", "danger"), Button("Keep", "tok-2"), Button("Go", "tok-3", "primary"))
    async with running(slack, house):
        message = await asked(slack, "status s19-1")
        assert message.shown == "status: s19-1"
        assert [(b.label, b.style) for b in message.buttons] == [
            ("Stop", "danger"),
            ("Keep", "plain"),
            ("Go", "primary"),
        ]
        slack.socket.tap(message, "Stop")
        await until(lambda: message.edits == 1)
    assert (message.shown, message.buttons) == ("Done: Stop", [])
    assert len(slack.messages) == 1


async def test_the_command_alone_asks_for_help_and_a_slash_too_many_does_no_harm(slack: SlackApi) -> None:
    async with running(slack, House()):
        assert (await asked(slack, "  ")).shown == "help: all"
        assert (await asked(slack, "/status now")).shown == "status: now"
        assert (await asked(slack, "status a &amp; b &lt;c&gt;")).shown == "status: a & b <c>"


async def test_a_command_in_a_channel_is_answered_to_whoever_typed_it_alone(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        closed = await asked(slack, channel="C0GROUP")
        house.places.open.add("C0GROUP")
        opened = await asked(slack, channel="C0GROUP")
    assert "direct chat" in closed.shown
    assert opened.shown == "status: all"
    assert (closed.alone, opened.alone) == ("U7", "U7")


async def test_a_command_between_two_people_is_no_direct_chat_with_us(slack: SlackApi) -> None:
    slack.channels["D0OTHERS"] = Channel("D0OTHERS", "im", "U8", has_bot=False)
    async with running(slack, House()):
        reply = await asked(slack, channel="D0OTHERS")
    assert "direct chat" in reply.shown
    assert reply.alone == "U7"


async def test_an_answer_whose_way_is_used_up_goes_to_the_direct_chat(slack: SlackApi) -> None:
    house = House()
    house.places.open.add("C0GROUP")
    slack.channels["C0GROUP"].has_bot = False
    async with running(slack, house):
        gate = asyncio.Event()

        async def before(name: str) -> None:
            await gate.wait()

        house.commands.before = before
        slack.socket.command("status", channel="C0GROUP")
        await until(lambda: house.inbox.rows)
        for way in slack.ways.values():
            way.uses = 5
        gate.set()
        (reply,) = await slack.wait_for(1)
    assert (reply.channel, reply.shown) == ("D0U7", "status: all")


async def test_a_button_of_a_message_that_one_sees_alone_changes_it_by_its_own_way(slack: SlackApi) -> None:
    house = with_buttons(Button("Stop", "tok-1"))
    house.places.open.add("C0GROUP")
    async with running(slack, house):
        message = await asked(slack, channel="C0GROUP")
        slack.socket.tap(message, "Stop")
        await until(lambda: message.edits == 1)
    assert (message.shown, message.alone) == ("Done: Stop", "U7")
    assert [place for _, _, place in house.commands.ran] == ["slack:C0GROUP", "slack:C0GROUP"]


async def test_a_confirmation_is_tapped_in_the_place_in_which_it_was_asked(slack: SlackApi) -> None:
    house = House()
    house.places.open.add("C0GROUP")
    house.assistant.proposals = ("r1",)
    house.buttons.actions = {"yes-r1": {"text": "started"}}
    async with running(slack, house):
        ts = slack.socket.mention("start the miners")
        (message,) = await slack.wait_for(1)
        slack.socket.tap(message, "Yes")
        await until(lambda: message.edits == 1)
        # in the direct chat a message that others answered in a thread is still in the conversation it was sent in
        house.assistant.proposals = ("r2",)
        house.buttons.actions["yes-r2"] = {"text": "started"}
        slack.socket.say("start them")
        await slack.wait_for(2)
        message = slack.messages[-1]
        message.thread = message.ts
        slack.socket.tap(message, "Yes")
        await until(lambda: len(house.commands.ran) == 2)
    assert [place for _, _, place in house.commands.ran] == [f"slack:C0GROUP:{ts}", "slack:D0U7"]


async def test_fifty_taps_at_once_and_a_tap_that_comes_again_do_one_thing(slack: SlackApi) -> None:
    house = with_buttons(Button("Stop", "tok-1"))
    async with running(slack, house):
        message = await asked(slack)
        taps = [slack.socket.tap(message, "Stop") for _ in range(50)]
        await until(lambda: message.edits == 1)
        slack.socket.again(taps[0])
        await until(lambda: all(tap.acknowledged for tap in taps))
        await until(lambda: set(house.inbox.states) == {"settled"})
    assert [name for name, _, _ in house.commands.ran] == ["status", "tap"]
    assert len(slack.messages) == 1


async def test_a_strangers_tap_is_audited_and_heard_by_nobody(slack: SlackApi) -> None:
    house = with_buttons(Button("Stop", "tok-1"))
    async with running(slack, house):
        message = await asked(slack)
        slack.socket.tap(message, "Stop", user="U666")
        await until(lambda: house.people.strangers)
    assert house.people.strangers == [(f"{TEAM}:U666", "not paired, tapped a button")]
    assert [name for name, _, _ in house.commands.ran] == ["status"]


async def test_a_button_opens_its_form_and_the_form_is_saved(slack: SlackApi) -> None:
    house = with_buttons(Button("Change", f"{FORM}prefs"))
    async with running(slack, house):
        message = await asked(slack, "prefs")
        slack.socket.tap(message, "Change")
        await slack.until(lambda: bool(slack.views))
        view = slack.views[-1]
        assert view["title"]["text"] == "Battery preferences of…"
        sent = slack.socket.submit(view, {"min_soc_pct": "45", "priority": "never"})
        assert await slack.socket.answered(sent) == {}
        await slack.wait_for(2)
    assert house.commands.forms == [
        ("prefs", {"min_soc_pct": "45", "priority": "never", "timezone": "Area/Town_007"}),
    ]
    assert (slack.messages[-1].channel, slack.messages[-1].shown) == ("D0U7", "Saved: prefs")
    assert [name for name, _, _ in house.commands.ran] == ["prefs"]


async def test_more_choices_than_a_list_holds_are_found_by_typing(slack: SlackApi) -> None:
    house = with_buttons(Button("Change", f"{FORM}prefs"))
    async with running(slack, house):
        slack.socket.tap(await asked(slack, "prefs"), "Change")
        await slack.until(lambda: bool(slack.views))
        answer = await slack.socket.answered(slack.socket.complete(slack.views[-1], "timezone", "town 14"))
        assert [option["text"]["text"] for option in answer["options"]] == [f"Town 14{n}" for n in range(10)]
        everything = await slack.socket.answered(slack.socket.complete(slack.views[-1], "timezone", ""))
        assert len(everything["options"]) == 100
        nothing = slack.socket.complete(slack.views[-1], "timezone", "town", user="U666")
        assert (await slack.socket.answered(nothing))["options"] == []


async def test_a_form_is_not_shown_to_strangers_and_not_opened_in_channels(slack: SlackApi) -> None:
    house = with_buttons(Button("Change", f"{FORM}prefs"))
    house.places.open.add("C0GROUP")
    async with running(slack, house):
        message = await asked(slack, "prefs")
        slack.socket.tap(message, "Change", user="U666")
        await until(lambda: house.people.strangers)
        slack.socket.tap(await asked(slack, "prefs", channel="C0GROUP"), "Change")
        await slack.wait_for(3)
    assert slack.views == []
    assert "direct chat" in slack.messages[-1].shown


async def test_a_form_that_comes_too_late_asks_for_another_tap(slack: SlackApi) -> None:
    house = with_buttons(Button("Change", f"{FORM}prefs"))
    forms = Forms(delay_s=2.6)
    async with running(slack, house, forms=forms):
        slack.socket.tap(await asked(slack, "prefs"), "Change")
        await slack.wait_for(2)
    assert "tap the button again" in slack.messages[-1].shown


async def test_a_reply_to_a_person_finds_their_chat_and_a_message_can_be_changed_and_pinned(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        there = Address("slack", "U7")
        sent = await adapter.outlet.send(there, say("Battery low"), ())
        assert isinstance(sent, Sent)
        assert sent.ref == slack.messages[0].ts
        assert await adapter.outlet.pin(there, sent.ref)
        assert await adapter.outlet.edit(there, sent.ref, say("Battery fine")) == Sent(ref=sent.ref)
        assert not await adapter.outlet.pin(there, "1.000001")
        gone = await adapter.outlet.edit(there, "1.000001", say("x"))
        slack.gone_users.add("U9")
        dead = await adapter.outlet.send(Address("slack", "U9"), say("x"), ())
    assert (slack.messages[0].shown, slack.messages[0].pinned) == ("Battery fine", True)
    assert isinstance(gone, Undeliverable)
    assert not gone.dead
    assert isinstance(dead, Undeliverable)
    assert dead.dead
    assert slack.messages[0].channel == "D0U7"


async def test_a_pin_is_taken_again(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        there = Address("slack", "U7")
        sent = await adapter.outlet.send(there, say("SOC 50 %"), ())
        assert isinstance(sent, Sent)
        assert sent.ref is not None
        assert await adapter.outlet.pin(there, sent.ref)
        assert await adapter.outlet.unpin(there, sent.ref)
        assert not await adapter.outlet.unpin(there, sent.ref)
        assert not await adapter.outlet.unpin(there, f"{EPHEMERAL}1.1")
    assert not slack.messages[0].pinned


async def test_the_live_message_of_an_open_channel_is_everybodys_and_can_be_changed(slack: SlackApi) -> None:
    slack.channels["C0GROUP"] = Channel("C0GROUP", "channel")
    house = House(places=Places({"C0GROUP"}))
    async with running(slack, house) as adapter:
        live = await asked(slack, "live", channel="C0GROUP")
        await until(lambda: live.pinned)
        assert await adapter.outlet.edit(Address("slack", "C0GROUP"), live.ts, say("SOC 50 %")) == Sent(ref=live.ts)
    assert (live.alone, live.shown) == (None, "SOC 50 %")
    assert house.live.kept == [("C0GROUP", f"{TEAM}:U7", live.ts)]


async def test_where_the_live_message_cannot_be_written_whoever_asked_hears_why(slack: SlackApi) -> None:
    slack.channels["C0GROUP"] = Channel("C0GROUP", "channel", has_bot=False)
    house = House(places=Places({"C0GROUP"}))
    async with running(slack, house):
        told = await asked(slack, "live", channel="C0GROUP")
    assert told.alone == "U7"
    assert "Invite me with /invite" in told.shown
    assert house.live.kept == []


def test_buttons_stay_within_slacks_limits() -> None:
    rows = [[Button("🔋" * 100, "t" * 64, "primary")] * 30] * 3
    blocks = button_blocks(rows)
    assert [len(block["elements"]) for block in blocks] == [25, 25, 25]
    assert len(blocks[0]["elements"][0]["text"]["text"].encode("utf-16-le")) // 2 <= 75
