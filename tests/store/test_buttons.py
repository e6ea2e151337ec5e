import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from store import audit, buttons
from store.buttons import Redeemed
from store.control_tables import buttons as table
from store.database import Database

ORG = "home"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
CONFIRM = {"do": "confirm", "request": "r1"}


async def minted(database: Database, **changes: Any) -> str:
    values: dict[str, Any] = {
        "action": CONFIRM,
        "person_id": "p1",
        "place": "telegram:7",
        "expires_at": NOON + timedelta(seconds=120),
        "single_use": True,
        "now": NOON,
    }
    return await buttons.mint(database, ORG, **(values | changes))


async def tapped(database: Database, token: str, **changes: Any) -> Redeemed:
    values: dict[str, Any] = {"person_id": "p1", "place": "telegram:7", "now": NOON, "site_id": "ranch"}
    return await buttons.redeem(database, ORG, token, **(values | changes))


async def test_a_token_is_random_fits_every_platform_and_is_not_in_the_database(database: Database) -> None:
    tokens = [await minted(database) for _ in range(20)]
    assert len(set(tokens)) == 20
    assert all(22 <= len(token) <= 40 and token.isascii() for token in tokens)
    async with database.read() as connection:
        rows = (await connection.execute(select(table))).all()
    assert not any(token in str(value) for row in rows for value in row for token in tokens)


async def test_of_fifty_taps_at_once_on_connections_of_their_own_exactly_one_counts(
    url: str, database: Database
) -> None:
    token = await minted(database)
    opened = [await Database.open(url) for _ in range(50)]
    results = await asyncio.gather(*(tapped(each, token, key=f"tap{n}") for n, each in enumerate(opened)))
    assert [each.verdict for each in results].count("ok") == 1
    assert [each.verdict for each in results].count("used") == 49
    assert len(await audit.entries(database, ORG, action="button_refused")) == 49
    for each in opened:
        await each.close()


async def test_the_same_tap_delivered_again_gets_the_same_verdict_and_another_one_does_not(database: Database) -> None:
    token = await minted(database)
    assert await tapped(database, token, key="tap1") == Redeemed("ok", CONFIRM)
    late = NOON + timedelta(hours=1)
    assert await tapped(database, token, key="tap1", now=late) == Redeemed("ok", CONFIRM)
    assert await tapped(database, token, key="tap2") == Redeemed("used")
    assert await tapped(database, token) == Redeemed("used")
    assert (await tapped(database, token, key="tap1", person_id="p2")).verdict == "not_yours"


async def test_somebody_elses_tap_is_refused_and_audited_and_leaves_the_button_good(database: Database) -> None:
    token = await minted(database)
    assert await tapped(database, token, person_id="p2") == Redeemed("not_yours")
    assert await tapped(database, token, place="telegram:-100") == Redeemed("elsewhere")
    rows = await audit.entries(database, ORG, site_id="ranch", action="button_refused")
    assert [(row.actor, row.details["verdict"], row.details["button"]) for row in rows] == [
        ("p1", "elsewhere", CONFIRM),
        ("p2", "not_yours", CONFIRM),
    ]
    assert (await tapped(database, token)).verdict == "ok"


async def test_a_late_tap_tells_what_it_would_have_done_so_that_a_fresh_button_can_be_offered(
    database: Database,
) -> None:
    token = await minted(database)
    assert await tapped(database, token, now=NOON + timedelta(seconds=120)) == Redeemed("expired", CONFIRM)
    assert (await tapped(database, token, now=NOON + timedelta(seconds=119))).verdict == "ok"


async def test_a_button_for_everybody_works_again_and_again(database: Database) -> None:
    token = await minted(database, person_id=None, place=None, expires_at=None, single_use=False)
    for person in ("p1", "p2", "p1"):
        assert (await tapped(database, token, person_id=person, place="slack:C1")).verdict == "ok"


async def test_guessed_and_forgotten_tokens_are_unknown(database: Database) -> None:
    token = await minted(database)
    assert (await tapped(database, "x" * 32)).verdict == "unknown"
    assert (await tapped(database, "\ud800 not even text")).verdict == "unknown"
    assert (await buttons.redeem(database, "other", token, person_id="p1", place="x", now=NOON)).verdict == "unknown"
    assert await buttons.forget_before(database, ORG, NOON + timedelta(seconds=1)) == 1
    assert (await tapped(database, token)).verdict == "unknown"
