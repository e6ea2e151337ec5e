"""Telegram for the adapter contract: polling, on the Bot API double."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from bot.message import Address
from tests.bot.house import House
from tests.bot.stages.base import Failure, Lack, Native, Seen, Stage
from tests.bot.telegram_stage import KeptHash, KeptOffset, running
from tests.doubles import telegram_api as double
from tests.doubles.telegram_api import TelegramApi
from tests.doubles.telegram_messages import Delivered

GROUP = -100200
_FAILURES = {
    "later": double.too_many(1),
    "never": double.Failure(403, "Forbidden: bot was blocked by the user"),
    "lost": double.lost_answer(),
}


class TelegramStage:
    platform = "telegram"
    native = Native(bold="<b>{}</b>", code="<code>{}</code>", block="<pre>{}</pre>")

    def __init__(self, api: TelegramApi, house: House) -> None:
        self.api = api
        self.lacks: dict[Lack, str] = {}
        self._house = house
        self._offset, self._registered = KeptOffset(), KeptHash()
        self._adapter = contextlib.AsyncExitStack()

    async def start(self) -> None:
        bot = running(self.api, self._house, offset=self._offset, registered=self._registered)
        self.outlet = (await self._adapter.enter_async_context(bot)).outlet

    async def stop(self) -> None:
        await self._adapter.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def address(self, user: str = "7", *, group: bool = False) -> Address:
        return Address(self.platform, str(GROUP) if group else user)

    async def say(self, text: str, *, user: str = "7", group: bool = False, name: str = "Ann") -> None:
        place: dict[str, Any] = {"chat_id": GROUP, "chat_type": "supergroup"} if group else {}
        self.api.say(f"@commandcenter_bot {text}" if group else text, user_id=int(user), name=name, **place)

    async def command(self, text: str, *, user: str = "7", group: bool = False) -> None:
        name, _, arguments = text.partition(" ")
        place: dict[str, Any] = {"chat_id": GROUP, "chat_type": "supergroup"} if group else {}
        native = f"{name}@commandcenter_bot" if group else name  # as the client's list writes it
        self.api.say(f"{native} {arguments}".strip(), user_id=int(user), **place)

    async def tap(self, seen: Seen, label: str, *, user: str = "7") -> None:
        held = next(shown for shown in self.api.standing(int(seen.chat_id)) if str(shown.message_id) == seen.ref)
        self.api.tap(held, label, user_id=int(user))

    async def again(self) -> None:
        update = dict(self.api.last_update)
        self.api.push(update, update_id=update["update_id"])

    def seen(self, *, chat_id: str | None = None) -> list[Seen]:
        return [_seen(shown) for shown in self.api.standing(int(chat_id) if chat_id else None)]

    def fail_next(self, how: Failure) -> None:
        self.api.fail("sendMessage", _FAILURES[how])


def _seen(shown: Delivered) -> Seen:
    options = json.loads(shown.fields.get("link_preview_options") or "{}")
    return Seen(
        text=shown.text,
        buttons=shown.labels,
        pictures=int(shown.photo is not None),
        ref=str(shown.message_id),
        chat_id=str(shown.chat_id),
        markup=shown.markup,
        previews=shown.photo is None and not options.get("is_disabled"),
    )


@contextlib.asynccontextmanager
async def stage(house: House) -> AsyncIterator[Stage]:
    async with TelegramApi() as api:
        on = TelegramStage(api, house)
        await on.start()
        try:
            yield on
        finally:
            await on.stop()
