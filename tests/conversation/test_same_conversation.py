"""The same conversation on every platform: the same facts, in each one's own look."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.bot.stages.base import OpenStage
from tests.conversation.house import ranch_house
from tests.conversation.script import Talk, converse

PLATFORMS = ("console", "telegram", "slack", "discord")


def stage_of(platform: str) -> OpenStage:
    found: OpenStage = import_module(f"tests.bot.stages.{platform}").stage
    return found


async def talked(platform: str, folder: Path) -> Talk:
    """The conversation, held on this platform."""
    async with ranch_house(folder / platform) as house, stage_of(platform)(house) as stage:
        talk = Talk(stage, house)
        await converse(talk)
        return talk


@pytest.mark.timeout(120)
async def test_the_same_facts_on_every_platform(tmp_path: Path) -> None:
    talks = [await talked(platform, tmp_path) for platform in PLATFORMS]
    usual = talks[0]
    for talk in talks[1:]:
        for (what, _), expected, told in zip(usual.steps, usual.facts, talk.facts, strict=True):
            if not what.startswith(("/start", "[")) and "-" not in what:
                assert told == expected, (talk.stage.platform, what)
