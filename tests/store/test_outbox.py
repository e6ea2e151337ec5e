import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from energy.alerts.custom import CustomRule, parse_custom
from store import contacts, custom_alerts, mutes, outbox, people
from store.alert_tables import alert_mutes, postings
from store.alert_tables import contacts as contacts_table
from store.alert_tables import custom_alerts as custom_alerts_table
from store.alert_tables import outbox as table
from store.database import Database
from store.mutes import Mute
from store.outbox import Entry, NewEntry, Place
from tests.store.alert_stage import MINUTE, NOON, ORG, SITE

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def entry(text: str = "s21 is off", **values: Any) -> NewEntry:
    given: dict[str, Any] = {"site_id": SITE, "level": "warning", "text": text, "person_id": "p1"}
    return NewEntry(**given | values)


async def add(database: Database, *entries: NewEntry, now: datetime = NOON) -> None:
    for each in entries:
        assert await outbox.add(database, ORG, each, now=now)


async def claim(database: Database, now: datetime, **options: Any) -> list[str]:
    return [each.text for each in await outbox.claim_due(database, ORG, now, **options)]


async def the_only(database: Database, now: datetime = NOON) -> Entry:
    (found,) = await outbox.claim_due(database, ORG, now)
    return found


async def test_an_entry_is_claimed_as_it_was_added(database: Database) -> None:
    new = entry(
        kind="alert",
        address={"platform": "telegram", "chat_id": "7", "thread": None},
        once_key="ranch:battery_low:1",
        message_id=5,
        step=2,
        data={"reason": "battery"},
    )
    await add(database, new)
    found = await the_only(database)
    assert all(getattr(found, name) == getattr(new, name) for name in NewEntry.__dataclass_fields__ if name != "due_at")
    assert (found.created_at, found.tries, found.is_result) == (NOON, 0, False)


async def test_what_is_critical_goes_first_and_then_the_oldest(database: Database) -> None:
    await add(database, entry("second"), now=NOON)
    await add(database, entry("first"), now=NOON - MINUTE)
    await add(database, entry("info", level="info"), now=NOON + SECOND)
    await add(database, entry("fire", level="critical"), now=NOON + 2 * SECOND)
    await add(database, entry("elsewhere", site_id="cabin"), now=NOON + 3 * SECOND)
    assert await claim(database, NOON + MINUTE, limit=3, site_id=SITE) == ["fire", "first", "second"]
    assert await claim(database, NOON + MINUTE) == ["info", "elsewhere"]


@pytest.fixture
async def couriers(url: str, database: Database) -> AsyncIterator[list[Database]]:
    """Twelve connections of their own, as twelve workers have them."""
    opened = [await Database.open(url) for _ in range(12)]
    yield opened
    for each in opened:
        await each.close()


async def test_couriers_that_claim_at_once_each_get_others(database: Database, couriers: list[Database]) -> None:
    await add(database, *(entry(str(number)) for number in range(100)))
    claimed = await asyncio.gather(*(claim(each, NOON, limit=9) for each in couriers))
    everything = [text for each in claimed for text in each]
    assert len(everything) == len(set(everything)) == 100
    assert max(len(each) for each in claimed) == 9


@pytest.mark.parametrize("url", ["postgres"], indirect=True)  # SQLite has one writer at a time
async def test_who_holds_an_entry_in_an_open_transaction_keeps_no_other_courier_waiting(database: Database) -> None:
    await add(database, entry("held"), entry("free"))
    async with database.begin() as holder:
        query = select(table.c.outbox_id).where(table.c.text == "held").with_for_update()
        await holder.execute(query)
        async with asyncio.timeout(2):
            assert await claim(database, NOON) == ["free"]
    assert await claim(database, NOON) == ["held"]


async def test_an_entry_whose_lease_ended_is_claimed_again_and_settled_once(database: Database) -> None:
    await add(database, entry())
    first = await the_only(database)
    assert await claim(database, NOON + 59 * SECOND) == []
    again = await the_only(database, NOON + MINUTE)
    assert again.outbox_id == first.outbox_id
    assert await outbox.sent(database, ORG, first.outbox_id, now=NOON + MINUTE)
    assert not await outbox.sent(database, ORG, again.outbox_id, now=NOON + MINUTE)
    assert not await outbox.failed(database, ORG, again.outbox_id, "late", now=NOON, next_try_at=NOON)
    assert await claim(database, NOON + timedelta(days=1)) == []


