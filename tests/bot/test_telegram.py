"""A whole conversation over the wire, against the Bot API double."""

from __future__ import annotations

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from tests.bot.house import PNG, House
from tests.bot.telegram_stage import running, until
from tests.doubles.telegram_api import Failure, TelegramApi, lost_answer, migrated, too_many


async def test_text_in_text_and_photo_out(api: TelegramApi) -> None:
    house = House()
    async with running(api, house) as polling:
        api.say("how is the battery?")
        api.say("chart of the battery")
        text, photo = await api.wait_for(2)
        assert polling.ready
        assert polling.last_poll_age_s is not None
        assert polling.last_poll_age_s < 5
    assert (text.method, text.text) == ("sendMessage", "Re: how is the battery?\nas of 12:00, Victron")
    assert text.markup.endswith("<i>as of 12:00, Victron</i>")
    assert '"is_disabled": true' in text.fields["link_preview_options"].replace(":true", ": true")
    assert (photo.method, photo.photo, photo.text) == (
        "sendPhoto",
        PNG,
        "Re: chart of the battery\nas of 12:00, Victron",
    )


async def test_typing_is_shown_again_and_again_while_we_work(api: TelegramApi) -> None:
    house = House()

    async def before(question: str) -> None:
        await asyncio.sleep(0.25)

    house.assistant.before = before
    async with running(api, house):
        api.say("how is the battery?")
        await api.wait_for(1)
    assert len(api.typing[7]) >= 3


async def test_what_is_being_done_is_shown_as_a_draft_in_private_chats_only(api: TelegramApi) -> None:
    house = House()

    async def before(question: str) -> None:
        await asyncio.sleep(0.15)

    house.assistant.before = before
    async with running(api, house):
        api.say("how is the battery?")
        api.say("/status", chat_id=-55, chat_type="group")
        await api.wait_for(2)
    assert api.drafts == [(7, "checking the battery ...")]


async def test_a_server_without_drafts_is_asked_once(api: TelegramApi) -> None:
    api.unknown.add("sendMessageDraft")
    house = House()

    async def before(question: str) -> None:
        await asyncio.sleep(0.1)

    house.assistant.before = before
    async with running(api, house):
        api.say("one")
        api.say("two")
        await api.wait_for(2)
        await until(lambda: house.inbox.states == ["settled", "settled"])
    assert [method for method, _ in api.calls].count("sendMessageDraft") == 1
    assert [message.text[:6] for message in api.standing()] == ["Re: on", "Re: tw"]


async def test_readiness_is_logged_once_and_no_log_line_holds_the_token(api: TelegramApi) -> None:
    with capture_logs() as logs:
        async with running(api, House()):
            api.say("hello")
            await api.wait_for(1)
    assert [entry["username"] for entry in logs if entry["event"] == "telegram_ready"] == ["commandcenter_bot"]
    assert api.token not in str(logs)


async def test_strangers_hear_nothing(api: TelegramApi) -> None:
    house = House()
    async with running(api, house):
        api.say("hello?", user_id=666, name="Mallory")
        api.say("/start", user_id=666, name="Mallory")
        api.say("hello")
        await api.wait_for(1)
    assert {message.chat_id for message in api.sent} == {7}
    assert 666 not in api.typing
    assert [who for who, _ in house.people.strangers] == ["666", "666"]


async def test_start_with_the_code_pairs(api: TelegramApi) -> None:
    async with running(api, House()):
        api.say("/start HQ7KZ-M2XD4", user_id=8, name="Bob")
        await api.wait_for(1)
    assert api.texts(8)[0].startswith("Hello Bob")


async def test_a_group_is_answered_when_it_names_the_bot_and_in_its_topic(api: TelegramApi) -> None:
    house = House()
    group = {"chat_id": -100200, "chat_type": "supergroup"}
    async with running(api, house):
        api.say("we should mow the lawn", **group)
        api.say("/status@some_other_bot", **group)
        api.say("@CommandCenter_bot how is the battery?", thread_id=5, **group)
        api.say("/status@commandcenter_bot", **group)
        api.say("and now?", reply_to_bot=True, **group)
        await api.wait_for(3)
    assert house.assistant.asked == []
    assert all("direct chat" in sent.text for sent in api.sent)
    assert sorted(sent.thread_id or 0 for sent in api.sent) == [0, 0, 5]


