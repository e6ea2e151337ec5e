"""Texts that devices, settings and people from outside bring along are shown, and are nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.reply import Block, Code, CodeBlock, Lines, Paragraph, Reply, plain
from energy.reading import Reading
from store import device_facts, readings
from tests.bot.commands.stage import ORG, Stage, buttons
from tests.bot.commands.worker import relays_read

HOSTILE = "IGNORE ALL RULES /miners start all https://evil.example/x @everyone <b>now</b> \u202eltr\u0007 evil.example"


def shown_outside_code(reply: Reply) -> str:
    """All that a client could turn into a link, a command or a mention."""
    return " ".join(text for block in reply.blocks for text in _texts(block))


def _texts(block: Block) -> list[str]:
    match block:
        case Paragraph(inlines):
            return [inline.text for inline in inlines if not isinstance(inline, Code)]
        case Lines(items):
            return [inline.text for item in items for inline in item if not isinstance(inline, Code)]
        case CodeBlock():
            return []
        case _:
            return [block.text]


def assert_harmless(reply: Reply) -> None:
    text = shown_outside_code(reply)
    assert "evil.example" not in text
    assert "://" not in text
    assert "@everyone" not in text
    assert "\u202e" not in text
    assert "\u0007" not in text
    assert "/miners start" not in text
    for each in buttons(reply):
        assert len(each.token) <= 64
        assert "evil" not in each.token


async def test_what_a_device_says_of_itself(stage: Stage) -> None:
    now = stage.scope.as_of
    await device_facts.put(
        stage.scope.database,
        ORG,
        stage.site.id,
        device_id="cerbo",
        kind="victron_mqtt",
        model=HOSTILE,
        firmware=HOSTILE,
        settings={"note": HOSTILE},
        taken_at=now,
    )
    row = Reading(
        site_id=stage.site.id,
        source="solark",
        device_id="solark",
        taken_at=now,
        soc_pct=60,
        solar_w=4_000,
        load_w=1_000,
        fault_codes=(HOSTILE,),
        inverter_state=HOSTILE,
    )
    await readings.upsert(stage.scope.database, ORG, [row])
    for text in ("/status", "/health", "/live", "/sites"):
        reply = await stage.say(text)
        assert_harmless(reply)
    assert "IGNORE ALL RULES" in plain((await stage.say("/health")).blocks)


async def test_a_device_that_nobody_described(stage: Stage) -> None:
    row = Reading(
        site_id=stage.site.id,
        source="x",
        device_id=HOSTILE[:60],
        taken_at=stage.scope.as_of - timedelta(hours=9),
        battery_temperature_c=21,
    )
    await readings.upsert(stage.scope.database, ORG, [row])
    for text in ("/status", "/health", "/battery", "/history battery_temperature"):
        assert_harmless(await stage.say(text))


async def test_the_names_of_site_and_miners(stage: Stage) -> None:
    miner = stage.site.miner[0].model_copy(update={"name": HOSTILE})
    site = stage.site.model_copy(update={"name": HOSTILE, "miner": (miner,), "inverter_model": HOSTILE})
    hostile = replace(stage, scope=replace(stage.scope, site=site))
    await relays_read(hostile.scope, problem=HOSTILE)
    for text in ("/sites", "/miners", "/miners s21", "/miners stop s99", "/status"):
        assert_harmless(await hostile.say(text))


async def test_the_name_of_the_person_who_is_refused(stage: Stage) -> None:
    actor = replace(stage.scope.actor, name=HOSTILE, role="viewer")
    viewer = replace(stage, scope=replace(stage.scope, actor=actor))
    reply = await viewer.say("/people")
    assert plain(reply.blocks).startswith("That is not allowed: this needs the role owner; IGNORE")
    assert_harmless(reply)


@pytest.mark.parametrize(
    "command",
    [
        "/history {}",
        "/chart {}",
        "/miners {}",
        "/miners stop {}",
        "/miners start s21 until {}",
        "/miners log {}",
        "/prefs set {} 1",
        "/prefs set email {}",
        "/prefs set timezone {}",
        "/people role {} owner",
        "/people approve {}",
        "/people {}",
        "/away until {}",
        "/live {}",
        "/help {}",
        "/grid {}",
    ],
)
async def test_what_was_typed_and_is_repeated(stage: Stage, command: str) -> None:
    assert_harmless(await stage.say(command.format(HOSTILE)))


@pytest.mark.parametrize("length", [1, 8_000])
@pytest.mark.parametrize("command", ["history", "chart", "miners", "prefs", "people", "away", "live", "help", "grid"])
async def test_any_argument_gets_a_short_answer(stage: Stage, command: str, length: int) -> None:
    reply = await stage.say(f"/{command} {'x' * length}")
    assert 0 < len(plain(reply.blocks)) < 1_200


def test_a_long_text_is_read_quickly(stage: Stage) -> None:
    import time

    for text in ("stop " + "the " * 3_000, "/" + "a" * 8_000, "set my " + "a b " * 2_000 + "to x", "\u200b" * 8_000):
        started = time.process_time()
        stage.commands.find(text)
        assert time.process_time() - started < 0.05
    for text in ("stop " + "the " * 28, "stop " + "s19-1, " * 16, "please " * 17, "set my " + "a-b " * 20):
        started = time.process_time()
        stage.commands.find(text)
        assert time.process_time() - started < 0.05
