"""The ways to people: routes, open groups, absences, live messages; and what platforms were told."""

from datetime import UTC, datetime, timedelta

import pytest

from store import absences, audit, buttons, control, groups, live, places, progress, registrations, routes
from store.absences import Absence
from store.database import Database
from store.live import LiveMessage
from store.progress import ProgressLine
from store.routes import Route

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def test_a_route_dies_and_lives_again_when_its_person_writes(database: Database) -> None:
    await routes.seen(database, ORG, "p1", "telegram", "7", NOON)
    await routes.seen(database, ORG, "p1", "slack", "D1", NOON + MINUTE)
    assert [route.platform for route in await routes.of_person(database, ORG, "p1")] == ["slack", "telegram"]
    assert await routes.mark_dead(database, ORG, "slack", "D1", "account inactive")
    assert not await routes.mark_dead(database, ORG, "slack", "D1", "account inactive")
    assert await routes.of_person(database, ORG, "p1") == [
        Route("telegram", "7", NOON, None),
        Route("slack", "D1", NOON + MINUTE, "account inactive"),
    ]
    await routes.seen(database, ORG, "p1", "slack", "D1", NOON + 2 * MINUTE)
    assert [route.dead_reason for route in await routes.of_person(database, ORG, "p1")] == [None, None]
    assert await routes.of_person(database, ORG, "p2") == []


async def test_a_chat_that_got_a_new_id_stays_a_route_and_an_open_group(database: Database) -> None:
    await routes.seen(database, ORG, "p1", "telegram", "7", NOON)
    await routes.seen(database, ORG, "p1", "telegram", "8", NOON)
    async with database.begin() as connection:
        await routes.move_in(connection, ORG, "telegram", "7", "8")
    assert [route.chat_id for route in await routes.of_person(database, ORG, "p1")] == ["8"]
    await groups.open_group(database, ORG, SITE, "telegram", "-5", by="p1", now=NOON)
    async with database.begin() as connection:
        await groups.move_in(connection, ORG, "telegram", "-5", "-1005")
    assert await groups.is_open(database, ORG, SITE, "telegram", "-1005")
    assert not await groups.is_open(database, ORG, SITE, "telegram", "-5")


async def test_a_group_is_closed_until_it_is_opened_and_both_are_audited_once(database: Database) -> None:
    assert not await groups.is_open(database, ORG, SITE, "slack", "C1")
    assert await groups.open_group(database, ORG, SITE, "slack", "C1", by="p1", now=NOON)
    assert not await groups.open_group(database, ORG, SITE, "slack", "C1", by="p2", now=NOON)
    assert await groups.is_open(database, ORG, SITE, "slack", "C1")
    assert not await groups.is_open(database, ORG, "cabin", "slack", "C1")
    assert await groups.close_group(database, ORG, SITE, "slack", "C1", by="p1", now=NOON)
    assert not await groups.close_group(database, ORG, SITE, "slack", "C1", by="p1", now=NOON)
    rows = await audit.entries(database, ORG, site_id=SITE)
    assert [(row.action, row.subject) for row in rows] == [("group_closed", "slack:C1"), ("group_opened", "slack:C1")]


async def test_a_new_absence_replaces_the_one_before_and_ends_by_itself(database: Database) -> None:
    friday = Absence("p1", NOON, NOON + timedelta(days=3), "at the coast")
    await absences.add(database, ORG, friday, now=NOON)
    assert await absences.current(database, ORG, "p1", NOON) == friday
    longer = Absence("p1", NOON, NOON + timedelta(days=9), "")
    await absences.add(database, ORG, longer, now=NOON + MINUTE)
    assert await absences.current(database, ORG, "p1", NOON + timedelta(days=5)) == longer
    assert await absences.current(database, ORG, "p1", NOON + timedelta(days=9)) is None
    assert await absences.cancel(database, ORG, "p1", NOON)
    assert not await absences.cancel(database, ORG, "p1", NOON)
    with pytest.raises(ValueError, match="ends after it begins"):
        await absences.add(database, ORG, Absence("p1", NOON, NOON, ""), now=NOON)


async def test_a_chat_has_one_live_message(database: Database) -> None:
    first = LiveMessage("telegram", "7", None, "10", "7", "Ann", NOON)
    second = LiveMessage("telegram", "7", "topic", "11", "7", "Ann", NOON + MINUTE)
    await live.put(database, ORG, SITE, first)
    await live.put(database, ORG, SITE, second)
    assert await live.all_of(database, ORG, SITE) == [second]
    assert await live.all_of(database, ORG, "cabin") == []
    assert await live.remove(database, ORG, SITE, "telegram", "7")
    assert not await live.remove(database, ORG, SITE, "telegram", "7")


async def test_what_a_platform_was_told_is_kept(database: Database) -> None:
    assert await registrations.get(database, ORG, "discord", "commands") is None
    await registrations.put(database, ORG, "discord", "commands", "abc")
    await registrations.put(database, ORG, "discord", "commands", "def")
    assert await registrations.get(database, ORG, "discord", "commands") == "def"
    assert await registrations.get(database, ORG, "telegram", "commands") is None


async def test_buttons_move_with_their_chat_in_every_topic_and_no_other_chats_do(database: Database) -> None:
    async def minted(place: str | None) -> str:
        expires = NOON + timedelta(days=1)
        return await buttons.mint(
            database,
            ORG,
            action={"do": place},
            person_id=None,
            place=place,
            expires_at=expires,
            single_use=False,
            now=NOON,
        )

    async def verdict(token: str, place: str) -> str:
        return (await buttons.redeem(database, ORG, token, person_id="p1", place=place, now=NOON)).verdict

    chat, topic, other = [await minted(f"telegram:{place}") for place in ("-5", "-5:44", "-55")]
    request = await control.create(
        database,
        ORG,
        site_id=SITE,
        action="miners.start",
        arguments={"miners": ["s21"]},
        origin="model",
        state="proposed",
        person_id="p1",
        person_name="Ann",
        place="telegram:-5:44",
        now=NOON,
    )
    async with database.begin() as connection:
        await places.move_in(connection, ORG, "telegram", "-5", "-1005")
    assert await verdict(chat, "telegram:-1005") == "ok"
    assert await verdict(topic, "telegram:-1005:44") == "ok"
    assert await verdict(other, "telegram:-55") == "ok"
    assert await verdict(chat, "telegram:-5") == "elsewhere"
    moved = await control.get(database, ORG, request.request_id)
    assert moved is not None
    assert moved.place == "telegram:-1005:44"


async def test_progress_lines_are_known_until_they_are_gone(database: Database) -> None:
    lines = [ProgressLine("telegram", "-5", "44", "10"), ProgressLine("telegram", "-5", None, "11")]
    for line in [*lines, lines[0], ProgressLine("slack", "C1", None, "1.2")]:
        await progress.keep(database, ORG, line)
    assert await progress.all_of(database, ORG, "telegram") == lines
    assert await progress.all_of(database, "other", "telegram") == []
    assert await progress.forget(database, ORG, lines[0])
    assert not await progress.forget(database, ORG, lines[0])
    assert await progress.all_of(database, ORG, "telegram") == lines[1:]
