from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from structlog.testing import capture_logs

from bot.web.app import LARGEST_BODY_BYTES, Adapter, HealthReport, HookAnswer, Outbox, Part, create_app
from bot.web.serve import web_face


class Fixed:
    def __init__(self, report: HealthReport) -> None:
        self._report = report

    async def check(self) -> HealthReport:
        return self._report


async def ask(report: HealthReport, path: str = "/healthz") -> httpx.Response:
    transport = httpx.ASGITransport(create_app(Fixed(report)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def test_a_healthy_process_says_so() -> None:
    adapters = {"telegram": Adapter(ready=True, last_poll_age_s=1.23456)}
    response = await ask(
        HealthReport(True, adapters, 42.06, "0.1.0", {"poll": Part(True, 3.21)}, Outbox(dead_letters=2))
    )
    assert response.status_code == 200
    assert response.json() == {
        "ok": True,
        "version": "0.1.0",
        "database": "ok",
        "adapters": {"telegram": {"ready": True, "last_poll_age_s": 1.2, "trouble": None}},
        "newest_reading_age_s": 42.1,
        "worker": {"poll": {"alive": True, "age_s": 3.2}},
        "outbox": {"overdue_s": None, "dead_letters": 2},
    }


@pytest.mark.parametrize(
    "report",
    [
        HealthReport(database_ok=False),
        HealthReport(True, {"telegram": Adapter(ready=False, trouble="another poller (409)")}),
        HealthReport(True, {"telegram": Adapter(ready=True)}, newest_reading_age_s=901.0),
        HealthReport(True, parts={"evaluate": Part(alive=False, age_s=200.0)}),
        HealthReport(True, outbox=Outbox(moves=False, overdue_s=300.0)),
    ],
)
async def test_an_ill_one_answers_503(report: HealthReport) -> None:
    response = await ask(report)
    assert response.status_code == 503
    assert response.json()["ok"] is False


async def test_there_is_nothing_else_to_see() -> None:
    for path in ("/", "/docs", "/openapi.json"):
        assert (await ask(HealthReport(True), path)).status_code == 404


async def post(
    body: bytes | AsyncIterator[bytes], path: str = "/webhooks/x"
) -> tuple[httpx.Response, list[tuple[str | None, bytes]]]:
    heard: list[tuple[str | None, bytes]] = []

    async def hook(headers: Mapping[str, str], content: bytes) -> HookAnswer:
        heard.append((headers.get("x-signature"), content))
        return HookAnswer(202, b"ok", {"content-type": "text/plain"})

    app = create_app(Fixed(HealthReport(True)), {"/webhooks/x": hook}, body_timeout_s=0.2)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, content=body, headers={"X-Signature": "abc"}), heard


async def test_a_webhook_gets_the_raw_body_and_its_headers() -> None:
    response, heard = await post(b'{"a": 1}')
    assert (response.status_code, response.content) == (202, b"ok")
    assert heard == [("abc", b'{"a": 1}')]


async def test_a_body_of_more_than_a_megabyte_is_not_read() -> None:
    response, heard = await post(b"x" * (LARGEST_BODY_BYTES + 1))
    assert (response.status_code, heard) == (413, [])


async def test_a_path_without_a_hook_is_not_found() -> None:
    response, _ = await post(b"{}", "/webhooks/y")
    assert response.status_code == 404


async def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    async def unfinished() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    async with asyncio.timeout(5):
        response, heard = await post(unfinished())
    assert (response.status_code, heard) == (408, [])


async def test_an_unfinished_request_does_not_keep_the_process_from_ending() -> None:
    async def hook(_headers: Mapping[str, str], _body: bytes) -> HookAnswer:
        return HookAnswer(200)

    async with asyncio.timeout(20):
        async with web_face(Fixed(HealthReport(True)), "127.0.0.1", 0, {"/webhooks/x": hook}) as url:
            port = httpx.URL(str(url)).port
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /webhooks/x HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{")
            await writer.drain()
            await asyncio.sleep(0.2)
            ending = time.monotonic()
        assert time.monotonic() - ending < 6
        writer.close()


async def test_a_port_that_is_taken_is_told_and_costs_the_chat_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, capture_logs() as logs:
        async with web_face(Fixed(HealthReport(True)), "127.0.0.1", taken.getsockname()[1]) as url:
            assert url is None
    (told,) = logs
    assert told["event"] == "web_face_not_served"
    assert told["reason"].startswith("Address already in use")
    assert "WEB_PORT" in told["remedy"]
