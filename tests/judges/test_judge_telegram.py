"""telemelya, a Bot API server that we did not write, calls our webhook and takes our messages, buttons and edits."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from app.embedded_redis import embedded_redis
from bot.platforms.telegram.client import connect
from bot.platforms.telegram.send import TelegramOutlet
from bot.platforms.telegram.webhook import TelegramWebhook
from bot.reply import Button
from tests.bot.house import PNG, Buttons, House
from tests.bot.stages.base import until
from tests.judges.environments import judge_python

FOLDER = Path(__file__).parent / "telegram"
TOKEN, SECRET = "123456:TEST-token_of-the-judge", "s3cret-of-the-webhook"
CONTROL = {"Authorization": "Bearer any", "X-Test-Session": "judged"}
pytestmark = [pytest.mark.judge, pytest.mark.timeout(300)]


@contextlib.asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def bucket() -> tuple[web.Application, list[bytes]]:
    """As much of S3 as telemelya needs to put pictures away."""
    kept: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        if request.method == "PUT":
            kept.append(await request.read())
        return web.Response(headers={"ETag": '"1"'})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app, kept


@contextlib.asynccontextmanager
async def telemelya(folder: Path, store: str) -> AsyncIterator[str]:
    """The judge's address; skips loudly where its environment cannot be made."""
    try:
        python = await asyncio.to_thread(judge_python, FOLDER)
    except RuntimeError as error:
        pytest.skip(f"telemelya judges nothing: its environment cannot be made ({error})")
    async with embedded_redis(folder) as redis_url:
        environment = {
            "MOCK_SERVER_HOST": "127.0.0.1",
            "MOCK_SERVER_PORT": "0",
            "REDIS_URL": redis_url,
            "MINIO_ENDPOINT": store,
            "STRICT_EDIT": "true",
        }
        server = await asyncio.create_subprocess_exec(
            *(str(python), "-I", "-m", "telemelya.server.app"),
            env=environment,
            cwd=folder,
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert server.stderr is not None
        said = ""
        while (address := re.search(r"running on (http://127\.0\.0\.1:\d+)", said)) is None:
            line = await asyncio.wait_for(server.stderr.readline(), 60)
            assert line, said
            said += line.decode()
        draining = asyncio.create_task(server.stderr.read())
        try:
            yield address[1]
        finally:
            server.terminate()
            await server.wait()
            await draining


@dataclass
class Judge:
    """What telemelya's control side offers."""

    url: str
    session: aiohttp.ClientSession

    async def update(self, **what: Any) -> int:
        """Make somebody write or tap; the status with which our webhook answered."""
        where = f"{self.url}/api/v1/test/send_update?bot_token={TOKEN}"
        async with self.session.post(where, json={"chat_id": 7, **what}, headers=CONTROL) as answer:
            assert answer.status == 200, await answer.text()
            return int((await answer.json())["delivery"]["status_code"])

    async def responses(self, *methods: str) -> list[dict[str, Any]]:
        """What the bot has done so far, of these kinds."""
        async with self.session.get(f"{self.url}/api/v1/test/responses", headers=CONTROL) as answer:
            return [done for done in (await answer.json())["responses"] if done["method"] in methods]

    async def wait_for(self, count: int, *methods: str) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while len(done := await self.responses(*methods)) < count:
                await asyncio.sleep(0.02)
        return done


@contextlib.asynccontextmanager
async def judged(folder: Path, house: House) -> AsyncIterator[tuple[Judge, TelegramWebhook, list[bytes]]]:
    webhooks: list[TelegramWebhook] = []

    async def called(request: web.Request) -> web.Response:
        # telemelya knows nothing of secrets, so its calls get ours on the way; without it they are refused.
        secret: Mapping[str, str] = {} if "bare" in request.path else {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        status, body = await webhooks[0].handle_request({**request.headers, **secret}, await request.read())
        return web.Response(status=status, body=body)

    hooks = web.Application()
    hooks.router.add_post("/{kind}", called)
    store, pictures = bucket()
    async with (
        served(store) as store_address,
        served(hooks) as hook_address,
        telemelya(folder, store_address) as url,
        aiohttp.ClientSession() as session,
    ):
        bot = connect(SecretStr(TOKEN), url, reply_timeout_s=5.0)
        chat = house.chat()
        outlet = TelegramOutlet(bot)
        webhook = TelegramWebhook(bot, chat, outlet, url=f"http://{hook_address}/hook", secret=SecretStr(SECRET))
        webhooks.append(webhook)
        task = asyncio.create_task(webhook.run())
        try:
            await until(lambda: webhook.ready)
            yield Judge(url, session), webhook, pictures
        finally:
            task.cancel()
            await chat.close()
            await asyncio.gather(task, return_exceptions=True)
            await webhook.close()


async def test_telemelya_sees_texts_pictures_buttons_taps_and_edits(tmp_path: Path) -> None:
    house = House(buttons=Buttons({"t-start": {"text": "start s19-1"}}))
    house.commands.buttons = ((Button("Start", "t-start", "primary"), Button("Cancel", "t-cancel", "danger")),)
    async with judged(tmp_path, house) as (judge, _, pictures):
        assert await judge.update(text="how is the battery?") == 200
        (text,) = await judge.wait_for(1, "sendMessage")
        assert text["text"] == "Re: how is the battery?\n<i>as of 12:00, Victron</i>"
        assert text["raw"]["parse_mode"] == "HTML"
        assert text["raw"]["link_preview_options"] == {"is_disabled": True}

        assert await judge.update(text="chart of the battery") == 200
        (photo,) = await judge.wait_for(1, "sendPhoto")
        assert photo["caption"].startswith("Re: chart of the battery")
        assert pictures == [PNG]

        assert await judge.update(command="/miners", text="") == 200
        *_, asked = await judge.wait_for(2, "sendMessage")
        assert asked["text"] == "miners: all"
        ((start, cancel),) = asked["reply_markup"]["inline_keyboard"]
        assert start == {"text": "Start", "callback_data": "t-start", "style": "primary"}
        assert cancel == {"text": "Cancel", "callback_data": "t-cancel", "style": "danger"}

        tap = {"callback_data": start["callback_data"], "callback_message_id": asked["message_id"]}
        assert await judge.update(**tap) == 200
        (edited,) = await judge.wait_for(1, "editMessageText")
        assert (edited["message_id"], edited["text"]) == (asked["message_id"], "Done: start s19-1")
        assert "reply_markup" not in edited["raw"]
        assert len(await judge.wait_for(1, "answerCallbackQuery")) == 1
        assert len(await judge.responses("sendMessage")) == 2
    assert [what for what, *_ in house.commands.ran] == ["miners", "tap"]


async def test_a_message_to_edit_that_is_unknown_to_telemelya_is_sent_instead(tmp_path: Path) -> None:
    house = House(buttons=Buttons({"t-start": {"text": "start s19-1"}}))
    async with judged(tmp_path, house) as (judge, _, _):
        assert await judge.update(callback_data="t-start", callback_message_id=999) == 200
        (sent,) = await judge.wait_for(1, "sendMessage")
        assert sent["text"] == "Done: start s19-1"


async def test_calls_without_the_secret_are_refused_and_a_slow_answers_progress_is_gone(tmp_path: Path) -> None:
    house = House()

    async def work(question: str) -> None:
        await asyncio.sleep(0.5)

    house.assistant.before = work
    async with judged(tmp_path, house) as (judge, webhook, _):
        assert (await webhook.handle_request({}, b"{}"))[0] == 401
        assert await judge.update(text="how is the battery?") == 200
        # telemelya has no drafts, so the step is a message of its own, which goes when the answer stands there.
        line, answer = await judge.wait_for(2, "sendMessage")
        (deleted,) = await judge.wait_for(1, "deleteMessage")
        assert line["text"] == "checking the battery ..."
        assert answer["text"].startswith("Re: how is the battery?")
        assert deleted["message_id"] == line["message_id"]
        assert len(await judge.responses("sendChatAction")) >= 2
