"""A Discord that we did not write, simcord, lets people talk to our adapter.

Usage: judge.py SITE_PACKAGES, with our own Python: simcord simulates Discord inside the process of the bot's client.
Prints one JSON object with what people saw.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT)]
sys.path.append(sys.argv[1])

import bot.platforms.discord  # noqa: E402 - before simcord, so that the SDK is loaded our way
import discord  # noqa: E402
import simcord  # noqa: E402
import structlog  # noqa: E402
from pydantic import SecretStr  # noqa: E402

from bot.forms import Form, FormField  # noqa: E402
from bot.message import Sender  # noqa: E402
from bot.platforms.discord.ingress import DiscordAdapter  # noqa: E402
from bot.reply import FORM, Button  # noqa: E402
from tests.bot.house import QUICK, House  # noqa: E402
from tests.bot.stages.discord import COMMANDS, KeptHash, Sources  # noqa: E402

NAME = "**Mallory** <@1> @everyone"
PREFS = Form(
    "prefs",
    "Preferences",
    (
        FormField("min_soc_pct", "Minimum SOC", "30", "0 to 100"),
        FormField("unit", "Unit", "C", choices=(("C", "Celsius"), ("F", "Fahrenheit"))),
    ),
)


def shown(message: Any) -> dict[str, Any]:
    """What a message shows."""
    return {
        "text": message.content,
        "buttons": [each["label"] for row in _rows(message) for each in row],
        "files": [[each.filename, each.description, each.size] for each in message.attachments],
        "suppressed": bool(message.flags.suppress_embeds),
        "ephemeral": bool(message.flags.ephemeral),
        "mentions": [str(user.id) for user in getattr(message, "mentions", [])],
    }


def _rows(message: Any) -> list[list[dict[str, Any]]]:
    raw = [row if isinstance(row, dict) else row.to_dict() for row in message.components]
    return [row["components"] for row in raw]


def adapter_for(house: House, registered: KeptHash) -> DiscordAdapter:
    """Our adapter in a house."""

    async def form(sender: Sender, name: str) -> Form | None:
        return PREFS if sender.external_id in house.people.known and name == "prefs" else None

    sources = Sources()
    return DiscordAdapter(
        SecretStr("simcord"),
        house.chat(),
        commands=COMMANDS,
        complete=sources.complete,
        form_source=form,
        registered=registered,
    )


async def main() -> None:
    """One conversation: a question, a chart, commands, buttons, a form, a channel, a restart."""
    found: dict[str, Any] = {}
    # simcord's ids, which tell when something was sent, stand still somewhere in the past
    long_ago = timedelta(days=10_000)
    house, registered = House(limits=replace(QUICK, oldest_command=long_ago, oldest_stop=long_ago)), KeptHash()
    house.people.known.clear()
    nothing_privileged = discord.Intents.default()
    async with simcord.run(adapter_for(house, registered).connection(), approved_intents=nothing_privileged) as env:
        guild = env.create_guild()
        channel = guild.create_text_channel("ranch")
        ann = guild.add_member(env.create_user("ann"))
        mallory = guild.add_member(env.create_user("mallory"))
        house.people.known[str(ann.id)] = "Ann"
        house.buttons.actions["t1"] = {"text": f"stopped {NAME}"}
        found["commands"] = list(ann.available_commands(channel))

        await ann.send_dm("how is the battery?")
        found["answer"] = shown(ann.user.dm_channel.last_message)
        await ann.send_dm("chart of the battery")
        found["chart"] = shown(ann.user.dm_channel.last_message)
        house.assistant.text = f"Device {NAME} is on"
        await ann.send_dm("hostile")
        found["hostile"] = shown(ann.user.dm_channel.last_message)

        house.commands.buttons = ((Button("Stop", "t1", "danger"), Button("Change", f"{FORM}prefs")),)
        listed = await ann.user.slash("miners", action="stop", miner="s19-1", time="2h")
        found["command"] = shown(listed.response)
        found["completed"] = [
            each["value"] for each in await ann.user.autocomplete("miners", "miner", "s19", action="stop")
        ]
        asked = await ann.user.click(listed.response, label="Change")
        found["form"] = [asked.modal["title"], len(asked.modal["components"])] if asked.modal else None
        sent = await ann.user.submit_modal(asked, {"min_soc_pct": "45", "unit": ["F"]})
        found["form_sent"] = [sent.acknowledged, ann.user.dm_channel.last_message.content]

        house.commands.buttons = ()
        private = await ann.slash(channel, "status", what="solar")
        found["in_channel"] = shown(private.response)
        await ann.send(channel, "we should mow the lawn")
        await ann.send(channel, f"<@{env.bot.user.id}> how is the battery?")
        found["mention"] = [message.content for message in channel.history()]
        stranger = await mallory.slash(channel, "status")
        await mallory.send_dm("hello?")
        found["stranger"] = [stranger.acknowledged, [m.content for m in mallory.user.dm_channel.history()][1:]]

        old = listed.response
        await env.restart_bot(adapter_for(house, registered).connection())
        tapped = await ann.user.click(old, label="Stop")
        found["tapped"] = shown(old)
        found["tap_acknowledged"] = tapped.acknowledged
    found["registered"] = registered.kept
    found["ran"] = [[name, arguments] for name, arguments, _ in house.commands.ran]
    found["asked"] = house.assistant.asked
    found["forms"] = [[name, fields] for name, fields in house.commands.forms]
    print(json.dumps(found))


structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
logging.basicConfig(stream=sys.stderr)
assert bot.platforms.discord
asyncio.run(main())
