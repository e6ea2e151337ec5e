from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.message import Attachment
from bot.ports import TryLater, Undeliverable
from tests.bot.house import QUICK, House, Wall, message


async def ask(house: House, wall: Wall, *messages: object) -> None:
    chat = house.chat()
    for item in messages:
        await chat.handle(item if not isinstance(item, str) else message(item), wall)  # type: ignore[arg-type]
    await chat.idle()


async def test_a_question_is_answered_with_its_source_and_remembered() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, "how is the battery?")
    assert wall.said == [("7", "Re: how is the battery?\n\nas of 12:00, Victron")]
    assert house.inbox.states == ["settled"]
    turn = house.conversations.kept["wall:7"][0]
    assert (turn["question"], turn["answer"], turn["figures"][0]["value"]) == (
        "how is the battery?",
        "Re: how is the battery?\nas of 12:00, Victron",
        66.0,
    )


async def test_the_next_question_sees_the_turns_before_it() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, "one", "two", "three")
    assert house.assistant.turns == [0, 1, 2]


async def test_a_chart_goes_along_as_a_picture_with_its_alt_text() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, "chart of the battery")
    assert len(wall.pictures) == 1
    assert "66" in wall.pictures[0].alt


async def test_a_chart_that_fails_costs_only_the_chart() -> None:
    async def broken(spec: object) -> bytes:
        raise RuntimeError("no fonts")

    house, wall = House(draw=broken), Wall()
    await ask(house, wall, "chart of the battery")
    assert wall.pictures == []
    assert wall.texts[0].startswith("Re: chart of the battery")
    assert "chart could not be drawn" in wall.texts[0]


async def test_the_same_message_again_is_answered_once() -> None:
    house, wall = House(), Wall()
    twice = message("hello", key="k")
    await ask(house, wall, twice, twice)
    await ask(house, wall, twice)
    assert len(wall.said) == 1


async def test_a_stranger_gets_silence_and_an_audit_row() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, message("how is the battery at the ranch?", user="666"), message("/start", user="666"))
    assert wall.said == []
    assert house.assistant.asked == []
    assert house.people.strangers == [("666", "not paired"), ("666", "not paired")]
    assert set(house.inbox.states) == {"settled"}


@pytest.mark.parametrize("text", ["/start HQ7KZ-M2XD4", "HQ7KZ-M2XD4", " HQ7KZ-M2XD4 "])
async def test_a_pairing_code_lets_a_stranger_in(text: str) -> None:
    house, wall = House(), Wall()
    await ask(house, wall, message(text, user="8"), message("hello", user="8"))
    assert wall.texts[0].startswith("Hello Ann, you are connected.")
    assert wall.texts[1].startswith("Re: hello")


async def test_a_wrong_code_gets_silence_and_an_audit_row() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, message("/start AAAAA-00001", user="8"), message("AAAAA00002", user="8"))
    assert house.people.tried == ["AAAAA-00001", "AAAAA00002"]
    assert house.people.strangers == [("8", "pairing code refused")] * 2
    assert wall.said == []


async def test_chatter_of_strangers_is_no_attempt_at_a_code_and_fills_no_table() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, *(message(f"let me in, {n}", user="8") for n in range(50)))
    assert house.people.tried == []
    assert len(house.people.strangers) == 20


async def test_somebody_known_is_greeted_and_told_when_a_code_does_nothing() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, "/start", "/start HQ7KZ-M2XD4", "HQ7KZ-M2XD4", "batteries?")
    assert [text.split("\n")[0] for text in wall.texts] == [
        "Hello Ann, you are connected.",
        "Hello Ann, you are connected.",
        "That code is wrong, used or expired. You are connected as Ann already.",
        "Re: batteries?",
    ]


async def test_a_kill_right_after_pairing_still_greets() -> None:
    house, wall = House(), Wall()
    first = house.chat()
    await first.close()
    await first.handle(message("HQ7KZ-M2XD4", user="8"), wall)
    await house.chat().resume(wall)
    second = house.chat()
    await second.resume(wall)
    await second.idle()
    assert "connected" in wall.texts[0]


async def test_a_code_shown_in_a_group_pairs_nobody() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, message("/start HQ7KZ-M2XD4", user="8", chat="-5", direct=False, addressed=True))
    assert (wall.said, house.people.tried) == ([], [])


