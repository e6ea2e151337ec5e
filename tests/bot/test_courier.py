from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from typing import Any

from bot.courier import MOST_TRIES, Courier
from bot.message import Address
from bot.outgoing import Entry, Posting, Stale
from bot.ports import PartSent, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply
from tests.bot.house import Wall
from tests.bot.post_office import ENTRY, HERE, QUICK, THERE, PostOffice, courier, delivered
from tests.bot.stages.base import until


@contextlib.asynccontextmanager
async def at_work(it: Courier) -> AsyncIterator[None]:
    task = asyncio.create_task(it.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_message_arrives_once_and_where_it_stands_is_known() -> None:
    office, wall = PostOffice([ENTRY]), Wall()
    await delivered(courier(office, wall))
    await delivered(courier(office, wall))
    assert (wall.texts, office.arrived) == (["s19-1 is on."], [(1, Posting(HERE, "m1", 1))])


async def test_the_next_way_is_taken_where_one_is_closed_and_the_closed_one_is_remembered() -> None:
    wall, other = Wall(results=[Undeliverable("blocked", dead=True)]), Wall("other")
    office = PostOffice([replace(ENTRY, ways=(HERE, THERE))])
    await delivered(courier(office, wall, other))
    assert (wall.said, other.texts, office.dead_ways) == ([], ["s19-1 is on."], [("7", "blocked")])


async def test_what_is_critical_takes_the_next_way_at_once_where_one_asks_for_a_pause() -> None:
    wall, other = Wall(results=[TryLater(60.0)]), Wall("other")
    office = PostOffice([replace(ENTRY, level="critical", ways=(HERE, THERE))])
    await delivered(courier(office, wall, other))
    assert (wall.said, other.texts, office.failures) == ([], ["s19-1 is on."], [])


async def test_what_is_critical_and_got_no_answer_goes_by_the_next_way_too() -> None:
    wall, other = Wall(results=[Sent(confirmed=False)]), Wall("other")
    office = PostOffice([replace(ENTRY, level="critical", ways=(HERE, THERE))])
    await delivered(courier(office, wall, other))
    assert (other.texts, [number for number, _ in office.arrived], office.failures) == (["s19-1 is on."], [1], [])


async def test_what_is_critical_and_got_no_answer_on_its_only_way_goes_there_once_more() -> None:
    wall = Wall(results=[Sent(confirmed=False), Sent(confirmed=False)])
    critical = replace(ENTRY, level="critical")
    office = PostOffice([critical])
    it = courier(office, wall)
    await delivered(it)
    ((_, _, again_s),) = office.failures
    assert (office.arrived, again_s is not None and again_s < 10.0) == ([], True)
    office.due_at.clear()  # its pause is over
    await delivered(it)
    assert ([number for number, _ in office.arrived], len(office.failures)) == ([1], 1)


async def test_what_is_not_critical_and_got_no_answer_is_not_sent_again() -> None:
    wall, other = Wall(results=[Sent(confirmed=False)]), Wall("other")
    office = PostOffice([replace(ENTRY, level="warning", ways=(HERE, THERE))])
    await delivered(courier(office, wall, other))
    assert (other.said, [number for number, _ in office.arrived]) == ([], [1])


async def test_what_is_not_critical_waits_for_its_first_way() -> None:
    wall, other = Wall(results=[TryLater(60.0)]), Wall("other")
    office = PostOffice([replace(ENTRY, level="warning", ways=(HERE, THERE))])
    await delivered(courier(office, wall, other))
    ((_, reason, again_s),) = office.failures
    assert (other.said, reason) == ([], "wall asks for a pause")
    assert again_s is not None
    assert 59.0 <= again_s <= 75.0


async def test_a_storm_of_pauses_is_not_answered_with_more_tries() -> None:
    wall, other = Wall(results=[TryLater(60.0)] * 9), Wall("other")
    info = [replace(ENTRY, outbox_id=n, ways=(HERE, THERE)) for n in range(2, 42)]
    office = PostOffice(info)
    it = courier(office, wall, other)
    await it.take_up()
    await it.idle()
    office.waiting.append(replace(ENTRY, outbox_id=1, level="critical", ways=(HERE, THERE)))
    await delivered(it)
    assert (len(office.failures), len(office.handed_back)) == (1, 39)
    assert (wall.said, [number for number, _ in office.arrived]) == ([], [1])
    assert len(other.said) == 1
    assert all(59.0 <= in_s <= 61.0 for _, in_s in office.handed_back)


async def test_after_a_few_failures_the_next_way_is_taken_by_everything() -> None:
    wall, other = Wall(results=[TryLater(60.0)]), Wall("other")
    office = PostOffice([replace(ENTRY, ways=(HERE, THERE), tries=3)])
    await delivered(courier(office, wall, other))
    assert other.texts == ["s19-1 is on."]


async def test_the_next_way_is_taken_where_an_adapter_fails() -> None:
    class Broken(Wall):
        async def send(self, address: Address, *args: Any, **more: Any) -> SendResult:
            raise ValueError("a bug")

    other, office = Wall("other"), PostOffice([replace(ENTRY, ways=(HERE, THERE))])
    await delivered(courier(office, Broken(), other))
    assert other.texts == ["s19-1 is on."]


async def test_failures_are_tried_again_ever_later_and_given_up_in_the_end() -> None:
    office = PostOffice()
    for tries in (0, 4, 30, MOST_TRIES - 1):
        office.waiting = [replace(ENTRY, outbox_id=tries, tries=tries)]
        await delivered(courier(office, Wall(results=[Undeliverable("refused")])))
    pauses = [again_s for _, _, again_s in office.failures]
    assert pauses[3] is None
    for pause_s, usual_s in zip(pauses[:3], (5.0, 80.0, 600.0), strict=True):
        assert pause_s is not None
        assert usual_s <= pause_s <= usual_s * 1.25


async def test_a_person_without_a_chat_is_tried_again() -> None:
    office = PostOffice([replace(ENTRY, ways=())])
    await delivered(courier(office))
    ((_, reason, again_s),) = office.failures
    assert reason == "no chat of this person is known"
    assert again_s is not None


async def test_a_courier_that_stumbles_goes_on_and_shows_that_it_lives() -> None:
    class Broken(PostOffice):
        async def due(self, limit: int, in_hand: Collection[int]) -> Sequence[Entry]:
            if not self.failures:
                self.failures.append((0, "locked", None))
                raise OSError("database is locked")
            return await super().due(limit, in_hand)

    office = Broken([ENTRY])
    async with at_work(courier(office)):
        await until(lambda: office.arrived)
    assert office.beats == 1


async def test_what_arrived_while_the_database_took_nothing_is_not_said_again() -> None:
    office, wall = PostOffice([ENTRY], lease_s=0.0, broken=5), Wall()
    async with at_work(courier(office, wall)):
        await until(lambda: office.arrived, timeout_s=20)
    assert (wall.texts, len(office.arrived)) == (["s19-1 is on."], 1)


async def test_a_claim_that_runs_out_while_it_is_being_sent_is_not_sent_twice() -> None:
    gate = asyncio.Event()
    office, wall = PostOffice([ENTRY], lease_s=0.0), Wall(gate=gate)
    async with at_work(courier(office, wall)):
        await asyncio.sleep(0.05)
        gate.set()
        await until(lambda: office.arrived)
    assert wall.texts == ["s19-1 is on."]
    assert (1,) in office.were_in_hand  # its claim is renewed by nobody: the store is told to leave it alone


async def test_edits_that_cannot_be_looked_up_hold_up_no_message_and_no_sign_of_life() -> None:
    class Broken(PostOffice):
        async def stale(self) -> Sequence[Stale]:
            raise ValueError("an episode that nobody can read")

    office = Broken([ENTRY])
    async with at_work(courier(office)):
        await until(lambda: office.arrived and office.beats)


async def test_at_the_end_what_is_on_its_way_arrives_and_what_waits_for_its_turn_comes_again() -> None:
    gate = asyncio.Event()
    office, wall = PostOffice([ENTRY, replace(ENTRY, outbox_id=2)]), Wall(gate=gate)
    task = asyncio.create_task(courier(office, wall, paces={"wall": QUICK}).run())
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(task, return_exceptions=True)
    assert ([number for number, _ in office.arrived], len(wall.texts)) == ([1], 1)


async def test_what_is_critical_overtakes_what_waits_for_the_chats_turn() -> None:
    wall = Wall()
    office = PostOffice([replace(ENTRY, outbox_id=n, content=f"info {n}") for n in range(8)])
    it = courier(office, wall, paces={"wall": QUICK})
    await it.take_up()
    await until(lambda: wall.said)
    office.waiting.append(replace(ENTRY, outbox_id=99, level="critical", content="critical"))
    await delivered(it)
    assert "critical" in wall.texts[1:3]
    assert len(wall.texts) == 9


async def test_a_full_chat_holds_up_no_other() -> None:
    wall = Wall()
    slow = [replace(ENTRY, outbox_id=n, content="slow") for n in range(300)]
    office = PostOffice([*slow, replace(ENTRY, outbox_id=999, ways=(Address("wall", "8"),), content="other")])
    began = asyncio.get_running_loop().time()
    async with at_work(courier(office, wall, paces={"wall": QUICK}, hold_s=0.3)):
        await until(lambda: "other" in wall.texts)
    assert asyncio.get_running_loop().time() - began < 1.0
    assert wall.texts.count("slow") < 20


async def test_what_is_critical_is_taken_up_while_all_hands_are_full() -> None:
    wall = Wall()
    office = PostOffice([replace(ENTRY, outbox_id=n, ways=(Address("wall", str(n)),)) for n in range(400)])
    async with at_work(courier(office, wall, paces={"wall": QUICK})):
        await until(lambda: len(wall.said) > 20)
        office.waiting.append(replace(ENTRY, outbox_id=999, level="critical", content="critical"))
        told = len(wall.said)
        await until(lambda: "critical" in wall.texts)
    assert wall.texts.index("critical") - told <= 15
    assert office.handed_back


async def test_a_hundred_messages_drain_at_the_permitted_rate_critical_ones_first() -> None:
    wall = Wall()
    entries = [
        replace(ENTRY, outbox_id=n, ways=(Address("wall", str(n % 20)),), level="critical" if n >= 90 else "info")
        for n in range(100)
    ]
    office, loop = PostOffice(entries), asyncio.get_running_loop()
    began = loop.time()
    async with at_work(courier(office, wall, paces={"wall": QUICK})):
        await until(lambda: len(office.arrived) == 100)
    took_s = loop.time() - began
    assert 0.9 <= took_s <= 2.5, took_s  # 5 in 0.05 s: 19 pauses of 0.05 s at least
    numbers = [number for number, _ in office.arrived]
    assert sorted(numbers) == list(range(100))
    assert set(numbers[:20]) >= set(range(90, 100))


class Parts(Wall):
    """A message of two parts of which the second has to wait once."""

    sent: list[int]

    def __init__(self, *results: SendResult) -> None:
        super().__init__(results=list(results))
        self.sent = []

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        if from_part == 0:
            self.sent.append(0)
            assert part_sent is not None
            await part_sent(1)
        result = self.results.pop(0) if self.results else Sent()
        if isinstance(result, TryLater):
            return replace(result, next_part=1, ref="m1")
        self.sent.append(1)
        return result


async def test_a_message_that_went_in_part_goes_on_where_it_stopped() -> None:
    wall, other = Parts(TryLater(0.0)), Wall("other")
    office = PostOffice([replace(ENTRY, level="critical", ways=(HERE, THERE))])
    it = courier(office, wall, other)
    await delivered(it)
    office.due_at.clear()
    await delivered(it)
    assert (wall.sent, other.said) == ([0, 1], [])
    assert office.arrived == [(1, Posting(HERE, "m1", 1))]


async def test_a_picture_that_is_refused_does_not_repeat_its_text() -> None:
    wall, other = Parts(Undeliverable("too large")), Wall("other")
    office = PostOffice([replace(ENTRY, ways=(HERE, THERE))])
    await delivered(courier(office, wall, other))
    assert (wall.sent, other.said, len(office.arrived)) == ([0, 1], [], 1)


async def test_without_buttons_the_text_says_what_to_type_and_is_never_changed() -> None:
    wall = Wall(has_buttons=False)
    office = PostOffice([ENTRY], [Stale(5, HERE, "m1", 2, "Over.")])
    await delivered(courier(office, wall))
    assert wall.texts == ["s19-1 is on. Reply in chat: /ack 1"]
    assert (office.arrived, office.given_up, wall.edits) == ([(1, Posting(HERE, None, 1))], [5], [])


async def test_a_message_whose_alert_changed_is_changed_in_its_place() -> None:
    wall = Wall(edit_results=[Sent(), Undeliverable("too old"), TryLater(60.0)])
    office = PostOffice(outdated=[Stale(n, HERE, f"m{n}", 3, "Over.") for n in range(4)])
    await delivered(courier(office, wall))
    assert (office.changed, office.given_up) == ([(0, 3)], [1])
    assert sorted(number for number, _ in office.put_off) == [2, 3]
    assert all(59.0 <= in_s <= 61.0 for _, in_s in office.put_off)
    assert wall.said == []
