"""What the HTTP services of the simulator share: listening on loopback, and showing the faults that were ordered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from simulator.clock import SimClock
from simulator.faults import RETRY_AFTER_S, AnswerLost, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refuse = Callable[[web.Request, str], web.Response]

HOST = "127.0.0.1"
_LONGER_THAN_ANY_TIMEOUT_S = 3_600.0
_ERROR_PAGE = "<!DOCTYPE html><html><head><title>Please wait</title></head><body><h1>Maintenance</h1></body></html>"
_NEVER_NULL = frozenset({"code", "success", "msg", "id", "src", "dst", "total", "pageSize", "pageNumber"})


@asynccontextmanager
async def listening(app: web.Application, port: int = 0, *, dated: bool = True) -> AsyncIterator[int]:
    """Serve `app` on loopback while the block runs; yields the port (`port` 0 takes a free one).

    With `dated` False the answers carry no Date: the real one would be wrong where the world has a time of its own.
    """
    if not dated:
        app.on_response_prepare.append(_undated)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _undated(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.popall("Date", None)


class FrozenClock:
    """The clock as one target's values see it: it stands still while the fault "frozen" is in force there, and is
    behind while "late" or "out_of_order" is."""

    def __init__(self, clock: SimClock, faults: Faults, target: str) -> None:
        self._clock, self._faults, self._target = clock, faults, target
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        """The time of the values to show."""
        now = self._clock.now()
        if self._faults.peek(self._target) != "frozen":
            self._frozen_at = None
            return now - timedelta(seconds=self._faults.late_s(self._target, now.timestamp()))
        if self._frozen_at is None:
            self._frozen_at = now
        return self._frozen_at

    def true_now(self) -> datetime:
        """The simulated time, frozen or not: switching goes on where only the reported values stand still."""
        return self._clock.now()


def faulty(faults: Faults, target: str, refuse: Refuse, *, spared: frozenset[str] = frozenset()) -> Any:
    """A middleware that shows the faults of `target`.

    `refuse(request, kind)` makes the vendor's own body for 401, code401 and 429; those two kinds of 401 leave the
    paths in `spared` alone (a login still works while tokens are refused).
    """

    answered: dict[str, str] = {}  # what "duplicate" says again

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if faults.peek(target) in ("401", "code401") and request.path in spared:
            return await handler(request)
        kind = faults.take(target)
        if kind in ("offline", "gone") and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if kind == "timeout":
            await asyncio.sleep(_LONGER_THAN_ANY_TIMEOUT_S)
        if kind == "html":
            return web.Response(text=_ERROR_PAGE, content_type="text/html")
        if kind in ("401", "code401", "429"):
            answer = refuse(request, kind)
            if kind == "429":
                answer.headers["Retry-After"] = str(RETRY_AFTER_S)
            return answer
        try:
            answer_or_stream = await handler(request)
        except AnswerLost:
            await asyncio.sleep(_LONGER_THAN_ANY_TIMEOUT_S)
            raise
        return _told(answer_or_stream, request, kind)

    def _told(answer: web.StreamResponse, request: web.Request, kind: str | None) -> web.StreamResponse:
        if not isinstance(answer, web.Response) or answer.content_type != "application/json" or not answer.text:
            return answer
        if kind == "nulls":
            return web.json_response(nulled(json.loads(answer.text)), status=answer.status)
        if faults.distortions.of(target) and answer.status == 200:
            told = faults.distortions.body(target, request.path, json.loads(answer.text))
            answer = web.json_response(told)
        if kind == "duplicate" and request.method == "GET":
            again = answered.pop(request.path_qs, None)
            if again is not None:
                return web.json_response(text=again)
            answered[request.path_qs] = answer.text or ""
        return answer

    return middleware


def nulled(value: Any) -> Any:
    """The payload with every number in it, numeric texts included, replaced by null; envelopes stay."""
    if isinstance(value, dict):
        return {key: inner if key in _NEVER_NULL else nulled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [nulled(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return None
    return None if _is_numeric(value) else value


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
