"""A whole conversation over the wire, against the Slack double."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from bot.platforms.slack.ingress import SlackAdapter
from tests.bot.house import PNG, House
from tests.bot.slack_stage import running, until
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_world import TEAM, Failure, lost_answer, too_many


@pytest.fixture
async def slack() -> AsyncIterator[SlackApi]:
    async with SlackApi() as api:
        yield api


def slow(house: House, pause_s: float) -> House:
    async def before(question: str) -> None:
        await asyncio.sleep(pause_s)

    house.assistant.before = before
    return house


async def test_text_in_blocks_and_a_file_out(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        slack.socket.say("how is the battery?")
        slack.socket.say("chart of the battery")
        text, second, picture = await slack.wait_for(3)
        assert adapter.ready
        assert adapter.last_poll_age_s is not None
        assert adapter.last_poll_age_s < 5
    assert text.shown == "Re: how is the battery?\nas of 12:00, Victron"
    assert text.blocks[-1]["type"] == "context"
    assert text.text == text.shown
    assert (text.fields["unfurl_links"], text.fields["unfurl_media"]) in [(False, False), ("0", "0")]
    assert second.shown.startswith("Re: chart of the battery")
    assert picture.files == [PNG]
    assert "66" in picture.alt


async def test_every_envelope_is_acknowledged_in_time_and_none_comes_again(slack: SlackApi) -> None:
    async with running(slack, slow(House(), 0.3)):
        asked = [slack.socket.say("how is the battery?"), slack.socket.command("status"), slack.socket.command("")]
        await slack.wait_for(3)
    assert all(each.acknowledged_at is not None and each.acknowledged_at - each.given_at < 1 for each in asked)
    assert [each.deliveries for each in asked] == [1, 1, 1]


async def test_what_is_being_done_is_one_line_that_goes_when_the_answer_comes(slack: SlackApi) -> None:
    async with running(slack, slow(House(), 0.3)):
        slack.socket.say("how is the battery?")
        (line,) = await slack.wait_for(1)
        assert line.shown == "checking the battery ..."
        await slack.until(lambda: any(text.startswith("Re:") for text in slack.texts()))
    assert slack.texts() == ["Re: how is the battery?\nas of 12:00, Victron"]
    assert len(slack.called("chat.delete")) == 1


async def test_a_progress_line_that_was_still_being_written_goes_too(slack: SlackApi) -> None:
    slack.fail("chat.postMessage", Failure(lands=True, hangs_s=0.4))
    async with running(slack, slow(House(), 0.1)):
        slack.socket.say("how is the battery?")
        await slack.until(lambda: slack.texts() == ["Re: how is the battery?\nas of 12:00, Victron"])


async def test_a_thread_shows_its_status_while_we_work_and_a_server_without_it_is_asked_once(slack: SlackApi) -> None:
    house = slow(House(), 0.15)
    house.places.open.add("C0GROUP")
    async with running(slack, house):
        ts = slack.socket.mention("how is the battery?")
        await slack.until(lambda: any(text.startswith("Re:") for text in slack.texts()))
        assert set(slack.statuses) == {("C0GROUP", ts, "is working on it ...")}
        slack.unknown.add("assistant.threads.setStatus")
        before = len(slack.called("assistant.threads.setStatus"))
        slack.socket.mention("and now?")
        await slack.until(lambda: sum(text.startswith("Re:") for text in slack.texts()) == 2)
    assert len(slack.called("assistant.threads.setStatus")) == before + 1


async def test_a_mention_opens_a_thread_and_a_channel_that_is_not_open_hears_no_figures(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        ts = slack.socket.mention("how is the battery?")
        slack.socket.say("we should mow the lawn", channel="C0GROUP")
        inside = slack.socket.mention("and now?", thread_ts=ts)
        await slack.wait_for(2)
    assert house.assistant.asked == []
    assert all("direct chat" in message.shown for message in slack.messages)
    assert [message.thread for message in slack.messages] == [ts, ts]
    assert inside != ts


async def test_a_message_in_a_thread_of_the_direct_chat_is_answered_there(slack: SlackApi) -> None:
    async with running(slack, House()):
        first = slack.socket.say("one")
        await slack.wait_for(1)
        slack.socket.say("two", thread_ts=first.payload["event"]["ts"])
        await slack.wait_for(2)
    assert [message.thread for message in slack.messages] == [None, first.payload["event"]["ts"]]


async def test_a_mention_that_comes_as_two_events_is_answered_once(slack: SlackApi) -> None:
    house = House()
    house.places.open.add("C0GROUP")
    async with running(slack, house):
        slack.socket.mention("how is the battery?", twice=True)
        await until(lambda: house.inbox.states == ["settled"])
        await until(lambda: all(each.acknowledged for each in slack.socket.envelopes))
    assert house.assistant.asked == ["how is the battery?"]
    assert len(slack.messages) == 1


async def test_edits_joins_and_bots_are_not_messages(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        channel = slack.direct("U7")
        old = {"user": "U7", "text": "old", "ts": "1.1"}
        slack.socket.say("", subtype="message_changed", message=old)
        slack.socket.say("x", subtype="bot_message", bot_id="B9")
        slack.socket.say("x", bot_id="B0BOT")
        slack.socket.say("Ann has joined", subtype="channel_join", channel=channel)
        slack.socket.mention("edited in later", edited={"user": "U7", "ts": "1.2"})
        slack.socket.event({"type": "reaction_added", "user": "U7", "reaction": "eyes"})
        await until(lambda: all(each.acknowledged for each in slack.socket.envelopes))
    assert house.inbox.rows == {}
    assert slack.messages == []


async def test_an_event_that_nobody_can_read_does_not_hold_up_the_next(slack: SlackApi) -> None:
    async with running(slack, House()) as adapter:
        slack.socket.event({"type": "message", "channel": 12, "ts": None, "user": ["U7"]})
        slack.socket.send("interactive", {"type": "block_actions", "actions": "?"})
        slack.socket.send("interactive", {"type": "something_new", "user": {"id": "U7"}})
        slack.socket.say("one")
        await slack.wait_for(1)
        assert adapter.ready


async def test_a_file_is_named_as_something_we_do_not_read(slack: SlackApi) -> None:
    async with running(slack, House()):
        slack.socket.say("", subtype="file_share", files=[{"id": "F1", "filetype": "pdf", "size": 12}])
        (reply,) = await slack.wait_for(1)
    assert "text only" in reply.shown


async def test_strangers_hear_nothing_and_are_audited(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        slack.socket.say("hello?", user="U666")
        slack.socket.command("status", user="U666")
        slack.socket.say("guest of a shared channel", user="U7", user_team="T0ELSEWHERE")
        slack.socket.say("hello")
        await slack.wait_for(1)
        await until(lambda: len(house.people.strangers) == 3)
    assert {message.channel for message in slack.messages} == {"D0U7"}
    assert {who for who, _ in house.people.strangers} == {f"{TEAM}:U666", "T0ELSEWHERE:U7"}


async def test_a_code_in_the_direct_chat_or_after_start_pairs(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        slack.socket.command("start HQ7KZ-M2XD4", user="U8")
        (hello,) = await slack.wait_for(1)
        house.people.code = "HQ7KZ-M2XD5"
        slack.socket.say("HQ7KZ-M2XD5", user="U9")
        await slack.wait_for(2)
    assert hello.shown.startswith("Hello person.u8")
    assert slack.texts("D0U9")[0].startswith("Hello Person U9")


async def test_a_flood_limit_is_obeyed_and_nothing_is_lost(slack: SlackApi) -> None:
    slack.fail("chat.postMessage", too_many(1))
    started = time.monotonic()
    async with running(slack, House()):
        slack.socket.say("one")
        slack.socket.say("two")
        await slack.wait_for(2)
    assert time.monotonic() - started >= 1.0
    assert [text.split("\n")[0] for text in slack.texts()] == ["Re: one", "Re: two"]


@pytest.mark.parametrize("failure", [lost_answer(), Failure(lands=True, hangs_s=1.3)], ids=["lost", "slow"])
async def test_a_reply_whose_receipt_got_lost_is_not_sent_twice(slack: SlackApi, failure: Failure) -> None:
    slack.fail("chat.postMessage", failure)
    house = House()
    with capture_logs() as logs:
        async with running(slack, house):
            slack.socket.say("one")
            await until(lambda: house.inbox.states == ["settled"])
            slack.socket.say("two")
            await slack.wait_for(2)
    assert [text.split("\n")[0] for text in slack.texts()] == ["Re: one", "Re: two"]
    assert [entry["event"] for entry in logs if entry["event"] == "send_unconfirmed"] == ["send_unconfirmed"]


@pytest.mark.parametrize("failure", [Failure(502), Failure(200, "internal_error")], ids=["502", "internal_error"])
async def test_a_server_error_is_tried_again(slack: SlackApi, failure: Failure) -> None:
    slack.fail("chat.postMessage", failure)
    async with running(slack, House()):
        slack.socket.say("one")
        await slack.wait_for(1)
    assert len(slack.messages) == 1


async def test_an_upload_that_breaks_before_its_last_step_is_repeated_and_shown_once(slack: SlackApi) -> None:
    slack.fail("files.getUploadURLExternal", Failure(cuts=True))
    slack.fail("upload", Failure(cuts=True))
    async with running(slack, House()):
        slack.socket.say("chart please")
        await slack.wait_for(2)
    assert [len(message.files) for message in slack.messages] == [0, 1]


async def test_a_chart_that_slack_refuses_is_told_in_words(slack: SlackApi) -> None:
    slack.fail("files.completeUploadExternal", Failure(error="file_uploads_disabled"))
    async with running(slack, House()):
        slack.socket.say("chart please")
        _, note = await slack.wait_for(2)
    assert "could not be sent as a picture" in note.shown
    assert "66" in note.shown


async def test_a_person_who_is_gone_stops_nothing_and_their_chat_is_no_way_any_more(slack: SlackApi) -> None:
    house = House()
    house.people.known["9"] = "Carl"
    slack.gone_users.add("U9")
    async with running(slack, house):
        slack.socket.say("one", user="U9")
        slack.socket.say("two")
        await slack.wait_for(1)
        await until(lambda: house.inbox.states == ["settled", "settled"])
    assert slack.texts()[0].startswith("Re: two")
    assert [chat for chat, _ in house.places.gone] == ["D0U9"]


async def test_blocks_that_slack_does_not_take_go_as_plain_text(slack: SlackApi) -> None:
    slack.fail("chat.postMessage", Failure(error="invalid_blocks"))
    async with running(slack, House()):
        slack.socket.say("one")
        (text,) = await slack.wait_for(1)
    assert (text.shown, text.blocks) == ("Re: one\nas of 12:00, Victron", [])


async def test_a_long_answer_arrives_whole_in_parts_that_slack_takes(slack: SlackApi) -> None:
    house = House()
    house.assistant.text = "\n".join(f"**{n}** <b>&amp; 🔋🇺🇸 السلام {'x' * 60} `code & <tag>`" for n in range(150))
    async with running(slack, house):
        slack.socket.say("everything")
        await until(lambda: house.inbox.states == ["settled"], timeout_s=10)
    joined = "\n".join(slack.texts())
    for n in range(150):
        assert f"{n} <b>&amp; 🔋🇺🇸 السلام {'x' * 60} code & <tag>" in joined
    assert len(slack.messages) > 2


async def test_markup_in_a_name_is_inert(slack: SlackApi) -> None:
    house = House()
    hostile = "<!channel> <@U8> <https://evil.example|garage> *bold* _it_ ~no~ `code` :fire: @here & more"
    house.assistant.text = f"Device {hostile} is on"
    async with running(slack, house):
        slack.socket.say("devices")
        (text,) = await slack.wait_for(1)
    assert "<!channel> <＠U8>" in text.shown
    assert "*bold* _it_ ~no~" in text.shown
    assert slack.broken_mentions == []
    kinds = {part["type"] for element in text.blocks[0]["elements"] for part in element["elements"]}
    assert kinds == {"text"}


async def test_a_message_of_forty_thousand_characters_and_an_emoji_name_do_no_harm(slack: SlackApi) -> None:
    house = House()
    async with running(slack, house):
        slack.socket.say("x" * 40_000, user_profile={"display_name": "\u202eeman\u200b\U0001f600"})
        await slack.wait_for(1)
    assert "longer than 8,000 characters" in slack.texts()[0]
    assert house.assistant.asked == []


async def test_a_token_that_slack_refuses_is_named_without_being_told(slack: SlackApi) -> None:
    with capture_logs() as logs:
        async with running(slack, House(), bot_token="xoxb-WRONG-secret") as adapter:
            await until(lambda: adapter.trouble is not None)
            assert not adapter.ready
            assert "SLACK_BOT_TOKEN" in str(adapter.trouble)
        async with running(slack, House(), app_token="xapp-WRONG-secret") as adapter:
            await until(lambda: adapter.trouble is not None)
            assert "SLACK_APP_TOKEN" in str(adapter.trouble)
    assert "WRONG-secret" not in str(logs)


async def test_readiness_is_logged_once_and_no_log_line_holds_a_token(slack: SlackApi) -> None:
    with capture_logs() as logs:
        async with running(slack, House()):
            slack.socket.say("hello")
            await slack.wait_for(1)
    assert [entry["team"] for entry in logs if entry["event"] == "slack_ready"] == [TEAM]
    assert slack.bot_token not in str(logs)
    assert slack.app_token not in str(logs)


async def test_it_wants_a_way_to_hear_slack(slack: SlackApi) -> None:
    with pytest.raises(ValueError, match="SLACK_APP_TOKEN"):
        async with running(slack, House(), app_token=None) as adapter:
            assert isinstance(adapter, SlackAdapter)
