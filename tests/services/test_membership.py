"""Owners let people in, give roles and remove; one person has accounts on many platforms."""

import asyncio
from datetime import timedelta

import pytest

from services import absences, buttons, control, groups, people
from services.control import RefusedBy
from services.scope import Refused
from store import audit, pairing
from store.people import Person
from store.people import get as person_by_id
from tests.services.ranch import PLACE, Ranch


async def known(farm: Ranch, name: str) -> Person:
    person = await person_by_id(farm.database, "home", farm.people[name])
    assert person is not None
    return person


async def knock(farm: Ranch, platform: str, account: str, name: str) -> None:
    await people.note_stranger(farm.database, platform, account, name, "not paired")


async def test_a_link_code_joins_one_more_account_to_the_same_person_with_the_same_role(farm: Ranch) -> None:
    code = await people.link_code(await farm.scope("Ben"))
    joined = await people.pair(farm.database, farm.site, "slack", "T1:U7", "ben on slack", code)
    assert joined is not None
    assert joined.person_id == farm.people["Ben"]
    assert (joined.name, joined.roles) == ("Ben", {"ranch": "operator"})
    assert await people.admit(farm.database, farm.site, "slack", "T1:U7") == joined
    assert await people.pair(farm.database, farm.site, "slack", "T1:U8", "thief", code) is None
    with pytest.raises(Refused, match="--as NAME"):
        await people.link_code(await farm.scope(None))


async def test_a_link_code_for_an_account_that_is_somebody_already_names_the_remedy_and_stays_good(farm: Ranch) -> None:
    code = await people.link_code(await farm.scope("Ben"))
    alone = await people.approve(await farm.scope("Ann"), "slack", "T1:U7", "viewer")
    with pytest.raises(people.AccountTaken, match=r"person of its own .*/people remove slack:T1:U7"):
        await people.pair(farm.database, farm.site, "slack", "T1:U7", "ben on slack", code)
    assert await people.admit(farm.database, farm.site, "slack", "T1:U7") == alone
    await people.remove(await farm.scope("Ann"), alone)
    joined = await people.pair(farm.database, farm.site, "slack", "T1:U7", "ben on slack", code)
    assert joined is not None
    assert joined.person_id == farm.people["Ben"]


async def test_a_link_code_made_before_a_role_was_lowered_does_not_bring_it_back(farm: Ranch) -> None:
    code = await people.link_code(await farm.scope("Ben"))
    await people.set_role(await farm.scope("Ann"), await known(farm, "Ben"), "viewer")
    joined = await people.pair(farm.database, farm.site, "slack", "T1:U7", "Ben", code)
    assert joined is not None
    assert joined.roles == {"ranch": "viewer"}


async def test_strangers_are_listed_once_newest_first_and_no_more_when_they_are_known(farm: Ranch) -> None:
    for platform, account, name in (
        ("telegram", "99", "Eve"),
        ("slack", "T1:U9", "Mallory"),
        ("telegram", "99", "Eve the second"),
        ("telegram", "8", "Ben"),  # known by now
    ):
        await knock(farm, platform, account, name)
    ann = await farm.scope("Ann")
    found = await people.strangers(ann)
    assert [(each.platform, each.external_id, each.name) for each in found] == [
        ("telegram", "99", "Eve the second"),
        ("slack", "T1:U9", "Mallory"),
    ]
    person = await people.approve(ann, "slack", "T1:U9", "viewer")
    assert (person.name, person.roles) == ("Mallory", {"ranch": "viewer"})
    assert await people.admit(farm.database, farm.site, "slack", "T1:U9") == person
    assert [each.external_id for each in await people.strangers(ann)] == ["99"]
    (row,) = [
        row for row in await audit.entries(farm.database, "home", action="person_approved") if row.actor != "host"
    ]
    assert (row.actor, row.subject, row.details["role"]) == (farm.people["Ann"], "slack:T1:U9", "viewer")


