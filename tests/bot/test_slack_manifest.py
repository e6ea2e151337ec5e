"""The app manifest is the command table, within Slack's limits; the shortcut offers the same commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from bot.commands.table import COMMANDS
from bot.platforms.slack.manifest import HINT_LIMIT, SCOPES, as_yaml, manifest, usage_hint
from bot.platforms.slack.palette import palette
from tests.bot.house import House
from tests.bot.slack_stage import running, until
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_blocks import check_view

AVAILABLE = [command for command in COMMANDS if command.available]
FILE = Path(__file__).resolve().parents[2] / "docs" / "slack-manifest.yaml"


@pytest.fixture
async def slack() -> AsyncIterator[SlackApi]:
    async with SlackApi() as api:
        yield api


def test_the_manifest_in_docs_is_the_command_table() -> None:
    remedy = "run: python -m bot.platforms.slack.manifest > docs/slack-manifest.yaml"
    assert FILE.read_text(encoding="utf-8") == as_yaml(manifest(AVAILABLE)), remedy


def test_the_manifest_is_yaml_within_slacks_limits() -> None:
    read = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert read == manifest(AVAILABLE)
    shown, command = read["display_information"], read["features"]["slash_commands"][0]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert len(command["usage_hint"]) <= HINT_LIMIT
    assert len(read["features"]["shortcuts"][0]["name"]) <= 24
    assert read["features"]["app_home"]["messages_tab_enabled"]
    assert read["settings"]["socket_mode_enabled"]


def test_only_commands_that_do_something_are_registered() -> None:
    hint = manifest(AVAILABLE)["features"]["slash_commands"][0]["usage_hint"]
    named = {part.split()[0] for part in hint.split(", ")}
    assert named == {command.name for command in AVAILABLE}
    assert named.isdisjoint({command.name for command in COMMANDS if not command.available})


def test_a_table_that_grows_stays_within_the_hint() -> None:
    assert len(usage_hint(AVAILABLE * 20)) <= HINT_LIMIT


def test_over_http_every_kind_of_request_has_its_address() -> None:
    url = "https://example.org/webhooks/slack"
    made = manifest(AVAILABLE, url)
    assert not made["settings"]["socket_mode_enabled"]
    assert made["features"]["slash_commands"][0]["url"] == url
    assert made["settings"]["event_subscriptions"]["request_url"] == url
    assert made["settings"]["interactivity"]["message_menu_options_url"] == url
    assert set(made["oauth_config"]["scopes"]["bot"]) == set(SCOPES)


@pytest.mark.parametrize("chosen", [None, *[command.name for command in AVAILABLE]])
def test_the_shortcut_offers_every_command_with_what_it_takes(chosen: str | None) -> None:
    view = palette(AVAILABLE, chosen)
    check_view(view)
    offered = [option["value"] for option in view["blocks"][0]["element"]["options"]]
    assert sorted(offered) == sorted(command.name for command in AVAILABLE)
    parameters = next((command.parameters for command in AVAILABLE if command.name == chosen), ())
    assert [block["label"]["text"] for block in view["blocks"][1:]] == [each.name.capitalize() for each in parameters]


async def test_a_command_is_put_together_from_lists_that_fill_while_one_types(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house, commands=AVAILABLE):
        slack.socket.interact("shortcut", "U666", callback_id="run_command")
        opened = slack.socket.interact("shortcut", "U7", callback_id="run_command")
        await slack.socket.answered(opened)
        assert len(slack.views) == 1
        option = {"selected_option": {"value": "miners"}, "action_id": "choose", "type": "static_select"}
        slack.socket.interact("block_actions", "U7", view=slack.views[0], actions=[option])
        await until(lambda: len(slack.views[-1]["blocks"]) == 4)
        view = slack.views[-1]
        typed = await slack.socket.answered(slack.socket.complete(view, "miners.miner", "s19"))
        assert [each["value"] for each in typed["options"]] == ["s19-1", "s19-2", "s19"]
        stop = {"miners.action": "stop", "miners.miner": "s19-1"}
        sent = slack.socket.submit(view, {"command": "miners"} | stop)
        await slack.socket.answered(sent)
        (reply,) = await slack.wait_for(1)
    assert (reply.channel, reply.shown) == ("D0U7", "miners: stop s19-1")
    assert [place for _, _, place in house.commands.ran] == ["slack:D0U7"]
