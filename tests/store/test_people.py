import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from store import audit, buttons, control, outbox, pairing, people
from store.database import Database
from store.pairing import AlreadyPaired, CodeRefused, TooManyAttempts
from store.people import Identity, LastOwner, Person
from store.tables import pairing_codes

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)


async def redeemed(database: Database, code: str, account: str = "1", now: datetime = NOON) -> Person:
    return await pairing.redeem(database, ORG, "telegram", account, f"Name {account}", code, now=now)


async def test_nobody_is_known_before_the_first_pairing(database: Database) -> None:
    assert await people.admit(database, ORG, "telegram", "1") is None
    assert await people.list_people(database, ORG) == []


async def test_a_code_makes_an_owner_who_is_then_admitted(database: Database) -> None:
    code = await pairing.create_code(database, ORG, SITE, "owner", now=NOON)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code)
    person = await redeemed(database, f"  {code.lower().replace('-', ' ')} ")
    assert (person.name, person.roles) == ("Name 1", {SITE: "owner"})
    assert await people.admit(database, ORG, "telegram", "1") == person
    assert await people.admit(database, ORG, "slack", "1") is None
    assert await people.admit(database, "other", "telegram", "1") is None
    paired = await audit.entries(database, ORG, action="paired")
    assert [(e.actor, e.subject, e.details) for e in paired] == [(person.person_id, "telegram:1", {"role": "owner"})]


async def test_of_twenty_who_use_one_code_at_once_exactly_one_gets_in(database: Database) -> None:
    code = await pairing.create_code(database, ORG, SITE, "viewer", now=NOON)
    results = await asyncio.gather(*(redeemed(database, code, str(n)) for n in range(20)), return_exceptions=True)
    assert sum(isinstance(r, Person) for r in results) == 1
    assert sum(isinstance(r, CodeRefused) for r in results) == 19
    assert len(await people.list_people(database, ORG)) == 1


async def test_a_code_expires(database: Database) -> None:
    code = await pairing.create_code(database, ORG, SITE, "viewer", now=NOON)
    with pytest.raises(CodeRefused):
        await redeemed(database, code, now=NOON + pairing.CODE_LIFETIME)


async def test_guessing_is_stopped_even_with_the_right_code_at_last(database: Database) -> None:
    code = await pairing.create_code(database, ORG, SITE, "owner", lifetime=timedelta(hours=1), now=NOON)
    for _ in range(pairing.ATTEMPTS_PER_ACCOUNT):
        with pytest.raises(CodeRefused, match="wrong, used or expired"):
            await redeemed(database, "AAAAA-AAAAA")
    with pytest.raises(TooManyAttempts) as refused:
        await redeemed(database, code)
    assert 0 < refused.value.after_s <= pairing.ATTEMPTS_WINDOW.total_seconds()
    await redeemed(database, code, now=NOON + pairing.ATTEMPTS_WINDOW + timedelta(seconds=1))


async def test_twenty_guesses_at_once_are_limited_too(database: Database) -> None:
    guesses = (redeemed(database, f"GUESS-{n:05}") for n in range(20))
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(r, TooManyAttempts) for r in results) == 20 - pairing.ATTEMPTS_PER_ACCOUNT


async def test_the_code_is_nowhere_in_the_database(database: Database) -> None:
    code = await pairing.create_code(database, ORG, SITE, "owner", now=NOON)
    async with database.read() as connection:
        row = (await connection.execute(select(pairing_codes))).one()
    assert not any(half in str(value) for half in code.split("-") for value in row)


async def test_a_second_platform_joins_the_same_person(database: Database) -> None:
    first = await redeemed(database, await pairing.create_code(database, ORG, SITE, "operator", now=NOON))
    link = await pairing.create_code(database, ORG, SITE, "viewer", person_id=first.person_id, now=NOON)
    joined = await pairing.redeem(database, ORG, "slack", "U7", "name on slack", link, now=NOON)
    assert joined.person_id == first.person_id
    assert joined.roles == {SITE: "operator"}  # a code never lowers a role
    assert [i.platform for i in joined.identities] == ["slack", "telegram"]


