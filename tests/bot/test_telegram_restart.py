"""Restarts, kills and repeated deliveries, over the wire: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import itertools
import time

from pydantic import SecretStr

from bot.message import Address
from bot.platforms.telegram.client import connect
from bot.platforms.telegram.send import TelegramOutlet
from bot.reply import say
from bot.standing import RefsInMemory
from tests.bot.house import House
from tests.bot.telegram_stage import KeptOffset, running, until
from tests.doubles.telegram_api import Failure, TelegramApi, lost_answer, too_many


async def test_a_restart_between_messages_loses_and_repeats_nothing(api: TelegramApi) -> None:
    house, offset = House(), KeptOffset()
    async with running(api, house, offset=offset):
        api.say("one")
        await api.wait_for(1)
    api.say("two")
    async with running(api, house, offset=offset):
        api.say("three")
        await api.wait_for(3)
        await until(lambda: api.unconfirmed == 0)
    assert [text.split("\n")[0] for text in api.texts()] == ["Re: one", "Re: two", "Re: three"]


async def test_a_restart_without_a_kept_offset_repeats_nothing_either(api: TelegramApi) -> None:
    house = House()
    async with running(api, house, kill=True):
        first = api.say("one")
        await api.wait_for(1)
    async with running(api, house):
        api.say("two")
        await api.wait_for(2)
    assert [text.split("\n")[0] for text in api.texts()] == ["Re: one", "Re: two"]
    assert api.given[first] >= 1


async def test_a_kill_while_answering_answers_after_the_restart(api: TelegramApi) -> None:
    house = House()
    stuck = asyncio.Event()

    async def before(question: str) -> None:
        await stuck.wait()

    house.assistant.before = before
    async with running(api, house, kill=True):
        api.say("one")
        await until(lambda: house.assistant.asked)
    assert api.sent == []
    stuck.set()
    async with running(api, house):
        await api.wait_for(1)
        await until(lambda: house.inbox.states == ["settled"])
    assert len(api.sent) == 1


async def test_a_kill_between_answer_and_send_sends_after_the_restart_without_asking_again(api: TelegramApi) -> None:
    house = House()
    api.fail("sendMessage", *[too_many(30)] * 1)
    async with running(api, house, kill=True):
        api.say("one")
        await until(lambda: any(method == "sendMessage" for method, _ in api.calls))
    assert (house.inbox.states, api.sent) == (["answered"], [])
    async with running(api, house):
        await api.wait_for(1)
    assert house.assistant.asked == ["one"]
    assert len(api.sent) == 1


async def test_a_kill_between_text_and_photo_sends_only_the_photo_after_the_restart(api: TelegramApi) -> None:
    house = House()
    house.assistant.text = "long " * 400
    api.fail("sendPhoto", too_many(30))
    async with running(api, house, kill=True):
        api.say("chart please")
        await until(lambda: any(method == "sendPhoto" for method, _ in api.calls))
    async with running(api, house):
        await api.wait_for(2)
    assert [message.method for message in api.sent] == ["sendMessage", "sendPhoto"]


async def leave_a_line(api: TelegramApi, refs: RefsInMemory, place: Address) -> None:
    """A run that is killed while it works on an answer."""
    bot = connect(SecretStr(api.token), api.url, reply_timeout_s=1.0)
    await bot.initialize()
    await TelegramOutlet(bot, progress_refs=refs).show_progress(place, "checking the battery ...")
    await bot.shutdown()


async def test_a_progress_line_does_not_outlive_a_kill(api: TelegramApi) -> None:
    refs = RefsInMemory()
    await leave_a_line(api, refs, Address("telegram", "-100200", "44"))
    assert [shown.text for shown in api.standing()] == ["checking the battery ..."]
    async with running(api, House(), progress_refs=refs) as polling:
        await until(lambda: polling.ready)
        assert api.standing() == []
    assert refs.lines == []


async def test_a_progress_line_that_cannot_be_deleted_says_that_it_was_interrupted(api: TelegramApi) -> None:
    refs = RefsInMemory()
    await leave_a_line(api, refs, Address("telegram", "-100200"))
    api.fail("deleteMessage", Failure(400, "Bad Request: message can't be deleted"))
    async with running(api, House(), progress_refs=refs) as polling:
        await until(lambda: polling.ready)
    assert [shown.text for shown in api.standing()] == ["(interrupted)"]
    assert refs.lines == []


async def test_a_progress_line_that_stays_at_the_start_goes_with_the_next_reply_there(api: TelegramApi) -> None:
    refs, group = RefsInMemory(), Address("telegram", "-100200")
    await leave_a_line(api, refs, group)
    api.fail("deleteMessage", Failure(502, "Bad Gateway"))
    async with running(api, House(), progress_refs=refs) as polling:
        await until(lambda: polling.ready)
        assert len(api.standing()) == 1
        await polling.outlet.send(Address("telegram", "7"), say("elsewhere"), ())
        assert len(refs.lines) == 1
        await polling.outlet.send(group, say("66 %"), ())
        assert [shown.text for shown in api.standing()] == ["elsewhere", "66 %"]
    assert refs.lines == []


async def test_a_stop_in_the_middle_takes_the_progress_line_away(api: TelegramApi) -> None:
    house, refs = House(), RefsInMemory()
    house.places.open.add("-100200")
    never = asyncio.Event()

    async def before(question: str) -> None:
        await never.wait()

    house.assistant.before = before
    async with running(api, house, kill=True, progress_refs=refs) as polling:
        api.say("@commandcenter_bot how is it?", chat_id=-100200, chat_type="supergroup")
        await until(lambda: house.assistant.asked)
        await polling.outlet.show_progress(Address("telegram", "-100200"), "checking the battery ...")
        assert len(refs.lines) == len(api.standing()) == 1
    assert api.standing() == refs.lines == []


async def test_a_batch_whose_answer_got_lost_is_asked_for_again(api: TelegramApi) -> None:
    house = House()
    api.say("one")
    api.fail("getUpdates", lost_answer(), Failure(502, "Bad Gateway"))
    async with running(api, house):
        await api.wait_for(1)
        await until(lambda: api.unconfirmed == 0)
    assert len(api.sent) == 1


async def test_an_update_delivered_twice_is_answered_once(api: TelegramApi) -> None:
    house = House()
    api.say("one")
    again = dict(api._updates[0])
    api.push({"message": again["message"]}, update_id=again["update_id"])
    api.say("two")
    async with running(api, house):
        await api.wait_for(2)
        await until(lambda: api.unconfirmed == 0)
    assert house.assistant.asked == ["one", "two"]


async def test_thirty_conversations_at_once_lose_and_double_nothing(api: TelegramApi) -> None:
    house = House()
    people = range(100, 130)
    house.people.known = {str(person): f"Person {person}" for person in people}

    async def before(question: str) -> None:
        await asyncio.sleep(0.002)

    house.assistant.before = before
    started = time.perf_counter()
    async with running(api, house):
        for number, person in itertools.product(range(5), people):
            api.say(f"question {number} of {person}", user_id=person)
        await api.wait_for(150, timeout_s=20)
        await until(lambda: api.unconfirmed == 0)
    assert len(api.sent) == 150
    for person in people:
        assert [text.split("\n")[0] for text in api.texts(person)] == [
            f"Re: question {number} of {person}" for number in range(5)
        ]
    print(f"150 answers in {time.perf_counter() - started:.2f} s")


async def test_a_full_disk_keeps_the_message_with_telegram_until_there_is_room(api: TelegramApi) -> None:
    house = House()
    house.inbox.failures = 3
    async with running(api, house):
        api.say("one")
        await api.wait_for(1)
    assert len(api.sent) == 1
