"""Repeated deliveries, lost connections, restarts and kills, over the wire: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.platforms.slack.client import SlackClient
from bot.platforms.slack.ingress import SlackAdapter
from bot.platforms.slack.socket import Socket
from tests.bot.house import House
from tests.bot.slack_stage import running, until
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_socket import signed
from tests.doubles.slack_world import TEAM, Failure, too_many


@pytest.fixture
async def slack() -> AsyncIterator[SlackApi]:
    async with SlackApi() as api:
        yield api


def first_lines(slack: SlackApi, channel: str | None = None) -> list[str]:
    return [text.split("\n")[0] for text in slack.texts(channel)]


async def test_an_envelope_that_comes_again_is_answered_once(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        said, called = slack.socket.say("one"), slack.socket.command("status")
        await slack.wait_for(2)
        for envelope in (said, called):
            slack.socket.again(envelope)
        await until(lambda: said.acknowledged and called.acknowledged and said.deliveries == called.deliveries == 2)
        slack.socket.say("two")
        await slack.wait_for(3)
    assert house.assistant.asked == ["one", "two"]
    assert len(house.commands.ran) == 1


async def test_what_is_said_in_one_chat_is_taken_on_in_its_order(slack: SlackApi) -> None:
    slack.fail("users.info", Failure(lands=True, hangs_s=0.3))
    house = House()
    async with running(slack, house):
        for text in ("one", "two", "three"):
            slack.socket.say(text)
        slack.socket.say("elsewhere", user="U7", thread_ts=slack.socket.envelopes[0].payload["event"]["ts"])
        await slack.wait_for(4)
    assert [text for text in house.assistant.asked if text != "elsewhere"] == ["one", "two", "three"]
    assert house.assistant.asked[0] == "elsewhere"  # another conversation does not wait


async def test_the_same_message_under_another_event_id_is_answered_once(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        said = slack.socket.say("one")
        slack.socket.event(said.payload["event"])
        await until(lambda: all(each.acknowledged for each in slack.socket.envelopes))
        await until(lambda: house.inbox.states == ["settled"])
    assert house.assistant.asked == ["one"]


async def test_a_message_that_cannot_be_committed_is_left_with_slack_until_there_is_room(slack: SlackApi) -> None:
    house = House()
    house.inbox.failures = 3
    async with running(slack, house):
        said = slack.socket.say("one")
        await slack.wait_for(1)
        await slack.socket.answered(said)
    assert len(slack.messages) == 1


async def test_a_message_that_cannot_be_committed_in_time_is_not_acknowledged(slack: SlackApi) -> None:
    slack.socket.again_after_s = 0.2
    house = House()
    house.inbox.failures = 10_000
    with capture_logs():
        async with running(slack, house, kill=True):
            said = slack.socket.say("one")
            await asyncio.sleep(2.3)
            assert not said.acknowledged
    house.inbox.failures = 0
    async with running(slack, house) as adapter:
        await until(lambda: adapter.ready)
        slack.socket.again(said)  # after a minute, after five
        await slack.wait_for(1)
        await slack.socket.answered(said)
    assert first_lines(slack) == ["Re: one"]


async def test_a_connection_that_is_cut_is_made_again_and_loses_nothing(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        slack.socket.say("one")
        await slack.wait_for(1)
        await slack.socket.cut()
        slack.socket.say("two")
        await slack.wait_for(2)
    assert first_lines(slack) == ["Re: one", "Re: two"]
    assert slack.socket.opened == 2


async def test_a_connection_that_slack_refuses_once_is_made_with_a_new_address(slack: SlackApi) -> None:
    slack.socket.refused_links = 3
    async with running(slack, House()) as adapter:
        slack.socket.say("one")
        await slack.wait_for(1)
        assert adapter.ready
    assert len(slack.called("apps.connections.open")) == 4


async def test_the_next_connection_stands_before_the_old_one_goes(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        await until(lambda: adapter.ready)
        await slack.socket.ask_to_renew()
        await until(lambda: len(slack.socket.sockets) == 2)
        for text in ("one", "two", "three", "four"):  # some come over the old one
            slack.socket.say(text)
        await slack.wait_for(4)
        await slack.socket.sockets[0].close()
        slack.socket.say("five")
        await slack.wait_for(5)
        assert adapter.ready
    assert sorted(first_lines(slack)) == sorted(f"Re: {text}" for text in ("one", "two", "three", "four", "five"))


async def test_a_slack_that_goes_away_is_said_once_and_found_again(slack: SlackApi) -> None:
    with capture_logs() as logs:
        async with running(slack, House()) as adapter:
            slack.socket.say("one")
            await slack.wait_for(1)
            await slack.stop()
            await until(lambda: not adapter.ready)
            assert "Slack" in str(adapter.trouble)
            await asyncio.sleep(0.1)
            await slack.start()
            slack.socket.say("two")
            await slack.wait_for(2)
            await until(lambda: adapter.ready)
    assert first_lines(slack) == ["Re: one", "Re: two"]
    assert len([entry for entry in logs if entry["event"] == "slack_not_ready"]) == 1
    assert len([entry for entry in logs if entry["event"] == "slack_ready"]) == 2


async def test_a_flood_limit_on_connections_is_waited_for(slack: SlackApi) -> None:
    slack.fail("apps.connections.open", too_many(1), Failure(500))
    async with running(slack, House()) as adapter:
        await until(lambda: "pause" in str(adapter.trouble))
        started = time.monotonic()
        await until(lambda: adapter.ready)
    assert time.monotonic() - started > 0.8


async def test_a_connection_over_which_slack_says_nothing_is_given_up(slack: SlackApi) -> None:
    slack.socket.greets = False
    client = SlackClient(SecretStr(slack.app_token), slack.url, variable="SLACK_APP_TOKEN")

    async def receive(kind: str, payload: object, headers: object) -> None:
        return None

    socket = Socket(client, receive, lambda: None, hello_within_s=0.1)
    with pytest.raises(TimeoutError):
        await socket.connect()
    await socket.close()
    await client.close()


async def test_frames_that_are_none_of_slacks_do_no_harm(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        await until(lambda: adapter.ready)
        for frame in (
            "{",
            "[]",
            "null",
            '{"type": "hello"',
            '{"envelope_id": 5}',
            '{"envelope_id": "e", "payload": 5}',
        ):
            await slack.socket.sockets[0].send_str(frame)
        await slack.socket.sockets[0].send_bytes(b"\xff")
        slack.socket.say("one")
        await slack.wait_for(1)
    assert slack.socket.opened == 1


async def test_socket_mode_that_was_switched_off_is_named(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        await until(lambda: adapter.ready)
        with capture_logs() as logs:
            await slack.socket.ask_to_renew("link_disabled")
            await until(lambda: any("Socket Mode is off" in str(entry.get("reason")) for entry in logs))


async def test_a_restart_between_messages_loses_and_repeats_nothing(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        slack.socket.say("one")
        await slack.wait_for(1)
    slack.socket.say("two")
    async with running(slack, house):
        slack.socket.say("three")
        await slack.wait_for(3)
    assert sorted(first_lines(slack)) == ["Re: one", "Re: three", "Re: two"]


async def test_a_kill_while_answering_answers_after_the_restart(slack: SlackApi) -> None:
    house = House()
    stuck = asyncio.Event()

    async def before(question: str) -> None:
        await stuck.wait()

    house.assistant.before = before
    async with running(slack, house, kill=True):
        slack.socket.say("one")
        await until(lambda: house.assistant.asked)
    stuck.set()
    async with running(slack, house):
        await until(lambda: house.inbox.states == ["settled"])
    assert [text for text in first_lines(slack) if text.startswith("Re")] == ["Re: one"]


async def test_a_kill_between_text_and_chart_sends_only_the_chart_after_the_restart(slack: SlackApi) -> None:
    house = House()
    slack.fail("files.completeUploadExternal", too_many(30))
    async with running(slack, house, kill=True):
        slack.socket.say("chart please")
        await until(lambda: slack.called("files.completeUploadExternal"))
    async with running(slack, house):
        await slack.wait_for(2)
    assert house.assistant.asked == ["chart please"]
    assert [len(message.files) for message in slack.messages] == [0, 1]


async def test_thirty_conversations_at_once_lose_and_double_nothing(slack: SlackApi) -> None:
    house = House()
    people = range(100, 130)
    house.people.known = {str(person): f"Person {person}" for person in people}

    async def before(question: str) -> None:
        await asyncio.sleep(0.002)

    house.assistant.before = before
    started = time.perf_counter()
    async with running(slack, house):
        for number, person in itertools.product(range(5), people):
            slack.socket.say(f"question {number} of {person}", user=f"U{person}")
        await slack.wait_for(150, timeout_s=20)
        await until(lambda: all(each.acknowledged for each in slack.socket.envelopes))
    assert len(slack.messages) == 150
    for person in people:
        assert sorted(first_lines(slack, f"D0U{person}")) == [f"Re: question {n} of {person}" for n in range(5)]
    print(f"150 answers in {time.perf_counter() - started:.2f} s")


# HTTP


async def serve(adapter: SlackAdapter) -> tuple[web.AppRunner, str]:
    async def posted(request: web.Request) -> web.Response:
        status, headers, body = await adapter.handle_request(request.headers, await request.read())
        return web.Response(status=status, headers=headers, body=body)

    app = web.Application()
    app.router.add_post("/slack", posted)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/slack"


async def post(url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    sent = {"Content-Type": "application/json"} | headers
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=sent) as answer:
        return answer.status, await answer.text()


@pytest.fixture
async def over_http(slack: SlackApi) -> AsyncIterator[tuple[House, str]]:
    house = House()
    async with running(slack, house, app_token=None, signing_secret=slack.socket.signing_secret) as adapter:
        runner, url = await serve(adapter)
        await until(lambda: adapter.ready)
        yield house, url
        await runner.cleanup()


async def test_signed_requests_are_messages_commands_taps_and_forms(
    slack: SlackApi, over_http: tuple[House, str]
) -> None:
    house, slack.socket.events_url = over_http
    said = slack.socket.say("how is the battery?")
    slack.socket.command("status")
    await slack.wait_for(2)
    slack.socket.again(said)
    await until(lambda: said.acknowledged and said.deliveries == 2)
    slack.socket.mention("hello")
    await slack.wait_for(3)
    assert house.assistant.asked == ["how is the battery?"]
    assert slack.socket.statuses == [200] * 4
    assert slack.socket.opened == 0


async def test_slack_finds_out_whether_the_address_is_ours(slack: SlackApi, over_http: tuple[House, str]) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1"})
    status, text = await post(over_http[1], body, signed(body, slack.socket.signing_secret))
    assert (status, "c-1" in text) == (200, True)


async def test_a_bad_or_old_signature_is_refused_and_does_nothing(
    slack: SlackApi, over_http: tuple[House, str]
) -> None:
    house, url = over_http
    event = {"type": "message", "channel_type": "im", "user": "U7", "channel": "D0U7", "text": "hi", "ts": "1.000001"}
    body = json.dumps({"type": "event_callback", "team_id": TEAM, "event": event})
    secret = slack.socket.signing_secret
    now = time.time()
    for headers in (
        {},
        signed(body, "another secret"),
        signed(body + " ", secret),
        signed(body, secret, at=now - 301),
        signed(body, secret, at=now + 301),
        signed(body, secret) | {"X-Slack-Request-Timestamp": "yesterday"},
        signed(body, secret) | {"X-Slack-Signature": "v0=\u00e9".encode().decode("latin-1")},
    ):
        assert (await post(url, body, headers))[0] == 401
    assert house.inbox.rows == {}
    assert (await post(url, body, signed(body, secret)))[0] == 200
    assert len(house.inbox.rows) == 1


async def test_without_a_secret_nothing_is_taken_over_http(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        await until(lambda: adapter.ready)
        body = json.dumps({"type": "url_verification", "challenge": "c-1"})
        assert (await adapter.handle_request(signed(body, ""), body.encode()))[0] == 401
        assert (await adapter.handle_request({}, b"\xff"))[0] == 401
