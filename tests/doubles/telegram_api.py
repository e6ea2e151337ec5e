"""The Telegram Bot API on loopback, as strict as the real one where a bot can go wrong.

    async with TelegramApi() as api:
        bot = connect(SecretStr(api.token), api.url)
        api.say("how is the battery?", user_id=7)
        sent = await api.wait_for(1)

`api.sent` holds the messages that reached a chat, `api.calls` every call. `api.fail("sendMessage", too_many(3))` makes
the next call fail; `lost_answer()` lets the message arrive and loses the answer to the bot.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "tg-spoiler", "blockquote"}
_TOKEN = re.compile(r"<(/?)([a-zA-Z-]*)((?:\s[^<>]*)?)>|<|&(#\d+|#x[0-9a-fA-F]+|lt|gt|amp|quot);|[^<&]+|&")


@dataclass(frozen=True)
class Delivered:
    """A message that reached a chat."""

    method: str
    chat_id: int
    text: str  # as a reader sees it
    markup: str  # as it was sent
    thread_id: int | None
    photo: bytes | None
    fields: dict[str, str]
    at: float


@dataclass(frozen=True)
class Failure:
    """What happens to a call instead of an answer."""

    status: int = 200
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    lands: bool = False  # the message arrives all the same
    hangs_s: float = 0.0
    cuts: bool = False  # the connection is cut instead of answered


def too_many(retry_after_s: int) -> Failure:
    return Failure(429, f"Too Many Requests: retry after {retry_after_s}", {"retry_after": retry_after_s})


def migrated(new_chat_id: int) -> Failure:
    description = "Bad Request: group chat was upgraded to a supergroup chat"
    return Failure(400, description, {"migrate_to_chat_id": new_chat_id})


def lost_answer() -> Failure:
    return Failure(lands=True, cuts=True)


class Refused(Exception):
    def __init__(self, status: int, description: str, parameters: dict[str, int] | None = None) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters or {}


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def seen_text(markup: str) -> str:
    """The text that HTML markup shows, or the error that Telegram gives."""
    shown: list[str] = []
    open_tags: list[str] = []
    for token in _TOKEN.finditer(markup):
        if token[2]:
            closing, tag = token[1] == "/", token[2].lower()
            if tag not in _TAGS:
                raise Refused(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
            if not closing:
                open_tags.append(tag)
            elif not open_tags or open_tags.pop() != tag:
                raise Refused(400, "Bad Request: can't parse entities: Unmatched end tag")
        elif token[0] == "<" or token[0].startswith("</"):
            raise Refused(400, "Bad Request: can't parse entities: Unexpected start tag")
        else:
            shown.append(html.unescape(token[0]) if token[4] else token[0])
    if open_tags:
        raise Refused(
            400, f"Bad Request: can't parse entities: Can't find end tag corresponding to \"{open_tags[-1]}\""
        )
    return "".join(shown)


class TelegramApi:
    """See the module's text."""

    def __init__(self, *, token: str = "123456:TEST-token_of-the-double", username: str = "commandcenter_bot") -> None:
        self.token = token
        self.me = {"id": 123456, "is_bot": True, "first_name": "CommandCenter", "username": username}
        self.sent: list[Delivered] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.commands: list[dict[str, str]] = []
        self.blocked: set[int] = set()
        self.webhook = ""
        self.unknown: set[str] = set()  # methods that this server does not know
        self.drafts: list[tuple[int, str]] = []
        self.typing: defaultdict[int, list[float]] = defaultdict(list)
        self.given: defaultdict[int, int] = defaultdict(int)  # how often each update was handed out
        self.latency_s = 0.0
        self.taken_at: dict[int, float] = {}  # update id -> when the bot first got it
        self._updates: deque[dict[str, Any]] = deque()
        self._next_update_id = 700_000_001
        self._next_message_id = 1
        self._failures: defaultdict[str, deque[Failure]] = defaultdict(deque)
        self._changed = asyncio.Condition()
        self._polls = 0
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> TelegramApi:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)  # the same port again after a stop
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def polls(self) -> int:
        return self._polls

    @property
    def unconfirmed(self) -> int:
        """Updates that the bot has not confirmed with a higher offset."""
        return len(self._updates)

    def fail(self, method: str, *failures: Failure) -> None:
        """Make the next calls of a method fail, one after the other."""
        self._failures[method].extend(failures)

    def say(
        self,
        text: str,
        *,
        user_id: int = 7,
        name: str = "Ann",
        chat_id: int | None = None,
        chat_type: str = "private",
        thread_id: int | None = None,
        reply_to_bot: bool = False,
        caption_of_photo: bool = False,
    ) -> int:
        """A person writes; returns the update id."""
        chat: dict[str, Any] = {"id": user_id if chat_id is None else chat_id, "type": chat_type}
        chat |= {"first_name": name} if chat_type == "private" else {"title": "The ranch"}
        message: dict[str, Any] = {
            "message_id": self._message_id(),
            "date": int(time.time()),
            "chat": chat,
            "from": {"id": user_id, "is_bot": False, "first_name": name},
        }
        text_key, entities_key = ("caption", "caption_entities") if caption_of_photo else ("text", "entities")
        if caption_of_photo:
            photo = {"file_id": "f", "file_unique_id": "u", "width": 90, "height": 60, "file_size": 1234}
            message["photo"] = [photo]
        if text:
            message[text_key] = text
            if entities := _entities(text):
                message[entities_key] = entities
        if thread_id is not None:
            message |= {"message_thread_id": thread_id, "is_topic_message": True}
        if reply_to_bot:
            message["reply_to_message"] = {"message_id": 1, "date": 1, "chat": chat, "from": self.me, "text": "earlier"}
        return self.push({"message": message})

    def push(self, update: dict[str, Any], *, update_id: int | None = None) -> int:
        """Queue any update; the same `update_id` again is a repeated delivery."""
        if update_id is None:
            update_id = self._next_update_id
            self._next_update_id += 1
        self._updates.append({"update_id": update_id, **update})
        self._wake()
        return update_id

    async def wait_for(self, count: int, *, timeout_s: float = 10.0) -> list[Delivered]:
        """The messages once `count` of them have arrived."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.sent) >= count)
        return self.sent

    def texts(self, chat_id: int = 7) -> list[str]:
        return [message.text for message in self.sent if message.chat_id == chat_id]

    def _message_id(self) -> int:
        self._next_message_id += 1
        return self._next_message_id

    def _wake(self) -> None:
        async def notify() -> None:
            async with self._changed:
                self._changed.notify_all()

        self._notifying = asyncio.ensure_future(notify())

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return _error(401, "Unauthorized")
        fields, files = await _form(request)
        self.calls.append((method, fields))
        failure = self._failures[method].popleft() if self._failures[method] else None
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        try:
            result: Any = None
            if failure is None or failure.lands:
                result = await self._answer(method, fields, files)
            if failure is not None:
                await asyncio.sleep(failure.hangs_s)
                if failure.cuts:
                    assert request.transport is not None
                    request.transport.abort()
                    return web.Response()
                if failure.status != 200:
                    raise Refused(failure.status, failure.description, failure.parameters)
        except Refused as refusal:
            return _error(refusal.status, refusal.description, refusal.parameters)
        return web.json_response({"ok": True, "result": result})

    async def _answer(self, method: str, fields: dict[str, str], files: dict[str, bytes]) -> Any:
        match method:
            case "getMe":
                return self.me
            case "getUpdates":
                return await self._get_updates(fields)
            case "sendMessage":
                return self._deliver(method, fields, "text", 4096, None)
            case "sendPhoto":
                return self._deliver(method, fields, "caption", 1024, _photo(files))
            case "sendChatAction":
                self.typing[self._chat(fields)].append(time.monotonic())
                return True
            case "sendMessageDraft":
                if "sendMessageDraft" in self.unknown:
                    raise Refused(404, "Not Found")
                self.drafts.append((self._chat(fields), fields["text"]))
                return True
            case "setMyCommands":
                self.commands = json.loads(fields["commands"])
                return True
            case "answerCallbackQuery":
                return True
            case "deleteWebhook":
                self.webhook = ""
                return True
            case _:
                raise Refused(404, "Not Found")

    async def _get_updates(self, fields: dict[str, str]) -> list[dict[str, Any]]:
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
        self._polls += 1
        mine = self._polls
        offset, limit = int(fields.get("offset", 0)), int(fields.get("limit", 100))
        while self._updates and self._updates[0]["update_id"] < offset:
            self._updates.popleft()
        self._wake()  # another poll that waits is thrown out
        try:
            async with asyncio.timeout(float(fields.get("timeout", 0))), self._changed:
                await self._changed.wait_for(lambda: self._updates or self._polls != mine)
        except TimeoutError:
            return []
        if self._polls != mine:
            raise Refused(409, "Conflict: terminated by other getUpdates request; make sure only one bot is running")
        batch = list(self._updates)[:limit]
        for update in batch:
            self.given[update["update_id"]] += 1
            self.taken_at.setdefault(update["update_id"], time.perf_counter())
        return batch

    def _deliver(self, method: str, fields: dict[str, str], key: str, limit: int, photo: bytes | None) -> Any:
        chat_id = self._chat(fields)
        markup = fields.get(key, "")
        text = seen_text(markup) if fields.get("parse_mode") == "HTML" else markup
        if method == "sendMessage" and not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if utf16_length(text) > limit:
            kind = "message" if method == "sendMessage" else "message caption"
            raise Refused(400, f"Bad Request: {kind} is too long")
        thread = fields.get("message_thread_id")
        if thread == "1":
            raise Refused(400, "Bad Request: message thread not found")
        at = time.perf_counter()
        self.sent.append(
            Delivered(method, chat_id, text.strip(), markup, int(thread) if thread else None, photo, fields, at)
        )
        self._wake()
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}
        return {"message_id": self._message_id(), "date": int(time.time()), "chat": chat, "text": text}

    def _chat(self, fields: dict[str, str]) -> int:
        try:
            chat_id = int(fields["chat_id"])
        except (KeyError, ValueError):
            raise Refused(400, "Bad Request: chat not found") from None
        if chat_id in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat_id


def _entities(text: str) -> list[dict[str, Any]]:
    found = []
    for match in re.finditer(r"(?<!\S)/\w+(?:@\w+)?|(?<!\S)@\w+", text):
        kind = "bot_command" if match[0].startswith("/") else "mention"
        offset, length = utf16_length(text[: match.start()]), utf16_length(match[0])
        found.append({"type": kind, "offset": offset, "length": length})
    return found


async def _form(request: web.Request) -> tuple[dict[str, str], dict[str, bytes]]:
    fields: dict[str, str] = dict(request.query)
    files: dict[str, bytes] = {}
    if request.content_type == "application/json":
        fields |= {name: str(value) for name, value in (await request.json()).items()}
    elif request.method == "POST":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = value.file.read()
            else:
                fields[name] = str(value)
    return fields, files


def _photo(files: dict[str, bytes]) -> bytes:
    photo = next(iter(files.values()), b"")
    if not photo.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8")):
        raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
    return photo


def _error(status: int, description: str, parameters: dict[str, int] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)
