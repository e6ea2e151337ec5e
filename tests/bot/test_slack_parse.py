"""What Slack sends as our messages: who wrote, where, what, and under which key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.message import Address, message_from_json, message_to_json
from bot.platforms.slack.client import base_address
from bot.platforms.slack.parse import (
    Me,
    Via,
    message_from_command,
    message_from_event,
    message_from_form,
    message_from_tap,
    plain_text,
)

ME = Me("T0RANCH", "U0BOT", "E0ORG")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def event(**fields: Any) -> dict[str, Any]:
    base = {
        "type": "message",
        "channel_type": "im",
        "channel": "D1",
        "user": "U7",
        "text": "hi",
        "ts": "1764000000.000100",
    }
    return {"type": "event_callback", "team_id": "T0RANCH", "event": base | fields}


def test_the_key_is_team_channel_and_ts_whatever_the_event_is_called() -> None:
    channel = {"channel": "C1", "channel_type": "channel", "text": "<@U0BOT> hi"}
    heard = message_from_event(event(**channel), ME)
    named = message_from_event(event(**channel, type="app_mention"), ME)
    assert heard is not None
    assert named is not None
    assert heard.key == named.key == "T0RANCH:C1:1764000000.000100"
    assert (heard.addressed, named.addressed, heard.direct) == (True, True, False)
    assert heard.sent_at == datetime(2025, 11, 24, 16, 0, 0, 100, tzinfo=UTC)


@pytest.mark.parametrize(
    ("team", "account"),
    [(None, "T0RANCH:U7"), ("T0RANCH", "T0RANCH:U7"), ("E0ORG", "T0RANCH:U7"), ("T0GUESTS", "T0GUESTS:U7")],
)
def test_an_account_is_the_authors_team_and_id(team: str | None, account: str) -> None:
    message = message_from_event(event(user_team=team), ME)
    assert message is not None
    assert message.sender.external_id == account


def test_a_thread_is_the_conversation_and_a_mention_opens_one() -> None:
    places = [
        (event(), Address("slack", "D1")),
        (event(thread_ts="1.5"), Address("slack", "D1", "1.5")),
        (event(channel="C1", channel_type="channel"), Address("slack", "C1", "1764000000.000100")),
        (event(channel="C1", channel_type="channel", thread_ts="1.5"), Address("slack", "C1", "1.5")),
    ]
    for body, place in places:
        message = message_from_event(body, ME)
        assert message is not None
        assert message.address == place


@pytest.mark.parametrize("root", ["U0BOT", "U9"])
def test_in_a_thread_of_a_channel_only_what_names_us_is_for_us(root: str) -> None:
    thread = {"channel": "C1", "channel_type": "group", "thread_ts": "1.5", "parent_user_id": root}
    for text, addressed in (("and now?", False), ("<@U0BOT> and now?", True)):
        message = message_from_event(event(**thread, text=text), ME)
        assert message is not None
        assert message.addressed is addressed


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("<https://x.example/?a=1&amp;b=2|x.example>", "x.example"),
        ("<https://x.example>", "https://x.example"),
        ("mail <mailto:a@b.example|a@b.example>", "mail a@b.example"),
        ("<@U0BOT>: how is it?", "how is it?"),
        ("how is it, <@U0BOT>", "how is it,"),
        ("ask <@U9|ben> in <#C9|ranch> <!here>", "ask ben in ranch !here"),
        ("&amp;lt;", "&lt;"),
        ("\u202eback\r\nnext", "back\nnext"),
    ],
)
def test_text_is_what_was_typed(sent: str, typed: str) -> None:
    assert plain_text(sent, ME)[0] == typed


def test_a_command_is_the_text_after_its_name() -> None:
    body = {
        "user_id": "U7",
        "channel_id": "C1",
        "team_id": "T0RANCH",
        "trigger_id": "t1",
        "response_url": "https://h/1",
    }
    for typed, text in (("status", "/status"), ("  /miners stop s19-1 ", "/miners stop s19-1"), ("", "/help")):
        message = message_from_command(body | {"text": typed}, ME, direct=False, now=NOW)
        assert message.text == text
    assert Via.of(message.address) == Via("U7", "https://h/1")
    assert message.address.key == "slack:C1"
    assert Via.of(message_from_command(body, ME, direct=True, now=NOW).address) is None
    assert message_from_json(message_to_json(message)) == message


def test_only_buttons_are_taps_and_only_forms_of_ours_are_forms() -> None:
    user, container = {"id": "U7", "team_id": "T0RANCH"}, {"channel_id": "D1", "message_ts": "1.5"}
    button = {"type": "button", "value": "tok", "action_ts": "2.5", "action_id": "tap:0.0"}
    tap = message_from_tap({"user": user, "container": container, "actions": [button]}, ME, direct=True, now=NOW)
    assert tap is not None
    assert (tap.token, tap.ref, tap.address) == ("tok", "1.5", Address("slack", "D1"))
    broken: list[dict[str, Any]] = [
        {"user": user, "container": container, "actions": []},
        {"user": user, "container": container, "actions": [button | {"type": "overflow"}]},
        {"user": user, "container": {}, "actions": [button]},
        {"user": {}, "container": container, "actions": [button]},
    ]
    assert [message_from_tap(body, ME, direct=True, now=NOW) for body in broken] == [None] * 4
    for view in (
        {},
        {"callback_id": "form:x", "private_metadata": "?"},
        {"callback_id": "x", "private_metadata": "[]"},
    ):
        assert message_from_form({"user": user, "view": view}, ME, now=NOW) is None


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://slack.com/api/", "https://slack.com/api/"),
        ("https://slack.com/api", "https://slack.com/api/"),
        ("http://127.0.0.1:4003", "http://127.0.0.1:4003/api/"),
        ("http://127.0.0.1:4003/", "http://127.0.0.1:4003/api/"),
        ("https://gateway.example/slack/api", "https://gateway.example/slack/api/"),
    ],
)
def test_the_api_address_may_be_a_host_or_a_path(given: str, address: str) -> None:
    assert base_address(given) == address
