"""A bot on the Discord double, for as long as a block runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bot.commands.command import Command, Context, Parameter
from bot.forms import Form
from bot.message import Address, Message, Sender
from bot.platforms.discord.ingress import DiscordAdapter
from bot.reply import Reply
from tests.bot.house import House
from tests.bot.stages.base import Failure, Lack, Native, Seen
from tests.doubles.discord_api import DiscordApi
from tests.doubles.discord_world import CHANNEL, DIRECT, closed_direct_messages, lost_answer, too_many


async def _never(scope: Any, context: Context, arguments: str) -> Reply:
    raise AssertionError("the table's own functions are not called here")


_WHAT = Parameter("what", "What to show, in words")
COMMANDS = (
    Command("status", "How the site is doing", _never, (_WHAT,)),
    Command(
        "miners",
        "Miners: list, start, stop",
        _never,
        (
            Parameter("action", "What to do", choices=("list", "start", "stop", "auto", "log")),
            Parameter("miner", "Which one", completes="miners"),
            Parameter("time", "For how long"),
        ),
    ),
    Command("live", "A message that is kept up to date", _never, (_WHAT,)),
    Command("link", "One more account", _never, (_WHAT,), private=True),
    Command("plan", "What comes next", None, until="the planner"),
)


@dataclass
class KeptHash:
    """What the database would hold."""

    value: str | None = None
    kept: int = 0

    async def known(self) -> str | None:
        return self.value

    async def keep(self, digest: str) -> None:
        self.value = digest
        self.kept += 1


@dataclass
class Sources:
    """Where completions and forms come from; account 7 is known."""

    forms: dict[str, Form] = field(default_factory=dict)
    delay_s: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def complete(self, kind: str, typed: str, sender: Sender) -> list[str]:
        await asyncio.sleep(self.delay_s)
        self.asked.append((kind, typed))
        return [name for name in ("s19-1", "s19-2", "s21") if typed in name]

    async def form(self, sender: Sender, name: str) -> Form | None:
        await asyncio.sleep(self.delay_s)
        return self.forms.get(name) if sender.external_id == "7" else None


@contextlib.asynccontextmanager
async def running(
    api: DiscordApi,
    house: House,
    *,
    commands: Sequence[Command] = COMMANDS,
    registered: KeptHash | None = None,
    sources: Sources | None = None,
    token: str = "",
    kill: bool = False,
    connected: bool = True,
    **settings: Any,
) -> AsyncIterator[DiscordAdapter]:
    """A bot until the block ends; with `kill` nothing is finished or saved then."""
    chat = house.chat()
    source = sources or Sources()
    adapter = DiscordAdapter(
        SecretStr(token or api.token),
        chat,
        commands=commands,
        complete=source.complete,
        form_source=source.form,
        registered=registered or KeptHash(),
        api_base_url=api.url,
        **{
            "reply_timeout_s": 1.0,
            "first_pause_s": 0.02,
            "longest_pause_s": 0.1,
            "identify_every_s": 0.05,
            **settings,
        },
    )
    task = asyncio.create_task(adapter.run())
    try:
        if connected:
            await api.until(lambda: adapter.ready and api.gateway.connected)
            await api.until(lambda: api.commands or not commands)
        yield adapter
    finally:
        task.cancel()
        await chat.close(drain_s=0 if kill else 5)
        await asyncio.gather(task, return_exceptions=True)
        await adapter.close()


class DiscordStage:
    """See `tests.bot.stages.base.Stage`."""

    platform = "discord"
    native = Native(bold="**{}**", code="`{}`", block="```\n{}\n```")
    lacks: Mapping[Lack, str] = {}

    def __init__(self, api: DiscordApi, house: House) -> None:
        self._api = api
        self._house = house
        self._registered = KeptHash()
        self._bot: contextlib.AbstractAsyncContextManager[DiscordAdapter] | None = None
        self._adapter: DiscordAdapter | None = None

    @property
    def outlet(self) -> Any:
        assert self._adapter is not None
        return self._adapter.outlet

    async def begin(self) -> None:
        self._bot = running(self._api, self._house, registered=self._registered)
        self._adapter = await self._bot.__aenter__()

    async def end(self) -> None:
        if self._bot is not None:
            await self._bot.__aexit__(None, None, None)

    def address(self, user: str = "7", *, group: bool = False) -> Address:
        return Address("discord", str(CHANNEL if group else DIRECT + int(user)))

    async def say(self, text: str, *, user: str = "7", group: bool = False, name: str = "Ann") -> None:
        await self._api.say(text, user=int(user), group=group, name=name)

    async def command(self, text: str, *, user: str = "7", group: bool = False) -> None:
        await self._api.command(text, user=int(user), group=group)

    async def tap(self, seen: Seen, label: str, *, user: str = "7") -> None:
        await self._api.tap(self._api.world.posts[int(seen.ref)], label, user=int(user))

    async def again(self) -> None:
        await self._api.again()

    async def restart(self) -> None:
        await self.end()
        await self.begin()

    def seen(self, *, chat_id: str | None = None) -> list[Seen]:
        return [
            Seen(
                text=post.text,
                buttons=tuple(label for label, _ in post.buttons),
                pictures=len(post.pictures),
                ref=str(post.post_id),
                chat_id=str(post.channel_id),
                markup=post.content,
                alt=tuple(alt for _, alt, _ in post.pictures),
                previews=post.previews,
            )
            for post in self._api.posts
            if chat_id in (None, str(post.channel_id))
        ]

    def fail_next(self, how: Failure) -> None:
        # A dead place would not be tried at all before somebody writes from it again; here they just have.
        sender = Sender("discord", "7", "Ann")
        self.outlet.heard_from(Message(self.address(), sender, "", datetime.now(UTC), "unheard"))
        failures = {"later": too_many(1.2), "never": closed_direct_messages(), "lost": lost_answer()}
        self._api.fail_next(failures[how])


@contextlib.asynccontextmanager
async def stage(house: House) -> AsyncIterator[DiscordStage]:
    """A bot in this house, and the people around it."""
    async with DiscordApi() as api:
        there = DiscordStage(api, house)
        await there.begin()
        try:
            yield there
        finally:
            await there.end()
