"""A person's own ways: private, few, without secrets where others can look."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from services import contacts
from services.contacts import MOST, ContactRefused, Trial
from services.outbox import due as due_entries
from services.ways import contact_place
from store import audit, outbox, routes
from store.contacts import of_person
from tests.services.ranch import Ranch

TOPIC = "ntfys://ntfy.example.org/a-secret-topic-of-ann"
HOOK = "https://alerts.example.org/in?token=secret-token-of-ann"


async def test_a_way_is_added_listed_and_removed_by_its_person_alone(farm: Ranch) -> None:
    ann, vic = await farm.scope("Ann"), await farm.scope("Vic")
    added = await contacts.add(ann, TOPIC)
    assert added.signing_key is None
    assert [each.shown for each in await contacts.list_of(ann)] == ["ntfy at ntfy.example.org (…-ann)"]
    assert await contacts.list_of(vic) == ()
    assert not await contacts.remove(vic, added.contact.contact_id)
    assert await contacts.send_test(vic, added.contact.contact_id, timeout_s=0.0) is None
    assert await contacts.remove(ann, added.contact.contact_id)
    assert await contacts.list_of(ann) == ()


async def test_the_record_names_who_and_what_kind_and_no_secret(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    for target in (TOPIC, HOOK):
        await contacts.remove(ann, (await contacts.add(ann, target)).contact.contact_id)
    rows = await audit.entries(farm.database, "home", kinds=("contact_",))
    assert [row.action for row in rows] == ["contact_removed", "contact_added"] * 2
    assert all(row.actor == farm.people["Ann"] for row in rows)
    assert "secret" not in json.dumps([dict(row.details) for row in rows])
    assert "example" not in json.dumps([dict(row.details) for row in rows])


async def test_a_webhook_gets_a_key_that_is_told_once(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    added = await contacts.add(ann, HOOK)
    assert added.signing_key is not None
    assert added.signing_key.startswith("whsec_")
    (stored,) = await of_person(farm.database, "home", farm.people["Ann"])
    assert stored.target == f"{HOOK}#{added.signing_key}"
    assert added.signing_key not in repr(stored)
    assert added.signing_key not in str(await contacts.list_of(ann))
    with pytest.raises(ContactRefused, match="already"):
        await contacts.add(ann, HOOK)
    own = "whsec_" + "B" * 40
    again = await contacts.add(ann, f"{HOOK}#{own}")  # a key of her own takes the place of the first
    assert again.signing_key is None
    assert [each.target for each in await of_person(farm.database, "home", farm.people["Ann"])] == [f"{HOOK}#{own}"]


async def test_what_is_dead_is_not_used_until_its_person_adds_it_again(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    key = (await contacts.add(ann, HOOK)).signing_key
    (place,) = [contact_place(each.contact_id) for each in await contacts.list_of(ann)]
    assert await contacts.mark_dead(farm.database, "home", farm.people["Ann"], place, "it is gone (410)")
    assert (await contacts.list_of(ann))[0].trouble == "it is gone (410)"
    again = await contacts.add(ann, HOOK)
    assert again.contact.trouble is None
    assert again.signing_key is None  # it has the key that its person knows
    (stored,) = await of_person(farm.database, "home", farm.people["Ann"])
    assert stored.target == f"{HOOK}#{key}"


async def test_ten_are_the_most(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    for number in range(MOST):
        await contacts.add(ann, f"ntfys://ntfy.example.org/topic-{number}")
    with pytest.raises(ContactRefused, match="remove one first"):
        await contacts.add(ann, "ntfys://ntfy.example.org/one-too-many")
    with pytest.raises(ContactRefused, match="already"):
        await contacts.add(ann, "ntfys://ntfy.example.org/topic-3")


async def test_nonsense_and_the_host_are_refused_in_words(farm: Ranch) -> None:
    with pytest.raises(ContactRefused, match="no service"):
        await contacts.add(await farm.scope("Ann"), "exec://rm")
    with pytest.raises(ContactRefused, match="paired"):
        await contacts.add(await farm.scope(None), TOPIC)


async def test_a_test_message_goes_to_that_way_alone(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    await routes.seen(farm.database, "home", farm.people["Ann"], "telegram", "7", farm.now)
    added = await contacts.add(ann, TOPIC)
    assert await contacts.send_test(ann, added.contact.contact_id, timeout_s=0.0) == Trial(None)
    (due,) = await due_entries(farm.database, farm.site, farm.now)
    assert due.ways == ({"platform": "apprise", "chat_id": contact_place(added.contact.contact_id), "thread": None},)
    assert "test" in due.text
    assert farm.woken == ["notices"]


async def test_the_outcome_of_a_test_message_is_told_to_whoever_asked(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    number = (await contacts.add(ann, TOPIC)).contact.contact_id

    async def settle(*, arrives: bool) -> None:
        while not (found := await outbox.claim_due(farm.database, "home", farm.now)):
            await asyncio.sleep(0.02)
        if arrives:
            await outbox.sent(farm.database, "home", found[0].outbox_id, now=farm.now)
        else:
            later = farm.now + timedelta(minutes=1)
            await outbox.failed(
                farm.database, "home", found[0].outbox_id, "apprise: no such topic", now=farm.now, next_try_at=later
            )

    tested, _ = await asyncio.gather(contacts.send_test(ann, number, timeout_s=20.0), settle(arrives=True))
    assert tested == Trial(True)
    tested, _ = await asyncio.gather(contacts.send_test(ann, number, timeout_s=20.0), settle(arrives=False))
    assert tested == Trial(False, "apprise: no such topic")
    assert not await outbox.claim_due(farm.database, "home", farm.now + timedelta(hours=1))  # it is not tried again
    assert await contacts.send_test(ann, 77, timeout_s=0.0) is None


async def test_the_address_is_looked_up_to_send_and_gone_when_its_person_removes_it(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    contact_id = (await contacts.add(ann, TOPIC)).contact.contact_id
    place = contact_place(contact_id)
    assert "secret" not in place
    assert await contacts.target_at(farm.database, "home", place) == TOPIC
    assert await contacts.remove(ann, contact_id)
    assert await contacts.target_at(farm.database, "home", place) is None
    assert await contacts.target_at(farm.database, "home", "nonsense") is None
