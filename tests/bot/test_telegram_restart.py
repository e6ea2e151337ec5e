"""Restarts, kills and repeated deliveries, over the wire: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import itertools
import time

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
