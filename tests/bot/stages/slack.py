"""Slack for the adapter contract: Socket Mode, on the double."""

from __future__ import annotations

import contextlib
import html
import json
from collections.abc import AsyncIterator
from typing import Any

from bot.message import Address
from tests.bot.house import House, People
from tests.bot.slack_stage import Forms, running
from tests.bot.stages.base import Failure, Lack, Native, Seen, Stage
from tests.doubles import slack_world as world
from tests.doubles.slack_api import SlackApi
from tests.doubles.slack_world import TEAM, Posted

GROUP = "C0GROUP"
_FAILURES = {
    "later": world.too_many(1),
    "never": world.Failure(error="channel_not_found"),
    "lost": world.lost_answer(),
}
_TEXT = '{{"type": "text", "text": "{}"'


class Workspace(People):
    """The household's people under their accounts in the workspace: "7" is TEAM:U7."""

    async def admit(self, platform: str, external_id: str) -> Any:
        return await super().admit(platform, external_id.removeprefix(f"{TEAM}:U"))

    async def pair(self, platform: str, external_id: str, name: str, code: str) -> Any:
        return await super().pair(platform, external_id.removeprefix(f"{TEAM}:U"), name, code)

    async def note_stranger(self, platform: str, external_id: str, name: str, reason: str) -> None:
        await super().note_stranger(platform, external_id.removeprefix(f"{TEAM}:U"), name, reason)


class SlackStage:
    platform = "slack"
    native = Native(
        bold=_TEXT + ', "style": {{"bold": true}}}}',
        code=_TEXT + ', "style": {{"code": true}}}}',
        block='{{"type": "rich_text_preformatted", "elements": [' + _TEXT + "}}]}}",
    )

    def __init__(self, api: SlackApi, house: House) -> None:
        self.api = api
        self.lacks: dict[Lack, str] = {}
        house.people = Workspace(**vars(house.people))
        self._house = house
        self._adapter = contextlib.AsyncExitStack()

    async def start(self) -> None:
        bot = running(self.api, self._house, forms=Forms(), at_home=False)
        self.outlet = (await self._adapter.enter_async_context(bot)).outlet

    async def stop(self) -> None:
        await self._adapter.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def address(self, user: str = "7", *, group: bool = False) -> Address:
        return Address(self.platform, GROUP if group else self.api.direct(f"U{user}"))

    async def say(self, text: str, *, user: str = "7", group: bool = False, name: str = "Ann") -> None:
        written, who = html.escape(text, quote=False), {"user_profile": {"display_name": name}}
        if group:
            self.api.socket.mention(written, user=f"U{user}", **who)
        else:
            self.api.socket.say(written, user=f"U{user}", **who)

    async def command(self, text: str, *, user: str = "7", group: bool = False) -> None:
        written = html.escape(text.removeprefix("/"), quote=False)
        self.api.socket.command(written, user=f"U{user}", channel=GROUP if group else None)

    async def tap(self, seen: Seen, label: str, *, user: str = "7") -> None:
        held = next(each for each in self.api.messages if (each.channel, each.ts) == (seen.chat_id, seen.ref))
        self.api.socket.tap(held, label, user=f"U{user}")

    async def again(self) -> None:
        self.api.socket.again(self.api.socket.envelopes[-1])

    def seen(self, *, chat_id: str | None = None) -> list[Seen]:
        return [_seen(posted) for posted in self.api.messages if chat_id in (None, posted.channel)]

    def fail_next(self, how: Failure) -> None:
        self.api.fail("chat.postMessage", _FAILURES[how])


def _seen(posted: Posted) -> Seen:
    return Seen(
        text=posted.shown,
        buttons=tuple(button.label for button in posted.buttons),
        pictures=len(posted.files),
        ref=posted.ts,
        chat_id=posted.channel,
        markup=json.dumps(posted.blocks, ensure_ascii=False),
        alt=(posted.alt,) if posted.files else (),
        previews=not posted.files and posted.fields.get("unfurl_links") not in (False, "0"),
    )


@contextlib.asynccontextmanager
async def stage(house: House) -> AsyncIterator[Stage]:
    async with SlackApi() as api:
        on = SlackStage(api, house)
        await on.start()
        try:
            yield on
        finally:
            await on.stop()