async def test_an_account_cannot_be_moved_to_another_person_and_the_code_stays_good(database: Database) -> None:
    first = await redeemed(database, await pairing.create_code(database, ORG, SITE, "viewer", now=NOON), "1")
    await redeemed(database, await pairing.create_code(database, ORG, SITE, "viewer", now=NOON), "2")
    link = await pairing.create_code(database, ORG, SITE, "viewer", person_id=first.person_id, now=NOON)
    with pytest.raises(AlreadyPaired):
        await redeemed(database, link, "2")
    assert (await redeemed(database, link, "3")).person_id == first.person_id


async def two_owners(database: Database) -> tuple[Person, Person]:
    first = await redeemed(database, await pairing.create_code(database, ORG, SITE, "owner", now=NOON), "1")
    second = await redeemed(database, await pairing.create_code(database, ORG, SITE, "owner", now=NOON), "2")
    return first, second


async def test_roles_are_per_site_and_changes_are_audited(database: Database) -> None:
    person, other = await two_owners(database)
    await people.set_role(database, ORG, "cabin", person.person_id, "viewer", granted_by="host")
    await people.set_role(database, ORG, SITE, person.person_id, None, granted_by="host")
    now = await people.get(database, ORG, person.person_id)
    assert now is not None
    assert now.roles == {"cabin": "viewer"}
    assert await people.list_people(database, ORG, site_id=SITE) == [other]
    changes = await audit.entries(database, ORG, action="role_changed")
    assert [(e.site_id, e.details) for e in changes] == [
        (SITE, {"role": None, "name": "Name 1"}),
        ("cabin", {"role": "viewer", "name": "Name 1"}),
    ]
    with pytest.raises(ValueError, match="roles are viewer, operator, owner"):
        await people.set_role(database, ORG, SITE, person.person_id, "king", granted_by="host")  # type: ignore[arg-type]


async def test_the_last_owner_can_neither_be_removed_nor_lowered_nor_forgotten(database: Database) -> None:
    owner = await redeemed(database, await pairing.create_code(database, ORG, SITE, "owner", now=NOON))
    for role in ("viewer", None):
        with pytest.raises(LastOwner, match="make somebody else owner first"):
            await people.set_role(database, ORG, SITE, owner.person_id, role, granted_by="host")
    with pytest.raises(LastOwner):
        await people.forget(database, ORG, owner.person_id, by="host")
    account = Identity("telegram", "1", "Name 1")
    with pytest.raises(LastOwner):
        await people.approve(database, ORG, SITE, account, "viewer", granted_by="host")
    await people.set_role(database, ORG, SITE, owner.person_id, "owner", granted_by="host")
    assert [person.roles for person in await people.list_people(database, ORG)] == [{SITE: "owner"}]


async def test_two_owners_who_remove_each_other_at_once_leave_one(url: str, database: Database) -> None:
    first, second = await two_owners(database)
    others = [await Database.open(url) for _ in range(2)]
    results = await asyncio.gather(
        people.set_role(others[0], ORG, SITE, first.person_id, None, granted_by=second.person_id),
        people.set_role(others[1], ORG, SITE, second.person_id, None, granted_by=first.person_id),
        return_exceptions=True,
    )
    assert sum(isinstance(each, LastOwner) for each in results) == 1
    assert len(await people.list_people(database, ORG, site_id=SITE)) == 1
    for other in others:
        await other.close()


async def test_an_account_is_approved_once_however_often_at_the_same_time(database: Database) -> None:
    account = Identity("slack", "T1:U7", "Ben")
    approvals = (people.approve(database, ORG, SITE, account, "viewer", granted_by="host") for _ in range(10))
    found = await asyncio.gather(*approvals)
    assert len({person.person_id for person in found}) == 1
    assert await people.admit(database, ORG, "slack", "T1:U7") == found[0]
    assert found[0].roles == {SITE: "viewer"}


