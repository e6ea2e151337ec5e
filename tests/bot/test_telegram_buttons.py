"""Buttons, taps, changed and pinned messages, progress lines and command lists, against the Bot API double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr
from telegram import Bot

from agents.answer import Answer
from bot.commands.command import Command
from bot.message import Address
from bot.platforms.telegram.client import connect
from bot.platforms.telegram.keyboard import keyboard
from bot.platforms.telegram.progress import ProgressLines
from bot.platforms.telegram.registering import command_list
from bot.platforms.telegram.send import TelegramOutlet
from bot.ports import Sent, TryLater, Undeliverable
from bot.reply import Button, Picture, say
from tests.bot.house import PNG, Assistant, Buttons, House, People, Places
from tests.bot.telegram_stage import COMMANDS, KeptHash, running, until
from tests.doubles.telegram_api import Failure, TelegramApi, lost_answer, migrated, too_many

ANN = Address("telegram", "7")
GROUP = -100200
START, CANCEL = Button("Start", "t-start", "primary"), Button("Cancel", "t-cancel", "danger")
ASKED = replace(say("Start s19-1?"), buttons=((START, CANCEL),))


@pytest.fixture
async def client(api: TelegramApi) -> AsyncIterator[Bot]:
    bot = connect(SecretStr(api.token), api.url, reply_timeout_s=1.0)
    await bot.initialize()
    yield bot
    await bot.shutdown()


@pytest.fixture
def outlet(client: Bot) -> TelegramOutlet:
    return TelegramOutlet(client, first_pause_s=0.05)


def ref_of(result: object) -> str:
    assert isinstance(result, Sent)
    assert result.ref is not None
    return result.ref


@dataclass
class SlowPeople(People):
    """A database that takes its time."""

    gate: asyncio.Event | None = None

    async def admit(self, platform: str, external_id: str) -> Any:
        if self.gate is not None:
            await self.gate.wait()
        return await super().admit(platform, external_id)


def house_that_asks() -> House:
    house = House(buttons=Buttons({"t-start": {"do": "confirm", "text": "start s19-1"}}))
    house.commands.buttons = ((START, CANCEL),)
    return house


async def test_a_button_is_tapped_and_its_answer_takes_the_place_of_the_question(api: TelegramApi) -> None:
    house = house_that_asks()
    async with running(api, house):
        api.say("/miners start s19-1")
        (asked,) = await api.wait_for(1)
        assert asked.labels == ("Start", "Cancel")
        assert [button.get("style") for button in asked.keyboard[0]] == ["primary", "danger"]
        api.tap(asked, "Start")
        await until(lambda: api.standing(7)[0].text == "Done: start s19-1")
    assert [(shown.text, shown.labels) for shown in api.standing()] == [("Done: start s19-1", ())]
    assert [method for method, _ in api.calls].count("answerCallbackQuery") == 1


async def test_the_spinner_ends_at_once_and_not_when_the_work_is_done(api: TelegramApi) -> None:
    house, gate = house_that_asks(), asyncio.Event()
    house.people = people = SlowPeople()
    async with running(api, house):
        api.say("/miners start s19-1")
        (asked,) = await api.wait_for(1)
        people.gate = gate
        api.tap(asked, "Start")
        await until(lambda: "answerCallbackQuery" in [method for method, _ in api.calls])
        assert house.commands.ran[1:] == []
        gate.set()
        await until(lambda: len(house.commands.ran) == 2)


async def test_a_tap_that_telegram_delivers_twice_is_one(api: TelegramApi) -> None:
    house = house_that_asks()
    async with running(api, house):
        api.say("/miners start s19-1")
        (asked,) = await api.wait_for(1)
        tapped = api.tap(asked, "Start")
        query = api.last_update["callback_query"]
        api.push({"callback_query": query}, update_id=tapped)
        await until(lambda: api.unconfirmed == 0)
    assert [what for what, *_ in house.commands.ran] == ["miners", "tap"]


async def test_a_tap_on_a_message_that_telegram_shows_no_more_still_counts(api: TelegramApi) -> None:
    house = house_that_asks()
    async with running(api, house):
        api.say("/miners start s19-1")
        (asked,) = await api.wait_for(1)
        api.tap(asked, "Start", inaccessible=True)
        await until(lambda: len(house.commands.ran) == 2)


async def test_a_tap_without_a_chat_and_one_that_pretends_to_be_a_form_do_nothing(api: TelegramApi) -> None:
    house = house_that_asks()
    ann = {"id": 7, "is_bot": False, "first_name": "Ann"}
    async with running(api, house):
        api.say("/miners start s19-1")
        (asked,) = await api.wait_for(1)
        api.push(
            {
                "callback_query": {
                    "id": "1",
                    "from": ann,
                    "chat_instance": "c",
                    "data": "t-start",
                    "inline_message_id": "i",
                }
            }
        )
        api.tap(asked, "Start")
        forged = api.last_update["callback_query"] | {"data": "form:prefs.battery", "id": "2"}
        api.push({"callback_query": forged})
        await until(lambda: api.unconfirmed == 0)
        await until(lambda: len(house.commands.ran) == 2)
    assert house.commands.forms == []
    assert [method for method, _ in api.calls].count("answerCallbackQuery") == 3


async def test_a_tap_in_a_groups_topic_is_answered_there(api: TelegramApi) -> None:
    house = house_that_asks()
    house.places = Places({str(GROUP)})
    async with running(api, house):
        api.say("/miners@commandcenter_bot start s19-1", chat_id=GROUP, chat_type="supergroup", thread_id=5)
        (asked,) = await api.wait_for(1)
        api.tap(asked, "Start")
        await until(lambda: len(house.commands.ran) == 2)
    assert [place for *_, place in house.commands.ran] == [f"telegram:{GROUP}:5"] * 2


async def test_buttons_stand_under_the_text_that_can_be_changed(api: TelegramApi, outlet: TelegramOutlet) -> None:
    picture = Picture(PNG, "Battery 66 %", "soc")
    captioned = ref_of(await outlet.send(ANN, ASKED, (picture, picture)))
    assert [message.labels for message in api.sent] == [("Start", "Cancel"), ()]
    assert captioned == str(api.sent[0].message_id)
    long = replace(ASKED, blocks=say("word " * 2000).blocks)
    split = ref_of(await outlet.send(ANN, long, (picture,)))
    assert [message.labels for message in api.sent[2:]] == [(), (), ("Start", "Cancel"), ()]
    assert split == str(api.sent[4].message_id)


async def test_an_edit_changes_text_or_caption_and_its_buttons(api: TelegramApi, outlet: TelegramOutlet) -> None:
    for pictures in ((), (Picture(PNG, "Battery 66 %", "soc"),)):
        ref = ref_of(await outlet.send(ANN, ASKED, pictures))
        assert await outlet.edit(ANN, ref, say("Started.")) == Sent(ref=ref)
        assert (api.standing()[-1].text, api.standing()[-1].labels) == ("Started.", ())
        assert await outlet.edit(ANN, ref, say("Started.")) == Sent(ref=ref)  # "message is not modified"
        assert await outlet.edit(ANN, ref, ASKED) == Sent(ref=ref)
        assert api.standing()[-1].labels == ("Start", "Cancel")


async def test_an_edit_that_does_not_fit_takes_the_buttons_away(api: TelegramApi, outlet: TelegramOutlet) -> None:
    for pictures, text in (((), "word " * 2000), ((Picture(PNG, "alt", "soc"),), "word " * 300)):
        ref = ref_of(await outlet.send(ANN, ASKED, pictures))
        assert isinstance(await outlet.edit(ANN, ref, say(text)), Undeliverable)
        assert api.standing()[-1].labels == ()


async def test_what_an_edit_meets(api: TelegramApi, outlet: TelegramOutlet) -> None:
    assert isinstance(await outlet.edit(ANN, "999", say("x")), Undeliverable)
    assert isinstance(await outlet.edit(ANN, "not a number", say("x")), Undeliverable)
    ref = ref_of(await outlet.send(ANN, ASKED, ()))
    api.fail("editMessageText", too_many(3), lost_answer(), Failure(400, "Bad Request: message can't be edited"))
    waits = await outlet.edit(ANN, ref, say("one"))
    assert isinstance(waits, TryLater)
    assert 3 <= waits.after_s < 4
    assert isinstance(await outlet.edit(ANN, ref, say("two")), TryLater)  # twice the same edit does no harm
    assert isinstance(await outlet.edit(ANN, ref, say("three")), Undeliverable)
    api.blocked.add(7)
    refused = await outlet.edit(ANN, ref, say("four"))
    assert isinstance(refused, Undeliverable)
    assert refused.dead


@pytest.mark.parametrize(
    ("failure", "dead"),
    [
        (Failure(403, "Forbidden: bot was blocked by the user"), True),
        (Failure(403, "Forbidden: bot was kicked from the supergroup chat"), True),
        (Failure(403, "Forbidden: user is deactivated"), True),
        (Failure(400, "Bad Request: chat not found"), True),
        (Failure(400, "Bad Request: not enough rights to send text messages to the chat"), False),
    ],
)
async def test_a_dead_place(api: TelegramApi, outlet: TelegramOutlet, failure: Failure, dead: bool) -> None:
    api.fail("sendMessage", failure)
    result = await outlet.send(ANN, say("hello"), ())
    assert isinstance(result, Undeliverable)
    assert result.dead is dead


async def test_a_group_that_moved_is_kept_under_its_new_id(api: TelegramApi, client: Bot) -> None:
    kept = []

    async def keep(old: str, new: str) -> None:
        kept.append((old, new))
        raise OSError("the disk is full")

    outlet = TelegramOutlet(client, on_moved=keep)
    old = Address("telegram", "-55")
    ref = ref_of(await outlet.send(old, say("before"), ()))
    api.fail("editMessageText", migrated(-100777))
    assert isinstance(await outlet.edit(old, ref, say("x")), Undeliverable)
    assert isinstance(await outlet.send(old, say("after"), ()), Sent)
    assert (kept, api.sent[-1].chat_id) == ([("-55", "-100777")], -100777)


async def test_a_group_that_says_that_it_moved_is_believed(api: TelegramApi) -> None:
    house = House()
    moved = {"message_id": 3, "date": 1, "chat": {"id": -55, "type": "group"}, "migrate_to_chat_id": -100777}
    async with running(api, house) as polling:
        api.push({"message": moved})
        await until(lambda: api.unconfirmed == 0)
        await polling.outlet.send(Address("telegram", "-55"), say("hello"), ())
    assert [message.chat_id for message in api.sent] == [-100777]


async def test_buttons_that_telegram_refuses_cost_only_themselves(api: TelegramApi, outlet: TelegramOutlet) -> None:
    api.fail("sendMessage", Failure(400, "Bad Request: BUTTON_DATA_INVALID"))
    assert isinstance(await outlet.send(ANN, ASKED, ()), Sent)
    assert [(message.text, message.labels) for message in api.sent] == [("Start s19-1?", ())]


def test_a_keyboard_is_what_telegram_takes() -> None:
    assert keyboard(()) is None
    assert keyboard(((Button("too long", "x" * 65), Button("none", "")),)) is None
    made = keyboard((tuple(Button(f"b{n}", "🔋" * 16) for n in range(20)), (Button("a\u202e\n b", "t"),)))
    assert made is not None
    assert [len(row) for row in made.inline_keyboard] == [8, 8, 4, 1]
    assert made.inline_keyboard[3][0].text == "a b"
    full = keyboard([[Button("b", "t")] * 5] * 30)
    assert full is not None
    assert sum(map(len, full.inline_keyboard)) == 100


async def test_a_pin_is_silent_and_a_refused_one_no_failure(api: TelegramApi, outlet: TelegramOutlet) -> None:
    ref = ref_of(await outlet.send(ANN, say("live"), ()))
    assert await outlet.pin(ANN, ref)
    assert not await outlet.pin(ANN, "999")
    assert not await outlet.pin(ANN, "none")
    assert api.pinned == [(7, int(ref), True)]
    assert await outlet.unpin(ANN, ref)
    assert not await outlet.unpin(ANN, "999")
    assert not await outlet.unpin(ANN, "none")
    assert api.pinned == []


@dataclass
class Talkative(Assistant):
    """Tells `steps` steps before it answers."""

    steps: int = 1
    every_s: float = 0.1

    async def answer(self, question: str, scope: Any, *, progress: Any = None, **more: Any) -> Answer:
        for number in range(self.steps):
            await progress(f"step {number} ...")
            await asyncio.sleep(self.every_s)
        return await super().answer(question, scope, **more)


def talkative(steps: int, every_s: float) -> House:
    return House(places=Places({str(GROUP)}), assistant=Talkative(steps=steps, every_s=every_s))


async def test_in_a_group_progress_is_one_message_at_its_pace_that_goes_with_the_answer(api: TelegramApi) -> None:
    house = talkative(4, 0.9)
    async with running(api, house):
        api.say("@commandcenter_bot how is the battery?", chat_id=GROUP, chat_type="supergroup")
        await until(lambda: len(house.inbox.states) == 1 and house.inbox.states == ["settled"], timeout_s=8)
    line, answer = api.sent
    assert line.text == "step 0 ..."
    assert line.fields["disable_notification"] == "true"
    assert 1 <= len(api.changed_at) <= 4
    assert (
        [shown.text for shown in api.standing()] == [answer.text] == ["Re: how is the battery?\nas of 12:00, Victron"]
    )
    assert len(api.typing[GROUP]) >= 3


async def test_steps_come_at_the_platforms_pace_and_the_same_one_not_again(api: TelegramApi, client: Bot) -> None:
    lines = ProgressLines(client, group_every_s=0.1)
    for step in ("one ...", "two ...", "two ...", "three ..."):
        await lines.show(GROUP, None, step)
    assert [message.text for message in api.standing()] == ["three ..."]
    assert len(api.changed_at) == 2
    assert api.changed_at[1] - api.changed_at[0] >= 0.19
    await lines.clear(GROUP, None)
    await lines.clear(GROUP, None)
    assert api.standing() == []


async def test_a_progress_line_that_is_on_its_way_when_the_answer_is_ready_goes_too(api: TelegramApi) -> None:
    house = talkative(1, 0.06)
    api.latency_s = 0.1
    async with running(api, house):
        api.say("@commandcenter_bot how is the battery?", chat_id=GROUP, chat_type="supergroup")
        await until(lambda: house.inbox.states == ["settled"])
    assert len(api.sent) == 2
    assert len(api.standing()) == 1


async def test_progress_that_is_refused_costs_nothing(api: TelegramApi) -> None:
    house = talkative(2, 0.1)
    api.fail("sendMessage", too_many(1))
    async with running(api, house):
        api.say("@commandcenter_bot how is the battery?", chat_id=GROUP, chat_type="supergroup")
        await until(lambda: house.inbox.states == ["settled"])
    assert [message.text[:3] for message in api.sent] == ["Re:"]


async def test_a_progress_line_does_not_outlive_an_answer_that_nobody_gets(
    api: TelegramApi, outlet: TelegramOutlet
) -> None:
    group = Address("telegram", str(GROUP))
    await outlet.show_progress(group, "checking ...")
    api.fail("sendMessage", Failure(400, "Bad Request: not enough rights to send text messages to the chat"))
    assert isinstance(await outlet.send(group, say("66 %"), ()), Undeliverable)
    assert api.standing() == []


async def test_commands_are_registered_for_each_kind_of_chat_and_only_when_they_changed(api: TelegramApi) -> None:
    kept = KeptHash()
    for _ in range(2):
        async with running(api, House(), registered=kept) as polling:
            await until(lambda: polling.ready)
    assert {scope: [c["command"] for c in commands] for scope, commands in api.commands.items()} == {
        "all_private_chats": ["status", "miners", "link"],
        "all_group_chats": ["status", "miners"],
    }
    assert [method for method, _ in api.calls].count("setMyCommands") == 2


async def test_commands_that_were_not_registered_are_tried_at_the_next_start(api: TelegramApi) -> None:
    kept = KeptHash()
    api.fail("setMyCommands", Failure(500, "Internal Server Error"))
    for _ in range(2):
        async with running(api, House(), registered=kept) as polling:
            await until(lambda: polling.ready)
    assert "all_group_chats" in api.commands
    assert kept.value is not None


def test_a_name_that_telegram_does_not_take_is_left_out() -> None:
    run = COMMANDS[0].run
    assert command_list((Command("no-good", "x", run), Command("ok", "about " * 80, run))) == [
        ("ok", ("about " * 80)[:256])
    ]
