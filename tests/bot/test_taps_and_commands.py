from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.message import message_to_json
from bot.ports import Sent, TryLater, Undeliverable
from bot.reply import Button
from tests.bot.house import Buttons, House, Places, Wall, message


async def take(house: House, wall: Wall, *messages: object) -> None:
    chat = house.chat()
    for item in messages:
        await chat.handle(item, wall)  # type: ignore[arg-type]
    await chat.idle()


def with_button(verdict: str = "ok") -> House:
    buttons = Buttons({"t1": {"do": "confirm", "text": "start s19-1"}}, {"t1": verdict})  # type: ignore[dict-item]
    return House(buttons=buttons)


async def test_a_command_is_answered_without_the_assistant() -> None:
    house, wall = House(), Wall()
    await take(house, wall, message("/status solar"))
    assert wall.texts == ["status: solar"]
    assert house.commands.ran == [("status", "solar", "wall:7")]
    assert house.assistant.asked == []


async def test_a_command_waits_for_no_question_of_others() -> None:
    gate = asyncio.Event()

    async def hold(question: str) -> None:
        await gate.wait()

    house, wall = House(), Wall()
    house.assistant.before = hold
    house.people.known |= {str(user): "Ann" for user in range(20, 40)}
    chat = house.chat()
    for user in range(20, 40):
        await chat.handle(message("how is it?", user=str(user)), wall)
    await chat.handle(message("/status"), wall)
    async with asyncio.timeout(1):
        while "status: all" not in wall.texts:
            await asyncio.sleep(0.005)
    gate.set()
    await chat.idle()


async def test_a_tap_takes_the_place_of_the_message_that_held_the_button() -> None:
    house, wall = with_button(), Wall()
    await take(house, wall, message("", token="t1", ref="m5"))
    assert wall.edits == [("m5", "Done: start s19-1")]
    assert wall.said == []


async def test_where_the_message_cannot_be_changed_the_reply_is_sent() -> None:
    house, wall = with_button(), Wall(edit_results=[Undeliverable("message to edit not found")])
    await take(house, wall, message("", token="t1", ref="m5"))
    assert wall.texts == ["Done: start s19-1"]


async def test_an_edit_that_has_to_wait_is_made_again() -> None:
    house, wall = with_button(), Wall(edit_results=[TryLater(0.01)])
    await take(house, wall, message("", token="t1", ref="m5"))
    assert wall.edits == [("m5", "Done: start s19-1")]


async def test_fifty_taps_at_once_do_one_thing() -> None:
    house, wall = with_button(), Wall()
    chat = house.chat()
    await asyncio.gather(*(chat.handle(message("", token="t1", ref="m5"), wall) for _ in range(50)))
    await chat.idle()
    assert len(house.commands.ran) == 1
    assert (len(wall.edits), wall.said) == (1, [])


async def test_whoever_asks_too_much_can_still_give_commands() -> None:
    house, wall = House(), Wall()
    await take(house, wall, *(message("how is it?") for _ in range(25)), message("/miners stop"))
    assert "miners: stop" in wall.texts


async def test_a_stranger_who_taps_hears_nothing_and_is_written_down() -> None:
    house, wall = with_button(), Wall()
    await take(house, wall, message("", token="t1", ref="m5", user="666"))
    assert (wall.said, wall.edits, house.commands.ran) == ([], [], [])
    assert house.people.strangers == [("666", "not paired, tapped a button")]


async def test_a_button_of_somebody_else_is_refused_in_words() -> None:
    house, wall = with_button("not_yours"), Wall()
    await take(house, wall, message("", token="t1", ref="m5"))
    assert "for the person who asked" in wall.texts[0]
    assert house.commands.ran == []


async def test_a_late_tap_on_a_confirmation_is_asked_again() -> None:
    house, wall = with_button("expired"), Wall()
    await take(house, wall, message("", token="t1", ref="m5"))
    assert house.commands.ran[0][0] == "tap"


async def test_a_token_that_nobody_knows_does_nothing() -> None:
    house, wall = House(), Wall()
    await take(house, wall, message("", token="made-up", ref="m5"))
    assert wall.texts == ["That button does nothing any more. Please send the command again."]


async def test_a_form_arrives_with_its_fields() -> None:
    house, wall = House(), Wall()
    await take(house, wall, message("", token="form:prefs.battery", form=(("min_soc_pct", "45"),)))
    assert house.commands.forms == [("prefs.battery", {"min_soc_pct": "45"})]
    assert wall.texts == ["Saved: prefs.battery"]


async def test_a_form_in_a_group_is_not_taken() -> None:
    house, wall = House(places=Places({"-5"})), Wall()
    form = message("", chat="-5", direct=False, token="form:prefs.battery", form=(("email", "a@b.org"),))
    await take(house, wall, form)
    assert house.commands.forms == []


async def test_a_group_that_an_owner_opened_gets_figures_but_nothing_private() -> None:
    house, wall = House(places=Places({"-5"})), Wall()
    await take(
        house,
        wall,
        message("/status", chat="-5", direct=False, addressed=True),
        message("how is it?", chat="-5", direct=False, addressed=True),
        message("/link", chat="-5", direct=False, addressed=True),
        message("/status", chat="-6", direct=False, addressed=True),
        message("/group open", chat="-6", direct=False, addressed=True),
    )
    by_chat = {text.split("\n")[0][:20]: chat for chat, text in wall.said}
    assert by_chat["status: all"] == "-5"
    assert by_chat["Re: how is it?"] == "-5"
    assert by_chat["group: open"] == "-6"  # or no group could ever be opened
    assert sum("in a direct chat only" in text for _, text in wall.said) == 2


