from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.courier import MOST_TRIES, Courier, DueNotice
from bot.live import LiveBoard, LiveMessage
from bot.message import Address, Sender
from bot.ports import SendResult, Sent, TryLater, Undeliverable
from bot.reply import Reply, say
from tests.bot.house import Places, Wall


@dataclass
class Notices:
    waiting: list[DueNotice] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    failures: list[tuple[int, str, float | None]] = field(default_factory=list)

    async def due(self) -> Sequence[DueNotice]:
        waiting, self.waiting = self.waiting, []
        return waiting

    async def sent(self, notice_id: int) -> None:
        self.arrived.append(notice_id)

    async def failed(self, notice_id: int, reason: str, *, again_in_s: float | None) -> None:
        self.failures.append((notice_id, reason, again_in_s))


async def soon(seconds: float) -> None:
    await asyncio.sleep(0.001)


HERE = Address("wall", "7")
NOTICE = DueNotice(1, "info", "s19-1 is on.", (HERE,), 0)


def courier(notices: Notices, wall: Wall, places: Places | None = None) -> Courier:
    return Courier(notices, places or Places(), {"wall": wall, "other": replace(wall, platform="other")}, soon)


async def test_a_notice_arrives_once() -> None:
    notices, wall = Notices([NOTICE]), Wall()
    assert await courier(notices, wall).deliver_due() == 1
    assert (wall.texts, notices.arrived) == (["s19-1 is on."], [1])


async def test_what_is_critical_says_so_first() -> None:
    notices, wall = Notices([replace(NOTICE, level="critical")]), Wall()
    await courier(notices, wall).deliver_due()
    assert wall.texts == ["Critical: s19-1 is on."]


async def test_the_next_way_is_taken_where_one_is_closed_and_the_closed_one_is_remembered() -> None:
    places, wall = Places(), Wall(results=[Undeliverable("closed", dead=True)])
    notices = Notices([replace(NOTICE, addresses=(HERE, Address("wall", "8")))])
    assert await courier(notices, wall, places).deliver_due() == 1
    assert ([chat for chat, _ in wall.said], places.gone) == (["8"], [("7", "closed")])


async def test_the_next_way_is_taken_where_one_asks_for_a_pause() -> None:
    wall = Wall(results=[TryLater(60.0)])  # as for a platform whose token is wrong
    notices = Notices([replace(NOTICE, level="critical", addresses=(HERE, Address("wall", "8")))])
    assert await courier(notices, wall).deliver_due() == 1
    assert ([chat for chat, _ in wall.said], notices.arrived, notices.failures) == (["8"], [1], [])


async def test_the_next_way_is_taken_where_an_adapter_fails() -> None:
    class Broken(Wall):
        async def send(self, address: Address, *args: Any, **more: Any) -> SendResult:
            if address == HERE:
                raise ValueError("a bug")
            return await super().send(address, *args, **more)

    wall, notices = Broken(), Notices([replace(NOTICE, addresses=(HERE, Address("wall", "8")))])
    assert await courier(notices, wall).deliver_due() == 1
    assert [chat for chat, _ in wall.said] == ["8"]


async def test_where_all_ask_for_a_pause_the_shortest_is_kept_and_counted_as_a_try() -> None:
    ways = (HERE, Address("wall", "8"))
    wall = Wall(results=[TryLater(90.0), TryLater(7.0), TryLater(90.0), TryLater(7.0), TryLater(7.0), TryLater(7.0)])
    notices = Notices([replace(NOTICE, addresses=ways)])
    notices.waiting.append(replace(NOTICE, addresses=ways, tries=4))
    notices.waiting.append(replace(NOTICE, addresses=ways, tries=MOST_TRIES - 1))
    for notice in notices.waiting[:]:
        notices.waiting = [notice]
        await courier(notices, wall).deliver_due()
    (_, reason, soon_again), (_, _, later), (_, _, never) = notices.failures
    assert reason == "wall asks for a pause; wall asks for a pause"
    assert soon_again is not None
    assert 7.0 <= soon_again <= 7.0 * 1.25
    assert later is not None
    assert 80.0 <= later <= 80.0 * 1.25  # it grows, whatever they ask for
    assert never is None


async def test_a_person_without_a_chat_is_tried_again_and_given_up_in_the_end() -> None:
    notices = Notices([replace(NOTICE, addresses=()), replace(NOTICE, addresses=(), tries=MOST_TRIES - 1)])
    await courier(notices, Wall()).deliver_due()
    (_, reason, again), (_, _, never) = notices.failures
    assert reason == "no chat of this person is known"
    assert again is not None
    assert 5.0 <= again <= 6.25
    assert never is None


async def test_a_courier_that_stumbles_goes_on() -> None:
    class Broken(Notices):
        async def due(self) -> Sequence[DueNotice]:
            if not self.failures:
                self.failures.append((0, "locked", None))
                raise OSError("database is locked")
            return await super().due()

    notices, wall = Broken([NOTICE]), Wall()
    task = asyncio.create_task(courier(notices, wall).run())
    async with asyncio.timeout(1):
        while not notices.arrived:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