async def test_a_forgotten_person_is_a_stranger_again(database: Database) -> None:
    person, _ = await two_owners(database)
    assert await people.forget(database, ORG, person.person_id, by="host")
    assert not await people.forget(database, ORG, person.person_id, by="host")
    assert await people.admit(database, ORG, "telegram", "1") is None
    forgotten = await audit.entries(database, ORG, action="person_forgotten")
    assert [(e.actor, e.details) for e in forgotten] == [("host", {"name": "Name 1"})]


async def test_what_was_open_goes_with_its_person(database: Database) -> None:
    person, _ = await two_owners(database)
    asked = {"action": "miners.start", "arguments": {"miners": ["s21"], "until": None}, "origin": "typed"}
    proposed = await control.create(
        database,
        ORG,
        site_id=SITE,
        state="proposed",
        person_id=person.person_id,
        person_name=person.name,
        place="telegram:1",
        expires_at=NOON + timedelta(minutes=2),
        now=NOON,
        **asked,
    )
    token = await buttons.mint(
        database,
        ORG,
        action={"do": "confirm", "request": proposed.request_id},
        person_id=person.person_id,
        place=None,
        expires_at=None,
        single_use=True,
        now=NOON,
    )
    link = await pairing.create_code(database, ORG, SITE, "viewer", person_id=person.person_id, now=NOON)
    await people.set_role(database, ORG, SITE, person.person_id, None, granted_by="host", now=NOON)
    assert not await control.queue(database, ORG, proposed.request_id, now=NOON)
    tapped = await buttons.redeem(database, ORG, token, person_id=person.person_id, place="telegram:1", now=NOON)
    assert tapped.verdict == "unknown"
    with pytest.raises(CodeRefused):
        await redeemed(database, link, "9")
    (row,) = await audit.entries(database, ORG, action="control_cancelled")
    assert (row.actor, row.details["request"]) == ("host", proposed.request_id)


async def test_what_was_open_on_other_sites_stays_when_one_role_is_taken(database: Database) -> None:
    person, _ = await two_owners(database)
    theirs, tokens, links = person.person_id, {}, {}
    for site in (SITE, "cabin"):
        tokens[site] = await buttons.mint(
            database,
            ORG,
            action={"do": "x"},
            person_id=theirs,
            place=None,
            expires_at=None,
            single_use=True,
            now=NOON,
            site_id=site,
        )
        links[site] = await pairing.create_code(database, ORG, site, "viewer", person_id=theirs, now=NOON)
        await outbox.add(
            database, ORG, outbox.NewEntry(site_id=site, level="info", text=site, person_id=theirs), now=NOON
        )
    await people.set_role(database, ORG, SITE, theirs, None, granted_by="host", now=NOON)
    due = await outbox.claim_due(database, ORG, NOON, lease_s=0)
    assert [notice.text for notice in due] == ["cabin"]
    for site, verdict in ((SITE, "unknown"), ("cabin", "ok")):
        tapped = await buttons.redeem(database, ORG, tokens[site], person_id=theirs, place="telegram:1", now=NOON)
        assert tapped.verdict == verdict
    with pytest.raises(CodeRefused):
        await redeemed(database, links[SITE], "9")
    await redeemed(database, links["cabin"], "9")


async def test_preferences_changed_at_the_same_time_are_all_kept(database: Database) -> None:
    person, _ = await two_owners(database)

    def setting(name: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        return lambda kept: {**kept, name: True}

    await asyncio.gather(
        *(
            people.change_preferences(database, ORG, person.person_id, setting(f"p{n}"), noted={"name": f"p{n}"})
            for n in range(20)
        )
    )
    kept = await people.get(database, ORG, person.person_id)
    assert kept is not None
    assert len(kept.preferences) == 20
    assert len(await audit.entries(database, ORG, action="preferences_changed")) == 20
    with pytest.raises(LookupError):
        await people.change_preferences(database, ORG, "nobody", setting("p"), noted={})
