"""One person on three platforms: what they start in one they see in the others."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from tests.conversation.house import ranch_house
from tests.conversation.script import Talk
from tests.conversation.test_same_conversation import stage_of

_CODE = re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")


@pytest.mark.timeout(120)
async def test_a_person_linked_on_three_platforms_is_one_person(tmp_path: Path) -> None:
    async with ranch_house(tmp_path) as house, contextlib.AsyncExitStack() as stack:
        talks = {
            platform: Talk(await stack.enter_async_context(stage_of(platform)(house)), house)
            for platform in ("telegram", "slack", "discord")
        }
        telegram, slack, discord = talks.values()
        await telegram.say(f"/start {await house.code()}")
        for other in (slack, discord):
            code = _CODE.search(await telegram.command("/link"))
            assert code is not None
            assert "connected" in await other.say(f"/start {code[0]}")

        await slack.command("/miners start s21")
        await slack.tap("Start")
        assert house.ranch.is_on("s21")
        for other in (telegram, discord):
            log = await other.command("/miners log")
            assert "s21 is on, read back from the relay" in log
            assert "Ann" in log
        await discord.say("stop s21")
        assert not house.ranch.is_on("s21")
        assert "s21 is off, read back from the relay" in await telegram.command("/miners log")

        assert "35 %" in await telegram.say("set my minimum SOC to 35")
        assert "minimum SOC 35 %" in await slack.say("/prefs")


async def test_a_code_of_one_person_gives_nobody_elses_account_away(tmp_path: Path) -> None:
    async with ranch_house(tmp_path) as house, contextlib.AsyncExitStack() as stack:
        telegram = Talk(await stack.enter_async_context(stage_of("telegram")(house)), house)
        slack = Talk(await stack.enter_async_context(stage_of("slack")(house)), house)
        await telegram.say(f"/start {await house.code('owner')}")
        await slack.say(f"/start {await house.code('viewer')}")
        code = _CODE.search(await telegram.command("/link"))
        assert code is not None
        assert "of its own" in await slack.say(f"/start {code[0]}")
        refused = await slack.command("/miners stop all")
        assert "operator" in refused
