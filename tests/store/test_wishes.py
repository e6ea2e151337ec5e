"""Wishes with their ends: what a miner comes back to, and what is kept of it."""

from datetime import UTC, datetime, timedelta

import pytest

from store import wishes
from store.database import Database
from store.wishes import MOST_EARLIER, Earlier, Mode, Wish, earlier_for, wish_after

NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
Step = tuple[Mode, float | None]


def ends_in(*steps: Step) -> list[Step]:
    """What comes at the end of each time limit, when the wishes come one after the other at noon."""
    wish: Wish | None = None
    for mode, hours in steps:
        until = None if hours is None else NOON + timedelta(hours=hours)
        wish = Wish("s21", mode, until, "ann", NOON, before=earlier_for(wish, mode, until))
    assert wish is not None
    found: list[Step] = []
    while wish.until is not None:
        wish = wish_after(wish, wish.until)
        found.append((wish.mode, None if wish.until is None else (wish.until - NOON) / timedelta(hours=1)))
    return found


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        ([("on", 3)], [("off", None)]),
        ([("auto", None), ("on", 2), ("on", 3)], [("auto", None)]),
        ([("auto", None), ("on", 3), ("on", 2)], [("auto", None)]),
        ([("on", 3), ("off", 1)], [("on", 3), ("off", None)]),
        ([("auto", None), ("on", 3), ("off", 1)], [("on", 3), ("auto", None)]),
        ([("auto", None), ("on", 1), ("off", 3)], [("auto", None)]),  # the shorter one is over by then
        ([("on", None), ("off", 2)], [("on", None)]),
        ([("on", None), ("on", 2)], [("off", None)]),  # somebody wants it to end
        ([("auto", None), ("auto", 2)], [("auto", None)]),
        ([("on", 3), ("off", None), ("on", 1)], [("off", None)]),  # what was replaced for good does not come back
        ([("hand_on", None), ("off", 1)], [("off", None)]),
    ],
)
def test_a_wish_with_a_time_limit_ends_in_what_was_wanted_before(steps: list[Step], then: list[Step]) -> None:
    assert ends_in(*steps) == then


def test_of_very_many_wishes_the_next_and_the_first_are_kept() -> None:
    steps: list[Step] = [("auto", None), *((("on", "off")[n % 2], 90 - n) for n in range(40))]
    found = ends_in(*steps)
    assert len(found) == MOST_EARLIER
    assert found[0] == ("on", 52)
    assert found[-1] == ("auto", None)


async def test_a_wish_is_kept_whole(database: Database) -> None:
    before = (Earlier("on", NOON + timedelta(hours=3), "ann"), Earlier("auto", None, "host"))
    wish = Wish("s21", "off", NOON, "ben", NOON, "r1", 7, before, held=True)
    await wishes.put(database, "home", "ranch", wish)
    assert await wishes.all_of(database, "home", "ranch") == {"s21": wish}
