"""One `commandcenter run` on all three platforms at once, each a double that speaks the wire protocol."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
from pathlib import Path

import httpx
import pytest

from tests.app.running import Installation, installation
from tests.bot.stages.base import until
from tests.doubles.discord_api import DiscordApi
from tests.doubles.slack_api import SlackApi

_URL = re.compile(r"(http://[\w.:/]+/healthz)")


async def code(house: Installation) -> str:
    return (await house.command("pair", "--role", "operator")).split()[0]


@pytest.mark.timeout(110)
async def test_all_three_platforms_are_served_by_one_installation(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackApi())
        discord = await stack.enter_async_context(DiscordApi())
        tokens = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_BASE_URL": slack.url,
            "DISCORD_BOT_TOKEN": discord.token,
            "DISCORD_API_BASE_URL": discord.url,
        }
        house = await stack.enter_async_context(installation(tmp_path / "data", tokens))
        await stack.enter_async_context(house.running())
        for ready in ("telegram_ready", "slack_ready", "discord_ready"):
            await house.logged(ready)
        telegram = house.telegram

        telegram.say(f"/start {await code(house)}", user_id=7)
        await telegram.wait_for(1, timeout_s=20)
        slack.socket.say(html.escape(f"/start {await code(house)}"), user="U7")
        await until(lambda: len(slack.messages) == 1, timeout_s=20)
        await discord.say(f"/start {await code(house)}", user=7)
        await until(lambda: len(discord.posts) == 1, timeout_s=20)

        telegram.say("/status", user_id=7)
        slack.socket.command("status", user="U7")
        await discord.command("/status", user=7)
        await telegram.wait_for(2, timeout_s=20)
        await until(lambda: len(slack.messages) == 2 and len(discord.posts) == 2, timeout_s=20)
        for told in (telegram.sent[1].text, slack.messages[1].shown, discord.posts[1].text):
            assert "battery" in told
            assert "Miners:" in told

        assert {"status", "miners", "help"} <= {
            command["command"] for scope in telegram.commands.values() for command in scope
        }
        assert {"status", "miners", "help"} <= {command["name"] for command in discord.commands}
        found = _URL.search((house.data / "run.log").read_text(encoding="utf-8"))
        assert found is not None
        async with httpx.AsyncClient() as client:
            health = (await client.get(found[1])).json()
        assert {name: adapter["ready"] for name, adapter in health["adapters"].items()} == {
            "telegram": True,
            "slack": True,
            "discord": True,
        }
        await house.all_settled()
        await asyncio.sleep(0)
    log = (house.data / "run.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    for secret in (slack.bot_token, slack.app_token, discord.token, telegram.token):
        assert secret not in log
