"""Slack on loopback, as strict as the real one where a bot can go wrong: the Web API, files, replies to interactions.

    async with SlackApi() as api:
        ...                                    # a bot with api.bot_token, api.app_token and api.url
        api.socket.say("how is the battery?")  # tests.doubles.slack_socket
        seen = await api.wait_for(1)

`api.messages` holds what people see, edits and deletions applied; `api.calls` every call. `api.fail("chat.postMessage",
too_many(3))` makes the next call fail; `lost_answer()` lets it happen and loses the answer to the bot.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.doubles.slack_blocks import Refused, check_blocks, check_view
from tests.doubles.slack_socket import SocketPeer
from tests.doubles.slack_world import BOT_USER, TEAM, Channel, Failure, Posted, ResponseWay

_MENTION = re.compile(r"<(?:!\w+|@\w+|#\w+|https?:)")


class SlackApi:
    """See the module's text."""

    def __init__(self, *, bot_token: str = "xoxb-bot-of-the-double", app_token: str = "xapp-app-of-the-double") -> None:
        self.bot_token, self.app_token = bot_token, app_token
        self.team = TEAM
        self.channels: dict[str, Channel] = {"C0GROUP": Channel("C0GROUP", "channel")}
        self.user_messages: dict[str, set[str]] = defaultdict(set)  # channel -> their ts
        self.messages: list[Posted] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.statuses: list[tuple[str, str, str]] = []  # (channel, thread, status)
        self.views: list[dict[str, Any]] = []
        self.broken_mentions: list[str] = []  # mentions and links that came to life in a text
        self.unknown: set[str] = set()  # methods that this server does not know
        self.gone_users: set[str] = set()
        self.latency_s = 0.0
        self.triggers: dict[str, float] = {}
        self.ways: dict[str, ResponseWay] = {}
        self.socket = SocketPeer(self)
        self._uploads: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._failures: defaultdict[str, deque[Failure]] = defaultdict(deque)
        self._changed = asyncio.Condition()
        self._notifying: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> SlackApi:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=60 * 1024 * 1024)
        self.add_routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)  # the same port again after a stop
        await site.start()
        self._port = self._runner.addresses[0][1]

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_post("/upload/{file}", self._take_bytes)
        app.router.add_post("/hooks/{way}", self._respond)
        app.router.add_get("/link", self.socket.connected)

    async def stop(self) -> None:
        await self.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    def fail(self, method: str, *failures: Failure) -> None:
        """Make the next calls of a method fail, one after the other ("respond" and "upload" are methods too)."""
        self._failures[method].extend(failures)

    def direct(self, user: str) -> str:
        """The channel between a person and the bot, opened where there was none."""
        channel = f"D0{user}"
        self.channels.setdefault(channel, Channel(channel, "im", user))
        return channel

    def new_ts(self) -> str:
        return f"{int(time.time())}.{next(self._numbers):06d}"

    def way(self, channel: str, user: str, ephemeral_ts: str | None = None) -> str:
        """An address for answers to an interaction: five uses in thirty minutes."""
        name = f"way{next(self._numbers)}"
        self.ways[name] = ResponseWay(channel, user, ephemeral_ts, until=time.monotonic() + 1800)
        return f"http://{self.host}/hooks/{name}"

    def trigger(self) -> str:
        name = f"{next(self._numbers)}.trigger"
        self.triggers[name] = time.monotonic()
        return name

    def texts(self, channel: str | None = None) -> list[str]:
        return [message.shown for message in self.messages if channel in (None, message.channel) and not message.files]

    def called(self, method: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.calls if name == method]

    async def wait_for(self, count: int, *, timeout_s: float = 5.0) -> list[Posted]:
        """The messages, once so many stand there."""
        await self.until(lambda: len(self.messages) >= count, timeout_s=timeout_s)
        return list(self.messages)

    async def until(self, condition: Callable[[], bool], *, timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    def wake(self) -> None:
        async def notify() -> None:
            async with self._changed:
                self._changed.notify_all()

        task = asyncio.ensure_future(notify())
        self._notifying.add(task)
        task.add_done_callback(self._notifying.discard)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        fields = await _fields(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or fields.pop("token", "")
        self.calls.append((method, fields))
        return await self._with_failures(request, method, lambda: self._answer(method, fields, token))

    async def _with_failures(
        self, request: web.Request, method: str, answer: Callable[[], dict[str, Any]]
    ) -> web.StreamResponse:
        failure = self._failures[method].popleft() if self._failures[method] else None
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        try:
            result = answer() if failure is None or failure.lands else {}
        except Refused as refusal:
            details = {"response_metadata": {"messages": [f"[ERROR] {refusal.detail}"]}} if refusal.detail else {}
            return web.json_response({"ok": False, "error": refusal.code} | details)
        finally:
            self.wake()
        if failure is not None:
            await asyncio.sleep(failure.hangs_s)
            if failure.cuts:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            if failure.status != 200 or failure.error:
                headers = {"Retry-After": str(failure.retry_after_s)} if failure.retry_after_s is not None else {}
                body = {"ok": False, "error": failure.error} if failure.error else {"ok": False}
                return web.json_response(body, status=failure.status, headers=headers)
        return web.json_response({"ok": True} | result)

    def _answer(self, method: str, fields: dict[str, Any], token: str) -> dict[str, Any]:
        if method in self.unknown:
            raise Refused("unknown_method")
        if method == "apps.connections.open":
            if token != self.app_token:
                raise Refused("not_allowed_token_type" if token.startswith("xoxb") else "invalid_auth")
            return {"url": self.socket.new_address()}
        if token != self.bot_token:
            raise Refused("not_allowed_token_type" if token.startswith("xapp") else "invalid_auth")
        match method:
            case "auth.test":
                return {"team_id": TEAM, "user_id": BOT_USER, "bot_id": "B0BOT", "team": "Ranch", "user": "cc"}
            case "users.info":
                if fields["user"] in self.gone_users:
                    raise Refused("user_not_found")
                return {"user": {"id": fields["user"], "profile": {"display_name": f"Person {fields['user']}"}}}
            case "conversations.open":
                return self._open(fields)
            case "chat.postMessage":
                return self._post(fields)
            case "chat.update":
                return self._update(fields)
            case "chat.delete":
                self.messages.remove(self._own(fields["channel"], fields["ts"]))
                return {}
            case "pins.add":
                self._own(fields["channel"], fields["timestamp"], missing="message_not_found").pinned = True
                return {}
            case "pins.remove":
                message = self._own(fields["channel"], fields["timestamp"], missing="message_not_found")
                if not message.pinned:
                    raise Refused("no_pin")
                message.pinned = False
                return {}
            case "files.getUploadURLExternal":
                file = f"F{next(self._numbers)}"
                self._uploads[file] = {"length": int(fields["length"]), "alt": fields.get("alt_txt", "")}
                return {"file_id": file, "upload_url": f"http://{self.host}/upload/{file}"}
            case "files.completeUploadExternal":
                return self._share(fields)
            case "assistant.threads.setStatus":
                if fields["thread_ts"] not in self._timestamps(fields["channel_id"]):
                    raise Refused("invalid_thread_ts")
                self.statuses.append((fields["channel_id"], fields["thread_ts"], fields["status"]))
                return {}
            case "views.open":
                return self._open_view(fields)
            case "views.update":
                return self._update_view(fields)
        raise Refused("unknown_method")

    def _open(self, fields: dict[str, Any]) -> dict[str, Any]:
        users = fields["users"].split(",") if isinstance(fields["users"], str) else fields["users"]
        if users[0] in self.gone_users:
            raise Refused("user_not_found")
        wanted = f"D0{users[0]}"
        if str(fields.get("prevent_creation", "")).lower() in ("1", "true") and wanted not in self.channels:
            raise Refused("channel_not_found")
        return {"channel": {"id": self.direct(users[0])}}

    def _channel(self, channel_id: Any) -> Channel:
        channel = self.channels.get(str(channel_id))
        if channel is None:
            raise Refused("channel_not_found")
        if channel.user in self.gone_users:
            raise Refused("user_not_found")
        if channel.archived:
            raise Refused("is_archived")
        if not channel.has_bot:
            raise Refused("not_in_channel")
        return channel

    def _post(self, fields: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(fields.get("channel"))
        text, blocks = self._content(fields)
        thread = fields.get("thread_ts")
        if thread is not None and thread not in self._timestamps(channel.id):
            raise Refused("thread_not_found")
        if fields.get("unfurl_links") not in (False, "0", "false") and _MENTION.search(text):
            self.broken_mentions.append(text)
        posted = Posted(channel.id, self.new_ts(), text, blocks, thread, at=time.perf_counter(), fields=fields)
        self.messages.append(posted)
        return {"channel": channel.id, "ts": posted.ts}

    def _update(self, fields: dict[str, Any]) -> dict[str, Any]:
        self._channel(fields.get("channel"))
        message = self._own(fields["channel"], fields["ts"])
        if message.alone is not None:
            raise Refused("cant_update_message")
        message.text, message.blocks = self._content(fields)
        message.edits += 1
        return {"channel": message.channel, "ts": message.ts}

    def _content(self, fields: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        text, blocks = fields.get("text") or "", fields.get("blocks") or []
        blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
        if not text.strip() and not blocks:
            raise Refused("no_text")
        if not text.strip():
            raise Refused("no_text", "blocks without a text cannot be announced")
        if len(text) > 40_000:
            raise Refused("msg_too_long")
        check_blocks(blocks)
        if _MENTION.search(text):
            self.broken_mentions.append(text)
        return text, blocks

    def _own(self, channel: str, ts: str, *, missing: str = "message_not_found") -> Posted:
        for message in self.messages:
            if (message.channel, message.ts) == (channel, ts):
                return message
        raise Refused(missing)

    def _timestamps(self, channel: str) -> set[str]:
        return self.user_messages[channel] | {each.ts for each in self.messages if each.channel == channel}

    def _share(self, fields: dict[str, Any]) -> dict[str, Any]:
        files = json.loads(fields["files"]) if isinstance(fields["files"], str) else fields["files"]
        channel = self._channel(fields.get("channel_id"))
        for file in files:
            upload = self._uploads[file["id"]]
            if len(upload.get("bytes", b"")) != upload["length"]:
                raise Refused("file_upload_size_mismatch")
            thread = fields.get("thread_ts")
            posted = Posted(channel.id, self.new_ts(), "", [], thread, files=[upload["bytes"]], at=time.perf_counter())
            posted.alt = upload["alt"]
            self.messages.append(posted)
        return {"files": [{"id": file["id"], "title": file.get("title")} for file in files]}

    def _open_view(self, fields: dict[str, Any]) -> dict[str, Any]:
        began = self.triggers.pop(fields["trigger_id"], None)
        if began is None:
            raise Refused("exchanged_trigger_id")
        if time.monotonic() - began > 3:
            raise Refused("expired_trigger_id")
        return {"view": self._kept_view(fields, f"V{next(self._numbers)}")}

    def _update_view(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not any(view["id"] == fields["view_id"] for view in self.views):
            raise Refused("not_found")
        return {"view": self._kept_view(fields, fields["view_id"])}

    def _kept_view(self, fields: dict[str, Any], view_id: str) -> dict[str, Any]:
        view = json.loads(fields["view"]) if isinstance(fields["view"], str) else fields["view"]
        check_view(view)
        view = view | {"id": view_id}
        self.views = [each for each in self.views if each["id"] != view_id] + [view]
        return view

    async def _take_bytes(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()

        def take() -> dict[str, Any]:
            self._uploads[request.match_info["file"]]["bytes"] = data
            return {}

        answer = await self._with_failures(request, "upload", take)
        return web.Response(text=f"OK - {len(data)}") if answer.status == 200 else answer

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        way = self.ways.get(request.match_info["way"])
        if way is None or time.monotonic() > way.until:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if way.uses >= 5:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        self.calls.append(("respond", body))

        def respond() -> dict[str, Any]:
            way.uses += 1
            text, blocks = self._content(body)
            if body.get("replace_original") and way.ephemeral_ts is not None:
                message = self._own(way.channel, way.ephemeral_ts)
                message.text, message.blocks = text, blocks
                message.edits += 1
                return {}
            alone = None if body.get("response_type") == "in_channel" else way.user
            self.messages.append(
                Posted(way.channel, self.new_ts(), text, blocks, alone=alone, at=time.perf_counter(), fields=body)
            )
            return {}

        return await self._with_failures(request, "respond", respond)


async def _fields(request: web.Request) -> dict[str, Any]:
    fields: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        return fields | await request.json()
    if request.method == "POST":
        fields |= {name: str(value) for name, value in (await request.post()).items()}
    return fields
