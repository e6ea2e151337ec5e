"""The HTTP application: `/healthz`, and the chat platforms' webhooks where they are used.

`/healthz` says whether this process does its work, and nothing that is secret. It answers 200 while all of it works and
503 when something that must run does not: the database, a platform's adapter, the newest reading (15 min), the
worker's polling and evaluating and the courier's delivering (their last signs of life, `worker`), or a message that
nobody takes up (`outbox.overdue_s`). A part that never gave a sign is not held against it, nor are dead letters: those
are for an owner to look at (`/deliveries`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

LARGEST_BODY_BYTES = 1_000_000
BODY_TIMEOUT_S = 10.0  # platforms send theirs at once; who does not, must not hold a connection for ever
SILENT_AFTER_S = 15 * 60.0  # by then every kind of device has spoken, or the worker is gone


@dataclass(frozen=True, slots=True)
class Adapter:
    """A platform's adapter: whether it hears and can speak, and the seconds since it last heard from the platform."""

    ready: bool
    last_poll_age_s: float | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part that leaves signs of life, here or in another process: the last one's age (s), None before the first."""

    alive: bool
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outbox:
    """What waits to be told: for how long the oldest has been due that nobody took up (s), and what was given up."""

    moves: bool = True
    overdue_s: float | None = None
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What a process knows about itself. `newest_reading_age_s` is that of any device (s), None before the first."""

    database_ok: bool
    adapters: dict[str, Adapter] = field(default_factory=dict)
    newest_reading_age_s: float | None = None
    version: str = ""
    parts: dict[str, Part] = field(default_factory=dict)
    outbox: Outbox = Outbox()

    @property
    def ok(self) -> bool:
        """Whether everything that this process is for works."""
        silent = self.newest_reading_age_s is not None and self.newest_reading_age_s > SILENT_AFTER_S
        ready = all(adapter.ready for adapter in self.adapters.values())
        alive = all(part.alive for part in self.parts.values())
        return self.database_ok and not silent and ready and alive and self.outbox.moves


class Health(Protocol):
    """Who knows how this process is doing."""

    async def check(self) -> HealthReport:
        """Look now; must not raise and must not take long."""
        ...


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a platform hears: the status, a body, headers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


# A platform's webhook gets the headers (lower case) and the raw body, which signatures are made of, and checks both.
Hook = Callable[[Mapping[str, str], bytes], Awaitable[HookAnswer]]


def create_app(
    health: Health, hooks: Mapping[str, Hook] | None = None, *, body_timeout_s: float = BODY_TIMEOUT_S
) -> FastAPI:
    """The application; the caller serves it. `hooks` are the platforms' webhooks by path."""
    app = FastAPI(title="CommandCenter", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        report = await health.check()
        return JSONResponse(_body(report), status_code=200 if report.ok else 503)

    for path, hook in (hooks or {}).items():
        app.add_api_route(path, _posted_to(hook, body_timeout_s), methods=["POST"])
    return app


def _posted_to(hook: Hook, body_timeout_s: float) -> Callable[[Request], Awaitable[Response]]:
    async def posted(request: Request) -> Response:
        body = bytearray()
        try:
            async with asyncio.timeout(body_timeout_s):
                async for chunk in request.stream():  # a length that is announced may be a lie
                    body += chunk
                    if len(body) > LARGEST_BODY_BYTES:
                        return Response(status_code=413)
        except TimeoutError:
            return Response(status_code=408, headers={"connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        answer = await hook(dict(request.headers), bytes(body))
        return Response(answer.body, answer.status, dict(answer.headers))

    return posted


def _body(report: HealthReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "version": report.version,
        "database": "ok" if report.database_ok else "failing",
        "adapters": {
            name: {
                "ready": adapter.ready,
                "last_poll_age_s": _rounded(adapter.last_poll_age_s),
                "trouble": adapter.trouble,
            }
            for name, adapter in report.adapters.items()
        },
        "newest_reading_age_s": _rounded(report.newest_reading_age_s),
        "worker": {name: {"alive": part.alive, "age_s": _rounded(part.age_s)} for name, part in report.parts.items()},
        "outbox": {
            "overdue_s": _rounded(report.outbox.overdue_s),
            "dead_letters": report.outbox.dead_letters,
        },
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
