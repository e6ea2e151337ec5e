"""Replies to Discord when things go wrong: limits, lost answers, closed chats, what comes too late or twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.message import Address
from bot.ports import Sent, TryLater, Undeliverable
from bot.reply import Button, Picture, say
from tests.bot.house import PNG, House
from tests.bot.stages.discord import running
from tests.doubles.discord_api import DiscordApi
from tests.doubles.discord_world import (
    CHANNEL,
    DIRECT,
    Failure,
    lost_answer,
    out_of_order,
    too_many,
)

ANN = Address("discord", str(DIRECT + 7))


@pytest.fixture
async def discord_api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        yield double


def first_lines(api: DiscordApi) -> list[str]:
    return [post.text.split("\n")[0] for post in api.posts]


async def test_a_long_pause_is_handed_on_and_obeyed_and_nothing_is_lost(discord_api: DiscordApi) -> None:
    discord_api.fail_next(too_many(1.2))
    async with running(discord_api, House()) as adapter:
        began = time.monotonic()
        await discord_api.say("one")
        await discord_api.say("two")
        await discord_api.wait_for(2)
        assert time.monotonic() - began >= 1.2
        discord_api.fail_next(too_many(40.0))
        result = await adapter.outlet.send(ANN, say("three"), ())
    assert first_lines(discord_api) == ["Re: one", "Re: two"]
    assert isinstance(result, TryLater)
    assert 40 <= result.after_s < 41


async def test_a_reply_whose_receipt_got_lost_is_not_sent_twice(discord_api: DiscordApi) -> None:
    discord_api.fail_next(lost_answer())
    house = House()
    with capture_logs() as logs:
        async with running(discord_api, house):
            await discord_api.say("one")
            await discord_api.until(lambda: house.inbox.states == ["settled"])
            await discord_api.say("two")
            await discord_api.wait_for(2)
    assert first_lines(discord_api) == ["Re: one", "Re: two"]
    assert [entry["event"] for entry in logs if entry["event"] == "send_unconfirmed"] == ["send_unconfirmed"]


@pytest.mark.parametrize("text", ["/status", "how is it?"])
async def test_a_reply_that_times_out_is_not_sent_twice(discord_api: DiscordApi, text: str) -> None:
    discord_api.fail_next(Failure(lands=True, hangs_s=1.3))
    house = House()
    async with running(discord_api, house):
        await (discord_api.command(text) if text.startswith("/") else discord_api.say(text))
        await discord_api.until(lambda: house.inbox.states == ["settled"])
    assert len(discord_api.posts) == 1


@pytest.mark.parametrize("limit_s", [0.5, 3.0])  # before and after the SDK's own second try
@pytest.mark.parametrize("text", ["/status", "how is it?"])
async def test_a_server_that_is_out_of_order_is_asked_again_and_shows_the_reply_once(
    discord_api: DiscordApi, text: str, limit_s: float
) -> None:
    discord_api.fail_next(Failure(502, 0, "Bad Gateway", lands=True), out_of_order(503))
    house = House()
    async with running(discord_api, house, reply_timeout_s=limit_s):
        await (discord_api.command(text) if text.startswith("/") else discord_api.say(text))
        await discord_api.until(lambda: house.inbox.states == ["settled"])
    assert len(discord_api.posts) == 1


async def test_closed_direct_messages_are_a_dead_end_and_not_tried_again_until_somebody_writes(
    discord_api: DiscordApi,
) -> None:
    house = House()
    discord_api.world.closed[DIRECT + 7] = (403, 50007, "Cannot send messages to this user")
    async with running(discord_api, house) as adapter:
        first = await adapter.outlet.send(ANN, say("a notice"), ())
        asked = discord_api.count("post")
        second = await adapter.outlet.send(ANN, say("another"), ())
        await adapter.outlet.show_working(ANN)
        await adapter.outlet.show_progress(replace(ANN, via="to:1"), "checking ...")
        assert discord_api.count("post") == asked
        assert discord_api.typing == []
        discord_api.world.closed.clear()
        await discord_api.say("here I am")
        await discord_api.wait_for(1)
        third = await adapter.outlet.send(ANN, say("welcome back"), ())
    assert isinstance(first, Undeliverable)
    assert first.dead
    assert "takes no direct messages" in first.reason
    assert first == second
    assert isinstance(third, Sent)
    assert third.ref == str(discord_api.posts[-1].post_id)


@pytest.mark.parametrize(
    ("code", "status", "dead"),
    [(10003, 404, True), (50001, 403, True), (50013, 403, True), (50278, 403, True), (50035, 400, False)],
)
async def test_what_will_never_arrive_is_said_in_its_words(
    discord_api: DiscordApi, code: int, status: int, dead: bool
) -> None:
    async with running(discord_api, House()) as adapter:
        discord_api.fail("post", Failure(status, code, "no"))
        result = await adapter.outlet.send(ANN, say("a notice"), ())
    assert isinstance(result, Undeliverable)
    assert result.dead is dead
    assert str(code) in result.reason


async def test_a_person_can_be_written_to_by_their_id_alone(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        place = Address("discord", "user:7")
        for text in ("one", "two"):
            assert isinstance(await adapter.outlet.send(place, say(text), ()), Sent)
    assert [post.channel_id for post in discord_api.posts] == [DIRECT + 7] * 2
    assert discord_api.count("open_direct") == 1


async def test_the_text_goes_without_a_picture_that_discord_does_not_take(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        discord_api.fail("post", Failure(413, 40005, "Request entity too large"))
        await adapter.outlet.send(ANN, say("Solar"), (Picture(PNG, "a line", "solar"),))
        huge = Picture(PNG + b"\0" * 10_500_000, "a line", "solar")
        await adapter.outlet.send(ANN, say("Load"), (huge, Picture(PNG, "x" * 3_000, "load")))
    assert [post.text for post in discord_api.posts] == [
        "Solar\n\n(The chart could not be sent as a picture.)",
        "Load\n\n(The chart could not be sent as a picture.)",
    ]
    assert [len(post.pictures) for post in discord_api.posts] == [0, 1]


async def test_a_long_reply_is_split_and_goes_on_where_it_stopped(discord_api: DiscordApi) -> None:
    gone: list[int] = []

    async def part_sent(count: int) -> None:
        gone.append(count)

    reply = replace(
        say("\n".join(f"**line** {n} of `many` <@7> @everyone" for n in range(400))), buttons=((Button("Go", "t"),),)
    )
    async with running(discord_api, House()) as adapter:
        discord_api.fail("post", *[Failure()] * 2, too_many(5.0))
        result = await adapter.outlet.send(ANN, reply, (), part_sent=part_sent)
        assert isinstance(result, TryLater)
        assert (result.next_part, gone) == (2, [1, 2])
        rest = await adapter.outlet.send(ANN, reply, (), from_part=2)
    whole = "\n".join(post.text for post in discord_api.posts)
    assert whole == "\n".join(f"**line** {n} of `many` <@7> @everyone" for n in range(400))
    assert not set().union(*(post.markup for post in discord_api.posts))
    assert [bool(post.buttons) for post in discord_api.posts] == [False] * (len(discord_api.posts) - 1) + [True]
    assert isinstance(rest, Sent)
    assert rest.ref == str(discord_api.posts[-1].post_id)


async def test_a_megabyte_of_text_is_refused_in_one_sentence(discord_api: DiscordApi) -> None:
    house = House()
    async with running(discord_api, house):
        await discord_api.say("a" * 1_000_000)
        (refusal,) = await discord_api.wait_for(1)
    assert "longer than 8,000 characters" in refusal.text
    assert len(str(house.inbox.rows)) < 20_000


async def test_what_cannot_be_changed_is_sent_instead(discord_api: DiscordApi) -> None:
    house = House()
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1"),),)
    async with running(discord_api, house) as adapter:
        await discord_api.command("/miners")
        (asked,) = await discord_api.wait_for(1)
        discord_api.fail("change_original", Failure(404, 10008, "Unknown Message"))
        await discord_api.tap(asked, "Stop")
        _, answer = await discord_api.wait_for(2)
        gone = await adapter.outlet.edit(ANN, "123", say("newer"))
        too_long = await adapter.outlet.edit(ANN, str(asked.post_id), say("long " * 500))
        discord_api.fail("change", lost_answer())
        unsure = await adapter.outlet.edit(ANN, str(asked.post_id), say("newer"))
    assert answer.text.startswith("Done")
    assert isinstance(gone, Undeliverable)
    assert not gone.dead
    assert isinstance(too_long, Undeliverable)
    assert isinstance(unsure, TryLater)  # changing it again shows it once all the same


async def test_an_interaction_that_is_too_late_is_answered_in_the_chat(discord_api: DiscordApi) -> None:
    discord_api.first_answer_s = 0.0
    async with running(discord_api, House()):
        called = await discord_api.command("/status")
        (answer,) = await discord_api.wait_for(1)
    assert not called.acknowledged
    assert (answer.channel_id, answer.text) == (DIRECT + 7, "status: all")


async def test_an_answer_after_fifteen_minutes_goes_into_the_chat(discord_api: DiscordApi) -> None:
    house = House()
    held = asyncio.Event()

    async def before(_: str) -> None:
        await held.wait()

    house.commands.before = before
    async with running(discord_api, house, thinking_after_s=0.01):
        called = await discord_api.command("/status")
        await discord_api.until(lambda: called.acknowledged == 5)
        called.expired = True
        held.set()
        (answer,) = await discord_api.wait_for(1)
    assert answer is not called.original
    assert answer.text == "status: all"


async def test_an_interaction_that_takes_no_more_words_is_answered_in_the_chat(discord_api: DiscordApi) -> None:
    house = House()
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1"),),)
    async with running(discord_api, house):
        await discord_api.command("/miners")
        (asked,) = await discord_api.wait_for(1)
        discord_api.fail("change_original", Failure(404, 10008, "Unknown Message"))
        discord_api.fail("follow_up", Failure(400, 40094, "the maximum number of follow up messages"))
        await discord_api.tap(asked, "Stop")
        _, answer = await discord_api.wait_for(2)
    assert answer.text.startswith("Done")
    assert discord_api.count("post") == 1


async def test_typing_is_left_alone_for_as_long_as_discord_asks(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        discord_api.fail("typing", Failure(429, 40062, "Service resource is being rate limited", {"retry_after": 30}))
        for _ in range(3):
            await adapter.outlet.show_working(ANN)
    assert discord_api.count("typing") == 1


async def test_the_same_event_delivered_twice_is_answered_once(discord_api: DiscordApi) -> None:
    house = House()
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1"),),)
    async with running(discord_api, house):
        await discord_api.say("hello")
        await discord_api.again()
        await discord_api.wait_for(1)
        await discord_api.command("/miners")
        await discord_api.again()
        _, asked = await discord_api.wait_for(2)
        await discord_api.tap(asked, "Stop")
        await discord_api.again()
        await discord_api.until(lambda: asked.text.startswith("Done"))
        await asyncio.sleep(0.1)
    assert len(discord_api.posts) == 2
    assert [name for name, *_ in house.commands.ran] == ["miners", "tap"]
    assert discord_api.refused == []


async def test_thirty_conversations_at_once_lose_and_double_nothing(discord_api: DiscordApi) -> None:
    house = House()
    house.people.known = {str(user): f"P{user}" for user in range(100, 130)}

    async def before(_: str) -> None:
        await asyncio.sleep(0.02)

    house.assistant.before = before
    async with running(discord_api, house):
        await asyncio.gather(
            *(discord_api.say(f"q{n} of {user}", user=user) for user in range(100, 130) for n in range(3)),
            *(discord_api.command(f"/status c of {user}", user=user) for user in range(100, 130)),
        )
        await discord_api.wait_for(120, timeout_s=30)
        await asyncio.sleep(0.1)
    for user in range(100, 130):
        said = [post.text.split("\n")[0] for post in discord_api.posts if post.channel_id == DIRECT + user]
        assert [text for text in said if text.startswith("Re")] == [f"Re: q{n} of {user}" for n in range(3)]
        assert sorted(said)[-1] == f"status: c of {user}"
        assert len(said) == 4


async def test_somebody_elses_and_used_up_buttons_do_nothing(discord_api: DiscordApi) -> None:
    house = House()
    house.places.open.add(str(CHANNEL))
    house.people.known["8"] = "Bob"
    house.buttons.actions |= {"mine": {"text": "a"}, "old": {"text": "b"}}
    house.buttons.verdicts["mine"] = "not_yours"
    house.commands.buttons = ((Button("Mine", "mine"), Button("Old", "old"), Button("None", "unknown")),)
    async with running(discord_api, house):
        await discord_api.say("/status", group=True)
        (asked,) = await discord_api.wait_for(1)
        await discord_api.tap(asked, "Mine", user=8)
        await discord_api.tap(asked, "None", user=8)
        refusals = (await discord_api.wait_for(3))[1:]
        await discord_api.tap(asked, "Old")
        await discord_api.until(lambda: asked.text.startswith("Done"))
    assert {post.only_for for post in refusals} == {8}
    assert [name for name, *_ in house.commands.ran] == ["status", "tap"]


async def test_a_database_that_is_locked_costs_no_message(discord_api: DiscordApi) -> None:
    house = House()
    house.inbox.failures = 3
    async with running(discord_api, house):
        await discord_api.say("one")
        await discord_api.say("two")
        await discord_api.wait_for(2)
    assert first_lines(discord_api) == ["Re: one", "Re: two"]


async def test_a_channels_rate_limit_slows_down_and_loses_nothing(discord_api: DiscordApi) -> None:
    discord_api.bucket = (5, 1.3)
    house = House()
    async with running(discord_api, house):
        for n in range(9):
            await discord_api.say(f"q{n}")
        await discord_api.wait_for(9)
    assert first_lines(discord_api) == [f"Re: q{n}" for n in range(9)]
    assert discord_api.refused == []


async def test_a_pin_is_taken_again(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        sent = await adapter.outlet.send(ANN, say("SOC 50 %"), ())
        assert isinstance(sent, Sent)
        assert sent.ref is not None
        assert await adapter.outlet.pin(ANN, sent.ref)
        assert await adapter.outlet.unpin(ANN, sent.ref)
        assert not await adapter.outlet.unpin(ANN, "123")
    assert not discord_api.posts[0].pinned


@pytest.mark.parametrize("pause_s", [0.01, 900.0])
async def test_an_old_message_that_was_changed_too_often_stands_as_it_is(
    discord_api: DiscordApi, pause_s: float
) -> None:
    old = "123456789012345678"  # of 2015
    async with running(discord_api, House()) as adapter:
        limit = Failure(429, 30046, "Maximum number of edits to messages older than 1 hour", {"retry_after": pause_s})
        discord_api.fail("change", *[limit] * 5)  # as often as the SDK tries it
        changed = await adapter.outlet.edit(ANN, old, say("SOC 51 %"))
    assert isinstance(changed, Undeliverable)
    assert (changed.stands, changed.dead) == (True, False)


async def test_a_long_pause_for_a_young_message_is_waited_for(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        sent = await adapter.outlet.send(ANN, say("SOC 50 %"), ())
        assert isinstance(sent, Sent)
        assert sent.ref is not None
        discord_api.fail("change", too_many(900.0))
        assert isinstance(await adapter.outlet.edit(ANN, sent.ref, say("SOC 51 %")), TryLater)
