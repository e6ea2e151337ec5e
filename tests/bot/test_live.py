from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.live import LiveBoard, LiveMessage
from bot.message import Address, Sender
from bot.ports import Sent, TryLater, Undeliverable
from bot.reply import Reply, say
from tests.bot.house import Wall

HERE = Address("wall", "7")


@dataclass
class Store:
    kept: dict[str, LiveMessage] = field(default_factory=dict)

    async def put(self, message: LiveMessage) -> None:
        self.kept[message.address.chat_id] = message

    async def remove(self, address: Address) -> None:
        self.kept.pop(address.chat_id, None)

    async def all(self) -> Sequence[LiveMessage]:
        return list(self.kept.values())


ANN = Sender("wall", "7", "Ann")


OVER = "This live message has ended. /live starts a new one."


async def figures(message: LiveMessage) -> Reply:
    return say("SOC 50 %")


async def test_a_live_message_shows_the_figures_of_now() -> None:
    store, wall, level = Store(), Wall(), iter(range(50, 99))

    async def compose(message: LiveMessage) -> Reply:
        return say(f"SOC {next(level)} %")

    board = LiveBoard(store, {"wall": wall}, compose)
    await board.begin(HERE, ANN, "m1")
    await board.renew()
    await board.renew()
    assert wall.edits == [("m1", "SOC 50 %"), ("m1", "SOC 51 %")]


async def test_a_second_live_message_in_a_chat_ends_the_first() -> None:
    store, wall = Store(), Wall()
    board = LiveBoard(store, {"wall": wall}, figures)
    await board.begin(HERE, ANN, "m1")
    await board.begin(Address("wall", "7", thread="5"), ANN, "m2")
    assert (wall.edits, wall.unpinned) == ([("m1", OVER)], ["m1"])
    await board.renew()
    assert wall.edits[1:] == [("m2", "SOC 50 %")]


async def test_a_live_message_that_is_ended_says_so_and_is_pinned_no_more() -> None:
    store, wall = Store(), Wall()
    board = LiveBoard(store, {"wall": wall}, figures)
    await board.end(HERE)
    await board.begin(HERE, ANN, "m1")
    await board.end(HERE)
    await board.renew()
    assert (store.kept, wall.edits, wall.unpinned) == ({}, [("m1", OVER)], ["m1"])


async def test_a_live_message_that_is_gone_ends() -> None:
    store, wall = Store(), Wall(edit_results=[Undeliverable("message to edit not found")])
    board = LiveBoard(store, {"wall": wall}, figures)
    await board.begin(HERE, ANN, "m1")
    await board.renew()
    assert store.kept == {}


async def test_where_it_is_not_allowed_any_more_the_message_loses_its_figures_and_its_pin() -> None:
    store, wall = Store(), Wall()

    async def compose(message: LiveMessage) -> Reply | None:
        return None

    board = LiveBoard(store, {"wall": wall}, compose)
    await board.begin(HERE, ANN, "m1")
    await board.renew()
    assert (store.kept, wall.edits, wall.unpinned) == ({}, [("m1", OVER)], ["m1"])


async def test_a_message_whose_end_must_wait_says_it_with_the_next_round() -> None:
    store, wall = Store(), Wall(edit_results=[TryLater(60.0), Undeliverable("too old", stands=True)])
    board = LiveBoard(store, {"wall": wall}, figures)
    await board.begin(HERE, ANN, "m1")
    await board.end(HERE)
    await board.renew()
    assert wall.edits == []
    await board.renew()
    await board.renew()
    assert (wall.edits, wall.unpinned) == ([("m1", OVER)], ["m1"])


async def test_a_live_message_that_is_too_old_to_be_changed_goes_on_in_a_new_one() -> None:
    store, wall = Store(), Wall(edit_results=[Undeliverable("too old", stands=True)])
    board = LiveBoard(store, {"wall": wall}, figures)
    await board.begin(HERE, ANN, "m-old")
    await board.renew()
    assert [message.ref for message in store.kept.values()] == ["m1"]
    assert (wall.texts, wall.pinned, wall.unpinned) == (["SOC 50 %"], ["m1"], ["m-old"])
    assert wall.edits == [("m-old", OVER)]
    await board.renew()
    assert wall.edits[1:] == [("m1", "SOC 50 %")]


async def test_a_new_message_that_nobody_confirms_is_not_sent_again_each_minute() -> None:
    store, wall = Store(), Wall(results=[Sent(confirmed=False)])
    wall.edit_results = [Undeliverable("too old", stands=True)]
    board = LiveBoard(store, {"wall": wall}, figures)
    await board.begin(HERE, ANN, "m-old")
    await board.renew()
    await board.renew()
    assert (store.kept, wall.texts, wall.unpinned) == ({}, [], ["m-old"])
    assert wall.edits == [("m-old", OVER)]


async def test_a_message_that_was_ended_before_its_turn_gets_no_figures_again() -> None:
    store, wall, begun, go_on = Store(), Wall(), asyncio.Event(), asyncio.Event()

    async def compose(message: LiveMessage) -> Reply:
        begun.set()
        await go_on.wait()
        return say("SOC 50 %")

    board = LiveBoard(store, {"wall": wall}, compose)
    await board.begin(HERE, ANN, "m1")
    await board.begin(Address("wall", "8"), ANN, "m2")
    renewing = asyncio.create_task(board.renew())  # has listed both, and is busy with the first
    await begun.wait()
    await board.end(Address("wall", "8"))
    go_on.set()
    await renewing
    assert wall.edits == [("m2", OVER), ("m1", "SOC 50 %")]


async def test_a_message_that_ends_while_its_figures_are_put_together_gets_none() -> None:
    store, wall, begun, go_on = Store(), Wall(), asyncio.Event(), asyncio.Event()

    async def compose(message: LiveMessage) -> Reply:
        begun.set()
        await go_on.wait()
        return say("SOC 50 %")

    board = LiveBoard(store, {"wall": wall}, compose)
    await board.begin(HERE, ANN, "m1")
    renewing = asyncio.create_task(board.renew())
    await begun.wait()
    ending = asyncio.create_task(board.end(HERE))
    await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.gather(renewing, ending)
    assert wall.edits[-1] == ("m1", OVER)


async def test_a_live_message_waits_where_the_platform_asks_for_it_and_others_go_on() -> None:
    store, wall = Store(), Wall(edit_results=[TryLater(3), Sent()])

    async def compose(message: LiveMessage) -> Reply:
        if message.address.chat_id == "8":
            raise OSError("database is locked")
        return say("SOC 50 %")

    board = LiveBoard(store, {"wall": wall}, compose)
    for chat in ("7", "8", "9"):
        await board.begin(Address("wall", chat), ANN, "m1")
    await board.renew()
    assert len(store.kept) == 3
