"""An embedded MQTT broker for the virtual GX: amqtt on loopback, quiet, with a door that can refuse a caller."""

from __future__ import annotations

import logging
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

HOST = "127.0.0.1"
Admits = Callable[[str | None, str | None], bool]  # (username, password) -> let in


class Door(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is not typed
    """amqtt's authentication hook, decided by the callable in its configuration."""

    @dataclass
    class Config:
        """`admits` is an `Admits`; amqtt builds this from a dict, so the type stays open."""

        admits: Any = None

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether this caller may come in; without a rule everybody may."""
        admits = self._get_config_option("admits", None)
        return admits is None or bool(admits(session.username, session.password))


class _Broker(Broker):  # type: ignore[misc]  # amqtt is not typed
    """amqtt's broker, which leaves a connection's transport open when the peer was gone first."""

    async def stream_connected(self, reader: StreamReader, writer: StreamWriter, listener_name: str) -> None:
        try:
            await super().stream_connected(reader, writer, listener_name)
        finally:
            writer.close()


def close_transport(client: Any) -> None:
    """Close the socket of an amqtt client, for the same reason; harmless where it is closed."""
    adapter = getattr(getattr(client, "_handler", None), "writer", None)
    stream = getattr(adapter, "_writer", None)
    if stream is not None:
        stream.close()


class EmbeddedBroker:
    """A started broker: where it listens, and a way to throw its clients out."""

    def __init__(self, broker: Any, port: int) -> None:
        self._broker = broker
        self.host, self.port = HOST, port

    async def throw_out(self, *, keep: str) -> None:
        """Cut every connection but that of the client id `keep`."""
        for client_id, (_, handler) in list(self._broker.sessions.items()):
            if client_id != keep:
                await handler.handle_connection_closed()
                await handler.stop()


@asynccontextmanager
async def embedded_broker(port: int = 0, admits: Admits | None = None) -> AsyncIterator[EmbeddedBroker]:
    """A broker on loopback; port 0 takes a free one. Stopped, with its connections, on leaving."""
    for name in ("amqtt", "transitions"):  # it logs every disconnect as an error
        logging.getLogger(name).setLevel(logging.CRITICAL)
    port = port or _free_port()
    door = f"{Door.__module__}.{Door.__qualname__}"
    broker = _Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {door: {"admits": admits}},
        }
    )
    await broker.start()
    try:
        yield EmbeddedBroker(broker, port)
    finally:
        await broker.shutdown()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
