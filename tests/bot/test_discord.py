"""A whole conversation over the wire, against the Discord double."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.forms import Form, FormField
from bot.message import Address
from bot.reply import FORM, Button
from tests.bot.house import PNG, Buttons, House, Redeemed
from tests.bot.stages.discord import Sources, running
from tests.doubles.discord_api import DiscordApi
from tests.doubles.discord_world import CHANNEL, DIRECT, THREAD, Failure

PREFS = Form(
    "prefs",
    "Your preferences, all of them, with a title that is much too long for Discord",
    (
        FormField("min_soc_pct", "Minimum SOC", "30", "0 to 100 %"),
        FormField("unit", "Temperature", "C", choices=(("C", "Celsius"), ("F", "Fahrenheit"))),
    ),
)


@pytest.fixture
async def discord_api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        yield double


def slow(house: House, pause_s: float) -> None:
    async def before(_: str) -> None:
        await asyncio.sleep(pause_s)

    house.assistant.before = house.commands.before = before


async def test_text_in_text_and_chart_out(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()) as adapter:
        await discord_api.say("how is the battery?")
        await discord_api.say("chart of the battery")
        text, chart = await discord_api.wait_for(2)
        assert adapter.ready
        assert adapter.last_poll_age_s is not None
        assert adapter.last_poll_age_s < 5
    assert text.text == "Re: how is the battery?\nas of 12:00, Victron"
    assert text.content.endswith("\n-# as of 12:00, Victron")
    assert not text.previews
    ((name, alt, png),) = chart.pictures
    assert name.startswith("soc-ranch")
    assert png == PNG
    assert "Battery" in alt


async def test_typing_is_shown_while_we_work_and_no_oftener_than_discord_needs(discord_api: DiscordApi) -> None:
    house = House()
    slow(house, 0.3)
    async with running(discord_api, house):
        await discord_api.say("how is the battery?")
        await discord_api.wait_for(1)
    assert discord_api.typing == [DIRECT + 7]


async def test_the_step_is_one_message_and_the_answer_takes_its_place(discord_api: DiscordApi) -> None:
    house = House()
    slow(house, 0.3)
    async with running(discord_api, house):
        await discord_api.say("how is the battery?")
        await discord_api.until(lambda: house.inbox.states == ["settled"])
    (post,) = discord_api.posts
    assert post.shown == ["checking the battery ...", "Re: how is the battery?\nas of 12:00, Victron"]


async def test_an_answer_takes_the_place_of_a_step_that_is_still_on_its_way(discord_api: DiscordApi) -> None:
    house = House()
    slow(house, 0.1)
    async with running(discord_api, house):
        discord_api.fail("post", Failure(lands=True, hangs_s=0.4))
        await discord_api.say("how is the battery?")
        await discord_api.until(lambda: house.inbox.states == ["settled"])
    (post,) = discord_api.posts
    assert post.text.startswith("Re: how is the battery?")


async def test_a_tap_that_takes_a_while_shows_the_typing_sign(discord_api: DiscordApi) -> None:
    class SlowButtons(Buttons):
        async def redeem(self, token: str, person_id: str, place: str, key: str) -> Redeemed:
            await asyncio.sleep(0.5)
            return await super().redeem(token, person_id, place, key)

    house = House(buttons=SlowButtons({"t1": {"text": "stopped"}}))
    house.commands.buttons = ((Button("Stop", "t1"),),)
    async with running(discord_api, house):
        await discord_api.command("/miners")
        (asked,) = await discord_api.wait_for(1)
        await discord_api.tap(asked, "Stop")
        await discord_api.until(lambda: asked.text.startswith("Done"))
    assert discord_api.typing == [DIRECT + 7]


async def test_a_quick_command_is_answered_with_one_call(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()):
        called = await discord_api.command("/miners stop s19-1 2h and more")
        (answer,) = await discord_api.wait_for(1)
    assert answer.text == "miners: stop s19-1 2h and more"
    assert called.acknowledged == 4
    assert [what for what, _, _ in discord_api.calls if what not in ("me", "application", "gateway", "commands")] == [
        "callback"
    ]


async def test_a_slow_command_thinks_within_three_seconds_and_answers_in_that_place(discord_api: DiscordApi) -> None:
    house = House()
    slow(house, 0.2)
    house = replace(house, limits=replace(house.limits, command_working_shown_after_s=60.0))
    async with running(discord_api, house, thinking_after_s=0.05):
        called = await discord_api.command("/status all of it")
        await discord_api.until(lambda: called.original is not None)
        assert called.original is not None
        assert called.original.thinking
        (answer,) = await discord_api.wait_for(1)
    assert called.acknowledged == 5
    assert answer is called.original
    assert answer.text == "status: all of it"


async def test_a_command_in_a_channel_is_answered_to_the_asker_alone(discord_api: DiscordApi) -> None:
    house = House()
    house.places.open.add(str(CHANNEL))
    async with running(discord_api, house):
        await discord_api.command("/status solar", group=True)
        (answer,) = await discord_api.wait_for(1)
    slow(house, 0.2)
    async with running(discord_api, house, thinking_after_s=0.02):
        called = await discord_api.command("/status grid", group=True)
        await discord_api.wait_for(2)
    assert (answer.text, answer.only_for, answer.channel_id) == ("status: solar", 7, CHANNEL)
    assert called.acknowledged == 5
    assert called.original is not None
    assert called.original.only_for == 7


async def test_a_chat_between_two_people_is_no_direct_chat(discord_api: DiscordApi) -> None:
    house = House()
    async with running(discord_api, house):
        await discord_api.command("/status", context=2)
        (answer,) = await discord_api.wait_for(1)
    assert "direct chat" in answer.text
    assert answer.only_for == 7
    assert house.commands.ran == []


async def test_a_channel_is_answered_when_it_names_the_bot_as_a_reply_in_its_thread(discord_api: DiscordApi) -> None:
    house = House()
    async with running(discord_api, house):
        await discord_api.say("we should mow the lawn", group=True, mention=False)
        asked = await discord_api.say("how is the battery?", group=True)
        in_thread = await discord_api.say("and here?", thread=True)
        first, second = await discord_api.wait_for(2)
    assert house.assistant.asked == []
    assert "direct chat" in first.text
    assert (first.reply_to, first.channel_id) == (asked, CHANNEL)
    assert (second.reply_to, second.channel_id) == (in_thread, THREAD)


async def test_an_open_channel_is_open_in_its_threads(discord_api: DiscordApi) -> None:
    house = House()
    house.places.open.add(str(CHANNEL))
    async with running(discord_api, house):
        await discord_api.say("how is the battery?", thread=True)
        (answer,) = await discord_api.wait_for(1)
    assert house.assistant.asked == ["how is the battery?"]
    assert (answer.channel_id, answer.text.split("\n")[0]) == (THREAD, "Re: how is the battery?")


async def test_bots_webhooks_and_service_messages_are_not_listened_to(discord_api: DiscordApi) -> None:
    house = House()
    async with running(discord_api, house):
        bot = {**discord_api.world.user(7), "bot": True}
        await discord_api.say("I am a bot", author=bot)
        await discord_api.say("I am a webhook", webhook_id="77")
        await discord_api.say("somebody joined", type=7)
        await discord_api.say("hello")
        await discord_api.wait_for(1)
    assert house.assistant.asked == ["hello"]


async def test_strangers_hear_nothing_and_are_noted(discord_api: DiscordApi) -> None:
    house = House()
    house.commands.buttons = ((Button("Stop", "t1"), Button("Form", f"{FORM}prefs")),)
    async with running(discord_api, house, sources=Sources({"prefs": PREFS})):
        await discord_api.say("hello?", user=666, name="Mallory")
        await discord_api.command("/status", user=666)
        await discord_api.command("/status", group=True)
        (post,) = await discord_api.wait_for(1)
        post.components = [
            {"components": [{"label": "Stop", "custom_id": "t1"}, {"label": "Form", "custom_id": "form:prefs"}]}
        ]
        await discord_api.tap(post, "Stop", user=666)
        await discord_api.tap(post, "Form", user=666)
        await discord_api.until(lambda: len(house.people.strangers) == 4)
    assert {shown.only_for for shown in discord_api.posts} == {7}
    assert discord_api.modals == []
    assert discord_api.typing == []
    assert [why for _, why in house.people.strangers].count("not paired, tapped a button") == 2


async def test_the_pairing_code_pairs_in_a_direct_chat(discord_api: DiscordApi) -> None:
    async with running(discord_api, House()):
        await discord_api.say("HQ7KZ-M2XD4", user=8, name="Bob")
        (welcome,) = await discord_api.wait_for(1)
    assert welcome.text.startswith("Hello Bob")


@pytest.mark.parametrize(
    ("name", "called"),
    [("\u202e@everyone **Bob**", "@everyone **Bob**"), ("\u200b\u2060", "somebody"), ("🌞 שי", "🌞 שי")],
)
async def test_a_deceiving_name_is_shown_for_what_it_is(discord_api: DiscordApi, name: str, called: str) -> None:
    async with running(discord_api, House()):
        await discord_api.say("HQ7KZ-M2XD4", user=8, name=name)
        (welcome,) = await discord_api.wait_for(1)
    assert welcome.text.startswith(f"Hello {called}, you are connected.")
    assert welcome.markup == set()


async def test_a_tap_is_acknowledged_and_its_message_replaced(discord_api: DiscordApi) -> None:
    house = House()
    house.buttons.actions["t1"] = {"text": "stopped"}
    house.commands.buttons = ((Button("Stop", "t1", "danger"), Button("Start", "t2", "primary")),)
    for group in (False, True):
        house.places.open.add(str(CHANNEL))
        house.buttons.used_by.clear()
        discord_api.world.posts.clear()
        async with running(discord_api, house):
            await discord_api.command("/miners", group=group)
            (asked,) = await discord_api.wait_for(1)
            assert [each["style"] for each in asked.components[0]["components"]] == [4, 1]
            tapped = await discord_api.tap(asked, "Stop")
            await discord_api.until(lambda asked=asked: asked.text.startswith("Done"))
        assert tapped.acknowledged == 6
        assert len(discord_api.posts) == 1
        assert asked.buttons == []


async def test_options_are_completed_while_somebody_types(discord_api: DiscordApi) -> None:
    sources = Sources()
    async with running(discord_api, House(), sources=sources):
        typed = await discord_api.type_option("miners", "miner", "s19")
        await discord_api.until(lambda: typed.acknowledged)
        sources.delay_s = 3.0
        late = await discord_api.type_option("miners", "miner", "s19")
        await asyncio.sleep(0.05)
    assert typed.choices == ["s19-1", "s19-2"]
    assert sources.asked == [("miners", "s19")]
    assert late.choices == []


async def test_a_form_opens_from_its_button_and_comes_back(discord_api: DiscordApi) -> None:
    house = House()
    house.commands.buttons = ((Button("Change", f"{FORM}prefs"),),)
    async with running(discord_api, house, sources=Sources({"prefs": PREFS})):
        await discord_api.command("/status")
        (asked,) = await discord_api.wait_for(1)
        tapped = await discord_api.tap(asked, "Change")
        await discord_api.until(lambda: discord_api.modals)
        (shown,) = discord_api.modals
        sent = await discord_api.send_form(shown, {"min_soc_pct": "45", "unit": "F"})
        _, answer = await discord_api.wait_for(2)
    assert tapped.acknowledged == 9
    assert sent.acknowledged == 6
    assert house.commands.forms == [("prefs", {"min_soc_pct": "45", "unit": "F"})]
    assert answer.text == "Saved: prefs"


async def test_a_form_is_not_offered_where_it_would_be_refused(discord_api: DiscordApi) -> None:
    house = House()
    house.places.open.add(str(CHANNEL))
    house.commands.buttons = ((Button("Change", f"{FORM}prefs"),),)
    async with running(discord_api, house, sources=Sources({"prefs": PREFS})):
        await discord_api.command("/status", group=True)
        (asked,) = await discord_api.wait_for(1)
        await discord_api.tap(asked, "Change")
        _, answer = await discord_api.wait_for(2)
    assert "direct chat" in answer.text
    assert answer.only_for == 7
    assert discord_api.modals == house.commands.forms == []


async def test_a_form_that_takes_too_long_says_so(discord_api: DiscordApi) -> None:
    house = House()
    house.commands.buttons = ((Button("Change", f"{FORM}prefs"), Button("Old", f"{FORM}gone")),)
    sources = Sources({"prefs": PREFS})
    async with running(discord_api, house, sources=sources):
        await discord_api.command("/status")
        (asked,) = await discord_api.wait_for(1)
        await discord_api.tap(asked, "Old")
        _, gone = await discord_api.wait_for(2)
        sources.delay_s = 10.0
        await discord_api.tap(asked, "Change")
        _, _, late = await discord_api.wait_for(3)
    assert "nothing any more" in gone.text
    assert "too long" in late.text
    assert house.commands.forms == []


async def test_the_message_that_stays_up_to_date_is_everybodys_in_a_channel_and_pinned(
    discord_api: DiscordApi,
) -> None:
    house = House()
    house.places.open.add(str(CHANNEL))
    async with running(discord_api, house) as adapter:
        await discord_api.command("/live", group=True)
        await discord_api.until(lambda: house.live.kept)
        await discord_api.until(lambda: any(post.pinned for post in discord_api.posts))
        note, live = discord_api.posts
        await discord_api.command("/live")
        await discord_api.until(lambda: len(house.live.kept) == 2)
        assert not await adapter.outlet.pin(Address("discord", str(CHANNEL)), "123")
    assert (note.only_for, live.only_for) == (7, None)
    assert live.pinned
    assert [ref for _, _, ref in house.live.kept] == [str(live.post_id), str(discord_api.posts[-1].post_id)]


async def test_readiness_is_logged_once_and_no_log_line_holds_a_token(discord_api: DiscordApi) -> None:
    with capture_logs() as logs:
        async with running(discord_api, House()):
            await discord_api.say("hello")
            called = await discord_api.command("/status")
            await discord_api.wait_for(2)
    assert [entry["username"] for entry in logs if entry["event"] == "discord_ready"] == ["commandcenter"]
    assert discord_api.token not in str(logs)
    assert called.token not in str(logs)


async def test_a_command_is_answered_within_300_ms(discord_api: DiscordApi) -> None:
    took: list[float] = []
    async with running(discord_api, House()):
        for n in range(40):
            began = time.perf_counter()
            await discord_api.command(f"/status {n}", user=7)
            posts = await discord_api.wait_for(n + 1)
            took.append(posts[-1].at - began)
    assert sorted(took)[37] < 0.3
