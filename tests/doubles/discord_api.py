"""Discord on loopback: the REST API and the gateway, as strict as the real ones where a bot can go wrong.

    async with DiscordApi() as api:
        await api.say("how is the battery?", user=7)
        shown = await api.wait_for(1)

`api.posts` holds the bot's messages as they stand now, `api.calls` every call. `api.fail_next(too_many(0.2))` makes the
bot's next message fail; `lost_answer()` lets it arrive and loses the answer to the bot.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.doubles import discord_rules as rules
from tests.doubles.discord_gateway import Gateway
from tests.doubles.discord_people import People
from tests.doubles.discord_rules import EPHEMERAL, SUPPRESS_EMBEDS, Refused
from tests.doubles.discord_world import Failure, Interaction, Post, World

_ROUTES: list[tuple[str, str, str]] = [
    ("GET", r"/users/@me", "me"),
    ("GET", r"/oauth2/applications/@me", "application"),
    ("GET", r"/gateway/bot", "gateway"),
    ("PUT", r"/applications/(\d+)/commands", "commands"),
    ("POST", r"/users/@me/channels", "open_direct"),
    ("POST", r"/channels/(\d+)/messages", "post"),
    ("PATCH", r"/channels/(\d+)/messages/(\d+)", "change"),
    ("DELETE", r"/channels/(\d+)/messages/(\d+)", "delete"),
    ("PUT", r"/channels/(\d+)/messages/pins/(\d+)", "pin"),
    ("DELETE", r"/channels/(\d+)/messages/pins/(\d+)", "unpin"),
    ("POST", r"/channels/(\d+)/typing", "typing"),
    ("POST", r"/interactions/(\d+)/([\w.-]+)/callback", "callback"),
    ("POST", r"/webhooks/(\d+)/([\w.-]+)", "follow_up"),
    ("PATCH", r"/webhooks/(\d+)/([\w.-]+)/messages/@original", "change_original"),
]
# The calls by which a message of the bot's comes to stand somewhere.
_WRITES = frozenset({"post", "change", "callback", "follow_up", "change_original"})


class DiscordApi(People):
    """See the module's text; `discord_people` has what people do, `discord_world` what there is."""

    def __init__(self) -> None:
        self.world = World()
        self.gateway = Gateway(self.world.token, self.world.me, self.world.application_id)
        self.gateway.guilds = [self.world.guild()]
        self.calls: list[tuple[str, str, Any]] = []  # (what, path, body)
        self.commands: list[dict[str, Any]] = []
        self.typing: list[int] = []
        self.first_answer_s = 3.0
        self.endpoint_url: str | None = None  # the application's interactions go there instead
        self.bucket: tuple[int, float] | None = None  # so many messages a channel in so many seconds
        self._taken: dict[str, tuple[float, int]] = {}
        self.modals: list[dict[str, Any]] = []
        self.refused: list[Refused] = []
        self._failures: deque[Failure] = deque()
        self._failing: dict[str, deque[Failure]] = {}
        self._nonces: dict[str, Post] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> DiscordApi:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_route("*", "/api/v10/{path:.*}", self._call)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()  # the same port again after a stop
        self._port = self._runner.addresses[0][1]
        self.gateway.url = f"ws://127.0.0.1:{self._port}/gateway/"

    async def stop(self) -> None:
        if self._runner is not None:
            await self.gateway.drop(1012)
            await self._runner.cleanup()
            self._runner = None

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def posts(self) -> list[Post]:
        """The bot's messages that stand there, oldest first; a bare "… is thinking" is none."""
        return [post for post in self.world.posts.values() if not post.thinking]

    def fail_next(self, *failures: Failure) -> None:
        """What happens to the bot's next messages, one after the other."""
        self._failures.extend(failures)

    def fail(self, what: str, *failures: Failure) -> None:
        """What happens to the next calls of one kind (`_ROUTES` names them)."""
        self._failing.setdefault(what, deque()).extend(failures)

    def count(self, what: str) -> int:
        return sum(kind == what for kind, _, _ in self.calls)

    async def until(self, condition: Callable[[], object], *, timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.005)

    async def wait_for(self, count: int, *, timeout_s: float = 10.0) -> list[Post]:
        """The bot's messages once there are so many."""
        await self.until(lambda: len(self.posts) >= count, timeout_s=timeout_s)
        return self.posts

    async def _call(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        if request.headers.get("Authorization") != f"Bot {self.token}":
            return _error(Refused(401, 0, "401: Unauthorized"))
        body, files = await _body(request)
        for method, pattern, what in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found is not None and method == request.method:
                return await self._act(request, what, found.groups(), body, files)
        self.calls.append(("unknown", path, body))
        return _error(Refused(404, 0, f"404: Not Found {request.method} {path}"))

    async def _act(
        self, request: web.Request, what: str, ids: tuple[str, ...], body: Any, files: dict[str, bytes]
    ) -> web.StreamResponse:
        self.calls.append((what, request.path, body))
        failure = self._failure(what, body)
        try:
            limits = self._limits(request.path) if what == "post" else {}
            result: Any = None
            if failure is None or failure.lands or failure == Failure():
                result = getattr(self, f"_{what}")(*ids, *([body, files] if what in _WRITES else [body]))
            if failure is not None:
                await asyncio.sleep(failure.hangs_s)
                if failure.cuts:
                    assert request.transport is not None
                    request.transport.abort()
                    return web.Response()
                if failure.status:
                    raise Refused(failure.status, failure.code, failure.message, failure.more)
        except Refused as refusal:
            self.refused.append(refusal)
            return _error(refusal)
        return web.Response(status=204) if result is None else _json(result, headers=limits)

    def _limits(self, path: str) -> dict[str, str]:
        """The headers of a rate limit; refuses what goes beyond it."""
        if self.bucket is None:
            return {}
        limit, per_s = self.bucket
        began, taken = self._taken.get(path, (0.0, 0))
        now = time.monotonic()
        began, taken = (now, 1) if now - began >= per_s else (began, taken + 1)
        self._taken[path] = (began, taken)
        left_s = round(began + per_s - now, 3)
        if taken > limit:
            raise Refused(429, 0, "You are being rate limited.", {"retry_after": left_s, "global": False})
        return {
            "X-RateLimit-Bucket": "messages",
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - taken),
            "X-RateLimit-Reset": str(time.time() + left_s),
            "X-RateLimit-Reset-After": str(left_s),
        }

    def _failure(self, what: str, body: Any) -> Failure | None:
        if self._failing.get(what):
            return self._failing[what].popleft()
        a_message = what in _WRITES and not (what == "callback" and body["type"] not in (4, 7))
        return self._failures.popleft() if a_message and self._failures else None

    def _me(self, body: Any) -> Any:
        return self.world.me

    def _application(self, body: Any) -> Any:
        owner = {"id": "1", "username": "owner", "discriminator": "0", "avatar": None, "global_name": None}
        return {
            "id": str(self.world.application_id),
            "name": "CommandCenter",
            "description": "",
            "icon": None,
            "bot_public": False,
            "bot_require_code_grant": False,
            "owner": owner,
            "verify_key": "0" * 64,
            "summary": "",
            "flags": 0,
            "team": None,
            "interactions_endpoint_url": self.endpoint_url,
        }

    def _gateway(self, body: Any) -> Any:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return {"url": self.gateway.url, "shards": 1, "session_start_limit": limit}

    def _commands(self, application: str, body: Any) -> Any:
        if int(application) != self.world.application_id:
            raise Refused(403, 20012, "You are not authorized to perform this action on this application")
        rules.check_commands(body)
        self.commands = body
        return [{**each, "id": str(n), "application_id": application, "version": "1"} for n, each in enumerate(body)]

    def _open_direct(self, body: Any) -> Any:
        return self.world.direct_channel(int(body["recipient_id"]))

    def _typing(self, channel: str, body: Any) -> None:
        self.world.check_open(int(channel))
        self.typing.append(int(channel))

    def _post(self, channel: str, body: Any, files: dict[str, bytes]) -> Any:
        self.world.check_open(int(channel))
        rules.check_message(body, files, flags=SUPPRESS_EMBEDS, new=True)
        nonce = body.get("nonce") if body.get("enforce_nonce") else None
        if nonce is not None and len(nonce) > 25:
            raise rules.invalid("nonce", "Must be 25 or fewer in length.")
        if nonce in self._nonces:
            return self._nonces[nonce].payload(self.world)
        post = self.world.stand(int(channel), body, files)
        if nonce is not None:
            self._nonces[nonce] = post
        return post.payload(self.world)

    def _change(self, channel: str, ref: str, body: Any, files: dict[str, bytes]) -> Any:
        self.world.check_open(int(channel))
        post = self.world.posts.get(int(ref))
        if post is None or post.channel_id != int(channel) or post.only_for is not None:
            raise Refused(404, 10008, "Unknown Message")
        return self._changed_post(post, body, files)

    def _delete(self, channel: str, ref: str, body: Any) -> None:
        self.world.check_open(int(channel))
        post = self.world.posts.get(int(ref))
        if post is None or post.channel_id != int(channel) or post.only_for is not None:
            raise Refused(404, 10008, "Unknown Message")
        del self.world.posts[int(ref)]

    def _pin(self, channel: str, ref: str, body: Any) -> None:
        post = self.world.posts.get(int(ref))
        if post is None or post.only_for is not None:
            raise Refused(404, 10008, "Unknown Message")
        post.pinned = True

    def _unpin(self, channel: str, ref: str, body: Any) -> None:
        post = self.world.posts.get(int(ref))
        if post is None:
            raise Refused(404, 10008, "Unknown Message")
        post.pinned = False

    def _callback(self, interaction: str, token: str, body: Any, files: dict[str, bytes]) -> Any:
        held = self._held(token, int(interaction))
        if held.acknowledged:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if time.monotonic() - held.at > self.first_answer_s:
            raise Refused(404, 10062, "Unknown interaction")
        data = body.get("data") or {}
        post: Post | None = None
        match body["type"]:
            case 4:
                rules.check_message(data, files, flags=SUPPRESS_EMBEDS | EPHEMERAL, new=True)
                post = held.original = self._stand_for(held, data, files)
            case 5:
                held.original = self._stand_for(held, data, {}, thinking=True)
            case 6 if held.kind in (3, 5) and held.source is not None:
                held.original = held.source
            case 8 if held.kind == 4:
                rules.check_choices(data["choices"])
                held.choices = [choice["value"] for choice in data["choices"]]
            case 9 if held.kind in (2, 3):
                rules.check_modal(data)
                self.modals.append({**data, "source": held.source, "user": held.user})
            case _:
                raise rules.invalid("type", f"not as an answer to an interaction of type {held.kind}")
        held.acknowledged = body["type"]
        resource = {"type": 4, "message": post.payload(self.world)} if post is not None else None
        return {"interaction": {"id": interaction, "type": held.kind}, "resource": resource}

    def _follow_up(self, application: str, token: str, body: Any, files: dict[str, bytes]) -> Any:
        held = self._webhook(application, token)
        rules.check_message(body, files, flags=SUPPRESS_EMBEDS | EPHEMERAL, new=True)
        return self._stand_for(held, body, files).payload(self.world)

    def _change_original(self, application: str, token: str, body: Any, files: dict[str, bytes]) -> Any:
        held = self._webhook(application, token)
        if held.original is None:
            raise Refused(404, 10008, "Unknown Message")
        return self._changed_post(held.original, body, files)

    def _changed_post(self, post: Post, body: Any, files: dict[str, bytes]) -> Any:
        described = {**body, "attachments": body.get("attachments", [])}
        rules.check_message(described, files, flags=SUPPRESS_EMBEDS, new=False)
        post.change(body, files)
        return post.payload(self.world)

    def _stand_for(self, held: Interaction, body: Any, files: dict[str, bytes], *, thinking: bool = False) -> Post:
        only_for = held.user if int(body.get("flags", 0)) & EPHEMERAL else None
        return self.world.stand(held.channel_id, body, files, only_for=only_for, thinking=thinking)

    def _webhook(self, application: str, token: str) -> Interaction:
        held = self._held(token)
        if int(application) != self.world.application_id or not held.acknowledged:
            raise Refused(404, 10015, "Unknown Webhook")
        if time.monotonic() - held.at > 15 * 60 or held.expired:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return held

    def _held(self, token: str, interaction: int | None = None) -> Interaction:
        held = self.world.interactions.get(token)
        if held is None or (interaction is not None and held.interaction_id != interaction):
            raise Refused(404, 10062, "Unknown interaction")
        return held


async def _body(request: web.Request) -> tuple[Any, dict[str, bytes]]:
    if request.content_type != "multipart/form-data":
        raw = await request.read()
        return (json.loads(raw) if raw else None), {}
    body: Any = None
    files: dict[str, bytes] = {}
    for name, value in (await request.post()).items():
        if name == "payload_json":
            body = json.loads(value if isinstance(value, str) else value.file.read())
        elif isinstance(value, web.FileField):
            files[name] = value.file.read()
    described = body.get("data", body)
    if {f"files[{each['id']}]" for each in described.get("attachments", [])} != set(files):
        return {**body, "attachments": []}, files  # the rules refuse it
    return body, files


def _error(refusal: Refused) -> web.Response:
    headers = {"Via": "1.1 google"}
    if refusal.status == 429:
        headers["Retry-After"] = str(refusal.more.get("retry_after", 1))
    return _json({"message": refusal.message, "code": refusal.code, **refusal.more}, refusal.status, headers)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    # Exactly this type, without a character set: the SDK reads nothing else as JSON.
    return web.Response(
        body=json.dumps(data).encode(), status=status, headers={"Content-Type": "application/json", **(headers or {})}
    )
