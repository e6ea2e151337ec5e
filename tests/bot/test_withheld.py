"""Replies that wait: for the platform, for the next start. What may be told is decided when it goes out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.message import message_to_json
from bot.ports import PartSent, SendResult, Sent, TryLater
from bot.reply import Reply
from tests.bot.house import House, Places, Wall, message


async def answered_but_not_sent(house: House, text: str, **where: object) -> None:
    """A run that is killed between the answer and the send."""
    wall = Wall(gate=asyncio.Event())
    chat = house.chat()
    await chat.handle(message(text, **where), wall)  # type: ignore[arg-type]
    async with asyncio.timeout(1):
        while house.inbox.states[-1] != "answered":
            await asyncio.sleep(0.005)
    await chat.close(drain_s=0)


async def next_run(house: House) -> Wall:
    wall, chat = Wall(), house.chat()
    await chat.resume(wall)
    await chat.idle()
    return wall


async def test_a_stop_does_not_wait_for_the_reply_before_it() -> None:
    house, wall = House(), Wall(results=[TryLater(30)])
    chat = house.chat()
    await chat.handle(message("/status"), wall)
    await chat.handle(message("/miners stop all"), wall)
    async with asyncio.timeout(1):
        while ("miners", "stop all", "wall:7") not in house.commands.ran:
            await asyncio.sleep(0.005)
    await chat.close(drain_s=0)


async def test_replies_of_one_conversation_keep_their_order() -> None:
    house, wall = House(), Wall(results=[TryLater(0.05)])
    chat = house.chat()
    for number in range(5):
        await chat.handle(message(f"/status {number}"), wall)
    await chat.idle()
    assert wall.texts == [f"status: {number}" for number in range(5)]


async def test_somebody_who_was_removed_meanwhile_hears_no_figures_of_a_command() -> None:
    house = House()
    await answered_but_not_sent(house, "/status")
    del house.people.known["7"]
    assert (await next_run(house)).said == []
    assert house.inbox.states == ["settled"]


async def test_a_group_that_was_closed_meanwhile_hears_nothing() -> None:
    house = House(places=Places({"-5"}))
    await answered_but_not_sent(house, "how is it?", chat="-5", direct=False)
    house.places.open.clear()
    assert (await next_run(house)).said == []


async def test_a_group_that_is_still_open_hears_it() -> None:
    house = House(places=Places({"-5"}))
    await answered_but_not_sent(house, "/status", chat="-5", direct=False)
    assert (await next_run(house)).texts == ["status: all"]


async def test_nor_does_somebody_who_is_removed_while_the_platform_asks_to_wait() -> None:
    house, wall = House(), Wall(results=[TryLater(0.2)])
    chat = house.chat()
    await chat.handle(message("/status"), wall)
    await asyncio.sleep(0.05)
    del house.people.known["7"]
    await chat.idle()
    assert wall.said == []


async def test_an_adapter_that_trips_over_a_reply_is_asked_again() -> None:
    class Tripping(Wall):
        trips = 1

        async def send(
            self,
            address: object,
            reply: Reply,
            pictures: object,
            *,
            from_part: int = 0,
            part_sent: PartSent | None = None,
        ) -> SendResult:
            if self.trips:
                self.trips -= 1
                raise RuntimeError("a fault of its own")
            self.said.append(("7", str(reply.blocks)))
            return Sent()

    house, wall = House(), Tripping()
    chat = house.chat()
    await chat.handle(message("/status"), wall)
    await asyncio.sleep(0.1)
    assert house.inbox.states == ["answered"]  # it waits for its next try
    await chat.close(drain_s=0)
    assert (await next_run(house)).texts == ["status: all"]


async def test_what_is_being_taken_on_is_not_taken_up_a_second_time() -> None:
    house, wall = House(), Wall()
    chat = house.chat()

    async def both(number: int) -> None:
        await chat.handle(message(f"how is it, {number}?", key=f"k-{number}"), wall)

    await asyncio.gather(*(both(n) for n in range(5)), *(chat.resume(wall) for _ in range(20)))
    await chat.idle()
    assert await chat.resume(wall) == 0
    assert len(wall.said) == 5


async def test_a_message_that_was_settled_while_the_list_was_read_is_left_alone() -> None:
    house, wall = House(), Wall()
    chat = house.chat()
    await chat.handle(message("/status", key="k-old"), wall)
    stale = await house.inbox.pending("wall")
    await chat.idle()

    async def as_it_was(platform: str) -> object:
        return stale

    house.inbox.pending = as_it_was  # type: ignore[assignment, method-assign]  # a list that was read before
    assert await chat.resume(wall) == 0
    assert wall.texts == ["status: all"]


async def test_a_stop_of_an_earlier_run_does_not_wait_behind_its_questions() -> None:
    gate = asyncio.Event()

    async def hold(question: str) -> None:
        await gate.wait()

    house, wall = House(), Wall()
    for number, text in enumerate(("how is it?", "/miners stop all")):
        waiting = message(text, key=f"k-{number}")
        await house.inbox.receive("wall", waiting.key, message_to_json(waiting))
    house.assistant.before = hold
    chat = house.chat()
    assert await chat.resume(wall) == 2
    async with asyncio.timeout(1):
        while ("miners", "stop all", "wall:7") not in house.commands.ran:
            await asyncio.sleep(0.005)
    gate.set()
    await chat.idle()


async def test_off_is_a_stop_as_well() -> None:
    house, wall = House(), Wall()
    chat = house.chat()
    ago = datetime.now(UTC) - timedelta(minutes=30)
    await chat.handle(replace(message("/miners off all"), sent_at=ago), wall)
    await chat.idle()
    assert house.commands.ran == [("miners", "off all", "wall:7")]
