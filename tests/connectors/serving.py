"""A real HTTP server on loopback for one test, answering as the test scripts it and keeping what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

PAYLOADS = Path(__file__).with_name("payloads")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def payload(name: str) -> Any:
    """A recorded-shaped answer by the name of its file."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


@dataclass
class Server:
    url: str = ""
    asked: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Server]:
    server = Server()

    async def keep(request: web.Request) -> web.StreamResponse:
        server.asked.append(f"{request.method} {request.path}")
        server.queries.append(dict(request.query))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", keep)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's, untyped there
    server.url = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


async def closed_port() -> int:
    """A port of loopback that nobody listens on."""
    async with serving(lambda request: _never(request)) as server:
        return int(server.url.rpartition(":")[2])


async def _never(request: web.Request) -> web.StreamResponse:
    raise AssertionError("nobody should ask here")
