"""Prices as they were heard: the newer word on an hour counts, and nothing is known before it was heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from energy.prices import PriceHour
from store import prices
from store.database import Database
from store.prices import SeenHashPrice

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = [PriceHour(NOON + n * HOUR, 0.1 * n - 0.1, 0.05 if n else None) for n in range(3)]


async def known(database: Database, as_of: datetime, site: str = SITE) -> list[PriceHour]:
    return await prices.between(database, ORG, site, NOON, NOON + 24 * HOUR, as_of=as_of)


async def test_prices_are_known_from_when_they_were_heard_and_only_changes_count(database: Database) -> None:
    assert await prices.put(database, ORG, SITE, DAY, now=NOON) == 3
    assert await prices.put(database, ORG, SITE, DAY, now=NOON + HOUR) == 0
    assert await known(database, NOON) == DAY
    assert await known(database, NOON - HOUR) == []
    assert await known(database, NOON, "elsewhere") == []
    assert await prices.changed_at(database, ORG, SITE, NOON, as_of=NOON + 2 * HOUR) == NOON
    newer = [PriceHour(DAY[0].start, DAY[0].import_per_kwh, 0.07), DAY[1]]
    assert await prices.put(database, ORG, SITE, newer, now=NOON + 2 * HOUR) == 1
    assert await known(database, NOON + 2 * HOUR) == [newer[0], *DAY[1:]]
    assert await prices.changed_at(database, ORG, SITE, NOON, as_of=NOON + 2 * HOUR) == NOON + 2 * HOUR
    assert await prices.changed_at(database, ORG, SITE, NOON + HOUR, as_of=NOON + 2 * HOUR) == NOON
    assert await prices.changed_at(database, ORG, SITE, NOON + 9 * HOUR, as_of=NOON + 2 * HOUR) is None


async def test_the_newest_hash_price_is_that_of_its_time_and_what_is_old_is_dropped(database: Database) -> None:
    assert await prices.newest_hash_price(database, ORG, SITE, as_of=NOON) is None
    assert await prices.put_hash_price(database, ORG, SITE, 45.0, now=NOON)
    assert not await prices.put_hash_price(database, ORG, SITE, 99.0, now=NOON)
    assert await prices.put_hash_price(database, ORG, SITE, 46.0, now=NOON + HOUR)
    assert await prices.newest_hash_price(database, ORG, SITE, as_of=NOON) == SeenHashPrice(NOON, 45.0)
    assert await prices.newest_hash_price(database, ORG, SITE, as_of=NOON + 48 * HOUR) == SeenHashPrice(
        NOON + HOUR, 46.0
    )
    await prices.put(database, ORG, SITE, DAY, now=NOON)
    assert await prices.forget_before(database, ORG, SITE, NOON + HOUR) == 2
    assert await known(database, NOON + HOUR) == DAY[1:]
    assert await prices.newest_hash_price(database, ORG, SITE, as_of=NOON) is None