async def test_a_group_that_speaks_to_us_is_shown_to_the_direct_chat_and_told_nothing_private() -> None:
    house, wall = House(), Wall()
    await ask(
        house,
        wall,
        message("how are you all?", chat="-5", direct=False, addressed=False),
        message("how is the battery?", chat="-5", direct=False, addressed=True),
    )
    assert [chat for chat, _ in wall.said] == ["-5"]
    assert "direct chat" in wall.texts[0]
    assert house.assistant.asked == []


async def test_a_message_of_one_megabyte_is_refused_in_words() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, "x" * 1_048_576)
    assert "longer than 8,000 characters" in wall.texts[0]
    assert house.assistant.asked == []


async def test_8000_characters_are_read() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, "x" * 8_000)
    assert len(house.assistant.asked) == 1


@pytest.mark.parametrize("text", ["", "   \n", "\u200b\u200d\u2060", "\u202e\u202c"])
async def test_a_message_without_visible_text_is_answered_in_words(text: str) -> None:
    house, wall = House(), Wall()
    await ask(house, wall, text)
    assert "no text" in wall.texts[0]
    assert house.assistant.asked == []


async def test_a_photo_alone_is_answered_in_words() -> None:
    house, wall = House(), Wall()
    await ask(house, wall, message("", attachments=(Attachment("photo", 5_000),)))
    assert "text only" in wall.texts[0]


async def test_a_hundred_messages_a_minute_are_throttled_with_one_notice() -> None:
    house, wall = House(limits=replace(QUICK, waiting_per_conversation=200)), Wall()
    await ask(house, wall, *(f"question {n}" for n in range(100)), message("other", user="9"))
    answered = [text for text in wall.texts if text.startswith("Re:")]
    notices = [text for text in wall.texts if "more than 20 messages a minute" in text]
    assert (len(answered), len(notices)) == (20, 1)
    assert set(house.inbox.states) == {"settled"}


async def test_the_throttle_opens_again_after_a_minute() -> None:
    house, wall = House(limits=replace(QUICK, per_person_per_minute=2)), Wall()
    chat = house.chat()
    for text in ("one", "two", "three"):
        await chat.handle(message(text), wall)
    house.clock[0] = 61.0
    await chat.handle(message("four"), wall)
    await chat.idle()
    assert [text.split("\n")[0] for text in wall.texts] == [
        "Re: one",
        "Re: two",
        "That is more than 2 messages a minute. I answer again in 60 s.",
        "Re: four",
    ]


async def test_one_conversation_is_answered_in_order_while_others_go_on() -> None:
    house, wall = House(), Wall()
    slow = asyncio.Event()

    async def before(question: str) -> None:
        if question == "slow":
            await slow.wait()

    house.assistant.before = before
    chat = house.chat()
    for item in (message("slow"), message("after"), message("other", chat="70")):
        await chat.handle(item, wall)
    while not wall.said:
        await asyncio.sleep(0.005)
    assert [chat_id for chat_id, _ in wall.said] == ["70"]
    slow.set()
    await chat.idle()
    assert [text.split("\n")[0] for text in wall.texts] == ["Re: other", "Re: slow", "Re: after"]


async def test_a_conversation_that_piles_up_is_told_so() -> None:
    house, wall = House(limits=replace(QUICK, waiting_per_conversation=2)), Wall()
    slow = asyncio.Event()

    async def before(question: str) -> None:
        await slow.wait()

    house.assistant.before = before
    chat = house.chat()
    for n in range(5):
        await chat.handle(message(f"{n}"), wall)
        await asyncio.sleep(0.005)
    slow.set()
    await chat.idle()
    assert sum("still working" in text for text in wall.texts) == 2
    assert house.assistant.asked == ["0", "1", "2"]


async def test_typing_is_shown_for_as_long_as_the_work_takes() -> None:
    house, wall = House(), Wall()

    async def before(question: str) -> None:
        await asyncio.sleep(0.22)

    house.assistant.before = before
    await ask(house, wall, "hello")
    assert 3 <= wall.working <= 6
    assert wall.progress == ["checking the battery ..."]
    shown = wall.working
    await asyncio.sleep(0.1)
    assert wall.working == shown


async def test_a_failing_assistant_is_said_in_words_that_give_nothing_away() -> None:
    house, wall = House(), Wall()

    async def before(question: str) -> None:
        raise RuntimeError("password=hunter2")

    house.assistant.before = before
    await ask(house, wall, "hello")
    assert "Something went wrong" in wall.texts[0]
    assert "hunter2" not in wall.texts[0]
    assert house.conversations.kept == {}


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    house, wall = House(limits=replace(QUICK, answer_timeout_s=0.05)), Wall()

    async def before(question: str) -> None:
        await asyncio.sleep(5)

    house.assistant.before = before
    await ask(house, wall, "hello")
    assert "too long" in wall.texts[0]


