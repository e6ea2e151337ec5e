from __future__ import annotations

from pathlib import Path

import pytest

from app.chat_ports import StoredPeople
from app.opening import opened_database, scope_for, site_of
from app.pairing import manage_people, pairing_code
from app.settings import Settings, SettingsError, settings_from
from bot.ports import AlreadySomebody
from services.people import link_code, note_stranger, pair
from services.scope import Refused

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """A site with Ann as its owner; Ben has knocked."""
    (tmp_path / "commandcenter.toml").write_text((ROOT / "commandcenter.toml").read_text(encoding="utf-8"), "utf-8")
    found = settings_from(data=tmp_path, environment={})
    code = (await pairing_code(found, "owner")).splitlines()[0]
    async with opened_database(found, create=False) as database:
        site = await site_of(found, database)
        await pair(database, site, "telegram", "7", "Ann", code)
        await note_stranger(database, "slack", "T1:U8", "Ben", "not paired")
    return found


async def test_the_list_names_people_and_who_knocked(settings: Settings) -> None:
    listed = await manage_people(settings, "list", None, None)
    assert "Ann\towner\ttelegram:7" in listed
    assert "knocked: Ben\tslack:T1:U8" in listed


async def test_who_knocked_is_let_in_gets_another_role_and_is_removed(settings: Settings) -> None:
    assert await manage_people(settings, "approve", "slack:T1:U8", None) == "Ben is viewer now"
    assert await manage_people(settings, "role", "Ben", "operator") == "Ben is operator now"
    assert "Ben\toperator\tslack:T1:U8" in await manage_people(settings, "list", None, None)
    assert await manage_people(settings, "remove", "slack:T1:U8", None) == "Ben is nobody here any more"
    async with opened_database(settings, create=False) as database:
        scope = await scope_for(database, await site_of(settings, database))
        assert scope.actor.name == "host"
    assert "Ben\toperator" not in await manage_people(settings, "list", None, None)


async def test_an_account_of_its_own_hears_why_a_link_code_does_not_join_it(settings: Settings) -> None:
    await manage_people(settings, "approve", "slack:T1:U8", "operator")
    async with opened_database(settings, create=False) as database:
        site = await site_of(settings, database)
        ann = await scope_for(database, site, person="Ann")
        people = StoredPeople(database, site)
        with pytest.raises(AlreadySomebody, match="/people remove slack:T1:U8"):
            await people.pair("slack", "T1:U8", "Ann on Slack", await link_code(ann))
        assert await people.pair("slack", "T1:U9", "Ann on Slack", "AAAAA-AAAAA") is None


async def test_the_last_owner_stays(settings: Settings) -> None:
    with pytest.raises(Refused, match="owner"):
        await manage_people(settings, "remove", "Ann", None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("invite", None, None), "must be one of list, approve, role, remove"),
        (("role", None, None), "say whom"),
        (("role", "Ann", None), "say which role"),
        (("role", "Ann", "king"), "must be one of viewer, operator, owner"),
        (("remove", "Zoe", None), 'nobody is called "Zoe"'),
        (("approve", "Ben", None), "PLATFORM:ID"),
        (("approve", "telegram:", None), "ids are digits, as in telegram:123456"),
        (("approve", ":5", None), "is no platform; platforms are telegram"),
        (("approve", "slack:U1", None), "as in slack:T123:U456"),
    ],
)
async def test_what_makes_no_sense_is_said_with_the_remedy(
    settings: Settings, arguments: tuple[str, str | None, str | None], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        await manage_people(settings, *arguments)