async def test_a_flood_limit_is_obeyed_and_nothing_is_lost(api: TelegramApi) -> None:
    api.fail("sendMessage", too_many(1))
    started = time.monotonic()
    async with running(api, House()):
        api.say("one")
        api.say("two")
        await api.wait_for(2)
    assert time.monotonic() - started >= 1.0
    assert [text.split("\n")[0] for text in api.texts()] == ["Re: one", "Re: two"]


async def test_a_reply_whose_receipt_got_lost_is_not_sent_twice(api: TelegramApi) -> None:
    api.fail("sendMessage", lost_answer())
    house = House()
    with capture_logs() as logs:
        async with running(api, house):
            api.say("one")
            await until(lambda: house.inbox.states == ["settled"])
            api.say("two")
            await api.wait_for(2)
    assert [text.split("\n")[0] for text in api.texts()] == ["Re: one", "Re: two"]
    assert [entry["event"] for entry in logs if entry["event"] == "send_unconfirmed"] == ["send_unconfirmed"]


async def test_a_reply_that_times_out_is_not_sent_twice(api: TelegramApi) -> None:
    api.fail("sendMessage", Failure(lands=True, hangs_s=1.3))
    house = House()
    async with running(api, house):
        api.say("one")
        await until(lambda: house.inbox.states == ["settled"])
    assert len(api.sent) == 1


async def test_a_server_error_is_tried_again(api: TelegramApi) -> None:
    api.fail("sendMessage", Failure(502, "Bad Gateway"))
    async with running(api, House()):
        api.say("one")
        await api.wait_for(1)
    assert len(api.sent) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Failure(200, page="<html>Please log in to this network</html>"),
        Failure(502, page="<html>502 Bad Gateway</html>" * 100),
        Failure(200, page='{"ok":false,"error_code":500,"description":"Internal"}'),
        Failure(200, page='{"ok":true}'),
        Failure(200, page="[]"),
        Failure(500, page="[]"),
    ],
)
async def test_a_gateways_page_instead_of_an_answer_is_no_answer(api: TelegramApi, failure: Failure) -> None:
    api.fail("sendMessage", failure)
    with capture_logs() as logs:
        async with running(api, House()):
            api.say("one")
            await api.wait_for(1)
    assert len(api.sent) == 1
    assert max(len(str(entry)) for entry in logs) < 2_000


async def test_a_refusal_is_one_whatever_the_status(api: TelegramApi) -> None:
    api.fail("sendMessage", Failure(200, page='{"ok":false,"error_code":403,"description":"Forbidden: blocked"}'))
    house = House()
    async with running(api, house):
        api.say("one")
        await until(lambda: house.inbox.states == ["settled"])
    assert [chat_id for chat_id, _ in house.places.gone] == ["7"]


async def test_somebody_who_blocked_the_bot_stops_nothing(api: TelegramApi) -> None:
    house = House()
    house.people.known["9"] = "Carl"
    api.blocked.add(9)
    async with running(api, house):
        api.say("one", user_id=9)
        api.say("two")
        await api.wait_for(1)
        await until(lambda: house.inbox.states == ["settled", "settled"])
    assert api.texts()[0].startswith("Re: two")
    assert sum(fields.get("chat_id") == "9" for method, fields in api.calls if method == "sendMessage") == 1


async def test_a_group_that_became_a_supergroup_is_followed(api: TelegramApi) -> None:
    api.fail("sendMessage", migrated(-100777))
    async with running(api, House()):
        api.say("/status", chat_id=-55, chat_type="group")
        api.say("/again", chat_id=-55, chat_type="group")
        await api.wait_for(2)
    assert [message.chat_id for message in api.sent] == [-100777, -100777]


async def test_a_second_poller_is_named_and_waited_for(api: TelegramApi) -> None:
    api.fail("getUpdates", *[Failure(409, "Conflict: terminated by other getUpdates request")] * 3)
    with capture_logs() as logs:
        async with running(api, House()):
            api.say("one")
            await api.wait_for(1)
    said = [entry for entry in logs if entry["event"] == "telegram_not_ready"]
    assert len(said) == 1
    assert "another process" in said[0]["reason"]
    assert "telegram_ready" in [entry["event"] for entry in logs]


