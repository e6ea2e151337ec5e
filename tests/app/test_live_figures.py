"""Live messages on a real database: they end where they may not be shown any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.chat_people import LiveFigures, PeopleHere
from app.chat_ports import StoredLive, StoredPlaces
from bot.live import ENDED, LiveBoard
from bot.message import Address, Sender
from bot.reply import plain
from services import groups, routes
from services.scope import no_wake
from store import people
from tests.bot.house import Wall
from tests.services.ranch import Ranch, ranch

BEN = Sender("telegram", "8", "Ben")
DIRECT, GROUP = Address("telegram", "8"), Address("telegram", "-100")
OVER = plain(ENDED.blocks)


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[Ranch]:
    made = await ranch(tmp_path)
    yield made
    await made.database.close()


async def begun(farm: Ranch, wall: Wall) -> LiveBoard:
    """A live message of Ben's in a group and one in his direct chat, renewed once."""
    places = StoredPlaces(farm.database, farm.site)
    figures = LiveFigures(PeopleHere(farm.database, farm.site, no_wake), places)
    board = LiveBoard(StoredLive(farm.database, farm.site), {"telegram": wall}, figures)
    await groups.open_group(await farm.scope(), "telegram", "-100")
    await routes.seen(farm.database, farm.people["Ben"], "telegram", "8", farm.now)
    await board.begin(GROUP, BEN, "g1")
    await board.begin(DIRECT, BEN, "d1")
    await board.renew()
    assert {ref for ref, text in wall.edits if "renewed 20" in text} == {"g1", "d1"}
    wall.edits.clear()
    return board


async def test_in_a_group_that_was_closed_the_message_ends_without_figures(farm: Ranch) -> None:
    wall = Wall(platform="telegram")
    board = await begun(farm, wall)
    await groups.close_group(await farm.scope(), "telegram", "-100")
    await board.renew()
    assert [text for ref, text in wall.edits if ref == "g1"] == [OVER]
    assert (wall.unpinned, len(wall.edits)) == (["g1"], 2)
    await board.renew()
    assert [ref for ref, _ in wall.edits][2:] == ["d1"]


async def test_the_messages_of_somebody_who_was_removed_end_without_figures(farm: Ranch) -> None:
    wall = Wall(platform="telegram")
    board = await begun(farm, wall)
    await people.forget(farm.database, "home", farm.people["Ben"], by="host")
    await board.renew()
    assert sorted(wall.edits) == [("d1", OVER), ("g1", OVER)]
    assert sorted(wall.unpinned) == ["d1", "g1"]


async def test_without_a_role_the_figures_are_not_for_them_any_more(farm: Ranch) -> None:
    wall = Wall(platform="telegram")
    board = await begun(farm, wall)
    await people.set_role(farm.database, "home", "ranch", farm.people["Ben"], None, granted_by="host")
    await board.renew()
    assert {text for _, text in wall.edits} == {OVER}


async def test_a_second_live_message_takes_the_place_of_the_first_also_after_a_restart(farm: Ranch) -> None:
    wall = Wall(platform="telegram")
    await begun(farm, wall)
    again = LiveBoard(
        StoredLive(farm.database, farm.site),
        {"telegram": wall},
        LiveFigures(PeopleHere(farm.database, farm.site, no_wake), StoredPlaces(farm.database, farm.site)),
    )
    await again.begin(DIRECT, BEN, "d2")
    assert (wall.edits, wall.unpinned) == ([("d1", OVER)], ["d1"])
    await again.renew()
    assert sorted(ref for ref, _ in wall.edits[1:]) == ["d2", "g1"]
