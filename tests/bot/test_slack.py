"""A whole conversation over the wire, against the Slack double."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.reply import Button
from tests.bot.house import PNG, House
from tests.bot.slack_stage import running, until
from tests.doubles.slack_api import SlackApi


@pytest.fixture
async def slack() -> AsyncIterator[SlackApi]:
    async with SlackApi() as api:
        yield api


async def test_text_in_blocks_and_a_file_out(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        slack.socket.say("how is the battery?")
        slack.socket.say("chart of the battery")
        text, second, picture = await slack.wait_for(3)
        assert adapter.ready
        assert adapter.last_poll_age_s is not None
        assert adapter.last_poll_age_s < 5
    assert text.shown == "Re: how is the battery?\nas of 12:00, Victron"
    assert text.blocks[-1]["type"] == "context"
    assert second.shown.startswith("Re: chart of the battery")
    assert picture.files == [PNG]
    assert "66" in picture.alt


async def test_a_command_is_answered_and_a_button_tapped(slack: SlackApi) -> None:
    house = House()
    house.commands.buttons = ((Button("Stop", "tok-1", "danger"), Button("Keep", "tok-2")),)
    house.buttons.actions = {"tok-1": {"text": "stopped"}}
    async with running(slack, house):
        slack.socket.command("status s19-1")
        (asked,) = await slack.wait_for(1)
        assert asked.shown == "status: s19-1"
        assert [(b.label, b.style) for b in asked.buttons] == [("Stop", "danger"), ("Keep", "plain")]
        slack.socket.tap(asked, "Stop")
        await until(lambda: asked.edits == 1)
    assert asked.shown == "Done: stopped"
    assert asked.buttons == []
    assert len(slack.messages) == 1
