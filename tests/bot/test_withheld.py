"""Replies that wait: for the platform, for the next start. What may be told is decided when it goes out."""

from __future__ import annotations

import asyncio

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
