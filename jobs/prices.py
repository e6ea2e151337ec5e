"""The jobs that fetch prices, of hash and of energy, from the addresses that the owner named; a change wakes plans."""

from __future__ import annotations

from energy.prices import HASH_PRICE_KEPT
from jobs.asking import asked
from jobs.work import Work
from store import prices

HASH_PRICE = "hash_price"
PRICES = "prices"


async def fetch_hash_price(work: Work) -> None:
    """Keep the hash price of now; a failure is logged when it is news. Raises `NotDone`.

    It is held against the last one, and where that is a day old against the settings'.
    """
    service = work.hash_price
    if service is None:
        return
    now, place = work.clock(), (work.database, work.org_id, work.site.id)
    before = await prices.newest_hash_price(*place, as_of=now)
    fresh = before is not None and now - before.seen_at <= HASH_PRICE_KEPT
    last = before.per_phs_day if before is not None and fresh else work.site.economics.hashprice_per_phs_day
    price = await asked(work, HASH_PRICE, lambda: service.current(last))
    await prices.put_hash_price(*place, price, now=work.clock())
    if price != last:
        await work.wake_up("plan")


async def fetch_prices(work: Work) -> None:
    """Keep the energy prices known by now; a failure is logged when it is news. Raises `NotDone`."""
    service = work.prices
    if service is None:
        return
    hours = await asked(work, PRICES, service.current)
    if await prices.put(work.database, work.org_id, work.site.id, hours, now=work.clock()):
        await work.wake_up("plan")