async def test_a_busy_platform_is_tried_again_and_the_order_kept() -> None:
    house, wall = House(), Wall(results=[TryLater(0.05), TryLater(0.01)])
    await ask(house, wall, "one", "two")
    assert [text.split("\n")[0] for text in wall.texts] == ["Re: one", "Re: two"]


async def test_a_reply_to_somebody_who_blocked_us_is_not_repeated() -> None:
    house, wall = House(), Wall(results=[Undeliverable("blocked")])
    await ask(house, wall, "one")
    assert wall.said == []
    assert house.inbox.states == ["settled"]


async def test_a_database_that_fails_to_take_a_message_leaves_it_with_the_platform() -> None:
    house, wall = House(), Wall()
    house.inbox.failures = 1
    first = message("one")
    with pytest.raises(OSError, match="disk is full"):
        await ask(house, wall, first)
    await ask(house, wall, first)
    assert len(wall.said) == 1


async def test_a_write_that_fails_once_is_repeated() -> None:
    house, wall = House(), Wall()

    async def before(question: str) -> None:
        house.inbox.failures = 1

    house.assistant.before = before
    await ask(house, wall, "one")
    assert len(wall.said) == 1
    assert house.inbox.states == ["settled"]


async def test_a_restart_answers_what_was_received_and_sends_what_was_answered() -> None:
    house, wall = House(), Wall()
    stuck = asyncio.Event()

    async def before(question: str) -> None:
        if question == "slow":
            await stuck.wait()

    house.assistant.before = before
    first = house.chat()
    held = Wall(gate=asyncio.Event())
    await first.handle(message("chart please", chat="1"), held)  # answered, not sent
    await first.handle(message("slow", chat="2"), held)  # received, not answered
    while house.inbox.states != ["answered", "received"]:
        await asyncio.sleep(0.005)
    await first.close(drain_s=0)
    stuck.set()

    second = house.chat()
    assert await second.resume(wall) == 2
    await second.idle()
    assert sorted(wall.said) == [
        ("1", "Re: chart please\n\nas of 12:00, Victron"),
        ("2", "Re: slow\n\nas of 12:00, Victron"),
    ]
    assert len(wall.pictures) == 1
    assert house.assistant.asked.count("chart please") == 1
    assert held.said == []
    assert [len(turns) for turns in house.conversations.kept.values()] == [1, 1]
    assert await house.chat().resume(wall) == 0


async def test_what_is_in_the_works_is_not_resumed_a_second_time() -> None:
    house, wall = House(), Wall(gate=asyncio.Event())
    chat = house.chat()
    await chat.handle(message("one"), wall)
    await asyncio.sleep(0.02)
    assert await chat.resume(wall) == 0
    assert wall.gate is not None
    wall.gate.set()
    await chat.idle()
    assert len(wall.said) == 1


async def test_a_message_of_the_day_before_yesterday_is_not_answered_after_a_restart() -> None:
    house, wall = House(), Wall()
    old = replace(message("one"), sent_at=datetime.now(UTC) - timedelta(hours=49))
    chat = house.chat()
    await chat.close()
    await chat.handle(old, wall)
    assert house.inbox.states == ["received"]
    assert await house.chat().resume(wall) == 0
    assert house.inbox.states == ["settled"]


async def test_somebody_who_was_removed_meanwhile_is_not_answered_after_a_restart() -> None:
    house, wall = House(), Wall()
    chat = house.chat()
    await chat.close()
    await chat.handle(message("one"), wall)
    house.people.known.clear()
    await house.chat().resume(wall)
    assert wall.said == []
    assert house.people.strangers == [("7", "not paired")]


async def test_a_message_whose_parts_name_different_platforms_is_not_believed() -> None:
    house, wall = House(), Wall(platform="elsewhere")
    await ask(house, wall, "one")
    assert (wall.said, house.inbox.rows) == ([], {})


async def test_closing_lets_the_answer_in_the_works_go_out() -> None:
    house, wall = House(), Wall()

    async def before(question: str) -> None:
        await asyncio.sleep(0.05)

    house.assistant.before = before
    chat = house.chat()
    await chat.handle(message("one"), wall)
    await asyncio.sleep(0.01)
    await chat.close(drain_s=5)
    assert len(wall.said) == 1
