"""What energy and hash cost as far as it is known at a time: what services told, else what the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from energy.plan.prices import tariff_prices, with_hourly
from energy.plan.problem import Prices, Steps
from energy.prices import HASH_PRICE_KEPT
from energy.site import Site
from energy.units import format_duration
from store import prices
from store.database import Database

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PricesNow:
    """Prices per step, the hash price per PH/s and day, and what is to be said of either (whole sentences)."""

    prices: Prices
    hashprice_per_phs_day: float
    says: tuple[str, ...] = ()


async def prices_now(database: Database, org_id: str, site: Site, steps: Steps, now: datetime) -> PricesNow:
    """The prices of these steps as known at `now`: the hours that a service told, else the tariff.

    Where there is no tariff either, the price of a day before counts; what is left is unknown (NaN).
    """
    energy = tariff_prices(site.tariff, steps, site.zone)
    said: tuple[str, ...] = ()
    if site.plan.prices_url is not None:
        start, end = (datetime.fromtimestamp(moment_s, UTC) for moment_s in (int(steps.starts_s[0]), steps.end_s))
        told = await prices.between(database, org_id, site.id, start - DAY - timedelta(hours=1), end, as_of=now)
        energy, said = with_hourly(energy, told, steps, site.zone)
    hash_price, note = await _hash_price(database, org_id, site, now)
    return PricesNow(energy, hash_price, (*said, *note))


async def _hash_price(database: Database, org_id: str, site: Site, now: datetime) -> tuple[float, tuple[str, ...]]:
    own = site.economics.hashprice_per_phs_day
    if site.plan.hashprice_url is None:
        return own, ()
    seen = await prices.newest_hash_price(database, org_id, site.id, as_of=now)
    if seen is not None and now - seen.seen_at <= HASH_PRICE_KEPT:
        return seen.per_phs_day, ()
    since = "has not come yet" if seen is None else f"is {format_duration(now - seen.seen_at)} old"
    return own, (
        f"The hash price of hashprice_url {since}, so that of the settings counts: {own:g} {site.economics.currency} "
        "per PH/s and day. See the worker's log for why.",
    )
