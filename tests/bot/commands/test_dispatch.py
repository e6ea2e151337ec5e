from __future__ import annotations

import re

import pytest

from bot.commands.command import Call
from bot.commands.dispatch import Commands
from bot.commands.table import COMMANDS
from bot.reply import plain
from tests.bot.commands.stage import Stage, lines

FROM_THE_ISSUE = [
    "status",
    "solar",
    "battery",
    "grid",
    "history",
    "chart",
    "miners",
    "plan",
    "forecast",
    "why",
    "alerts",
    "ack",
    "mute",
    "rules",
    "prefs",
    "memory",
    "away",
    "live",
    "health",
    "report",
    "sites",
    "link",
    "help",
]
LATER = {"memory"}


def test_the_table_holds_what_the_platforms_can_register() -> None:
    names = [command.name for command in COMMANDS]
    assert set(FROM_THE_ISSUE) <= set(names)
    assert len(names) == len(set(names)) <= 100
    for command in COMMANDS:
        assert re.fullmatch(r"[a-z]{1,32}", command.name)
        assert 3 <= len(command.about) <= 100
        for parameter in command.parameters:
            assert re.fullmatch(r"[a-z_]{1,32}", parameter.name)
            assert 1 <= len(parameter.about) <= 100
            assert len(parameter.choices) <= 25


def test_what_is_not_built_yet_is_not_registered() -> None:
    menu = {command.name for command in Commands().menu()}
    assert menu.isdisjoint(LATER)
    assert menu == {command.name for command in COMMANDS} - LATER


@pytest.mark.parametrize("name", sorted(LATER))
async def test_what_is_not_built_yet_says_so_and_names_what_works(stage: Stage, name: str) -> None:
    said = await stage.hears(f"/{name}")
    assert said.startswith(f"/{name} does nothing yet.")
    named = set(re.findall(r"/([a-z]+)", said.partition("\n")[2]))
    assert named
    assert named <= {command.name for command in stage.commands.menu()}


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("/status", "status", ""),
        ("  /Miners   stop  S19-1 ", "miners", "stop  S19-1"),
        ("/status@ranch_bot", "status", ""),
        ("/cc miners stop s19-1", "miners", "stop s19-1"),
        ("/cc", "help", ""),
        ("/cc /Status", "status", ""),
        ("/cc cc cc status", "help", "cc"),
        ("/cc " + "cc " * 3_000, "help", "cc"),
        ("/start", "help", ""),
        ("/history solar\nyesterday", "history", "solar\nyesterday"),
        ("stop the miners", "miners", "stop all"),
    ],
)
def test_a_command_is_found_however_it_is_written(text: str, name: str, arguments: str) -> None:
    call = Commands().find(text)
    assert isinstance(call, Call)
    assert (call.command.name, call.arguments) == (name, arguments)


@pytest.mark.parametrize("text", ["how is the battery?", "/dev/null is full", "/ status", "//", "", "1/2 of it"])
def test_everything_else_is_a_question(text: str) -> None:
    assert Commands().find(text) is None


async def test_an_unknown_command_is_answered_with_the_closest_ones(stage: Stage) -> None:
    said = await stage.hears("/stauts")
    assert said.startswith("There is no command /stauts.")
    assert "/status" in said
    assert "/help" in said


async def test_an_unknown_command_is_no_way_to_write_markup(stage: Stage) -> None:
    said = await stage.hears("/" + "x" * 32)
    assert len(said) < 300


async def test_help_lists_every_command_that_does_something(stage: Stage) -> None:
    reply = await stage.say("/help")
    said = plain(reply.blocks)
    assert len(lines(reply)) <= 6
    for command in stage.commands.menu():
        assert f"/{command.name}" in said
    assert not any(f"/{name}" in said for name in LATER)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
async def test_help_explains_each_command(stage: Stage, command: str) -> None:
    reply = await stage.say(f"/help {command}")
    assert plain(reply.blocks).startswith(f"/{command}")
    assert len(lines(reply)) <= 6


async def test_private_commands_are_answered_in_direct_chats_only(stage: Stage) -> None:
    stage.direct = False
    for command in stage.commands.menu():
        if command.private:
            assert "direct chat only" in await stage.hears(f"/{command.name}")


async def test_a_button_is_no_way_around_privacy(stage: Stage) -> None:
    stage.direct = False
    reply = await stage.commands.tapped({"do": "command", "text": "/prefs"}, stage.scope, stage.context)
    assert "direct chat only" in plain(reply.blocks)


async def test_a_button_is_no_way_around_the_role(stage: Stage) -> None:
    viewer = stage.as_("viewer")
    reply = await stage.commands.tapped({"do": "command", "text": "/people"}, viewer.scope, viewer.context)
    assert plain(reply.blocks).startswith("That is not allowed: this needs the role owner; Ann is viewer")


async def test_a_button_that_refreshes_takes_the_place_of_its_message(stage: Stage) -> None:
    action = {"do": "command", "text": "/status", "replaces": True}
    assert (await stage.commands.tapped(action, stage.scope, stage.context)).replaces
    assert not (await stage.commands.tapped({"do": "command", "text": "/status"}, stage.scope, stage.context)).replaces


@pytest.mark.parametrize("action", [{}, {"do": "command"}, {"do": "command", "text": "hello"}, {"do": "explode"}])
async def test_a_button_without_a_meaning_does_nothing(stage: Stage, action: dict[str, str]) -> None:
    reply = await stage.commands.tapped(action, stage.scope, stage.context)
    assert plain(reply.blocks).startswith("That button does nothing any more.")


async def test_the_site_is_described_with_the_askers_role(stage: Stage) -> None:
    said = await stage.as_("viewer").hears("/sites")
    assert said.startswith("Solar Shack (ranch)")
    assert "you are viewer" in said
    assert "s21, s19-1, s19-2" in said


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        ("miners", "", ["all", "s21", "s19-1", "s19-2"]),
        ("miners", "19", ["s19-1", "s19-2"]),
        ("miners", "primary", ["s21"]),
        ("metrics", "bat", ["battery", "battery_voltage", "battery_temperature"]),
        ("periods", "last 7", ["last 7 days"]),
        ("commands", "sta", ["status"]),
        ("preferences", "quiet", ["quiet_hours"]),
        ("nonsense", "", []),
    ],
)
async def test_what_is_typed_is_completed(stage: Stage, kind: str, typed: str, expected: list[str]) -> None:
    assert await stage.commands.complete(kind, typed, stage.scope) == expected


async def test_people_are_completed_for_owners_only(stage: Stage) -> None:
    assert await stage.commands.complete("people", "", stage.scope) == ["Ann"]
    assert await stage.commands.complete("people", "", stage.as_("operator").scope) == []


async def test_a_completion_has_at_most_25_words(stage: Stage) -> None:
    many = [stage.site.miner[0].model_copy(update={"id": f"m{n}", "channel": n % 16}) for n in range(60)]
    big = stage.site.model_copy(update={"miner": tuple(many)})
    from dataclasses import replace

    assert len(await stage.commands.complete("miners", "", replace(stage.scope, site=big))) == 25
