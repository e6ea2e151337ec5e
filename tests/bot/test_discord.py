"""A whole conversation over the wire, against the Discord double."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.reply import Button
from tests.bot.house import PNG, House
from tests.bot.stages.discord import running
from tests.doubles.discord_api import DiscordApi


@pytest.fixture
async def discord_api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        yield double


async def test_text_in_text_and_chart_out(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        await discord_api.say("how is the battery?")
        await discord_api.say("chart of the battery")
        text, chart = await discord_api.wait_for(2)
        assert adapter.ready
        assert adapter.last_poll_age_s is not None
        assert adapter.last_poll_age_s < 5
    assert text.text == "Re: how is the battery?\nas of 12:00, Victron"
    assert text.content.endswith("\n-# as of 12:00, Victron")
    assert not text.previews
    ((name, alt, png),) = chart.pictures
    assert name.startswith("soc-ranch")
    assert png == PNG
    assert "Battery" in alt


async def test_a_command_is_answered_at_once(discord_api: DiscordApi) -> None:
    house = House()
    async with running(discord_api, house):
        called = await discord_api.command("/miners stop s19-1 2h")
        (answer,) = await discord_api.wait_for(1)
    assert answer.text == "miners: stop s19-1 2h"
    assert called.acknowledged == 4
    assert discord_api.count("callback") == 1


async def test_a_tap_is_acknowledged_and_its_message_replaced(discord_api: DiscordApi) -> None:
    house = House()
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1", "danger"),),)
    async with running(discord_api, house):
        await discord_api.command("/miners")
        (asked,) = await discord_api.wait_for(1)
        tapped = await discord_api.tap(asked, "Stop")
        await discord_api.until(lambda: asked.text.startswith("Done"))
    assert tapped.acknowledged == 6
    assert len(discord_api.posts) == 1
    assert asked.buttons == []
