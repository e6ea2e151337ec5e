"""Updates as Telegram sends them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telegram import Update

from bot.message import Attachment
from bot.platforms.telegram.parse import Me, message_from_update, tap_from_update
from bot.platforms.telegram.requests import UpdatesRequest

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
ME = Me(123456, "CommandCenter_bot")
PRIVATE = {"id": 7, "type": "private", "first_name": "Ann"}
GROUP = {"id": -1001, "type": "supergroup", "title": "Ranch"}
ANN = {"id": 7, "is_bot": False, "first_name": "Ann", "last_name": "Lee"}

OURSELVES = {"id": 123456, "is_bot": True, "first_name": "C"}


def update(text: str | None = "hi", *, chat: dict[str, Any] = PRIVATE, **more: Any) -> Update:
    body = {"message_id": 5, "date": 1_800_000_000, "chat": chat, "from": ANN, **more}
    if text is not None:
        body["text"] = text
    read = Update.de_json({"update_id": 9, "message": body}, None)
    assert read is not None
    return read


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


def test_a_private_message() -> None:
    message = message_from_update(update("how is it?"), ME)
    assert message is not None
    assert (message.address.key, message.sender.external_id, message.sender.name) == ("telegram:7", "7", "Ann Lee")
    assert (message.text, message.direct, message.addressed, message.key) == ("how is it?", True, True, "9:7:5")
    assert message.sent_at.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "entities", "heard", "addressed"),
    [
        ("hello all", [], "hello all", False),
        ("🔋🔋 @commandcenter_bot how?", [entity("mention", 5, 18)], "🔋🔋 how?", True),
        ("@CommandCenter_Bot, how?", [entity("mention", 0, 18)], "how?", True),
        ("@somebody how?", [entity("mention", 0, 9)], "@somebody how?", False),
        ("/status", [entity("bot_command", 0, 7)], "/status", True),
        ("/status@commandcenter_bot 24h", [entity("bot_command", 0, 25)], "/status 24h", True),
        ("/status@other_bot", [entity("bot_command", 0, 17)], "/status@other_bot", False),
        (
            "you, how?",
            [entity("text_mention", 0, 3, user={"id": 123456, "is_bot": True, "first_name": "C"})],
            "you, how?",
            True,
        ),
    ],
)
def test_in_a_group_only_our_own_name_counts(text: str, entities: list[Any], heard: str, addressed: bool) -> None:
    message = message_from_update(update(text, chat=GROUP, entities=entities), ME)
    assert message is not None
    assert (message.text, message.addressed, message.direct) == (heard, addressed, False)


def test_a_reply_to_us_is_meant_for_us() -> None:
    ours = {"message_id": 1, "date": 1, "chat": GROUP, "from": {"id": 123456, "is_bot": True, "first_name": "C"}}
    message = message_from_update(update(chat=GROUP, reply_to_message=ours), ME)
    assert message is not None
    assert message.addressed


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        ({"message_thread_id": 44, "is_topic_message": True}, "44"),
        ({"message_thread_id": 1, "is_topic_message": True}, None),
        ({"message_thread_id": 44}, None),
    ],
)
def test_only_a_forum_topic_is_a_thread(fields: dict[str, Any], thread: str | None) -> None:
    message = message_from_update(update(chat=GROUP, **fields), ME)
    assert message is not None
    assert message.address.thread == thread


def test_a_photo_with_a_caption_is_a_question_with_an_attachment() -> None:
    photo = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 99}]
    message = message_from_update(update(None, photo=photo, caption="what is this?"), ME)
    assert message is not None
    assert (message.text, message.attachments) == ("what is this?", (Attachment("photo", 99),))


@pytest.mark.parametrize(
    "odd",
    [
        update(None, new_chat_title="x"),
        update("hi", chat={"id": -100, "type": "channel", "title": "c"}),
        update("hi", **{"from": {"id": 8, "is_bot": True, "first_name": "Other bot"}}),
        Update(1),
    ],
)
def test_what_is_no_message_to_us_is_left_alone(odd: Update) -> None:
    assert message_from_update(odd, ME) is None


def test_text_that_cannot_be_written_down_is_mended() -> None:
    message = message_from_update(update(json.loads('"a\\ud800b\\u202ec\\u0000"')), ME)
    assert message is not None
    assert message.text == "a\ufffdbc"
    message.text.encode()


def test_an_unreadable_update_becomes_an_empty_one_and_its_neighbours_stay() -> None:
    good = {"update_id": 2, "message": {"message_id": 5, "date": 1, "chat": PRIVATE, "from": ANN, "text": "hi"}}
    bad = {"update_id": 1, "message": {"message_id": 4, "chat": 12}}
    payload = json.dumps({"ok": True, "result": [bad, good]}).encode()
    assert UpdatesRequest.parse_json_payload(payload)["result"] == [{"update_id": 1}, good]


def tapped(data: str | None = "t-start", *, message: dict[str, Any] | None = None, update_id: int = 9) -> Update:
    shown = {"message_id": 5, "date": 1_800_000_000, "chat": PRIVATE, "text": "Start?"} if message is None else message
    query = {"id": "77", "from": ANN, "chat_instance": "c", "data": data, "message": shown or None}
    read = Update.de_json({"update_id": update_id, "callback_query": query}, None)
    assert read is not None
    return read


def test_a_tap() -> None:
    message = tap_from_update(tapped(), NOW)
    assert message is not None
    assert (message.address.key, message.sender.external_id, message.text) == ("telegram:7", "7", "")
    assert (message.token, message.ref, message.direct, message.addressed) == ("t-start", "5", True, True)
    assert message.sent_at == NOW


def test_a_tap_that_is_delivered_again_has_the_same_key_and_another_tap_has_not() -> None:
    later = NOW + timedelta(minutes=1)
    first, again, other = (
        tap_from_update(tapped(update_id=update_id), at) for update_id, at in ((9, NOW), (9, later), (10, later))
    )
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.key == again.key != other.key


def test_a_tap_in_a_group_is_no_direct_message() -> None:
    topic = {"message_thread_id": 44, "is_topic_message": True}
    message = tap_from_update(tapped(message={"message_id": 5, "date": 1, "chat": GROUP, "text": "x", **topic}), NOW)
    assert message is not None
    assert (message.direct, message.addressed, message.address.key) == (False, True, "telegram:-1001:44")


def test_a_tap_on_a_message_that_telegram_shows_no_more() -> None:
    message = tap_from_update(tapped(message={"message_id": 5, "date": 0, "chat": GROUP}), NOW)
    assert message is not None
    assert (message.ref, message.address.key) == ("5", "telegram:-1001")
    topic = {"message_id": 5, "date": 0, "chat": GROUP, "message_thread_id": 44}
    message = tap_from_update(tapped(message=topic), NOW)
    assert message is not None
    assert (message.ref, message.address.key) == ("5", "telegram:-1001:44")


@pytest.mark.parametrize(
    "odd",
    [
        tapped(None),
        tapped("form:prefs.battery"),  # there are no forms here
        tapped(message={}),  # by way of a bot's inline mode
        tapped(message={"message_id": 5, "date": 1, "chat": {"id": -100, "type": "channel", "title": "c"}}),
        update("hi"),
    ],
)
def test_what_is_no_tap_on_a_button_of_ours_is_left_alone(odd: Update) -> None:
    assert tap_from_update(odd, NOW) is None