async def test_a_proposal_of_the_assistant_comes_with_its_buttons() -> None:
    house, wall = House(), Wall()
    house.assistant.proposals = ("r1",)
    await take(house, wall, message("should the miners stop?"))
    assert "Shall I? (r1)" in wall.texts[0]
    assert wall.buttons == [Button("Yes", "yes-r1")]


async def test_buttons_outlive_a_restart_between_answer_and_send() -> None:
    house, wall = House(), Wall(gate=asyncio.Event())
    house.commands.buttons = ((Button("Chart", "c1", "primary"),),)
    chat = house.chat()
    await chat.handle(message("/status"), wall)
    async with asyncio.timeout(1):
        while house.inbox.states != ["answered"]:
            await asyncio.sleep(0.005)
    await chat.close(drain_s=0)
    second = Wall()
    again = house.chat()
    assert await again.resume(second) == 1
    await again.idle()
    assert second.buttons == [Button("Chart", "c1", "primary")]


async def test_a_tap_that_was_received_before_a_restart_is_done_after_it() -> None:
    async def dies(name: str) -> None:
        await asyncio.Event().wait()

    house, wall = with_button(), Wall()
    await house.inbox.receive("wall", "k-tap", _stored("t1"))
    await house.buttons.redeem("t1", "p7", "wall:7", "k-tap")  # the run that died had come this far
    chat = house.chat()
    assert await chat.resume(wall) == 1
    await chat.idle()
    assert wall.edits == [("m5", "Done: start s19-1")]


def _stored(token: str) -> dict[str, object]:
    return message_to_json(replace(message("", key="k-tap"), token=token, ref="m5"))


async def test_the_live_message_is_kept_and_pinned() -> None:
    house, wall = House(), Wall(results=[Sent()])
    await take(house, wall, message("/live"))
    assert house.live.kept == [("7", "7", "m1")]
    assert wall.pinned == ["m1"]


async def test_the_word_that_the_live_message_has_ended_ends_it() -> None:
    house, wall = House(), Wall()
    await take(house, wall, message("/live_off"))
    assert (house.live.ended, house.live.kept) == (["7"], [])


async def test_a_live_message_that_may_not_have_arrived_is_not_said_to_be_kept() -> None:
    house, wall = House(), Wall(results=[Sent(confirmed=False)])
    await take(house, wall, message("/live"))
    assert house.live.kept == []
    assert "cannot keep it up to date" in wall.texts[-1]


async def test_a_chat_that_is_gone_is_no_route_any_more() -> None:
    house, wall = House(), Wall(results=[Undeliverable("bot was blocked", dead=True)])
    await take(house, wall, message("/status"))
    assert house.places.gone == [("7", "bot was blocked")]


async def test_direct_chats_are_remembered_as_ways_to_a_person() -> None:
    house, wall = House(places=Places({"-5"})), Wall()
    await take(house, wall, message("/status"), message("/status", chat="-5", direct=False))
    assert house.places.routes == [("p7", "7")]


async def test_a_command_that_waited_for_hours_is_not_acted_on() -> None:
    house, wall = with_button(), Wall()
    hours_ago = datetime.now(UTC) - timedelta(hours=5)
    stop = replace(message("/miners stop"), sent_at=hours_ago)
    tap = replace(message("", token="t1", ref="m5"), sent_at=hours_ago)
    asked = replace(message("how is it?"), sent_at=hours_ago)
    await take(house, wall, stop, tap, asked)
    assert house.commands.ran == []
    assert sum("5 h ago, while I was away" in text for text in wall.texts) == 2
    assert any(text.startswith("Re: how is it?") for text in wall.texts)


async def test_a_stop_of_half_an_hour_ago_is_still_carried_out_but_no_start() -> None:
    house, wall = House(), Wall()
    ago = datetime.now(UTC) - timedelta(minutes=30)
    await take(
        house,
        wall,
        replace(message("/miners stop all"), sent_at=ago),
        replace(message("/miners start all"), sent_at=ago),
    )
    assert [arguments for _, arguments, _ in house.commands.ran] == ["stop all"]


async def test_nor_is_one_that_an_earlier_run_received_long_ago() -> None:
    house, wall = House(), Wall()
    old = replace(message("/miners stop", key="k-old"), sent_at=datetime.now(UTC) - timedelta(hours=2))
    await house.inbox.receive("wall", "k-old", message_to_json(old))
    chat = house.chat()
    await chat.resume(wall)
    await chat.idle()
    assert house.commands.ran == []
    assert "cannot say whether it was done; /miners log tells" in wall.texts[0]


async def test_whoever_hands_over_a_strangers_message_learns_that_nothing_will_be_said() -> None:
    house, wall = House(), Wall()
    chat = house.chat()
    assert await chat.handle(message("/status", user="666"), wall) is False
    assert await chat.handle(message("/status"), wall) is True
    await chat.idle()
