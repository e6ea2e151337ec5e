"""The Telegram Bot API on loopback, as strict as the real one where a bot can go wrong.

    async with TelegramApi() as api:
        bot = connect(SecretStr(api.token), api.url)
        api.say("how is the battery?", user_id=7)
        sent = await api.wait_for(1)

`api.sent` holds the messages that reached a chat as they were sent, `api.standing()` what people see now (changed,
without what was deleted), `api.calls` every call. `api.fail("sendMessage", too_many(3))` makes
the next call fail; `lost_answer()` lets the message arrive and loses the answer to the bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, web

from tests.doubles.telegram_markup import Refused, checked_commands, entities
from tests.doubles.telegram_messages import Delivered, Messages, checked_photo


@dataclass(frozen=True)
class Failure:
    """What happens to a call instead of an answer."""

    status: int = 200
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    lands: bool = False  # the message arrives all the same
    hangs_s: float = 0.0
    cuts: bool = False  # the connection is cut instead of answered
    page: str | None = None  # what a gateway answers instead, with the status


def too_many(retry_after_s: int) -> Failure:
    return Failure(429, f"Too Many Requests: retry after {retry_after_s}", {"retry_after": retry_after_s})


def migrated(new_chat_id: int) -> Failure:
    description = "Bad Request: group chat was upgraded to a supergroup chat"
    return Failure(400, description, {"migrate_to_chat_id": new_chat_id})


def lost_answer() -> Failure:
    return Failure(lands=True, cuts=True)


class TelegramApi:
    """See the module's text."""

    def __init__(self, *, token: str = "123456:TEST-token_of-the-double", username: str = "commandcenter_bot") -> None:
        self.token = token
        self.me = {"id": 123456, "is_bot": True, "first_name": "CommandCenter", "username": username}
        self._messages = Messages()
        self.sent = self._messages.sent
        self.blocked = self._messages.blocked
        self.changed_at = self._messages.changed_at
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.commands: dict[str, list[dict[str, str]]] = {}  # by scope
        self.webhook = ""
        self.webhook_secret = ""
        self.webhook_error = ""  # what Telegram says of its calls
        self.webhook_answers: list[int] = []  # the status of each call to the webhook
        self.pinned: list[tuple[int, int, bool]] = []  # chat, message, silently
        self.unknown: set[str] = set()  # methods that this server does not know
        self.drafts: list[tuple[int, str]] = []
        self.typing: defaultdict[int, list[float]] = defaultdict(list)
        self.given: defaultdict[int, int] = defaultdict(int)  # how often each update was handed out
        self.latency_s = 0.0
        self.refused = 0  # calls that failed as they were told to
        self.taken_at: dict[int, float] = {}  # update id -> when the bot first got it
        self.last_update: dict[str, Any] = {}
        self._calling: asyncio.Task[None] | None = None
        self._updates: deque[dict[str, Any]] = deque()
        self._next_update_id = 700_000_001
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
        if self._calling is not None:
            self._calling.cancel()
            await asyncio.gather(self._calling, return_exceptions=True)
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

    def calm(self) -> None:
        """Nothing fails any more."""
        self._failures.clear()

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
            "message_id": self._messages.next_id(),
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
            if found := entities(text):
                message[entities_key] = found
        if thread_id is not None:
            message |= {"message_thread_id": thread_id, "is_topic_message": True}
        if reply_to_bot:
            message["reply_to_message"] = {"message_id": 1, "date": 1, "chat": chat, "from": self.me, "text": "earlier"}
        return self.push({"message": message})

    def tap(self, message: Delivered, label: str, *, user_id: int = 7, inaccessible: bool = False) -> int:
        """A person taps a button of a message that stands there; returns the update id."""
        standing = self._messages.shown[message.chat_id, message.message_id]
        data = next(button["callback_data"] for row in standing.keyboard for button in row if button["text"] == label)
        shown = self._messages.told(standing) | ({"date": 0} if inaccessible else {})
        query = {"id": str(self._next_update_id * 7), "chat_instance": "c", "data": data, "message": shown}
        query["from"] = {"id": user_id, "is_bot": False, "first_name": "Ann"}
        return self.push({"callback_query": query})

    def standing(self, chat_id: int | None = None) -> list[Delivered]:
        """The messages as people see them now, oldest first."""
        return [shown for shown in self._messages.shown.values() if chat_id in (None, shown.chat_id)]

    def push(self, update: dict[str, Any], *, update_id: int | None = None) -> int:
        """Queue any update; the same `update_id` again is a repeated delivery."""
        if update_id is None:
            update_id = self._next_update_id
            self._next_update_id += 1
        self.last_update = {"update_id": update_id, **update}
        self._updates.append(self.last_update)
        self._wake()
        return update_id

    async def wait_for(self, count: int, *, timeout_s: float = 10.0) -> list[Delivered]:
        """The messages once `count` of them have arrived."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.sent) >= count)
        return self.sent

    def texts(self, chat_id: int = 7) -> list[str]:
        return [message.text for message in self.sent if message.chat_id == chat_id]

    async def _call_webhook(self) -> None:
        """Deliver what waits, each update until it is taken; Telegram waits longer between two tries."""
        async with ClientSession() as session:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self._updates))
                update = self._updates[0]
                headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook_secret} if self.webhook_secret else {}
                with contextlib.suppress(ClientError, OSError):
                    async with session.post(self.webhook, json=update, headers=headers) as answer:
                        self.webhook_answers.append(answer.status)
                        if answer.status == 200:
                            self._updates.popleft()
                            continue
                await asyncio.sleep(0.05)

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
                self._wake()
            if failure is not None:
                await asyncio.sleep(failure.hangs_s)
                if failure.page is not None:
                    return web.Response(status=failure.status, text=failure.page, content_type="text/html")
                if failure.cuts:
                    assert request.transport is not None
                    request.transport.abort()
                    return web.Response()
                if failure.status != 200:
                    self.refused += 1
                    raise Refused(failure.status, failure.description, failure.parameters)
        except Refused as refusal:
            return _error(refusal.status, refusal.description, refusal.parameters)
        return web.json_response({"ok": True, "result": result})

    async def _answer(self, method: str, fields: dict[str, str], files: dict[str, bytes]) -> Any:
        if method in self.unknown:
            raise Refused(404, "Not Found")
        match method:
            case "getMe":
                return self.me
            case "getUpdates":
                return await self._get_updates(fields)
            case "sendMessage":
                return self._messages.deliver(method, fields, "text", 4096, None)
            case "sendPhoto":
                return self._messages.deliver(method, fields, "caption", 1024, checked_photo(files))
            case "editMessageText":
                return self._messages.edit(fields, "text", 4096)
            case "editMessageCaption":
                return self._messages.edit(fields, "caption", 1024)
            case "editMessageReplyMarkup":
                return self._messages.edit(fields, "", 0)
            case "deleteMessage":
                del self._messages.shown[self._messages.place(fields, "delete")]
                return True
            case "pinChatMessage":
                chat_id, message_id = self._messages.place(fields, "pin")
                self.pinned.append((chat_id, message_id, fields.get("disable_notification") == "true"))
                return True
            case "unpinChatMessage":
                place = self._messages.place(fields, "unpin")
                self.pinned = [pin for pin in self.pinned if pin[:2] != place]
                return True
            case "sendChatAction":
                self.typing[self._messages.chat(fields)].append(time.monotonic())
                return True
            case "sendMessageDraft":
                if self._messages.chat(fields) < 0:
                    raise Refused(400, "Bad Request: TEXTDRAFT_PEER_INVALID")
                self.drafts.append((self._messages.chat(fields), fields["text"]))
                return True
            case "setMyCommands":
                scope = json.loads(fields.get("scope", '{"type": "default"}'))["type"]
                self.commands[scope] = checked_commands(fields)
                return True
            case "answerCallbackQuery":
                return True
            case "setWebhook":
                await self._set_webhook(fields["url"], fields.get("secret_token", ""))
                return True
            case "deleteWebhook":
                await self._set_webhook("", "")
                return True
            case "getWebhookInfo":
                waiting = len(self._updates) + bool(self.webhook_error)
                info = {"url": self.webhook, "pending_update_count": waiting, "has_custom_certificate": False}
                failed = {"last_error_date": int(time.time()), "last_error_message": self.webhook_error}
                return info | (failed if self.webhook_error else {})
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

    async def _set_webhook(self, url: str, secret: str) -> None:
        if self._calling is not None:
            self._calling.cancel()
            await asyncio.gather(self._calling, return_exceptions=True)
            self._calling = None
        self.webhook, self.webhook_secret = url, secret
        if url:
            self._calling = asyncio.create_task(self._call_webhook())


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


def _error(status: int, description: str, parameters: dict[str, int] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)