async def test_an_account_that_never_knocked_can_be_approved_under_its_id(farm: Ranch) -> None:
    person = await people.approve(await farm.scope("Ann"), "telegram", "1234", "operator")
    assert person.name == "telegram 1234"


@pytest.mark.parametrize(
    ("platform", "account", "says"),
    [
        ("telegram", "", "as in telegram:123456"),
        ("telegram", "-5", "ids are digits"),
        ("telegram", "٣٤", "ids are digits"),
        ("telegram", "@ben", "ids are digits"),
        ("discord", "ben#1", "Copy User ID"),
        ("slack", "U1", "slack:T123:U456"),
        ("slack", "T1:", "TEAM:USER"),
        ("slack", "t1:u1", "capitals"),
        ("console", "a b", "one word"),
        ("", "5", "platforms are telegram, slack, discord, console"),
        ("foo", "1", '"foo" is no platform'),
    ],
)
async def test_an_account_that_cannot_exist_is_not_approved(
    farm: Ranch, platform: str, account: str, says: str
) -> None:
    ann = await farm.scope("Ann")
    before = await people.list_people(ann)
    with pytest.raises(people.NoSuchAccount, match=says):
        await people.approve(ann, platform, account, "viewer")
    assert await people.list_people(ann) == before


@pytest.mark.parametrize(
    ("platform", "account"),
    [("telegram", "123456"), ("slack", "T123:U456"), ("slack", "E0AB:W9"), ("discord", "80351110224678912")],
)
async def test_only_who_wrote_before_is_let_in_as_owner(farm: Ranch, platform: str, account: str) -> None:
    ann = await farm.scope("Ann")
    with pytest.raises(Refused, match="never wrote to the bot"):
        await people.approve(ann, platform, account, "owner")
    assert await people.admit(farm.database, farm.site, platform, account) is None
    for number in range(30):  # who else knocked meanwhile does not matter
        await knock(farm, "telegram", f"9{number}", "Eve")
        if number == 0:
            await knock(farm, platform, account, "Carla")
    person = await people.approve(ann, platform, account, "owner")
    assert (person.name, person.roles) == ("Carla", {"ranch": "owner"})


async def test_whoever_is_known_already_may_be_raised_to_owner_by_approval(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    await people.approve(ann, "telegram", "1234", "operator")
    assert (await people.approve(ann, "telegram", "1234", "owner")).roles == {"ranch": "owner"}


@pytest.mark.parametrize("name", ["Ben", "Vic"])
async def test_only_owners_manage_people(farm: Ranch, name: str) -> None:
    scope, ann = await farm.scope(name), await known(farm, "Ann")
    for attempt in (
        people.list_people(scope),
        people.strangers(scope),
        people.approve(scope, "slack", "U1", "owner"),
        people.set_role(scope, ann, "viewer"),
        people.remove(scope, ann),
        groups.open_group(scope, "slack", "C1"),
        groups.close_group(scope, "slack", "C1"),
    ):
        with pytest.raises(Refused, match="needs the role owner"):
            await attempt


async def test_the_last_owner_stays_owner(farm: Ranch) -> None:
    scope, ann = await farm.scope("Ann"), await known(farm, "Ann")
    for attempt in (
        people.set_role(scope, ann, "operator"),
        people.remove(scope, ann),
        people.approve(scope, "telegram", "7", "viewer"),
    ):
        with pytest.raises(Refused, match="make somebody else owner first"):
            await attempt
    await people.set_role(scope, await known(farm, "Ben"), "owner")
    await people.remove(scope, ann)
    assert await people.admit(farm.database, farm.site, "telegram", "7") is None


async def test_two_owners_who_remove_each_other_at_once_leave_one(farm: Ranch) -> None:
    await people.set_role(await farm.scope("Ann"), await known(farm, "Ben"), "owner")
    ann, ben = await farm.scope("Ann"), await farm.scope("Ben")
    results = await asyncio.gather(
        people.remove(ann, await known(farm, "Ben")),
        people.remove(ben, await known(farm, "Ann")),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Refused) for each in results) == 1
    assert len([each for each in await people.list_people(ann) if each.roles["ranch"] == "owner"]) == 1


