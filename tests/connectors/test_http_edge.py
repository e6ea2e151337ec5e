"""Every failure of an HTTP exchange as one of our errors, with a remedy and without secrets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web

from connectors.errors import CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.http import HttpClient, Remedies, retry_after_s
from tests.connectors.serving import closed_port, serving

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
REMEDIES = Remedies(unreachable="check the cable", credentials="set GARAGE_PASSWORD")


async def ask(url: str, **options):
    client = HttpClient("the relay", url, REMEDIES, timeout_s=options.pop("timeout_s", 2.0), **options)
    try:
        return await client.get_json("/status", {"key": "hidden"})
    finally:
        await client.close()


async def answered(response: web.Response, **options):
    async def handler(request: web.Request) -> web.Response:
        return response

    async with serving(handler) as server:
        return await ask(server.url, **options)


async def test_json_is_handed_on_and_nan_is_unknown():
    assert await answered(web.Response(text='{"a": 1, "b": NaN, "c": Infinity}')) == {"a": 1, "b": None, "c": None}


async def test_nobody_at_the_port_is_unreachable_and_nothing_was_done():
    with pytest.raises(Unreachable, match=r"the relay cannot be reached at 127.*check the cable") as caught:
        await ask(f"http://127.0.0.1:{await closed_port()}")
    assert not caught.value.maybe_done


async def test_an_address_that_is_none_is_unreachable():
    with pytest.raises(Unreachable, match="check the cable"):
        await ask("http://[nonsense")
    with pytest.raises(Unreachable, match="check the cable"):
        await ask("relay.local")


async def test_silence_ends_at_the_timeout_and_says_that_something_may_have_been_done():
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(silent) as server:
        with pytest.raises(Unreachable, match=r"did not answer within 0\.2 s") as caught:
            await ask(server.url, timeout_s=0.2)
    assert caught.value.maybe_done


async def test_dripping_bytes_do_not_outlast_the_timeout():
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    async with serving(dripping) as server:
        with pytest.raises(Unreachable, match="did not answer"):
            await ask(server.url, timeout_s=0.3)


async def test_a_connection_that_breaks_off_is_unreachable():
    async def breaking(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with serving(breaking) as server:
        with pytest.raises(Unreachable, match="broke the connection off"):
            await ask(server.url)


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_name_the_variable_to_set(status):
    with pytest.raises(CredentialsRefused, match="set GARAGE_PASSWORD"):
        await answered(web.Response(status=status))


@pytest.mark.parametrize(
    ("status", "headers", "after_s"),
    [
        (429, {"Retry-After": "7"}, 7),
        (503, {"Retry-After": "Mon, 01 Jun 2026 12:01:30 GMT"}, 90),
        (429, {}, None),
        (500, {}, None),
    ],
)
async def test_a_busy_device_says_when_to_come_back(status, headers, after_s):
    with pytest.raises(TryLater) as caught:
        await answered(web.Response(status=status, headers=headers), clock=lambda: NOW)
    assert caught.value.after_s == after_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3),
        ("-5", 0),
        ("1e12", 86_400),
        ("nan", None),
        ("soon", None),
        (None, None),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0),
    ],
)
def test_a_retry_after_header_is_bounded(text, seconds):
    assert retry_after_s(text, now=NOW) == seconds


@pytest.mark.parametrize("body", ["<html><body>Log in</body></html>", "", "OK", '{"a": ', "[" * 100_000])
async def test_a_success_that_is_no_json_is_malformed(body):
    with pytest.raises(Malformed, match="the relay answered with"):
        await answered(web.Response(text=body, content_type="text/html"))


async def test_a_redirect_to_a_portal_is_not_followed():
    with pytest.raises(Malformed, match="status 302"):
        await answered(web.Response(status=302, headers={"Location": "http://127.0.0.1/login"}))


async def test_an_endless_answer_is_cut_off():
    with pytest.raises(Malformed, match="more than 10 kB"):
        await answered(web.Response(text='"' + "x" * 50_000 + '"'), largest_bytes=10_000)


async def test_messages_hold_no_query():
    for response in (web.Response(status=404), web.Response(status=500), web.Response(text="<p>")):
        with pytest.raises(Exception, match="the relay") as caught:
            await answered(response)
        assert "hidden" not in str(caught.value)
