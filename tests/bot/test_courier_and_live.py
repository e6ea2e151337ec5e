from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.courier import MOST_TRIES, Courier, DueNotice
from bot.live import LiveBoard, LiveMessage
from bot.message import Address, Sender
from bot.ports import Sent, TryLater, Undeliverable
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


async def test_a_pause_that_the_platform_asks_for_is_kept() -> None:
    notices, wall = Notices([NOTICE]), Wall(results=[TryLater(7.0)])
    await courier(notices, wall).deliver_due()
    assert notices.failures == [(1, "asked to wait", 7.0)]


async def test_a_person_without_a_chat_is_tried_again_and_given_up_in_the_end() -> None:
    notices = Notices([replace(NOTICE, addresses=()), replace(NOTICE, addresses=(), tries=MOST_TRIES - 1)])
    await courier(notices, Wall()).deliver_due()
    assert [again for _, _, again in notices.failures] == [5.0, None]


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
        self.kept[message.address.key] = message

    async def remove(self, address: Address) -> None:
        self.kept.pop(address.key, None)

    async def all(self) -> Sequence[LiveMessage]:
        return list(self.kept.values())


ANN = Sender("wall", "7", "Ann")


async def test_a_live_message_shows_the_figures_of_now_and_one_a_chat() -> None:
    store, wall, level = Store(), Wall(), iter(range(50, 99))

    async def compose(message: LiveMessage) -> Reply:
        return say(f"SOC {next(level)} %")

    board = LiveBoard(store, {"wall": wall}, compose)
    await board.begin(HERE, ANN, "m1")
    await board.begin(HERE, ANN, "m2")
    await board.renew()
    await board.renew()
    assert wall.edits == [("m2", "SOC 50 %"), ("m2", "SOC 51 %")]


async def test_a_live_message_that_is_gone_or_not_allowed_any_more_ends() -> None:
    store, wall = Store(), Wall(edit_results=[Undeliverable("message to edit not found")])

    async def compose(message: LiveMessage) -> Reply | None:
        return None if message.address.chat_id == "8" else say("SOC 50 %")

    board = LiveBoard(store, {"wall": wall}, compose)
    await board.begin(HERE, ANN, "m1")
    await board.begin(Address("wall", "8"), Sender("wall", "8", "Bo"), "m1")
    await board.renew()
    assert (store.kept, wall.edits) == ({}, [])


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
