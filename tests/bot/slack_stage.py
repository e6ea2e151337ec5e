"""A bot on the Slack double, for as long as a block runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from bot.commands.command import Command
from bot.forms import Form, FormField
from bot.message import Sender
from bot.platforms.slack.ingress import SlackAdapter
from bot.ports import ProgressRefs
from tests.bot.house import STATUS, House
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_world import TEAM

ZONES = tuple((f"Area/Town_{number:03d}", f"Town {number:03d}") for number in range(150))


@dataclass
class Forms:
    """The form "prefs", for those who are known."""

    known: set[str] = field(default_factory=lambda: {f"{TEAM}:U7"})
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def source(self, sender: Sender, name: str) -> Form | None:
        self.asked.append(name)
        await asyncio.sleep(self.delay_s)
        if sender.external_id not in self.known or name != "prefs":
            return None
        return Form(
            "prefs",
            "Battery preferences of the whole household",
            (
                FormField("min_soc_pct", "Minimum SOC", "30", "20 to 90 %"),
                FormField("priority", "Miners", "always", choices=(("always", "Always"), ("never", "Never"))),
                FormField("timezone", "Time zone", "Area/Town_007", choices=ZONES),
            ),
        )

    async def complete(self, kind: str, typed: str, sender: Sender) -> list[str]:
        if sender.external_id not in self.known:
            return []
        words = {"miners": ["s19-1", "s19-2", "s21"], "commands": ["status", "miners"]}
        return [word for word in words.get(kind, []) if typed in word]


def _at_home(house: House) -> House:
    """The house, whose people have their Slack accounts too: account 7 is TEAM:U7."""
    for account, name in list(house.people.known.items()):
        if ":" not in account:
            house.people.known[f"{TEAM}:U{account}"] = name
    return house


@contextlib.asynccontextmanager
async def running(
    api: SlackApi,
    house: House,
    *,
    forms: Forms | None = None,
    commands: Sequence[Command] = (STATUS,),
    bot_token: str = "",
    app_token: str | None = "",
    signing_secret: str | None = None,
    at_home: bool = True,
    kill: bool = False,
    progress_refs: ProgressRefs | None = None,
) -> AsyncIterator[SlackAdapter]:
    """A bot until the block ends; with `kill` nothing is finished or saved then. `app_token` None: HTTP."""
    if at_home:
        _at_home(house)
    forms = forms or Forms()
    chat = house.chat()
    adapter = SlackAdapter(
        SecretStr(bot_token or api.bot_token),
        SecretStr(app_token or api.app_token) if app_token is not None else None,
        SecretStr(signing_secret) if signing_secret else None,
        chat,
        commands=commands,
        complete=forms.complete,
        form_source=forms.source,
        api_base_url=api.url,
        reply_timeout_s=1.0,
        first_pause_s=0.02,
        longest_pause_s=0.1,
        progress_refs=progress_refs,
    )
    task = asyncio.create_task(adapter.run())
    try:
        yield adapter
    finally:
        task.cancel()
        await chat.close(drain_s=0 if kill else 5)
        await asyncio.gather(task, return_exceptions=True)
        await adapter.close()


async def until(condition: object, *, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)