async def test_what_the_courier_has_in_hand_is_not_claimed_again_whatever_its_lease(database: Database) -> None:
    await add(database, entry("slow"), entry("next"))
    (slow, _) = await outbox.claim_due(database, ORG, NOON)
    assert await claim(database, NOON + HOUR, in_hand=[slow.outbox_id]) == ["next"]
    assert await claim(database, NOON + HOUR) == ["slow"]


async def test_an_entry_for_later_waits_until_then(database: Database) -> None:
    await add(database, entry("digest", kind="digest", due_at=NOON + HOUR))
    assert await claim(database, NOON + HOUR - SECOND) == []
    assert await outbox.overdue(database, ORG, NOON + HOUR - SECOND, site_id=SITE) is None
    assert await outbox.overdue(database, ORG, NOON + HOUR + MINUTE, site_id=SITE) == 60.0
    assert await claim(database, NOON + HOUR) == ["digest"]
    assert await outbox.overdue(database, ORG, NOON + HOUR + SECOND, site_id=SITE) is None  # somebody works on it


# The clock goes back an hour: nothing waits for it to come again.


async def test_after_the_clock_was_set_back_what_is_due_at_once_goes_at_once(database: Database) -> None:
    await add(database, entry())
    assert await claim(database, NOON - HOUR) == ["s21 is off"]


async def test_after_the_clock_was_set_back_a_lease_ends_within_its_time(database: Database) -> None:
    await add(database, entry())
    await the_only(database)
    back = NOON - HOUR
    assert await claim(database, back) == []
    assert await claim(database, back + 59 * SECOND) == []
    assert await claim(database, back + MINUTE) == ["s21 is off"]
    assert await claim(database, back + MINUTE) == []


async def test_after_the_clock_was_set_back_a_wait_is_as_long_as_was_asked_for(database: Database) -> None:
    await add(database, entry("later", due_at=NOON + 10 * MINUTE), entry("again"), entry("quiet"))
    again, quiet = await outbox.claim_due(database, ORG, NOON)
    await outbox.failed(database, ORG, again.outbox_id, "503", now=NOON, next_try_at=NOON + 5 * MINUTE)
    await outbox.put_off(database, ORG, quiet.outbox_id, "quiet hours", now=NOON, until=NOON + 8 * HOUR)
    back = NOON - HOUR
    assert await claim(database, back) == []
    assert await claim(database, back + 5 * MINUTE) == ["again"]
    assert await claim(database, back + 10 * MINUTE) == ["again", "later"]  # the first one's lease has ended
    assert await claim(database, back + 8 * HOUR - SECOND, limit=9, in_hand=[again.outbox_id]) == ["later"]
    assert await claim(database, back + 8 * HOUR, in_hand=[again.outbox_id]) == ["quiet"]


async def test_after_the_clock_jumped_ahead_all_is_sent_once(database: Database) -> None:
    await add(database, entry("slow"), entry("later", due_at=NOON + 10 * MINUTE))
    slow = await the_only(database)
    ahead = NOON + HOUR
    assert await claim(database, ahead, in_hand=[slow.outbox_id]) == ["later"]
    assert await outbox.sent(database, ORG, slow.outbox_id, now=ahead)
    assert await claim(database, ahead + 59 * SECOND) == []
    assert await claim(database, NOON + MINUTE) == []  # set right again: "later" has its lease anew
    assert await claim(database, NOON + 2 * MINUTE) == ["later"]


async def test_hosts_whose_clocks_differ_keep_nothing_waiting(database: Database) -> None:
    await add(database, entry(), now=NOON + 20 * SECOND)
    assert await claim(database, NOON) == ["s21 is off"]


async def test_what_failed_is_tried_again_and_given_up_into_the_dead_letters(database: Database) -> None:
    await add(database, entry())
    found = await the_only(database)
    assert await outbox.failed(database, ORG, found.outbox_id, "x" * 900, now=NOON, next_try_at=NOON + 5 * MINUTE)
    assert await claim(database, NOON + 4 * MINUTE) == []
    again = await the_only(database, NOON + 5 * MINUTE)
    assert again.tries == 1
    assert await outbox.dead(database, ORG, SITE) == []
    late = NOON + 6 * MINUTE
    assert await outbox.failed(database, ORG, again.outbox_id, "blocked", now=late, next_try_at=None)
    assert not await outbox.failed(database, ORG, again.outbox_id, "blocked", now=late, next_try_at=None)
    (letter,) = await outbox.dead(database, ORG, SITE)
    assert (letter.reason, letter.tries, letter.died_at, letter.text) == ("blocked", 2, late, "s21 is off")
    assert await outbox.dead(database, ORG, "cabin") == []
    assert await claim(database, NOON + timedelta(days=1)) == []


