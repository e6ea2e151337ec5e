"""Somebody's webhook on loopback, with or without TLS: it keeps what comes in, and answers as a test wants."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Posted:
    path: str
    host: str
    headers: dict[str, str]
    body: bytes
    parts: dict[str, bytes] = field(default_factory=dict)  # of a multipart body, by name


@dataclass
class WebhookSink:
    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    answers: deque[web.StreamResponse] = field(default_factory=deque)
    answer_status: int = 200
    drip: bool = False  # an answer without end

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        parts: dict[str, bytes] = {}
        body = b""
        if request.content_type.startswith("multipart/"):
            async for part in await request.multipart():
                parts[str(part.name)] = bytes(await part.read())  # type: ignore[union-attr]  # no nested ones here
        else:
            body = await request.read()
        self.posted.append(Posted(request.path_qs, request.host, headers, body, parts))
        if self.drip:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 65536)
        return self.answers.popleft() if self.answers else web.Response(status=self.answer_status, text="ok")


@asynccontextmanager
async def webhook_sink(tls: ssl.SSLContext | None = None) -> AsyncIterator[WebhookSink]:
    sink = WebhookSink()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sink.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    sink.port = runner.addresses[0][1]
    try:
        yield sink
    finally:
        await runner.cleanup()
