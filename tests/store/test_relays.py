from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from store import relays, wishes
from store.database import Database
from store.relays import RelayState, Switching
from store.wishes import Wish

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)


async def test_the_newest_wish_counts(database: Database) -> None:
    assert await wishes.all_of(database, ORG, SITE) == {}
    await wishes.put(database, ORG, SITE, Wish("s21", "on", NOON + timedelta(hours=2), "p1", NOON, "r1"))
    await wishes.put(database, ORG, SITE, Wish("s19-1", "auto", None, "p1", NOON))
    off = Wish("s21", "off", None, "p2", NOON + timedelta(minutes=1))
    await wishes.put(database, ORG, SITE, off)
    assert await wishes.all_of(database, ORG, SITE) == {
        "s21": off,
        "s19-1": Wish("s19-1", "auto", None, "p1", NOON, None),
    }
    assert await wishes.all_of(database, ORG, "cabin") == {}
    with pytest.raises(IntegrityError):
        await wishes.put(database, ORG, SITE, Wish("s21", "maybe", None, "p1", NOON))  # type: ignore[arg-type]


async def test_the_newest_state_of_a_relay_is_kept_with_everything_that_was_read(database: Database) -> None:
    unknown = RelayState(miner_id="s19-1", reachable=False, problem="no answer")
    state = RelayState(
        miner_id="s21",
        on=True,
        power_w=3878.0,
        energy_kwh=12.5,
        timer_until=NOON + timedelta(minutes=15),
        read_at=NOON,
        changed_at=NOON - timedelta(minutes=1),
        changed_by="us",
        errors=("overtemp",),
    )
    await relays.put(database, ORG, SITE, RelayState(miner_id="s21", on=False))
    for each in (state, unknown):
        await relays.put(database, ORG, SITE, each)
    assert await relays.all_of(database, ORG, SITE) == {"s21": state, "s19-1": unknown}


async def test_switchings_are_kept_in_order_and_found_by_miner_and_time(database: Database) -> None:
    made = [
        Switching("s21", NOON, True, "us", "r1"),
        Switching("s19-1", NOON + timedelta(minutes=1), True, "hand", None),
        Switching("s21", NOON + timedelta(minutes=2), False, "timer", None),
    ]
    async with database.begin() as connection:
        for each in made:
            await relays.note_switch_in(connection, ORG, SITE, each)
    assert await relays.switchings(database, ORG, SITE) == made
    assert await relays.switchings(database, ORG, SITE, "s21") == [made[0], made[2]]
    assert await relays.switchings(database, ORG, SITE, since=NOON + timedelta(minutes=1)) == made[1:]
    assert await relays.switchings(database, ORG, SITE, until=NOON) == made[:1]
