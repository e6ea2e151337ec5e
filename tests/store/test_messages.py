import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from energy.alerts.episode import State
from store import messages, outbox
from store.alert_tables import alert_message_episodes, alert_messages, postings
from store.alerts import Change
from store.database import Database
from store.messages import AlertMessage, Posting
from store.outbox import NewEntry, Place
from tests.store.alert_stage import MINUTE, NOON, ORG, SITE, apply, fired

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
SLACK = Place("slack", "D1", None, "171.5", 1)
SMS = Place("sms", "+1555", None, None, 1)


async def made(database: Database, *episode_ids: int, group: str = "battery") -> AlertMessage:
    async with database.begin() as connection:
        return await messages.create_in(
            connection, ORG, SITE, group_name=group, level="critical", episode_ids=episode_ids, now=NOON
        )


async def touch(database: Database, *episode_ids: int) -> list[int]:
    async with database.begin() as connection:
        return await messages.touch_in(connection, ORG, episode_ids)


async def told(database: Database, message: AlertMessage, *places: Place) -> int:
    """The entry of a message that arrived at these places."""
    entry = NewEntry(site_id=SITE, level="critical", kind="alert", person_id="p1", message_id=message.message_id)
    await outbox.add(database, ORG, entry, now=NOON)
    (found,) = await outbox.claim_due(database, ORG, NOON)
    assert await outbox.sent(database, ORG, found.outbox_id, now=NOON, at=places)
    return found.outbox_id


async def stale(database: Database, now: object = NOON, **options: object) -> list[Posting]:
    return await messages.claim_stale(database, ORG, now, **options)  # type: ignore[arg-type]  # as the tests give them


async def test_a_message_tells_of_its_episodes_and_later_ones_join_it(database: Database) -> None:
    message = await made(database, 2, 1, 2)
    assert message.episode_ids == (1, 2)
    assert await messages.get(database, ORG, message.message_id) == message
    async with database.begin() as connection:
        assert await messages.join_in(connection, ORG, message.message_id, [2, 3]) == 2
        found = await messages.open_of_group_in(connection, ORG, SITE, "battery", NOON)
        assert found == replace(message, episode_ids=(1, 2, 3), version=2)
        for group, since in (("grid", NOON), ("battery", NOON + SECOND)):
            assert await messages.open_of_group_in(connection, ORG, SITE, group, since) is None
        with pytest.raises(LookupError):
            await messages.join_in(connection, ORG, 99, [1])
    assert await messages.get(database, "other", message.message_id) is None


async def test_a_changed_episode_touches_every_message_that_tells_of_it_and_no_other(database: Database) -> None:
    first, again, other = await made(database, 1, 2), await made(database, 1), await made(database, 3)
    assert await touch(database, 1) == [first.message_id, again.message_id]
    assert await touch(database, 77) == []
    assert await touch(database) == []
    versions = [await messages.get(database, ORG, each.message_id) for each in (first, again, other)]
    assert [each and each.version for each in versions] == [2, 2, 1]


async def test_where_a_message_stands_is_noted_when_it_was_sent_and_changed_when_it_goes_on(database: Database) -> None:
    message = await made(database, 1)
    outbox_id = await told(database, message, SLACK, SMS)
    assert await stale(database) == []
    await touch(database, 1)
    (posting,) = await stale(database)  # what has no name at its place cannot be changed there
    assert posting == Posting(
        posting_id=posting.posting_id,
        outbox_id=outbox_id,
        message_id=message.message_id,
        person_id="p1",
        platform="slack",
        chat_id="D1",
        thread=None,
        ref="171.5",
        shown_version=1,
        changeable=True,
        version=2,
    )
    assert await stale(database, NOON + 59 * SECOND) == []
    assert len(await stale(database, NOON + MINUTE)) == 1  # its courier died
    assert await messages.shown(database, ORG, posting.posting_id, 2)
    assert await stale(database, NOON + HOUR) == []
    assert [(each.platform, each.shown_version) for each in await messages.posted(database, ORG, 1)] == [
        ("slack", 2),
        ("sms", 1),
    ]


async def test_a_place_is_noted_once_however_many_say_that_it_arrived_there(database: Database, url: str) -> None:
    others = [await Database.open(url) for _ in range(6)]
    message = await made(database, 1)
    entry = NewEntry(site_id=SITE, level="critical", kind="alert", message_id=message.message_id)
    await outbox.add(database, ORG, entry, now=NOON)
    (found,) = await outbox.claim_due(database, ORG, NOON)
    settled = await asyncio.gather(
        *(outbox.sent(each, ORG, found.outbox_id, now=NOON, at=[SLACK, SMS]) for each in others)
    )
    assert sum(settled) == 1
    assert not await outbox.sent(database, ORG, found.outbox_id, now=NOON, at=[replace(SLACK, ref="172.0")])
    assert [each.ref for each in await messages.posted(database, ORG, message.message_id)] == ["171.5", None, "172.0"]
    for each in others:
        await each.close()


