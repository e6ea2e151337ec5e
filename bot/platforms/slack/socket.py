"""Socket Mode: a websocket that Slack sends everything over. It is opened again whatever happens to it.

The SDK has a client for this too. Its connect loop repeats the address that it once got, which works a single time
(slack_sdk.socket_mode.aiohttp, `connect`): a connection refused at the wrong moment is then never made again, and
nothing says so. This one asks for a new address each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog

from bot.platforms.slack.client import SlackClient

log = structlog.get_logger()

_HEARTBEAT_S = 20.0  # a frozen connection is noticed after half as much again
_LAST_ANSWERS_WITHIN_S = 3.0
_GOODBYE_WITHIN_S = 1.0

# What came in (its type, payload and retry headers) and what Slack is told: None leaves it with Slack, which sends it
# again.
Receive = Callable[[str, Mapping[str, Any], Mapping[str, str]], Awaitable[Mapping[str, Any] | None]]


class SocketClosed(Exception):
    """A connection that ended before it said hello, or that Slack ended for a reason."""


class Socket:
    """Connections that follow one another without a gap. `heard` and `open` feed /healthz."""

    def __init__(
        self, client: SlackClient, receive: Receive, on_hello: Callable[[], None], *, hello_within_s: float = 15.0
    ) -> None:
        self._client = client
        self._receive = receive
        self._on_hello = on_hello
        self._hello_within_s = hello_within_s
        self._connections: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Task[None]] = set()
        self._sockets: set[aiohttp.ClientWebSocketResponse] = set()
        self.heard: float | None = None  # monotonic

    async def connect(self) -> None:
        """Open one connection and serve it until it ends, or until Slack asks for the next one.

        The old connection goes on beside the new one until Slack closes it. Raises SlackFailure, SocketClosed or what
        the HTTP library raises; returning means: connect again.
        """
        opened = await self._client.ask(self._client.api.apps_connections_open(app_token=str(self._client.api.token)))
        socket = await self._client.session.ws_connect(
            str(opened["url"]), autoping=False, heartbeat=_HEARTBEAT_S, max_msg_size=0
        )
        renew: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(self._serve(socket, renew))
        self._connections.add(serving)
        serving.add_done_callback(self._connections.discard)
        try:
            await asyncio.wait((serving, renew), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            serving.cancel()
            raise
        for ended in (serving, renew):
            if ended.done():
                ended.result()

    async def close(self) -> None:
        """Close every connection, once what came over it has been answered."""
        for serving in list(self._connections):
            serving.cancel()
        if self._answers:
            await asyncio.wait(self._answers, timeout=_LAST_ANSWERS_WITHIN_S)
        for answer in list(self._answers):
            answer.cancel()
        await asyncio.gather(*self._connections, *self._answers, return_exceptions=True)
        for socket in list(self._sockets):
            await self._hang_up(socket)

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse, renew: asyncio.Future[None]) -> None:
        self._sockets.add(socket)
        try:
            await self._read(socket, renew)
        except asyncio.CancelledError:
            raise  # `close` hangs up, once the last answers have gone over it
        except Exception:
            await self._hang_up(socket)
            raise
        await self._hang_up(socket)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, renew: asyncio.Future[None]) -> None:
        """Frames until the connection ends; raises when it ends before Slack said hello."""
        greeted = False
        while True:
            message = await socket.receive(None if greeted else self._hello_within_s)
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    self.heard = time.monotonic()
                    greeted = self._take(socket, message.data, renew) or greeted
                case aiohttp.WSMsgType.PING:
                    self.heard = time.monotonic()
                    await socket.pong(message.data)
                case aiohttp.WSMsgType.PONG:
                    self.heard = time.monotonic()
                case aiohttp.WSMsgType.BINARY:
                    log.debug("slack_binary_frame_ignored")
                case _:
                    break
        if not greeted:
            raise SocketClosed("the connection closed before Slack said hello")

    def _take(self, socket: aiohttp.ClientWebSocketResponse, text: str, renew: asyncio.Future[None]) -> bool:
        """Begin with a frame; whether it was Slack's hello."""
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        match frame:
            case {"type": "hello"}:
                self._on_hello()
                return True
            case {"type": "disconnect", "reason": "link_disabled"} if not renew.done():
                renew.set_exception(SocketClosed("Socket Mode is off for the app; switch it on in the app's settings"))
            case {"type": "disconnect"} if not renew.done():
                renew.set_result(None)
            case {"envelope_id": str()}:
                self._begin(socket, frame)
            case _:
                log.warning("slack_frame_not_understood", length=len(text))
        return False

    async def _hang_up(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._sockets.discard(socket)
        with contextlib.suppress(Exception):  # a connection that is gone needs no closing
            await asyncio.wait_for(socket.close(), _GOODBYE_WITHIN_S)

    def _begin(self, socket: aiohttp.ClientWebSocketResponse, frame: Mapping[str, Any]) -> None:
        answering = asyncio.create_task(self._answer(socket, frame))
        self._answers.add(answering)
        answering.add_done_callback(self._answers.discard)

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, frame: Mapping[str, Any]) -> None:
        headers = {}
        if frame.get("retry_attempt") is not None:
            headers["x-slack-retry-num"] = str(frame["retry_attempt"])
        try:
            payload = await self._receive(str(frame.get("type")), frame.get("payload") or {}, headers)
        except Exception:  # one envelope that cannot be handled must not end the others'; Slack sends it again
            log.exception("slack_envelope_failed", type=frame.get("type"))
            return
        if payload is None:
            return
        acknowledged: dict[str, Any] = {"envelope_id": frame["envelope_id"]}
        if payload:
            acknowledged["payload"] = payload
        with contextlib.suppress(ConnectionError, RuntimeError, aiohttp.ClientError):
            await socket.send_json(acknowledged)  # unsent, Slack repeats it on the next connection, where it is known