async def test_words_that_no_database_takes_stop_no_entry(database: Database) -> None:
    await add(database, entry("s21\x00 is \ud800off"))
    found = await the_only(database)
    assert found.text == "s21 is ?off"
    assert await outbox.failed(database, ORG, found.outbox_id, "bad\x00 \udfff", now=NOON, next_try_at=None)
    assert [letter.reason for letter in await outbox.dead(database, ORG, SITE)] == ["bad ?"]


async def test_an_owner_replays_one_dead_letter_or_all_of_a_site(database: Database) -> None:
    await add(database, entry("a"), entry("b"), entry("c", site_id="cabin"))
    for each in await outbox.claim_due(database, ORG, NOON):
        await outbox.failed(database, ORG, each.outbox_id, "blocked", now=NOON, next_try_at=None)
    first = (await outbox.dead(database, ORG, SITE))[-1]
    assert await outbox.replay(database, ORG, first.outbox_id, now=NOON, site_id="cabin") == 0
    assert await outbox.replay(database, ORG, first.outbox_id, now=NOON) == 1
    assert await outbox.replay(database, ORG, first.outbox_id, now=NOON) == 0
    again = await the_only(database)
    assert (again.text, again.tries) == ("a", 0)
    assert await outbox.replay(database, ORG, now=NOON, site_id=SITE) == 1
    assert await claim(database, NOON) == ["b"]
    assert await outbox.replay(database, ORG, now=NOON) == 1


async def test_one_that_was_given_up_and_arrived_after_all_is_no_dead_letter(database: Database) -> None:
    await add(database, entry())
    found = await the_only(database)
    await outbox.failed(database, ORG, found.outbox_id, "time-out", now=NOON, next_try_at=None)
    assert await outbox.sent(database, ORG, found.outbox_id, now=NOON)
    assert await outbox.dead(database, ORG, SITE) == []


async def test_putting_off_is_no_failed_try_and_dropping_settles(database: Database) -> None:
    await add(database, entry())
    found = await the_only(database)
    assert await outbox.put_off(database, ORG, found.outbox_id, "quiet hours", now=NOON, until=NOON + HOUR)
    again = await the_only(database, NOON + HOUR)
    assert again.tries == 0
    assert await outbox.drop(database, ORG, again.outbox_id, "alerts are off", now=NOON)
    assert not await outbox.drop(database, ORG, again.outbox_id, "alerts are off", now=NOON)
    assert not await outbox.sent(database, ORG, again.outbox_id, now=NOON)
    assert await outbox.dead(database, ORG, SITE) == []


async def test_with_a_key_it_is_told_once(database: Database) -> None:
    await add(database, entry(once_key="ranch:s21:unreachable"), entry(), entry())
    assert not await outbox.add(database, ORG, entry(once_key="ranch:s21:unreachable"), now=NOON)
    assert len(await claim(database, NOON)) == 3


async def test_several_become_one_digest_and_of_two_who_do_it_one_does(
    database: Database, couriers: list[Database]
) -> None:
    await add(database, entry("a"), entry("b"), entry("gone"))
    ids = [each.outbox_id for each in await outbox.claim_due(database, ORG, NOON)]
    await outbox.sent(database, ORG, ids[2], now=NOON)
    digest = entry("a and b", kind="digest", data={"of": ids})
    merged = await asyncio.gather(*(outbox.merge(each, ORG, ids, digest, now=NOON) for each in couriers))
    assert sorted(merged, key=len)[-1] == tuple(ids[:2])
    assert sum(len(each) for each in merged) == 2
    assert await claim(database, NOON + HOUR) == ["a and b"]


async def test_a_digest_whose_key_is_known_merges_nothing(database: Database) -> None:
    await add(database, entry(once_key="digest:p1:1"), entry("b"))
    ids = [each.outbox_id for each in await outbox.claim_due(database, ORG, NOON)]
    digest = entry("all", kind="digest", once_key="digest:p1:1")
    assert await outbox.merge(database, ORG, ids, digest, now=NOON) == ()
    assert len(await claim(database, NOON + MINUTE)) == 2


