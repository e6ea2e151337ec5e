"""What has to be asked of Slack about accounts: their names, and which chat is the one between a person and us."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.platforms.slack.client import SlackClient, SlackFailure
from bot.text import clean_name

Value = TypeVar("Value")

_KEPT = 2000
_WITHIN_S = 1.0  # of the three seconds that Slack gives us


class Accounts:
    """Remembers what it was told. Where Slack is slow or refuses, a name is "somebody" and a chat is not ours."""

    def __init__(self, client: SlackClient, chat_with: Callable[[str], Awaitable[str]]) -> None:
        self._client = client
        self._chat_with = chat_with  # a person's id -> the channel between us
        self._names: OrderedDict[str, str] = OrderedDict()
        self._own_chats: OrderedDict[str, bool] = OrderedDict()

    async def name(self, user_id: str) -> str:
        """What somebody is called."""
        if user_id not in self._names:
            try:
                async with asyncio.timeout(_WITHIN_S):
                    answer = await self._client.ask(self._client.api.users_info(user=user_id))
            except (SlackFailure, TimeoutError):
                return "somebody"
            user = answer.get("user") or {}
            profile = user.get("profile") or {}
            name = profile.get("display_name") or user.get("real_name") or user.get("name") or ""
            _keep(self._names, user_id, clean_name(str(name)))
        return self._names[user_id]

    async def is_own_chat(self, channel: str, user_id: str) -> bool:
        """Whether a channel is the chat between us and this person, rather than one between two people."""
        if not channel.startswith("D"):
            return False
        if self._own_chats.get(channel):
            return True
        try:
            async with asyncio.timeout(_WITHIN_S):
                ours = await self._chat_with(user_id) == channel
        except (SlackFailure, TimeoutError):
            return False
        _keep(self._own_chats, channel, ours)
        return ours

    def heard_in(self, channel: str) -> None:
        """A direct message came from there: such events come from our own chats alone."""
        _keep(self._own_chats, channel, True)


def _keep(kept: OrderedDict[str, Value], key: str, value: Value) -> None:
    kept[key] = value
    if len(kept) > _KEPT:
        kept.popitem(last=False)
