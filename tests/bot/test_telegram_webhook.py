"""Telegram calls us: through the web face, over real HTTP, with the Bot API double as Telegram."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.platforms.telegram.client import connect
from bot.platforms.telegram.send import TelegramOutlet
from bot.platforms.telegram.webhook import TelegramWebhook
from bot.web.app import HealthReport, HookAnswer
from bot.web.serve import web_face
from tests.bot.house import House
from tests.bot.telegram_stage import COMMANDS, running, until
from tests.doubles.telegram_api import Failure, TelegramApi, too_many

SECRET = "s3cret-of-the-webhook"
PATH = "/webhooks/telegram"


class Healthy:
    async def check(self) -> HealthReport:
        return HealthReport(database_ok=True)


@contextlib.asynccontextmanager
async def called(api: TelegramApi, house: House, *, kill: bool = False) -> AsyncIterator[tuple[TelegramWebhook, str]]:
    """A bot that Telegram calls, until the block ends; yields it and the address of its webhook."""
    bot = connect(SecretStr(api.token), api.url, reply_timeout_s=1.0)
    chat = house.chat()
    webhooks: list[TelegramWebhook] = []

    async def hook(headers: Mapping[str, str], body: bytes) -> HookAnswer:
        return HookAnswer(*await webhooks[0].handle_request(headers, body)) if webhooks else HookAnswer(503)

    async with web_face(Healthy(), "127.0.0.1", 0, {PATH: hook}) as health_url:
        url = str(health_url).replace("/healthz", PATH)
        webhook = TelegramWebhook(
            bot,
            chat,
            TelegramOutlet(bot, first_pause_s=0.05),
            url=url,
            secret=SecretStr(SECRET),
            commands=COMMANDS,
            look_every_s=0.05,
            first_pause_s=0.02,
            longest_pause_s=0.1,
        )
        webhooks.append(webhook)
        task = asyncio.create_task(webhook.run())
        try:
            yield webhook, url
        finally:
            task.cancel()
            await chat.close(drain_s=0 if kill else 5)
            await asyncio.gather(task, return_exceptions=True)
            await webhook.close()


async def post(url: str, body: bytes, secret: str | None = SECRET) -> int:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status


def told(text: str, update_id: int = 5) -> bytes:
    ann = {"id": 7, "is_bot": False, "first_name": "Ann"}
    chat = {"id": 7, "type": "private", "first_name": "Ann"}
    message = {"message_id": 9, "date": 1_800_000_000, "chat": chat, "from": ann, "text": text}
    return json.dumps({"update_id": update_id, "message": message}).encode()


async def test_messages_and_taps_arrive_through_the_webhook(api: TelegramApi) -> None:
    house = House()
    async with called(api, house) as (webhook, url):
        api.say("how is the battery?")
        api.say("/status solar", user_id=7)
        await api.wait_for(2)
        assert webhook.ready
        assert webhook.last_poll_age_s is not None
        assert webhook.last_poll_age_s < 5
    assert sorted(api.texts()) == ["Re: how is the battery?\nas of 12:00, Victron", "status: solar"]
    assert set(api.webhook_answers) == {200}
    assert (api.webhook, api.webhook_secret) == (url, SECRET)
    assert [method for method, _ in api.calls].count("getUpdates") == 0
    assert "all_private_chats" in api.commands
    (setting,) = [fields for method, fields in api.calls if method == "setWebhook"]
    assert json.loads(setting["allowed_updates"]) == ["message", "callback_query"]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x", "\u00fc"])
async def test_whoever_has_not_the_secret_is_refused(api: TelegramApi, secret: str | None) -> None:
    house = House()
    with capture_logs() as logs:
        async with called(api, house) as (webhook, url):
            await until(lambda: webhook.ready)
            assert await post(url, told("stop the miners"), secret) == 401
    assert house.inbox.rows == {}
    assert SECRET not in str(logs)


async def test_the_same_update_again_is_answered_once(api: TelegramApi) -> None:
    house = House()
    async with called(api, house) as (webhook, url):
        await until(lambda: webhook.ready)
        statuses = await asyncio.gather(*(post(url, told("one")) for _ in range(20)))
        await api.wait_for(1)
        await until(lambda: house.inbox.states == ["settled"])
    assert set(statuses) == {200}
    assert house.assistant.asked == ["one"]
    assert len(api.sent) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 1_000_001, 413),
        (b"not json", 200),
        (b"[]", 200),
        (b'{"message": {}}', 200),
        (b"[" * 100_000, 200),
        (b'{"update_id": 1, "message": {"message_id": "?", "chat": 12}}', 200),
        (b'{"update_id": 2, "edited_message": {"message_id": 1}}', 200),
    ],
)
async def test_what_cannot_be_read_harms_nobody(api: TelegramApi, body: bytes, status: int) -> None:
    async with called(api, House()) as (webhook, url):
        await until(lambda: webhook.ready)
        assert await post(url, body) == status
        assert await post(url, told("one")) == 200
        await api.wait_for(1)


async def test_too_much_at_once_is_refused_behind_any_web_server(api: TelegramApi) -> None:
    async with called(api, House()) as (webhook, _):
        await until(lambda: webhook.ready)
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        assert await webhook.handle_request(headers, told("x" * 1_000_001)) == (413, b"")
        assert await webhook.handle_request({}, told("x" * 1_000_001)) == (401, b"")


async def test_a_full_disk_keeps_the_message_with_telegram_until_there_is_room(api: TelegramApi) -> None:
    house = House()
    house.inbox.failures = 3
    async with called(api, house):
        api.say("one")
        await api.wait_for(1)
    assert api.webhook_answers[-1] == 200
    assert 503 in api.webhook_answers
    assert len(api.sent) == 1


async def test_a_webhook_that_is_refused_is_set_again_and_that_is_said_once(api: TelegramApi) -> None:
    api.fail(
        "setWebhook", *[Failure(400, "Bad Request: bad webhook: IP address 127.0.0.1 is reserved")] * 3, too_many(0)
    )
    with capture_logs() as logs:
        async with called(api, House()) as (webhook, _):
            await until(lambda: "reserved" in str(webhook.trouble))
            assert not webhook.ready
            await until(lambda: webhook.ready)
    reasons = [entry["reason"] for entry in logs if entry["event"] == "telegram_not_ready"]
    assert sum("reserved" in reason for reason in reasons) == 1


async def test_a_webhook_that_somebody_removed_is_set_again(api: TelegramApi) -> None:
    async with called(api, House()) as (webhook, url):
        await until(lambda: webhook.ready)
        api.webhook = ""
        await until(lambda: api.webhook == url)
        api.say("one")
        await api.wait_for(1)


async def test_calls_that_do_not_get_through_are_said(api: TelegramApi) -> None:
    async with called(api, House()) as (webhook, _):
        await until(lambda: webhook.ready)
        api.webhook_error = "Wrong response from the webhook: 502 Bad Gateway"
        await until(lambda: "502 Bad Gateway" in str(webhook.trouble))
        assert not webhook.ready
        api.webhook_error = ""
        await until(lambda: webhook.ready)


async def test_from_webhook_to_polling_and_back_nothing_is_lost_or_doubled(api: TelegramApi) -> None:
    house = House()
    async with called(api, house):
        api.say("one")
        await api.wait_for(1)
    api.say("two")  # nobody is there: Telegram keeps it
    async with running(api, house):
        await api.wait_for(2)
        assert api.webhook == ""
        api.say("three")
        await api.wait_for(3)
        await until(lambda: api.unconfirmed == 0)
    api.say("four")
    async with called(api, house) as (webhook, _):
        await until(lambda: webhook.ready)
        api.say("five")
        await api.wait_for(5)
    assert [text.split("\n")[0] for text in api.texts()] == [
        f"Re: {word}" for word in ("one", "two", "three", "four", "five")
    ]


def test_a_webhook_without_a_secret_is_not_made() -> None:
    bot: Any = None
    with pytest.raises(ValueError, match="TELEGRAM_WEBHOOK_SECRET"):
        TelegramWebhook(bot, bot, bot, url="https://example.org", secret=SecretStr(""))
