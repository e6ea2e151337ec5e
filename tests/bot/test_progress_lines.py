"""Progress lines on Slack and Discord: a sign while one waits, and none that outlives its answer or a restart."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.chat_ports import StoredProgress
from bot.commands.command import Context
from bot.message import Address
from bot.platforms.slack.client import SlackClient
from bot.platforms.slack.send import SlackOutlet
from bot.ports import ProgressRefs, Sent
from bot.reply import Button, Reply, say
from bot.standing import RefsInMemory
from store.database import Database, sqlite_url
from tests.bot.house import Commands, House
from tests.bot.slack_stage import running as on_slack
from tests.bot.slack_stage import until
from tests.bot.stages.discord import running as on_discord
from tests.doubles.discord_api import DiscordApi
from tests.doubles.discord_world import CHANNEL, DIRECT
from tests.doubles.discord_world import Failure as DiscordsFailure
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_world import Failure, too_many

CHECKING = "checking the battery ..."


@pytest.fixture
async def slack() -> AsyncIterator[SlackApi]:
    async with SlackApi() as api:
        yield api


@pytest.fixture
async def discord_api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        yield double


class Slow(Commands):
    """Whose buttons take their time."""

    async def tapped(self, action: Mapping[str, Any], scope: Any, context: Context) -> Reply:
        await asyncio.sleep(1.5)
        return await super().tapped(action, scope, context)


@contextlib.contextmanager
def held(house: House) -> Iterator[asyncio.Event]:
    """Nothing is answered before the event is set."""
    free = asyncio.Event()

    async def before(_: str) -> None:
        await free.wait()

    house.assistant.before = house.commands.before = before
    yield free


async def leave_on_slack(api: SlackApi, refs: ProgressRefs, place: Address) -> None:
    """A run that is killed while it works on an answer."""
    client = SlackClient(SecretStr(api.bot_token), api.url, reply_timeout_s=1.0, variable="SLACK_BOT_TOKEN")
    await SlackOutlet(client, progress_refs=refs).show_progress(place, CHECKING)
    await client.close()


async def test_on_slack_a_line_does_not_outlive_a_kill(slack: SlackApi) -> None:
    refs = RefsInMemory()
    await leave_on_slack(slack, refs, Address("slack", "C0GROUP"))
    assert slack.texts() == [CHECKING]
    async with on_slack(slack, House(), progress_refs=refs) as adapter:
        await until(lambda: adapter.ready)
        assert (slack.texts(), refs.lines) == ([], [])


async def test_on_slack_a_line_that_cannot_be_deleted_says_that_it_was_interrupted(slack: SlackApi) -> None:
    refs = RefsInMemory()
    await leave_on_slack(slack, refs, Address("slack", "C0GROUP"))
    slack.fail("chat.delete", Failure(error="cant_delete_message"))
    async with on_slack(slack, House(), progress_refs=refs) as adapter:
        await until(lambda: adapter.ready)
    assert (slack.texts(), refs.lines) == (["(interrupted)"], [])


async def test_on_slack_a_line_that_stays_at_the_start_goes_with_the_next_reply_there(slack: SlackApi) -> None:
    refs, place = RefsInMemory(), Address("slack", "C0GROUP")
    await leave_on_slack(slack, refs, place)
    slack.fail("chat.delete", too_many(1))
    async with on_slack(slack, House(), progress_refs=refs) as adapter:
        await until(lambda: adapter.ready)
        assert slack.texts() == [CHECKING]
        await adapter.outlet.send(place, say("66 %"), ())
        assert (slack.texts(), refs.lines) == (["66 %"], [])


async def test_a_line_is_remembered_in_the_database(slack: SlackApi, tmp_path: Path) -> None:
    address = sqlite_url(tmp_path / "commandcenter.db")
    database = await Database.open(address, migrate=True)
    await leave_on_slack(slack, StoredProgress(database), Address("slack", "C0GROUP"))
    await database.close()
    database = await Database.open(address)
    async with on_slack(slack, House(), progress_refs=StoredProgress(database)) as adapter:
        await until(lambda: adapter.ready)
        assert slack.texts() == []
        assert await StoredProgress(database).all("slack") == []
    await database.close()


async def test_on_slack_a_stop_in_the_middle_takes_the_line_away(slack: SlackApi) -> None:
    house, refs = House(), RefsInMemory()
    with held(house):
        async with on_slack(slack, house, kill=True, progress_refs=refs):
            slack.socket.say("how is the battery?")
            await until(lambda: len(slack.texts()) == len(refs.lines) == 1)
    assert (slack.texts(), refs.lines) == ([], [])


async def test_a_direct_chat_on_slack_shows_a_sign_before_the_first_step_and_a_quick_answer_none(
    slack: SlackApi,
) -> None:
    house = House()
    async with on_slack(slack, house):
        slack.socket.say("one")
        await slack.until(lambda: len(slack.texts()) == 1)
        await asyncio.sleep(1.0)
        assert slack.called("chat.delete") == []
        with held(house) as free:
            began = time.monotonic()
            slack.socket.command("status")
            (_, sign) = await slack.wait_for(2)
            assert sign.shown == "Working on it ..."
            assert 0.7 < time.monotonic() - began < 3
            free.set()
            await slack.until(lambda: any(text.startswith("status") for text in slack.texts()))
    assert len(slack.texts()) == 2


async def test_the_sign_on_slack_goes_too_when_the_answer_takes_the_place_of_the_tapped_message(
    slack: SlackApi,
) -> None:
    house = House(commands=Slow())
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1"),),)
    async with on_slack(slack, house):
        slack.socket.command("miners")
        (asked,) = await slack.wait_for(1)
        slack.socket.tap(asked, "Stop")
        _, sign = await slack.wait_for(2)
        assert sign.shown == "Working on it ..."
        await until(lambda: house.inbox.states == ["settled"] * 2)
    assert [text[:4] for text in slack.texts()] == ["Done"]


async def test_where_a_thread_on_slack_has_no_status_the_line_is_the_sign(slack: SlackApi) -> None:
    house = House()
    house.places.open.add("C0GROUP")
    slack.unknown.add("assistant.threads.setStatus")
    with held(house) as free:
        async with on_slack(slack, house):
            slack.socket.mention("/status")
            (sign,) = await slack.wait_for(1)
            free.set()
            await slack.until(lambda: any(text.startswith("status") for text in slack.texts()))
    assert sign.shown == "Working on it ..."
    assert len(slack.texts()) == 1


async def leave_on_discord(api: DiscordApi, refs: RefsInMemory) -> None:
    """What a run that was killed while a line stood there would leave."""
    async with on_discord(api, House(), progress_refs=refs) as adapter:
        place = Address("discord", str(CHANNEL))
        line = await adapter.outlet.send(place, say(CHECKING), ())
        assert isinstance(line, Sent)
        assert line.ref is not None
    await refs.keep(place, line.ref)


async def test_on_discord_a_line_does_not_outlive_a_kill(discord_api: DiscordApi) -> None:
    refs = RefsInMemory()
    await leave_on_discord(discord_api, refs)
    async with on_discord(discord_api, House(), progress_refs=refs):
        await discord_api.until(lambda: not discord_api.posts and not refs.lines)


async def test_on_discord_a_line_that_cannot_be_deleted_says_that_it_was_interrupted(discord_api: DiscordApi) -> None:
    refs = RefsInMemory()
    await leave_on_discord(discord_api, refs)
    discord_api.fail("delete", DiscordsFailure(403, 50013, "Missing Permissions"))
    async with on_discord(discord_api, House(), progress_refs=refs):
        await discord_api.until(lambda: not refs.lines)
    assert [post.text for post in discord_api.posts] == ["(interrupted)"]


async def test_on_discord_a_stop_in_the_middle_takes_the_line_away(discord_api: DiscordApi) -> None:
    house, refs = House(), RefsInMemory()
    with held(house):
        async with on_discord(discord_api, house, kill=True, progress_refs=refs):
            await discord_api.say("how is the battery?")
            await discord_api.until(lambda: len(refs.lines) == len(discord_api.posts) == 1)
    assert (discord_api.posts, refs.lines) == ([], [])


async def test_on_discord_the_answer_that_took_the_lines_place_stays_after_a_kill(discord_api: DiscordApi) -> None:
    house, refs = House(), RefsInMemory()
    with held(house) as free:
        async with on_discord(discord_api, house, kill=True, progress_refs=refs):
            await discord_api.say("how is the battery?")
            await discord_api.until(lambda: refs.lines)
            (line,) = discord_api.posts
            free.set()
            await discord_api.until(lambda: line.text.startswith("Re:"))
            assert refs.lines == []
    async with on_discord(discord_api, house, progress_refs=refs):
        await asyncio.sleep(0.1)
    assert discord_api.posts == [line]


async def test_on_discord_the_step_under_a_command_in_a_direct_chat_goes_too(discord_api: DiscordApi) -> None:
    house, refs = House(), RefsInMemory()
    with held(house) as free:
        async with on_discord(discord_api, house, kill=True, progress_refs=refs) as adapter:
            called = await discord_api.command("/status")
            await discord_api.until(lambda: house.inbox.states)
            place = Address("discord", str(DIRECT + 7), via=str(next(iter(adapter._interactions._open))))
            await adapter.outlet.show_progress(place, CHECKING)
            assert [post.text for post in discord_api.posts] == [CHECKING]
            assert len(refs.lines) == 1
        assert called.original is not None
        assert (discord_api.posts, refs.lines) == ([], [])
        free.set()
        async with on_discord(discord_api, house, progress_refs=refs):
            (answer,) = await discord_api.wait_for(1)
    assert answer.text == "status: all"


@pytest.mark.parametrize("group", [False, True])
async def test_a_strangers_command_on_discord_shows_nothing_not_even_that_somebody_thinks(
    discord_api: DiscordApi, group: bool
) -> None:
    house = House()
    async with on_discord(discord_api, house, thinking_after_s=0.05):
        called = await discord_api.command("/status", user=666, group=group)
        await discord_api.until(lambda: len(house.people.strangers) == 1)
        await asyncio.sleep(0.2)
    assert not called.acknowledged
    assert discord_api.world.posts == {}
    assert discord_api.typing == []
