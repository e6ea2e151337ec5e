"""Serving the web face inside a process that has other things to do, and that handles its signals itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping

import structlog
import uvicorn

from bot.web.app import Health, Hook, create_app

log = structlog.get_logger()
SHUTDOWN_S = 3  # what is being answered may end within this; a request that never ends must not keep us


class _Server(uvicorn.Server):
    """A server that leaves the signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def web_face(
    health: Health, host: str, port: int, hooks: Mapping[str, Hook] | None = None
) -> AsyncIterator[str | None]:
    """Serve while the block runs, and tell the address of /healthz; a port that is taken costs the chat nothing.

    `port` 0 takes any free one. Yields None when nothing could be served.
    """
    config = uvicorn.Config(
        create_app(health, hooks), log_level="warning", access_log=False, timeout_graceful_shutdown=SHUTDOWN_S
    )
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        remedy = "set WEB_PORT to a free port"
        log.error("web_face_not_served", host=host, port=port, reason=error.strerror, remedy=remedy)
        yield None
        return
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    url = f"http://{host}:{listening.getsockname()[1]}/healthz"
    log.info("web_face_ready", url=url)
    try:
        yield url
    finally:
        server.should_exit = True
        await serving
        listening.close()
