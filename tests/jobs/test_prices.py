"""Prices that the worker fetches: kept, planned with, and replaced by what the settings say where they do not come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from aiohttp import web

from connectors.prices import HashPrice, HourlyPrices
from energy.plan.problem import growing_steps
from energy.prices import PriceHour
from energy.site import Economics, Site, Tariff, TariffPeriod
from energy.site_plan import PlanSettings
from jobs.claims import NotDone
from jobs.planning import EVERY, make_plan_now, unexpected
from jobs.prices import HASH_PRICE, PRICES, fetch_hash_price, fetch_prices
from services.prices_now import prices_now
from store import prices
from store.database import Database
from tests.connectors.serving import serving
from tests.jobs.plans import put_forecasts
from tests.jobs.ranch import ORG, on_ranch
from tests.jobs.stage import work_of

NOW = datetime(2026, 6, 1, 19, tzinfo=UTC)  # noon in Los Angeles
HOUR = timedelta(hours=1)
URLS = PlanSettings(hashprice_url="https://pool.example/price", prices_url="https://grid.example/prices")
BARE = Site(id="ranch", timezone="America/Los_Angeles", plan=URLS, economics=Economics(hashprice_per_phs_day=44.0))
FLAT = BARE.model_copy(
    update={"tariff": Tariff(period=(TariffPeriod(name="flat", import_per_kwh=0.33, export_per_kwh=0.08),))}
)


def told(first: datetime, hours: int, price: float) -> list[dict[str, object]]:
    return [{"start": (first + n * HOUR).isoformat(), "import_per_kwh": price + n / 100} for n in range(hours)]


async def test_what_was_fetched_is_planned_with_and_the_tariff_counts_where_tomorrow_is_missing(
    database: Database,
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(told(NOW, 12, -0.02) if request.path == "/prices" else 47.5)

    async with serving(handler) as server:
        hash_price = HashPrice(server.url + "/hash", clock=lambda: NOW)
        energy = HourlyPrices(server.url + "/prices", clock=lambda: NOW)
        work = work_of(database, site=FLAT, clock=lambda: NOW, hash_price=hash_price, prices=energy)
        await fetch_hash_price(work)
        await fetch_prices(work)
        await hash_price.close()
        await energy.close()
    found = await prices_now(database, ORG, FLAT, growing_steps(int(NOW.timestamp()), 36), NOW)
    bought = found.prices.import_per_kwh
    assert bought[:8].tolist() == pytest.approx([-0.02] * 4 + [-0.01] * 4)
    assert bought[-1] == 0.33
    assert set(found.prices.export_per_kwh.tolist()) == {0.08}  # it was not told
    assert found.hashprice_per_phs_day == 47.5
    assert found.says == (
        "No hourly price is known for 24 of the steps, the first on Tue at 00:00; the tariff of the settings counts "
        "there.",
    )


async def test_without_a_tariff_the_day_before_counts_and_an_old_hash_price_does_not(database: Database) -> None:
    steps = growing_steps(int(NOW.timestamp()), 36)
    none = await prices_now(database, ORG, BARE, steps, NOW)
    assert np.isnan(none.prices.import_per_kwh).all()
    assert none.says[0] == "No hourly price of prices_url is known for the time of this plan."
    assert none.says[1].startswith("The hash price of hashprice_url has not come yet, so that of the settings counts")
    await prices.put(
        database,
        ORG,
        "ranch",
        [PriceHour(NOW + n * HOUR, 0.2 + n / 100) for n in range(-24, 12)],
        now=NOW - HOUR,
    )
    await prices.put_hash_price(database, ORG, "ranch", 50.0, now=NOW - 25 * HOUR)
    found = await prices_now(database, ORG, BARE, steps, NOW)
    assert found.prices.import_per_kwh[-24] == pytest.approx(0.2 - 0.12)  # midnight, as it was the midnight before
    assert found.prices.import_per_kwh[-1] == pytest.approx(0.2 + 0.11)
    assert found.says[0].endswith("the price of a day before counts there, where it is known.")
    assert found.hashprice_per_phs_day == 44.0
    assert "is 25 h old" in found.says[1] or "is 1 d" in found.says[1]


async def test_quarter_hours_are_averaged_over_longer_steps(database: Database) -> None:
    quarters = [PriceHour(NOW + n * HOUR / 4, float(n % 4)) for n in range(4 * 40)]
    await prices.put(database, ORG, "ranch", quarters, now=NOW)
    found = (await prices_now(database, ORG, FLAT, growing_steps(int(NOW.timestamp()), 36), NOW)).prices
    assert found.import_per_kwh[:4].tolist() == [0, 1, 2, 3]
    assert found.import_per_kwh[-1] == 1.5


async def test_a_service_that_is_down_is_left_alone_for_its_pause_and_what_was_known_stays(database: Database) -> None:
    status, asked = [200], 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response(46, status=status[0], headers={"Retry-After": "600"})

    async with serving(handler) as server:
        service, energy = HashPrice(server.url, fresh_s=0), HourlyPrices(server.url, fresh_s=0)
        work = work_of(database, site=BARE, hash_price=service, prices=energy)
        await fetch_hash_price(work)
        with pytest.raises(NotDone):
            await fetch_prices(work)  # a number is no list
        status[0] = 503
        for _ in range(2):
            with pytest.raises(NotDone):
                await fetch_hash_price(work)
        await service.close()
        await energy.close()
    assert asked == 3
    assert (work.watch.trouble(HASH_PRICE), work.watch.trouble(PRICES)) == ("device_busy", "device_malformed")
    seen = await prices.newest_hash_price(database, ORG, "ranch", as_of=datetime.now(UTC))
    assert seen is not None
    assert seen.per_phs_day == 46


async def test_new_prices_bring_a_new_plan_which_says_so(database: Database) -> None:
    async with on_ranch(database) as ranch:
        ranch.site = ranch.site.model_copy(update={"plan": URLS})
        await put_forecasts(database)
        now = datetime.now(UTC)
        await prices.put_hash_price(database, ORG, "ranch", 45.0, now=now - HOUR)
        stored = await make_plan_now(ranch.work(), EVERY)
        assert any("No hourly price of prices_url is known" in note for note in stored.plan.notes)
        later = ranch.work(clock=lambda: datetime.now(UTC) + timedelta(minutes=4))
        soon = datetime.now(UTC) + timedelta(minutes=2)
        await prices.put_hash_price(database, ORG, "ranch", 45.2, now=soon)
        assert await unexpected(later) is None
        await prices.put_hash_price(database, ORG, "ranch", 60.0, now=soon + timedelta(minutes=1))
        assert await unexpected(later) == "because the hash price is 60 USD now, and was 45"
        await prices.put(database, ORG, "ranch", [PriceHour(now + 2 * HOUR, 0.9)], now=soon)
        assert await unexpected(later) == "because new energy prices came"
        assert (await make_plan_now(later, "x")).plan.method == "milp"