async def test_what_a_person_has_not_seen_is_counted_until_they_have(database: Database) -> None:
    await add(database, entry("a"), entry("b"), entry("c", person_id="p2"), entry("d", site_id="cabin"))
    await add(database, entry("dropped"))
    dropped = next(each for each in await outbox.claim_due(database, ORG, NOON) if each.text == "dropped")
    await outbox.drop(database, ORG, dropped.outbox_id, "alerts are off", now=NOON)
    assert await outbox.unread(database, ORG, SITE, "p1") == 2
    assert await outbox.mark_read(database, ORG, SITE, "p1", NOON) == 2
    assert await outbox.mark_read(database, ORG, SITE, "p1", NOON) == 0
    assert await outbox.unread(database, ORG, SITE, "p1") == 0
    assert await outbox.unread(database, ORG, SITE, "p2") == 1
    await add(database, entry("new"))
    assert await outbox.unread(database, ORG, SITE, "p1") == 1


@pytest.mark.parametrize("url", ["postgres"], indirect=True)  # SQLite has one writer at a time
@pytest.mark.parametrize("change", ["read", "replay", "forget"])
async def test_several_entries_are_taken_in_the_order_of_their_numbers_so_that_nobody_waits_in_a_circle(
    database: Database, change: str
) -> None:
    await add(database, entry("a"), entry("b"))
    first, second = await outbox.claim_due(database, ORG, NOON)
    for each in (second, first):  # the first one's row is written last, and so the last one that is come across
        await outbox.failed(database, ORG, each.outbox_id, "blocked", now=NOON, next_try_at=None)
    changes = {
        "read": lambda: outbox.mark_read(database, ORG, SITE, "p1", NOON),
        "replay": lambda: outbox.replay(database, ORG, now=NOON),
        "forget": lambda: outbox.forget_settled_before(database, ORG, NOON + timedelta(days=365)),
    }
    row = select(table.c.outbox_id)
    async with database.begin() as holder:
        await holder.execute(row.where(table.c.outbox_id == first.outbox_id).with_for_update())
        waiting = asyncio.create_task(changes[change]())
        async with asyncio.timeout(5), database.read() as watcher:
            while not (await watcher.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted"))).first():
                await asyncio.sleep(0.01)
        await holder.execute(row.where(table.c.outbox_id == second.outbox_id).with_for_update(nowait=True))
    assert await waiting == 2


async def test_settled_entries_are_forgotten_and_waiting_ones_are_not(database: Database) -> None:
    await add(database, entry("sent"), entry("waits"))
    sent = next(each for each in await outbox.claim_due(database, ORG, NOON) if each.text == "sent")
    await outbox.sent(database, ORG, sent.outbox_id, now=NOON + HOUR)
    assert await outbox.forget_settled_before(database, ORG, NOON + HOUR) == 0  # it is as old as its arrival
    assert await outbox.forget_settled_before(database, ORG, NOON + HOUR + MINUTE) == 1
    assert await claim(database, NOON + HOUR) == ["waits"]


async def test_dead_letters_are_kept_for_longer_than_what_arrived(database: Database) -> None:
    await add(database, entry())
    found = await the_only(database)
    await outbox.failed(database, ORG, found.outbox_id, "blocked", now=NOON, next_try_at=None)
    assert await outbox.forget_settled_before(database, ORG, NOON + outbox.DEAD_KEPT) == 0
    assert await outbox.forget_settled_before(database, ORG, NOON + outbox.DEAD_KEPT + MINUTE) == 1


async def test_nothing_of_alerts_is_left_of_somebody_who_is_forgotten(database: Database) -> None:
    ann = await people.approve(database, ORG, SITE, people.Identity("telegram", "7", "Ann"), "owner", granted_by="host")
    ben = await people.approve(database, ORG, SITE, people.Identity("slack", "U1", "Ben"), "owner", granted_by="host")
    rule = parse_custom("tell me when solar passes 8 kW")
    assert isinstance(rule, CustomRule)
    for each in (ann.person_id, ben.person_id):
        await add(database, entry(person_id=each, kind="alert", message_id=1))
        found = await the_only(database)
        place = Place("slack", each, None, "1", 1)
        await outbox.sent(database, ORG, found.outbox_id, now=NOON, at=[place])
        await custom_alerts.add(database, ORG, SITE, each, rule, NOON)
        async with database.begin() as connection:
            await mutes.put_mute_in(connection, ORG, SITE, Mute("battery_low", each, NOON + HOUR, each, NOON))
        await contacts.add(database, ORG, each, kind="apprise", target="ntfy://t", label="ntfy", now=NOON)
    assert await people.forget(database, ORG, ann.person_id, by="host")
    async with database.read() as connection:
        for of in (table, postings, custom_alerts_table, alert_mutes, contacts_table):
            left = (await connection.execute(select(of.c.person_id))).scalars().all()
            assert left == [ben.person_id], of.name
