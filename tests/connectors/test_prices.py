"""The hash price and hourly energy prices from an address: what is taken, and what is refused and why."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.prices import HashPrice, HourlyPrices
from energy.prices import PriceHour, ends_of
from tests.connectors.serving import closed_port, serving

NOW = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)  # half past midnight in Los Angeles, whose clock is set back at two
HOUR = timedelta(hours=1)


@asynccontextmanager
async def page(body: Any, **options: Any):
    async def handler(request: web.Request) -> web.Response:
        if isinstance(body, str | bytes):
            return web.Response(body=body, **options)
        return web.json_response(body, **options)

    async with serving(handler) as server:
        yield server


async def hash_price(body: Any, field: str | None = None, last: float | None = None, **options: Any) -> float:
    async with page(body, **options) as server:
        service = HashPrice(server.url + "/v1?key=secret", field, clock=lambda: NOW)
        try:
            return await service.current(last)
        finally:
            await service.close()


async def hours(body: Any, path: str = "/prices", **options: Any) -> tuple[PriceHour, ...]:
    async with page(body, **options) as server:
        service = HourlyPrices(server.url + path, clock=lambda: NOW)
        try:
            return await service.current()
        finally:
            await service.close()


def row(start: str, price: Any, *sold: Any) -> dict[str, Any]:
    return {"start": start, "import_per_kwh": price} | ({"export_per_kwh": sold[0]} if sold else {})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (48.5, None),
        ("48.5", None),
        ({"data": {"price": 48.5}}, "data.price"),
        ({"data": [{"usd": "48.5"}]}, "data.0.usd"),
    ],
)
async def test_a_hash_price_is_a_number_or_the_named_part_of_an_object(body, field):
    assert await hash_price(body, field, last=45.0) == 48.5


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (0, None, "0 is no price"),
        (-3, None, "-3 is no price"),
        (1200, None, "more than 1000"),
        (0.045, None, "0.045 is more than 5 times off from 45"),
        (226, None, "226 is more than 5 times off from 45"),
        ({"price": 48.5}, None, "name where in it the price stands: plan.hashprice_field"),
        ({"price": None}, "price", 'no number at "price"'),
        ({"price": True}, "price", "no number"),
        ([1], "7.price", "no number"),
        ("NaN", None, "not a number"),
        ("<html>", None, "a web page"),
        ("{", None, "not JSON"),
    ],
)
async def test_what_cannot_be_a_hash_price_is_refused_with_why_and_no_secret(body, field, says):
    with pytest.raises(Malformed) as caught:
        await hash_price(body, field, last=45.0)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("body", [[row("2026-11-01T07:00Z", 0.3)], {"prices": [row("2026-11-01T00:00-07:00", 0.3)]}])
async def test_hourly_prices_come_as_a_list_or_in_an_object(body):
    assert await hours(body) == (PriceHour(NOW - HOUR / 2, 0.3),)


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/p", "text/csv", "start,import_per_kwh,export_per_kwh\n2026-11-01T07:00Z,0,-0.02\n"),
        ("/p.csv?day=1", "text/plain", "\ufeffStart;Import_per_kWh;export_per_kwh\r\n2026-11-01T07:00Z;0;-0.02\r\n"),
    ],
)
async def test_csv_is_known_by_its_kind_or_its_name_and_a_price_may_be_nothing_or_less(path, kind, text):
    assert await hours(text, path, content_type=kind) == (PriceHour(NOW - HOUR / 2, 0.0, -0.02),)


async def test_the_hour_that_the_clock_repeats_is_two_and_gaps_stay_gaps():
    told = await hours(
        [
            row("2026-11-01T01:00:00-07:00", 0.1),
            row("2026-11-01T01:00:00-08:00", 0.2, 0.05),
            row("2026-11-01T02:00:00-08:00", None),
            row("2026-11-01T03:00:00-08:00", 0.4),
            row("2026-11-01T03:00:00-08:00", 0.5),  # the later word
            row("2026-11-01T03:15:00-08:00", 0.6),
            row("2026-11-01T04:00:00", 9.0),  # of no zone
            row("2026-09-01T04:00:00Z", 9.0),  # long over
        ]
    )
    starts = [NOW + HOUR / 2, NOW + HOUR * 1.5, NOW + HOUR * 3.5, NOW + HOUR * 3.75]
    assert [hour.start for hour in told] == starts
    assert [hour.import_per_kwh for hour in told] == [0.1, 0.2, 0.5, 0.6]
    assert [hour.export_per_kwh for hour in told] == [None, 0.05, None, None]
    assert ends_of(told) == [starts[1], starts[1] + HOUR, starts[3], starts[3] + HOUR]
    assert ends_of(()) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "they are empty"),
        ("12", "neither a list nor an object"),
        ({"data": []}, "neither a list nor an object"),
        ([row("2026-11-01T07:00", 0.3)], "no start with an offset"),
        ([row("0001-01-01T00:00+14:00", 0.3)], "no start with an offset"),
        ([row("2026-11-01T07:00Z", "dear")], "is no number"),
        ([row("2026-11-01T07:00Z", 4000)], "is it per MWh?"),
        ([row("2026-10-30T07:00Z", 0.3)], "end on 2026-10-30 at 07:00 UTC"),
        ("<html>", "a web page"),
        ([1, None, "x"], "hold no price"),
    ],
)
async def test_answers_without_a_price_of_now_are_refused_with_why(body, says):
    with pytest.raises(Malformed) as caught:
        await hours(body)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"), [("start,price\n1,2\n", "without the column import_per_kwh"), (b"\xff\xfe\x00", "not in UTF-8")]
)
async def test_csv_that_cannot_be_used_is_refused_with_why(text, says):
    with pytest.raises(Malformed, match=says):
        await hours(text, content_type="text/csv")


@pytest.mark.parametrize(
    ("status", "headers", "error", "after_s"),
    [
        (429, {"Retry-After": "120"}, TryLater, 120),
        (503, {}, TryLater, None),
        (401, {}, CredentialsRefused, None),
        (404, {}, Malformed, None),
    ],
)
async def test_refusals_are_of_the_usual_kinds(status, headers, error: type[ConnectorError], after_s):
    with pytest.raises(error) as caught:
        await hours([], status=status, headers=headers)
    assert getattr(caught.value, "after_s", None) == after_s


async def test_a_service_that_is_down_or_sends_a_huge_body_ends_in_an_error():
    with pytest.raises(Malformed, match="sent more than 1,000 kB"):
        await hours(b"[" + b" " * 1_100_000 + b"]")
    service = HashPrice(f"http://127.0.0.1:{await closed_port()}/")
    with pytest.raises(Unreachable, match=r"check plan\.hashprice_url"):
        await service.current()
    await service.close()


async def test_an_answer_is_kept_for_a_while_and_then_asked_for_only_if_it_changed():
    now, told = [NOW], ["47"]
    conditions: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        conditions.append(request.headers.get("If-None-Match"))
        tag = f'"{told[0]}"'
        if conditions[-1] == tag:
            return web.Response(status=304)
        return web.Response(text=told[0], headers={"ETag": tag})

    async with serving(handler) as server:
        service = HashPrice(server.url, clock=lambda: now[0])
        found = []
        for change in ("47", "47", "48"):
            told[0] = change
            found += [await service.current(), await service.current()]
            now[0] += HOUR / 2
        await service.close()
    assert found == [47, 47, 47, 47, 48, 48]
    assert conditions == [None, '"47"', '"47"']


async def test_a_redirect_is_followed_on_its_host_and_nowhere_else():
    async def handler(request: web.Request) -> web.Response:
        where = {"/old": "/new", "/round": "/round", "/away": elsewhere.url + "/new", "/broken": "http://there:99x/"}
        if request.path in where:
            return web.Response(status=302, headers={"Location": where[request.path]})
        return web.json_response(47)

    async def ask(path: str) -> float:
        service = HashPrice(server.url + path)
        try:
            return await service.current()
        finally:
            await service.close()

    async with serving(handler) as elsewhere, serving(handler) as server:
        assert await ask("/old") == 47
        for path, says in (("/round", "on and on"), ("/away", "is not followed")):
            with pytest.raises(Malformed, match=says):
                await ask(path)
        with pytest.raises(Unreachable):
            await ask("/broken")
        assert elsewhere.asked == []
