"""When the SDK is loaded, and where it is pointed at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.commands.table import COMMANDS
from bot.platforms.discord.client import OFFICIAL_API, api_address
from bot.platforms.discord.registering import command_list
from tests.doubles.discord_rules import check_commands

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    output = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, cwd=ROOT)
    return set(output.stdout.decode().split())


def test_the_sdk_is_loaded_with_the_adapter_alone() -> None:
    assert "discord" not in loaded_by("import bot.chat, bot.platforms, bot.platforms.telegram.ingress")


def test_the_adapter_loads_without_a_warning() -> None:
    assert "discord" in loaded_by("import bot.platforms.discord.ingress")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v10"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/v10"),
        ("https://proxy.example/discord/api", "https://proxy.example/discord/api/v10"),
        ("https://proxy.example/api/v9", "https://proxy.example/api/v9"),
        (OFFICIAL_API, OFFICIAL_API),
    ],
)
def test_the_api_address_may_leave_out_what_is_always_the_same(given: str, used: str) -> None:
    assert api_address(given) == used


def test_discord_takes_the_whole_table_of_commands() -> None:
    wanted = command_list(COMMANDS)
    check_commands(wanted)
    assert {each["name"] for each in wanted} == {command.name for command in COMMANDS if command.available}