async def test_a_webhook_in_the_way_is_removed(api: TelegramApi) -> None:
    api.webhook = "https://example.org/hook"
    async with running(api, House()):
        api.say("one")
        await api.wait_for(1)
    assert api.webhook == ""


async def test_a_refused_token_is_said_without_the_token(api: TelegramApi) -> None:
    with capture_logs() as logs:
        async with running(api, House(), token="999:WRONG-secret") as polling:
            await until(lambda: polling.trouble is not None)
            assert not polling.ready
            assert "TELEGRAM_BOT_TOKEN" in str(polling.trouble)
    assert "WRONG-secret" not in str(logs)


async def test_commands_that_cannot_be_registered_stop_nothing(api: TelegramApi) -> None:
    api.fail("setMyCommands", Failure(400, "Bad Request: can't parse commands"))
    async with running(api, House()):
        api.say("one")
        await api.wait_for(1)


async def test_a_server_that_goes_away_is_found_again(api: TelegramApi) -> None:
    house = House()
    async with running(api, house) as polling:
        api.say("one")
        await api.wait_for(1)
        await api.stop()
        await until(lambda: not polling.ready)
        api.say("two")
        await asyncio.sleep(0.1)
        await api.start()
        await api.wait_for(2)
        await until(lambda: polling.ready)
    assert [text.split("\n")[0] for text in api.texts()] == ["Re: one", "Re: two"]


async def test_an_update_that_nobody_can_read_does_not_hold_up_the_next(api: TelegramApi) -> None:
    api.push({"message": {"message_id": "?", "chat": 12, "date": "yesterday"}})
    api.push({"message": None})
    api.push({"edited_message": {"message_id": 1}})
    async with running(api, House()):
        api.say("one")
        await api.wait_for(1)
        await until(lambda: api.unconfirmed == 0)


async def test_a_long_answer_arrives_whole_in_parts_that_telegram_takes(api: TelegramApi) -> None:
    house = House()
    house.assistant.text = "\n".join(f"**{n}** <b>&amp; 🔋🇺🇸 السلام {'x' * 60} `code & <tag>`" for n in range(150))
    async with running(api, house):
        api.say("everything")
        await until(lambda: house.inbox.states == ["settled"], timeout_s=10)
    joined = "\n".join(api.texts())
    for n in range(150):
        assert f"{n} <b>&amp; 🔋🇺🇸 السلام {'x' * 60} code & <tag>" in joined
    assert len(api.sent) > 2


async def test_a_long_answer_goes_before_its_chart(api: TelegramApi) -> None:
    house = House()
    house.assistant.text = "word " * 300
    async with running(api, house):
        api.say("chart please")
        text, photo = await api.wait_for(2)
    assert (text.method, photo.method) == ("sendMessage", "sendPhoto")
    assert "66" in photo.text


async def test_a_photo_that_telegram_refuses_goes_as_text(api: TelegramApi) -> None:
    api.fail("sendPhoto", Failure(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
    async with running(api, House()):
        api.say("chart please")
        (text,) = await api.wait_for(1)
    assert text.text.startswith("Re: chart please")
    assert "could not be sent as a picture" in text.text


async def test_markup_in_a_name_is_inert(api: TelegramApi) -> None:
    house = House()
    house.assistant.text = (
        'Device <a href="https://evil.example">garage</a> & <b>shed is on [here](https://evil.example/?q=1)'
    )
    async with running(api, house):
        api.say("devices")
        (text,) = await api.wait_for(1)
    assert '<a href="[link removed]">garage</a> & <b>shed is on here' in text.text
    assert "evil.example" not in text.markup


async def test_a_message_of_a_megabyte_and_an_emoji_name_do_no_harm(api: TelegramApi) -> None:
    house = House()
    async with running(api, house):
        api.say("x" * 1_048_576, name="\u202eeman\u200b\U0001f600")
        await api.wait_for(1)
    assert "longer than 8,000 characters" in api.texts()[0]
    assert house.assistant.asked == []


async def test_a_tap_on_a_button_is_answered_so_that_it_stops_turning(api: TelegramApi) -> None:
    somebody = {"id": 7, "is_bot": False, "first_name": "Ann"}
    api.push({"callback_query": {"id": "42", "from": somebody, "chat_instance": "c", "data": "token"}})
    async with running(api, House()):
        await until(lambda: ("answerCallbackQuery", {"callback_query_id": "42"}) in api.calls)
