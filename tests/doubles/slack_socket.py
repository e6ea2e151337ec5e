"""What Slack sends to an app: envelopes over Socket Mode or signed requests, and again what is not acknowledged.

`peer.say`, `.mention`, `.command`, `.tap`, `.submit` do what people do. With `peer.events_url` everything goes there,
signed with `peer.signing_secret`; without it over the websockets that the app opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.doubles.slack_world import BOT_USER, Posted

if TYPE_CHECKING:
    from tests.doubles.slack_api import SlackApi

MOST_DELIVERIES = 4  # the first, at once again, after a minute, after five


@dataclass(eq=False)
class Envelope:
    kind: str  # "events_api", "slash_commands", "interactive"
    payload: dict[str, Any]
    id: str
    deliveries: int = 0
    given_at: float = 0.0
    acknowledged_at: float | None = None
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def acknowledged(self) -> bool:
        return self.acknowledged_at is not None


class SocketPeer:
    """See the module's text."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self.envelopes: list[Envelope] = []
        self.again_after_s = 3.0
        self.greets = True
        self.events_url = ""
        self.signing_secret = "signing-secret-of-the-double"
        self.statuses: list[int] = []  # of the answers over HTTP
        self.opened = 0
        self.refused_links = 0  # so many of the next connections are refused
        self.sockets: list[web.WebSocketResponse] = []
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = 0

    def new_address(self) -> str:
        ticket = f"ticket{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"ws://{self._api.host}/link?ticket={ticket}"

    async def connected(self, request: web.Request) -> web.StreamResponse:
        """A connection; its address works once."""
        if request.query.get("ticket") not in self._tickets:
            return web.Response(status=404)
        self._tickets.discard(request.query["ticket"])
        if self.refused_links:
            self.refused_links -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        if self.greets:
            self.sockets.append(socket)
            await socket.send_json({"type": "hello", "num_connections": len(self.sockets)})
        for envelope in self.envelopes:
            if not envelope.acknowledged and not envelope.deliveries:
                self._start(envelope)
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
        return socket

    async def ask_to_renew(self, reason: str = "refresh_requested") -> None:
        """Say that the connection goes away soon; the app opens the next."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": reason})

    async def cut(self) -> None:
        """Close every connection without a word."""
        for socket in list(self.sockets):
            await socket.close()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.cut()

    # what people do

    def say(self, text: str, *, user: str = "U7", channel: str | None = None, **fields: Any) -> Envelope:
        """A message: in the direct chat with the bot, or in a channel."""
        channel = channel or self._api.direct(user)
        kind = "im" if channel.startswith("D") else "channel"
        event = {"type": "message", "channel_type": kind} | self._message(text, user, channel, **fields)
        return self.event(event)

    def mention(
        self, text: str, *, user: str = "U7", channel: str = "C0GROUP", twice: bool = False, **fields: Any
    ) -> str:
        """Name the bot in a channel; `twice`: the app hears channels too, and gets both events. Returns the ts."""
        message = self._message(f"<@{BOT_USER}> {text}", user, channel, **fields)
        if twice:
            self.event({"type": "message", "channel_type": "channel"} | message)
        self.event({"type": "app_mention"} | message)
        return str(message["ts"])

    def event(self, event: Mapping[str, Any]) -> Envelope:
        number = next(self._numbers)
        body = {"type": "event_callback", "team_id": self._api.team, "event_id": f"Ev{number}", "event": dict(event)}
        return self.send("events_api", body | {"event_time": int(time.time()), "api_app_id": "A0APP"})

    def command(self, text: str, *, user: str = "U7", channel: str | None = None, name: str = "/cc") -> Envelope:
        channel = channel or self._api.direct(user)
        return self.send(
            "slash_commands",
            {
                "command": name,
                "text": text,
                "team_id": self._api.team,
                "user_id": user,
                "user_name": f"person.{user}".lower(),
                "channel_id": channel,
                "channel_name": "directmessage" if channel.startswith("D") else "ranch",
                "trigger_id": self._api.trigger(),
                "response_url": self._api.way(channel, user),
            },
        )

    def tap(self, message: Posted, label: str, *, user: str = "U7") -> Envelope:
        button = next(button for button in message.buttons if button.label == label)
        container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        container |= {"is_ephemeral": message.alone is not None} | (
            {"thread_ts": message.thread} if message.thread else {}
        )
        action = {"type": "button", "action_id": button.action_id, "value": button.value, "block_id": "row0"}
        return self.interact(
            "block_actions",
            user,
            container=container,
            channel={"id": message.channel},
            message={"ts": message.ts} | ({"thread_ts": message.thread} if message.thread else {}),
            actions=[action | {"action_ts": self._api.new_ts()}],
            response_url=self._api.way(message.channel, user, message.ts if message.alone else None),
        )

    def submit(self, view: Mapping[str, Any], values: Mapping[str, str], *, user: str = "U7") -> Envelope:
        """Send a form in; fields that are not named keep what stands in them."""
        state: dict[str, Any] = {}
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            element, name = block["element"], block["block_id"]
            entered = values.get(name, element.get("initial_value") or element.get("initial_option", {}).get("value"))
            if element["type"] == "plain_text_input":
                held: dict[str, Any] = {"value": entered or None}
            else:
                held = {"selected_option": {"value": entered} if entered else None}
            state[name] = {element["action_id"]: {"type": element["type"]} | held}
        return self.interact("view_submission", user, view=dict(view) | {"state": {"values": state}})

    def complete(self, view: Mapping[str, Any], block: str, typed: str, *, user: str = "U7") -> Envelope:
        """Type into a select whose options come from the app; the envelope's `answer` holds them."""
        element = next(each["element"] for each in view["blocks"] if each.get("block_id") == block)
        return self.interact(
            "block_suggestion", user, view=dict(view), block_id=block, action_id=element["action_id"], value=typed
        )

    def interact(self, kind: str, user: str, **payload: Any) -> Envelope:
        person = {"id": user, "username": f"person.{user}".lower(), "team_id": self._api.team}
        body = {"type": kind, "team": {"id": self._api.team}, "user": person, "trigger_id": self._api.trigger()}
        return self.send("interactive", body | payload)

    # deliveries

    def send(self, kind: str, payload: dict[str, Any]) -> Envelope:
        envelope = Envelope(kind, payload, f"env{next(self._numbers)}")
        self.envelopes.append(envelope)
        if self.events_url or self.sockets:
            self._start(envelope)
        return envelope

    def again(self, envelope: Envelope) -> None:
        """Deliver once more, whatever was acknowledged."""
        envelope.acknowledged_at = None
        self._start(envelope)

    async def answered(self, envelope: Envelope, *, timeout_s: float = 5.0) -> dict[str, Any]:
        await self._api.until(lambda: envelope.acknowledged, timeout_s=timeout_s)
        return envelope.answer

    def _start(self, envelope: Envelope) -> None:
        task = asyncio.ensure_future(self._deliver(envelope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, envelope: Envelope) -> None:
        most = MOST_DELIVERIES if envelope.kind == "events_api" else 1
        for _ in range(most):
            if envelope.acknowledged:
                return
            envelope.deliveries += 1
            envelope.given_at = envelope.given_at or time.perf_counter()
            if self.events_url:
                await self._post(envelope)
            elif not await self._push(envelope):
                envelope.deliveries -= 1
                return  # nobody is connected: the next connection gets it
            deadline = time.monotonic() + self.again_after_s
            while not envelope.acknowledged and time.monotonic() < deadline and (self.sockets or self.events_url):
                await asyncio.sleep(0.01)

    async def _push(self, envelope: Envelope) -> bool:
        while self.sockets:
            self._turn += 1
            socket = self.sockets[self._turn % len(self.sockets)]
            retry = (
                {"retry_attempt": envelope.deliveries - 1, "retry_reason": "timeout"} if envelope.deliveries > 1 else {}
            )
            body = {"envelope_id": envelope.id, "type": envelope.kind, "payload": envelope.payload}
            try:
                await socket.send_json(body | {"accepts_response_payload": envelope.kind != "events_api"} | retry)
            except (ConnectionError, RuntimeError):
                self.sockets.remove(socket)
            else:
                return True
        return False

    async def _post(self, envelope: Envelope) -> None:
        content = "application/x-www-form-urlencoded"
        match envelope.kind:
            case "events_api":
                body, content = json.dumps(envelope.payload), "application/json"
            case "slash_commands":
                body = urlencode(envelope.payload)
            case _:
                body = urlencode({"payload": json.dumps(envelope.payload)})
        headers = signed(body, self.signing_secret) | {"Content-Type": content}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.events_url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
        self.statuses.append(answer.status)
        if answer.status == 200:
            self._acknowledge({"envelope_id": envelope.id, "payload": json.loads(text) if text[:1] == "{" else {}})

    def _acknowledge(self, answer: Mapping[str, Any]) -> None:
        for envelope in self.envelopes:
            if envelope.id == answer.get("envelope_id") and not envelope.acknowledged:
                envelope.acknowledged_at = time.perf_counter()
                envelope.answer = answer.get("payload") or {}
        self._api.wake()

    def _message(self, text: str, user: str, channel: str, **fields: Any) -> dict[str, Any]:
        ts = self._api.new_ts()
        self._api.user_messages[channel].add(ts)
        return {"user": user, "team": self._api.team, "channel": channel, "text": text, "ts": ts} | fields


def signed(body: str, secret: str, *, at: float | None = None) -> dict[str, str]:
    """The headers that prove where a request comes from."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
