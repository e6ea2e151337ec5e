"""The gateway dropped, silent, refused and resumed; restarts; commands registered only when they changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.message import Address, Message
from bot.platforms.discord.interactions import ANSWERABLE_S, Interactions
from bot.ports import TryLater
from bot.reply import Button, say
from tests.bot.house import House
from tests.bot.stages.discord import COMMANDS, KeptHash, running
from tests.doubles.discord_api import DiscordApi
from tests.doubles.discord_world import (
    DIRECT,
    Failure,
)

ANN = Address("discord", str(DIRECT + 7))


@pytest.fixture
async def discord_api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        yield double


def first_lines(api: DiscordApi) -> list[str]:
    return [post.text.split("\n")[0] for post in api.posts]


async def test_a_dropped_connection_is_resumed_and_nothing_said_meanwhile_is_lost(discord_api: DiscordApi) -> None:
    house = House()
    async with running(discord_api, house) as adapter:
        await discord_api.say("before")
        await discord_api.wait_for(1)
        await discord_api.gateway.drop(4000)
        await discord_api.say("meanwhile")
        await discord_api.command("/status meanwhile")
        await discord_api.wait_for(3)
        await discord_api.gateway.ask_to_reconnect()
        await discord_api.until(lambda: discord_api.gateway.resumed == 2)
        await discord_api.say("after")
        await discord_api.wait_for(4)
        assert adapter.ready
    assert sorted(first_lines(discord_api)) == ["Re: after", "Re: before", "Re: meanwhile", "status: meanwhile"]
    assert discord_api.gateway.identified == 1


async def test_a_session_that_cannot_be_resumed_is_begun_anew(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()):
        discord_api.gateway.forget()
        for runner in list(discord_api.gateway.sockets):
            await runner.close(code=4000)
        await discord_api.until(lambda: discord_api.gateway.identified == 2)
        await discord_api.say("hello again")
        await discord_api.wait_for(1)
    assert first_lines(discord_api) == ["Re: hello again"]


async def test_an_outage_is_said_once_in_words_and_survived(discord_api: DiscordApi) -> None:
    house = House()
    with capture_logs() as logs:
        async with running(discord_api, house) as adapter:
            await discord_api.stop()
            await discord_api.until(lambda: adapter.trouble is not None)
            assert not adapter.ready
            assert "cannot be reached" in str(adapter.trouble)
            await asyncio.sleep(0.5)
            await discord_api.start()
            await discord_api.until(lambda: adapter.ready)
            await discord_api.say("back?")
            await discord_api.wait_for(1)
    assert first_lines(discord_api) == ["Re: back?"]
    said = [entry["event"] for entry in logs if entry["event"] in ("discord_not_ready", "discord_ready")]
    assert said == ["discord_ready", "discord_not_ready", "discord_ready"]


async def test_a_server_that_hangs_up_at_once_is_not_called_in_circles(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        discord_api.gateway.refuse_with = 4000
        await discord_api.gateway.drop(4000)
        await discord_api.until(lambda: adapter.trouble)
        tried = discord_api.gateway.opened
        await asyncio.sleep(0.6)
        assert discord_api.gateway.opened - tried <= 15
        discord_api.gateway.refuse_with = None
        await discord_api.until(lambda: adapter.ready)


@pytest.mark.parametrize("at_gateway", [False, True])
async def test_a_wrong_token_is_said_by_the_name_of_its_setting(discord_api: DiscordApi, at_gateway: bool) -> None:
    discord_api.gateway.refuse_with = 4004 if at_gateway else None
    token = discord_api.token if at_gateway else "wrong.token.of-somebody"
    with capture_logs() as logs:
        async with running(discord_api, House(), token=token, connected=False) as adapter:
            await discord_api.until(lambda: adapter.trouble)
            assert not adapter.ready
            assert adapter.last_poll_age_s is None or at_gateway
            if at_gateway:  # it was reset and is right again
                discord_api.gateway.refuse_with = None
                await discord_api.until(lambda: adapter.ready)
    said = [entry["reason"] for entry in logs if entry["event"] == "discord_not_ready"]
    assert said == ["Discord refused the token; check DISCORD_BOT_TOKEN"]
    assert token not in str(logs)


async def test_a_bot_killed_while_it_answers_answers_after_its_restart(discord_api: DiscordApi) -> None:
    house = House()
    held = asyncio.Event()

    async def before(_: str) -> None:
        await held.wait()

    house.assistant.before = house.commands.before = before
    async with running(discord_api, house, kill=True):
        await discord_api.say("how is the battery?")
        await discord_api.command("/status", user=7)
        await discord_api.until(lambda: len(house.inbox.states) == 2)
    assert discord_api.posts == []
    held.set()
    async with running(discord_api, house):
        await discord_api.wait_for(2)
    assert sorted(first_lines(discord_api)) == ["Re: how is the battery?", "status: all"]
    assert {post.channel_id for post in discord_api.posts} == {DIRECT + 7}


class SilentChat:
    """A chat that knows nobody, and says so."""

    async def handle(self, message: Message, outlet: Any) -> bool:
        return False

    async def resume(self, outlet: Any) -> int:
        return 0

    async def close(self, *, drain_s: float = 0.0) -> None:
        pass


async def test_a_command_that_nobody_will_answer_is_not_acknowledged(discord_api: DiscordApi) -> None:
    house: Any = SimpleNamespace(chat=SilentChat)
    async with running(discord_api, house, thinking_after_s=0.02):
        called = await discord_api.command("/status")
        await asyncio.sleep(0.2)
    assert not called.acknowledged


async def test_a_button_works_after_a_restart(discord_api: DiscordApi) -> None:
    house = House()
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1"),),)
    async with running(discord_api, house):
        await discord_api.command("/miners")
        (asked,) = await discord_api.wait_for(1)
    async with running(discord_api, house):
        tapped = await discord_api.tap(asked, "Stop")
        await discord_api.until(lambda: asked.text.startswith("Done"))
    assert tapped.acknowledged == 6


async def test_commands_are_sent_to_discord_only_when_they_changed(discord_api: DiscordApi) -> None:
    registered = KeptHash()
    for commands in (COMMANDS, COMMANDS, COMMANDS[:2]):
        async with running(discord_api, House(), commands=commands, registered=registered):
            await asyncio.sleep(0.05)
    assert discord_api.count("commands") == registered.kept == 2
    assert [each["name"] for each in discord_api.commands] == ["status", "miners"]
    miners = discord_api.commands[1]
    assert [choice["value"] for choice in miners["options"][0]["choices"]] == ["list", "start", "stop", "auto", "log"]
    assert miners["options"][1]["autocomplete"] is True
    assert miners["contexts"] == [0, 1]


async def test_commands_that_cannot_be_registered_stop_nobody(discord_api: DiscordApi) -> None:
    registered = KeptHash()
    discord_api.fail("commands", Failure(400, 30032, "Maximum number of application commands reached"))
    with capture_logs() as logs:
        async with running(discord_api, House(), registered=registered, connected=False):
            await discord_api.gateway.wait_connected()
            await discord_api.say("hello")
            await discord_api.wait_for(1)
    assert registered.value is None
    (entry,) = [entry for entry in logs if entry["event"] == "discord_commands_not_registered"]
    assert "30032" in entry["reason"]


async def test_replies_after_the_end_are_tried_later(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        outlet: Any = adapter.outlet
    assert isinstance(await outlet.send(ANN, say("too late"), ()), TryLater)


async def test_a_gateway_that_falls_silent_is_left_and_the_session_resumed(discord_api: DiscordApi) -> None:
    discord_api.gateway.heartbeat_ms = 100
    async with running(discord_api, House(), silence_s=0.4) as adapter:
        await discord_api.until(lambda: discord_api.gateway.heartbeats > 2)
        discord_api.gateway.frozen = True
        await discord_api.say("is anybody there?")
        await asyncio.sleep(0.8)
        discord_api.gateway.frozen = False
        await discord_api.wait_for(1)
        assert adapter.ready
    assert first_lines(discord_api) == ["Re: is anybody there?"]
    assert discord_api.gateway.identified == 1


async def test_an_endpoint_that_takes_the_interactions_away_is_said_with_its_remedy(discord_api: DiscordApi) -> None:
    discord_api.endpoint_url = "https://example.org/interactions"
    with capture_logs() as logs:
        async with running(discord_api, House()):
            pass
    (entry,) = [entry for entry in logs if entry["event"] == "discord_commands_and_buttons_go_elsewhere"]
    assert "developer portal" in entry["reason"]


async def test_a_gateway_of_our_own_is_used_for_every_connection(discord_api: DiscordApi) -> None:
    ours, discord_api.gateway.url = discord_api.gateway.url, "ws://127.0.0.1:1/nobody"
    async with running(discord_api, House(), gateway_url=ours):
        await discord_api.gateway.drop(4000)
        await discord_api.until(lambda: discord_api.gateway.resumed == 1)
        await discord_api.say("hello")
        await discord_api.wait_for(1)
    assert discord_api.count("gateway") == 0


def test_an_interaction_can_be_answered_for_a_quarter_of_an_hour_and_is_then_forgotten() -> None:
    clock = [0.0]
    interactions = Interactions(lambda: clock[0])
    held = interactions.open(1, "token", private=False, direct=True, source_ref=None)
    assert interactions.open(1, "token", private=False, direct=True, source_ref=None) is None
    clock[0] = ANSWERABLE_S - 1
    assert interactions.find("1") is held is not None
    clock[0] = ANSWERABLE_S + 1
    assert interactions.find("1") is None
    assert interactions.find(None) is None