async def test_what_a_removed_person_left_open_is_worth_nothing(farm: Ranch) -> None:
    ben = await farm.scope("Ben")
    request = (await farm.proposed("s21", by="Ben")).request
    token = await buttons.mint(
        ben,
        {"do": "confirm", "request": request.request_id},
        person_id=farm.people["Ben"],
        place=PLACE,
        expires_at=None,
        single_use=True,
    )
    code = await people.link_code(ben)
    await people.remove(await farm.scope("Ann"), await known(farm, "Ben"))
    redeemed = await buttons.redeem(
        farm.database, farm.site, token, person_id=farm.people["Ben"], place=PLACE, key="k", now=farm.now
    )
    assert redeemed.verdict == "unknown"
    with pytest.raises(Refused, match="has no role"):
        await control.confirm(ben, request.request_id, place=PLACE)
    assert await people.pair(farm.database, farm.site, "slack", "U7", "Ben", code) is None
    with pytest.raises(Refused, match="has no role on Solar Shack any more"):
        await people.remove(await farm.scope("Ann"), Person(farm.people["Ben"], "Ben", {}, (), {}))
    # Let in again, they find nothing open: the old proposal was cancelled.
    again = await people.approve(await farm.scope("Ann"), "telegram", "8", "operator")
    assert again.person_id != farm.people["Ben"]
    farm.people["Ben"] = again.person_id
    with pytest.raises(Refused, match="only Ben"):
        await control.confirm(await farm.scope("Ben"), request.request_id, place=PLACE)
    assert farm.woken == []


async def test_whoever_has_a_role_elsewhere_is_removed_from_this_site_alone(farm: Ranch) -> None:
    code = await pairing.create_code(farm.database, "home", "cabin", "viewer", person_id=farm.people["Ben"])
    await pairing.redeem(farm.database, "home", "telegram", "8", "Ben", code)
    request = (await farm.proposed("s21", by="Ben")).request
    scope = await farm.scope("Ben")
    await people.remove(await farm.scope("Ann"), await known(farm, "Ben"))
    assert (await known(farm, "Ben")).roles == {"cabin": "viewer"}
    assert await people.admit(farm.database, farm.site, "telegram", "8") is None
    with pytest.raises(Refused):
        await control.confirm(scope, request.request_id, place=PLACE)
    await people.approve(await farm.scope("Ann"), "telegram", "8", "operator")
    assert isinstance(await control.confirm(scope, request.request_id, place=PLACE), RefusedBy)  # cancelled


async def test_a_group_is_private_until_an_owner_opens_it(farm: Ranch) -> None:
    ann = await farm.scope("Ann")
    assert not await groups.is_open(ann, "telegram", "-5")
    assert await groups.open_group(ann, "telegram", "-5")
    await groups.moved(ann, "telegram", "-5", "-1005")
    assert await groups.is_open(await farm.scope("Vic"), "telegram", "-1005")
    assert await groups.close_group(ann, "telegram", "-1005")
    assert not await groups.close_group(ann, "telegram", "-1005")


async def test_who_is_away_is_known_until_they_are_back(farm: Ranch) -> None:
    ben, vic = await farm.scope("Ben"), await farm.scope("Vic")
    assert await absences.current(vic) == []
    await absences.add(ben, until=farm.now + timedelta(days=3), note="coast")
    await absences.add(vic, until=farm.now + timedelta(days=1))
    assert [(each.person_name, each.note) for each in await absences.current(vic)] == [("Vic", ""), ("Ben", "coast")]
    assert await absences.cancel(ben)
    assert not await absences.cancel(ben)
    farm.now += timedelta(days=1)
    assert await absences.current(await farm.scope("Ann")) == []
    with pytest.raises(Refused, match="only a person"):
        await absences.cancel(await farm.scope(None))
