"""emulate, a Slack that we did not write, takes what the adapter sends and shows what it should."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.message import Address
from bot.platforms.slack.manifest import SCOPES
from bot.reply import FORM, Button
from tests.bot.house import House
from tests.bot.slack_stage import Forms, running, until
from tests.doubles.slack_world import Posted
from tests.judges.slack_emulator import BOT_TOKEN, Emulated, emulated

pytestmark = [pytest.mark.judge, pytest.mark.timeout(300)]
TEAM, ANN, RANCH = "T000000001", "U000000001", "C000000001"


def household() -> House:
    house = House()
    house.people.known[f"{TEAM}:{ANN}"] = "Ann"
    house.places.open.add(RANCH)
    house.commands.buttons = ((Button("Stop", "tok-1", "danger"), Button("Change", f"{FORM}prefs")),)
    house.buttons.actions = {"tok-1": {"text": "stopped"}}
    return house


async def standing(api: Emulated, channel: str, *, thread: str | None = None) -> list[Posted]:
    """What emulate shows in a channel, or in a thread of it, oldest first."""
    if thread is None:
        found = (await api.ask("conversations.history", channel=channel, limit=100))["messages"][::-1]
    else:
        found = (await api.ask("conversations.replies", channel=channel, ts=thread, limit=100))["messages"]
    return [_posted(channel, message) for message in found]


def _posted(channel: str, message: dict[str, Any]) -> Posted:
    blocks = message.get("blocks") or []
    blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
    files = [file["name"].encode() for file in message.get("files", ())]
    return Posted(channel, message["ts"], message["text"], blocks, message.get("thread_ts"), files=files)


async def test_a_conversation_stands_there_as_it_was_meant() -> None:
    house = household()
    seen_at_work = asyncio.Event()

    async def work(question: str) -> None:
        if "slowly" in question:
            await seen_at_work.wait()

    house.assistant.before = work
    async with emulated(list(SCOPES)) as api:
        chat = (await api.ask("conversations.open", token=BOT_TOKEN, users=ANN))["channel"]["id"]
        forms = Forms({f"{TEAM}:{ANN}"})
        async with running(api, house, forms=forms, at_home=False) as adapter:
            await until(lambda: adapter.ready)

            async def say(text: str) -> None:
                typed = await api.ask("chat.postMessage", channel=chat, text=text)
                api.socket.say(text, user=ANN, channel=chat, ts=typed["ts"], team=TEAM)

            async def settled(count: int) -> None:
                await until(lambda: house.inbox.states == ["settled"] * count, timeout_s=10)

            await say("chart of the battery")
            await settled(1)
            asked, text, picture = await standing(api, chat)
            assert (asked.shown, text.shown) == (
                "chart of the battery",
                "Re: chart of the battery\nas of 12:00, Victron",
            )
            assert [name[-4:] for name in picture.files] == [b".png"]

            await say("slowly please")  # the line is there while we work, and gone with the answer
            async with asyncio.timeout(5):
                while (await standing(api, chat))[-1].shown != "checking the battery ...":
                    await asyncio.sleep(0.01)
            seen_at_work.set()
            await settled(2)
            assert [each.shown.split("\n")[0] for each in (await standing(api, chat))[-2:]] == [
                "slowly please",
                "Re: slowly please",
            ]

            api.socket.command("status", user=ANN, channel=chat)
            await settled(3)
            message = (await standing(api, chat))[-1]
            assert [button.label for button in message.buttons] == ["Stop", "Change"]
            await api.ready_trigger()
            api.socket.tap(message, "Change", user=ANN)
            await until(lambda: bool(forms.asked))
            await until(lambda: all(each.acknowledged for each in api.socket.envelopes))
            api.socket.tap(message, "Stop", user=ANN)
            await settled(4)
            changed = (await standing(api, chat))[-1]
            assert (changed.ts, changed.shown, changed.buttons) == (message.ts, "Done: stopped", [])

            assert await adapter.outlet.pin(Address("slack", chat), message.ts)
            pinned = (await api.ask("pins.list", channel=chat))["items"]
            assert [item["message"]["ts"] for item in pinned] == [message.ts]

            named = await api.ask("chat.postMessage", channel=RANCH, text="<@U0BOT> how is it?")
            api.socket.mention("how is it?", user=ANN, channel=RANCH, ts=named["ts"], team=TEAM)
            await settled(5)
            _, answer = await standing(api, RANCH, thread=named["ts"])
            assert answer.shown.startswith("Re: how is it?")
    assert api.refusals == []


async def test_an_app_without_a_scope_says_which_and_answers_all_the_same() -> None:
    house = household()
    async with emulated([scope for scope in SCOPES if scope != "files:write"]) as api:
        chat = (await api.ask("conversations.open", token=BOT_TOKEN, users=ANN))["channel"]["id"]
        with capture_logs() as logs:
            async with running(api, house, at_home=False) as adapter:
                await until(lambda: adapter.ready)
                api.socket.say("chart of the battery", user=ANN, channel=chat, team=TEAM)
                await until(lambda: house.inbox.states == ["settled"], timeout_s=10)
        text, note = await standing(api, chat)
    assert text.shown.startswith("Re: chart of the battery")
    assert "could not be sent as a picture" in note.shown
    assert any("files:write" in str(entry.get("reason")) for entry in logs)
