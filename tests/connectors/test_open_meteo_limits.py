"""Open-Meteo asked sparingly: kept answers, counted calls, pauses that are kept; keys of customers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from connectors.allowance import DAY_S, HOUR_S, MINUTE_S, Allowance, Bucket
from connectors.errors import TryLater, Unreachable
from connectors.open_meteo import FREE_LIMITS, OpenMeteo, call_weight
from energy.site import Array
from tests.connectors.serving import serving
from tests.connectors.test_open_meteo import SITE, answer

NOW = datetime(2026, 6, 1, 0, 10, 25, tzinfo=UTC)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


async def test_a_forecast_is_kept_while_the_models_say_nothing_new():
    clock = Clock()
    async with serving(answer) as server:
        service = OpenMeteo(server.url, clock=clock)
        first = await service.forecast(SITE)
        clock.passes(minutes=14)
        assert await service.forecast(SITE) is first
        assert len(server.asked) == 3
        clock.passes(minutes=1)
        later = await service.forecast(SITE)
        await service.close()
    assert later.issued_at == NOW + timedelta(minutes=15)
    assert len(server.asked) == 6


async def test_callers_at_the_same_time_share_one_forecast():
    async with serving(answer) as server:
        service = OpenMeteo(server.url, clock=Clock())
        found = await asyncio.gather(*(service.forecast(SITE) for _ in range(5)))
        await service.close()
    assert len({id(issued) for issued in found}) == 1
    assert len(server.asked) == 3


async def test_another_roof_is_another_forecast():
    async with serving(answer) as server:
        service = OpenMeteo(server.url, clock=Clock())
        await service.forecast(SITE)
        moved = SITE.model_copy(update={"array": (Array(name="new", kwp=1, tilt_deg=45, azimuth_deg=90),)})
        issued = await service.forecast(moved)
        await service.close()
    assert issued.hours[0].tilted_w_m2.keys() == {"new"}
    assert server.queries[-1]["azimuth"] == "-90.0"


async def test_a_forecast_counts_as_issued_when_its_last_part_has_come():
    clock = Clock()

    async def slow(request: web.Request) -> web.Response:
        clock.passes(seconds=4)
        return await answer(request)

    async with serving(slow) as server:
        service = OpenMeteo(server.url, clock=clock)
        issued = await service.forecast(SITE)
        await service.close()
    assert issued.issued_at == NOW + timedelta(seconds=12)


async def test_the_service_is_left_alone_while_it_asks_for_a_pause():
    clock = Clock()

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "90"}, text="{}")

    async with serving(busy) as server:
        service = OpenMeteo(server.url, clock=clock)
        with pytest.raises(TryLater):
            await service.forecast(SITE)
        clock.passes(seconds=30)
        with pytest.raises(TryLater) as caught:
            await service.forecast(SITE)
        assert (caught.value.after_s, len(server.asked)) == (60, 1)
        clock.passes(seconds=61)
        with pytest.raises(TryLater):
            await service.forecast(SITE)
        await service.close()
    assert len(server.asked) == 2


async def test_a_clock_that_is_set_back_does_not_make_the_pause_last():
    clock, asked = Clock(), 0

    async def busy_once(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=429, headers={"Retry-After": "90"}) if asked == 1 else await answer(request)

    async with serving(busy_once) as server:
        service = OpenMeteo(server.url, clock=clock)
        with pytest.raises(TryLater):
            await service.forecast(SITE)
        clock.passes(days=-3)
        assert await service.forecast(SITE)
        await service.close()


async def test_our_own_count_stops_before_the_services_does():
    clock = Clock()
    async with serving(answer) as server:
        shared = Allowance("Open-Meteo", {MINUTE_S: 5}, clock=clock)
        one, other = (OpenMeteo(server.url, allowance=shared, clock=clock) for _ in range(2))
        await one.forecast(SITE)
        with pytest.raises(TryLater, match="5 calls per minute are used up") as caught:
            await other.forecast(SITE)
        assert caught.value.after_s == 35
        clock.passes(seconds=35)
        await other.forecast(SITE)
        await one.close()
        await other.close()


async def test_a_customer_has_a_key_and_no_limits_of_the_free_service():
    async with serving(answer) as server:
        service = OpenMeteo(server.url, api_key=SecretStr("customer-key"), clock=Clock())
        await service.forecast(SITE)
        await service.close()
    assert {query["apikey"] for query in server.queries} == {"customer-key"}


async def test_a_silent_service_is_named_without_the_key():
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(silent) as server:
        service = OpenMeteo(server.url, api_key=SecretStr("customer-key"), timeout_s=0.2)
        with pytest.raises(Unreachable) as caught:
            await service.forecast(SITE)
        await service.close()
    assert "customer-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "days", "weight"), [(5, 5, 1), (10, 14, 1), (12, 7, 1.2), (10, 28, 2), (15, 28, 3)]
)
def test_a_call_weighs_as_much_as_the_service_counts_it(variables, days, weight):
    assert call_weight(variables, days) == pytest.approx(weight)


def test_the_free_limits_leave_room_for_a_site_and_not_for_a_thousand():
    a_day = 48 * 3 * call_weight(5, 5)
    assert a_day < FREE_LIMITS[DAY_S] / 50
    assert 1_000 * a_day > FREE_LIMITS[DAY_S]


def test_counters_begin_anew_with_the_minute_the_hour_and_the_utc_day():
    clock = Clock()
    allowance = Allowance("the service", {MINUTE_S: 2, HOUR_S: 3, DAY_S: 4}, clock=clock)
    pauses: list[Any] = []
    for pass_s in (0, 0, 0, 35, 0, 2_960, 0):
        clock.passes(seconds=pass_s)
        try:
            allowance.spend()
        except TryLater as error:
            pauses.append(error.after_s)
        else:
            pauses.append(None)
    # two, then the minute is full; one more in the next minute, then the hour; one more in the next hour, then the day
    assert pauses == [None, None, 35, None, 2_940, None, 23 * 3600 - 20]
    assert allowance.left(DAY_S) == 0


async def test_a_bucket_waits_for_its_stock_and_never_holds_more_than_its_size():
    now_s = 0.0
    bucket = Bucket(2, 0.05, monotonic=lambda: now_s)
    await bucket.take()
    await bucket.take()
    third = asyncio.create_task(bucket.take())
    await asyncio.sleep(0.06)
    assert not third.done()  # its clock stands still
    now_s = 1_000.0
    await asyncio.wait_for(third, 1)
    await asyncio.wait_for(bucket.take(), 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bucket.take(), 0.12)