async def test_what_changed_while_a_message_was_under_way_is_changed_at_once(database: Database) -> None:
    message = await made(database, 1)
    await touch(database, 1)
    await told(database, message, SLACK)
    (posting,) = await stale(database)
    assert (posting.shown_version, posting.version) == (1, 2)
    await touch(database, 1)  # and again while it is being changed
    assert await messages.shown(database, ORG, posting.posting_id, 2)
    (posting,) = await stale(database)
    assert (posting.shown_version, posting.version) == (2, 3)
    assert not await messages.shown(database, ORG, posting.posting_id, 1)  # a slow courier does not turn it back
    assert await messages.shown(database, ORG, posting.posting_id, 3)
    assert not await messages.shown(database, ORG, 99, 3)


async def test_of_a_touch_and_an_arrival_at_the_same_time_none_is_missed(database: Database, url: str) -> None:
    others = [await Database.open(url) for _ in range(2)]
    for number in range(1, 16):
        message = await made(database, number)
        entry = NewEntry(site_id=SITE, level="critical", kind="alert", message_id=message.message_id)
        await outbox.add(database, ORG, entry, now=NOON)
        (found,) = await outbox.claim_due(database, ORG, NOON)
        await asyncio.gather(
            touch(others[0], number), outbox.sent(others[1], ORG, found.outbox_id, now=NOON, at=[SLACK])
        )
        (posting,) = await stale(database)
        assert (posting.message_id, posting.version) == (message.message_id, 2)
    for each in others:
        await each.close()


async def test_couriers_that_claim_at_once_each_get_other_places(database: Database, url: str) -> None:
    others = [await Database.open(url) for _ in range(6)]
    message = await made(database, 1)
    await told(database, message, *(replace(SLACK, chat_id=f"D{number}") for number in range(30)))
    await touch(database, 1)
    claimed = await asyncio.gather(*(stale(each, limit=5) for each in others))
    ids = [posting.posting_id for each in claimed for posting in each]
    assert len(ids) == len(set(ids)) == 30
    for each in others:
        await each.close()


async def test_a_place_that_cannot_be_changed_is_left_as_it_is(database: Database) -> None:
    message = await made(database, 1)
    await told(database, message, SLACK)
    await touch(database, 1)
    (posting,) = await stale(database)
    assert await messages.put_off_change(database, ORG, posting.posting_id, now=NOON, until=NOON + 5 * MINUTE)
    assert await stale(database, NOON + 4 * MINUTE) == []
    assert len(await stale(database, NOON + 5 * MINUTE, site_id=SITE)) == 1
    assert await stale(database, NOON + HOUR, site_id="cabin") == []
    assert await messages.unchangeable(database, ORG, posting.posting_id)
    assert not await messages.unchangeable(database, ORG, posting.posting_id)
    await touch(database, 1)
    assert await stale(database, NOON + HOUR) == []
    assert not await messages.put_off_change(database, ORG, posting.posting_id, now=NOON, until=NOON)


async def test_after_the_clock_was_set_back_a_claimed_place_is_due_within_its_lease(database: Database) -> None:
    message = await made(database, 1)
    await told(database, message, SLACK)
    await touch(database, 1)
    assert len(await stale(database, NOON)) == 1
    back = NOON - HOUR
    assert await stale(database, back) == []
    assert len(await stale(database, back + MINUTE)) == 1
    await touch(database, 1)
    assert len(await stale(database, back - HOUR)) == 1  # what is new goes at once, whatever the clock


async def test_old_messages_are_forgotten_once_their_episodes_are_over(database: Database) -> None:
    over, open_one = await fired(database, "over"), await fired(database, "open")
    await apply(database, Change(over, replace(over.episode, state=State.RESOLVED, resolved_at=NOON)))
    message = await made(database, over.episode_id)
    kept = await made(database, open_one.episode_id, over.episode_id)
    await told(database, message, SLACK)
    assert await messages.forget_before(database, ORG, NOON) == 0
    assert await messages.forget_before(database, ORG, NOON + MINUTE) == 1
    assert await messages.get(database, ORG, kept.message_id) == kept
    async with database.read() as connection:
        for table, rows in ((alert_messages, 1), (alert_message_episodes, 2), (postings, 0)):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == rows
