"""What every chat adapter must do, in the same sentences for all of them; `STAGES` lists the platforms."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.ports import Sent, TryLater, Undeliverable
from bot.reply import Bold, Button, Code, CodeBlock, Lines, Paragraph, Picture, Reply, Source, Text, say
from tests.bot.house import PNG, Buttons
from tests.bot.stages.base import Stage, until
from tests.bot.stages.saying import CANCEL, HOSTILE, START, SayingHouse, needs, readable, seen, start_of

STAGES = {name: f"tests.bot.stages.{name}" for name in ("console", "telegram", "slack", "discord")}


@pytest.fixture
def house() -> SayingHouse:
    return SayingHouse(buttons=Buttons({"t-start": {"text": "start s19-1"}, "t-cancel": {"text": "nothing"}}))


@pytest.fixture(params=STAGES)
async def stage(request: pytest.FixtureRequest, house: SayingHouse) -> AsyncIterator[Stage]:
    async with importlib.import_module(STAGES[request.param]).stage(house) as opened:
        yield opened


async def test_a_text_arrives_once(stage: Stage, house: SayingHouse) -> None:
    await stage.say("how is the battery?")
    (answer,) = await seen(stage)
    assert readable(answer.text) == "Re: how is the battery?\nas of 12:00, Victron"
    assert house.assistant.asked == ["how is the battery?"]


async def test_a_native_command_becomes_the_canonical_text(stage: Stage, house: SayingHouse) -> None:
    await stage.command("/status")
    await stage.command("/miners stop s19-1")
    await seen(stage, 2)
    assert sorted((name, arguments) for name, arguments, _ in house.commands.ran) == [
        ("miners", "stop s19-1"),
        ("status", ""),
    ]
    assert house.assistant.asked == []


async def test_marked_up_text_looks_native(stage: Stage, house: SayingHouse) -> None:
    house.commands.reply = Reply(
        (
            Paragraph((Bold("66 %"), Text(" now, see "), Code("/plan"))),
            Lines(((Text("first "), Bold("one")), (Text("second"),))),
            CodeBlock("a  b   c"),
            Source("as of 14:02, Victron"),
        )
    )
    await stage.command("/status")
    (shown,) = await seen(stage)
    text = readable(shown.text)
    assert text.startswith("66 % now, see /plan\n")
    assert re.search(r"first one\n.*second\n", text)
    assert "a  b   c\n" in text
    assert text.rstrip().endswith("as of 14:02, Victron")
    assert stage.native.bold.format("66 %") in shown.markup
    assert stage.native.code.format("/plan") in shown.markup
    assert stage.native.block.format("a  b   c") in shown.markup


@pytest.mark.parametrize("name", HOSTILE)
async def test_markup_in_a_name_is_inert(stage: Stage, house: SayingHouse, name: str) -> None:
    inline = " ".join(name.split())
    house.commands.reply = Reply(
        (
            Paragraph((Text(f"Device {inline} is on, "), Bold(inline), Text(" too."))),
            Lines(((Text(inline),), (Text("x"),))),
            CodeBlock(name),
            Source(f"as of 14:02, {inline}"),
        ),
        buttons=((Button(inline, "t-start"),),),
    )
    await stage.command("/status")
    (shown,) = await seen(stage)
    text = readable(shown.text)
    assert f"Device {inline} is on, {inline} too." in text
    assert f"as of 14:02, {inline}" in text
    for line in name.split("\n"):
        assert text.count(line) >= text.count("Device") + 1
    assert [readable(label) for label in shown.buttons] == [inline]
    assert not shown.previews


async def test_a_long_reply_is_split_and_nothing_is_lost(stage: Stage, house: SayingHouse) -> None:
    middle = f"<b>&amp; 🔋🇺🇸 السلام {'x' * 60}"
    lines = [f"{n} {middle} /plan {n} *end*" for n in range(150)]
    house.commands.reply = Reply(
        tuple(
            Paragraph((Bold(str(n)), Text(f" {middle} "), Code(f"/plan {n}"), Text(" *end*")))
            for n in range(len(lines))
        ),
        buttons=((START, CANCEL),),
    )
    await stage.command("/status")
    await until(lambda: house.inbox.states == ["settled"], timeout_s=30)
    shown = [readable(message.text) for message in stage.seen()]
    standing = "\n".join(shown)
    positions = [standing.find(line) for line in lines]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert sum(len(message.buttons) for message in stage.seen()) == 2
    assert stage.seen()[-1].buttons == ("Start", "Cancel")


async def test_one_word_of_ten_thousand_characters_arrives_whole(stage: Stage, house: SayingHouse) -> None:
    house.commands.reply = Reply((Paragraph((Bold("👨‍👩‍👧" * 2_000),)), CodeBlock("&<y" * 2_000)))
    await stage.command("/status")
    await until(lambda: house.inbox.states == ["settled"], timeout_s=30)
    text = "".join(message.text for message in stage.seen())
    assert text.count("👨‍👩‍👧") == 2_000
    assert text.replace("\n", "").replace(" ", "").count("&<y") == 2_000


async def test_a_picture_comes_with_its_text(stage: Stage) -> None:
    await stage.say("chart of the battery")
    await until(lambda: sum(message.pictures for message in stage.seen()) == 1)
    shown = stage.seen()
    assert sum(message.pictures for message in shown) == 1
    assert readable("\n".join(message.text for message in shown)).count("Re: chart of the battery") == 1
    for alt in (alt for message in shown for alt in message.alt):
        assert "66" in alt


async def test_a_tap_comes_back_with_the_buttons_token(stage: Stage, house: SayingHouse) -> None:
    house.commands.buttons = ((START, CANCEL),)
    await stage.command("/status")
    (asked,) = await seen(stage)
    assert asked.buttons == ("Start", "Cancel")
    await stage.tap(asked, "Cancel")
    await until(lambda: any("Done: nothing" in message.text for message in stage.seen()))
    assert [what for what, *_ in house.commands.ran] == ["status", "tap"]
    assert list(house.buttons.used_by) == ["t-cancel"]
    if "edits" not in stage.lacks:
        (answered,) = await seen(stage)
        assert (readable(answered.text), answered.buttons) == ("Done: nothing", ())


async def test_fifty_taps_at_once_do_one_thing(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "repeats")
    house.commands.buttons = ((START, CANCEL),)
    await stage.command("/status")
    (asked,) = await seen(stage)
    await asyncio.gather(*(stage.tap(asked, "Start") for _ in range(50)), return_exceptions=True)
    await until(lambda: len(house.inbox.rows) == 51 and set(house.inbox.states) == {"settled"})
    (answered,) = await seen(stage)
    assert [what for what, *_ in house.commands.ran] == ["status", "tap"]
    assert readable(answered.text) == "Done: start s19-1"


async def test_a_button_outlives_a_restart(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "restarts")
    house.commands.buttons = ((START, CANCEL),)
    await stage.command("/status")
    (asked,) = await seen(stage)
    await stage.restart()
    await stage.tap(asked, "Start")
    await until(lambda: any("Done: start s19-1" in message.text for message in stage.seen()))


async def test_a_tap_on_somebody_elses_button_in_a_group_says_who_tapped(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "groups")
    house.places.open.add(stage.address(group=True).chat_id)
    house.people.known["8"] = "Bob"
    house.commands.buttons = ((START, CANCEL),)
    house.buttons.verdicts["t-start"] = "not_yours"
    await stage.command("/status", group=True)
    (asked,) = await seen(stage)
    await stage.tap(asked, "Start", user="8")
    await until(lambda: any("for the person who asked" in message.text for message in stage.seen()))
    assert [what for what, *_ in house.commands.ran] == ["status"]
    assert "Start" in stage.seen()[0].buttons


async def test_an_edit_replaces_the_text_and_takes_the_buttons_away(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "edits")
    await stage.say("hello")
    await seen(stage)
    address = stage.address()
    sent = await stage.outlet.send(address, replace(say("Start s19-1?"), buttons=((START, CANCEL),)), ())
    assert isinstance(sent, Sent)
    assert sent.ref is not None
    for reply in (say("Started."), say("Started."), replace(say("Stop?"), buttons=((CANCEL,),)), say("Stopped.")):
        assert isinstance(await stage.outlet.edit(address, sent.ref, reply), Sent)
    _, shown = await seen(stage, 2)
    assert (readable(shown.text), shown.buttons) == ("Stopped.", ())


async def test_an_edit_keeps_the_picture(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "edits")
    await stage.say("hello")
    await seen(stage)
    address = stage.address()
    asked = replace(say("Start s19-1?"), buttons=((START, CANCEL),))
    sent = await stage.outlet.send(address, asked, (Picture(PNG, "Battery 66 %", "soc"),))
    assert isinstance(sent, Sent)
    assert sent.ref is not None
    assert isinstance(await stage.outlet.edit(address, sent.ref, say("Started.")), Sent)
    shown = stage.seen()
    assert sum(message.pictures for message in shown) == 1
    assert next(readable(message.text) for message in shown[1:] if message.text) == "Started."
    assert all(message.buttons == () for message in shown)


async def test_a_message_that_does_not_exist_cannot_be_changed_or_pinned(stage: Stage) -> None:
    needs(stage, "edits")
    await stage.say("hello")
    (hello,) = await seen(stage)
    for ref in ("", "no ref of ours", hello.ref + "9"):
        assert isinstance(await stage.outlet.edit(stage.address(), ref, say("x")), Undeliverable)
        assert not await stage.outlet.pin(stage.address(), ref)


async def test_refusals_say_what_to_do_next(stage: Stage) -> None:
    needs(stage, "failures")
    await stage.say("hello")
    await seen(stage)
    address = stage.address()
    stage.fail_next("later")
    later = await stage.outlet.send(address, say("one"), ())
    assert isinstance(later, TryLater)
    assert later.after_s > 0
    stage.fail_next("never")
    never = await stage.outlet.send(address, say("two"), ())
    assert isinstance(never, Undeliverable)
    assert never.dead
    stage.fail_next("lost")
    lost = await stage.outlet.send(address, say("three"), ())
    assert isinstance(lost, Sent)
    assert not lost.confirmed
    assert isinstance(await stage.outlet.send(address, say("four"), ()), Sent)
    assert [readable(message.text) for message in stage.seen()[1:]] == ["three", "four"]


async def test_a_reply_waits_for_the_platform_and_comes_once(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "failures")
    stage.fail_next("later")
    await stage.command("/status")
    (shown,) = await seen(stage, timeout_s=20)
    assert readable(shown.text) == "status: all"


async def test_a_reply_whose_receipt_got_lost_is_not_sent_again(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "failures")
    stage.fail_next("lost")
    await stage.command("/status")
    await until(lambda: house.inbox.states == ["settled"], timeout_s=20)
    await seen(stage)


async def test_a_person_who_cannot_be_reached_is_noted_and_holds_up_nobody(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "failures")
    stage.fail_next("never")
    await stage.command("/status")
    await until(lambda: house.inbox.states == ["settled"])
    assert [chat_id for chat_id, _ in house.places.gone] == [stage.address().chat_id]
    await stage.say("and now?")
    await seen(stage)


async def test_what_is_delivered_twice_is_done_once(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "repeats")
    house.commands.buttons = ((START, CANCEL),)
    await stage.say("hello")
    await stage.again()
    (hello,) = await seen(stage)
    await stage.command("/status")
    await stage.again()
    _, asked = await seen(stage, 2)
    await stage.tap(asked, "Start")
    await stage.again()
    await until(lambda: any("Done: start s19-1" in message.text for message in stage.seen()))
    assert [start_of(message.text) for message in await seen(stage, 2)] == [start_of(hello.text), "Done: start s19-1"]
    assert house.assistant.asked == ["hello"]
    assert [what for what, *_ in house.commands.ran] == ["status", "tap"]


async def test_any_script_is_heard_as_it_was_written(stage: Stage, house: SayingHouse) -> None:
    questions = ["שלום, מה מצב הסוללה?", "كيف البطارية؟", "👨‍👩‍👧‍👦🇺🇸👍🏽 how? e\u0301", "电池怎么样？"]
    for number, question in enumerate(questions, 1):
        await stage.say(question)
        answers = await seen(stage, number)
        assert question in answers[-1].text
    assert house.assistant.asked == questions


async def test_a_name_that_deceives_is_only_a_name(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "people")
    await stage.say("HQ7KZ-M2XD4", user="8", name="\u202eeoJ\u200b \U0001f600 *Bob* <b>שלום")
    (welcome,) = await seen(stage)
    assert welcome.text.startswith("Hello ")
    assert "*Bob* <b>שלום" in readable(welcome.text)
    assert "\u202e" not in welcome.text


async def test_a_message_of_a_megabyte_is_refused_kindly(stage: Stage, house: SayingHouse) -> None:
    await stage.say("x" * 1_048_576)
    (refusal,) = await seen(stage)
    assert "longer than 8,000 characters" in refusal.text
    assert house.assistant.asked == []


async def test_a_group_is_no_direct_chat(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "groups")
    await stage.say("how is the battery?", group=True)
    await stage.command("/status", group=True)
    refusals = await seen(stage, 2)
    assert all("direct chat only" in message.text for message in refusals)
    assert (house.assistant.asked, house.commands.ran, house.places.routes) == ([], [], [])


async def test_an_open_group_is_answered_there(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "groups")
    group = stage.address(group=True)
    house.places.open.add(group.chat_id)
    await stage.say("how is the battery?", group=True)
    (answer,) = await seen(stage)
    await stage.command("/status", group=True)
    _, command = await seen(stage, 2)
    await stage.command("/link", group=True)
    *_, private = await seen(stage, 3)
    assert start_of(answer.text) == "Re: how is the battery?"
    assert readable(command.text) == "status: all"
    assert "direct chat only" in private.text
    assert answer.chat_id == group.chat_id


async def test_a_stranger_hears_nothing(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "people")
    house.commands.buttons = ((START, CANCEL),)
    await stage.say("hello?", user="666", name="Mallory")
    await stage.command("/status", user="666")
    await until(lambda: len(house.people.strangers) == 2)
    assert stage.seen() == []
    await stage.command("/status")
    (asked,) = await seen(stage)
    await stage.tap(asked, "Start", user="666")
    await until(lambda: len(house.people.strangers) == 3)
    assert await seen(stage) == [asked]
    assert {who for who, _ in house.people.strangers} == {"666"}
    assert [what for what, *_ in house.commands.ran] == ["status"]


@pytest.mark.parametrize("group", [False, True])
async def test_the_progress_line_is_gone_when_the_answer_stands(stage: Stage, house: SayingHouse, group: bool) -> None:
    async def work(question: str) -> None:
        await asyncio.sleep(0.4)

    if group:
        needs(stage, "groups")
        house.places.open.add(stage.address(group=True).chat_id)
    house.assistant.before = work
    await stage.say("how is the battery?", group=group)
    await until(lambda: house.inbox.states == ["settled"])
    (answer,) = await seen(stage)
    assert start_of(answer.text) == "Re: how is the battery?"


async def test_nothing_fetches_a_link(stage: Stage, house: SayingHouse) -> None:
    house.commands.reply = say("See https://example.org/x?soc=66 for more.")
    await stage.command("/status")
    await stage.say("[more](https://evil.example/?q=1) please")
    shown = await seen(stage, 2)
    assert not any(message.previews for message in shown)
    assert any("https://example.org/x?soc=66" in message.text for message in shown)
    assert not any("evil.example" in message.markup for message in shown)


async def test_thirty_conversations_at_once_lose_and_double_nothing(stage: Stage, house: SayingHouse) -> None:
    needs(stage, "people")
    people = [str(number) for number in range(100, 130)]
    house.people.known = {person: f"Person {person}" for person in people}
    for number in range(3):
        await asyncio.gather(*(stage.say(f"question {number} of {person}", user=person) for person in people))
    await until(lambda: len(stage.seen()) >= 90, timeout_s=60)
    await asyncio.sleep(0.1)
    assert len(stage.seen()) == 90
    for person in people:
        chat_id = stage.address(person).chat_id
        assert [start_of(message.text) for message in stage.seen(chat_id=chat_id)] == [
            f"Re: question {number} of {person}" for number in range(3)
        ]
