"""What people do on the Discord double: write, call commands, tap, fill in forms; and the platform's repeats."""

from __future__ import annotations

import itertools
import time
from typing import Any

from tests.doubles.discord_gateway import Gateway
from tests.doubles.discord_world import CHANNEL, DIRECT, GUILD, THREAD, Interaction, Post, World

_tokens = itertools.count(1)


class People:
    """Mixed into `DiscordApi`."""

    world: World
    gateway: Gateway
    commands: list[dict[str, Any]]
    _last: tuple[str, dict[str, Any]] | None = None

    async def say(
        self,
        text: str,
        *,
        user: int = 7,
        name: str = "Ann",
        group: bool = False,
        thread: bool = False,
        mention: bool = True,
        **changes: Any,
    ) -> int:
        """A person writes, in a group to the bot unless `mention` is off; returns the message's id."""
        self.world.names[user] = name
        message_id = self.world.snowflake()
        channel = THREAD if thread else CHANNEL if group else DIRECT + user
        message = self.world.message(message_id, channel, self.world.user(user), text)
        if group or thread:
            member = {"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}
            message |= {"guild_id": str(GUILD), "member": member}
            if mention:
                message["content"] = f"<@{self.world.me['id']}> {text}"
                message["mentions"] = [{**self.world.me, "member": member}]
        await self.emit("MESSAGE_CREATE", message | changes)
        return message_id

    async def command(
        self, text: str, *, user: int = 7, group: bool = False, thread: bool = False, **changes: Any
    ) -> Interaction:
        """A person picks a registered command and fills its options in from the words of "/miners stop s19-1"."""
        name, *words = text.removeprefix("/").split()
        registered = next(each for each in self.commands if each["name"] == name)
        data = {"id": "1", "type": 1, "name": name, "options": _filled(registered["options"], words)}
        return await self._interact(2, data, user=user, group=group, thread=thread, **changes)

    async def type_option(self, name: str, option: str, typed: str, *, user: int = 7) -> Interaction:
        """A person types into an option that completes; what is offered is in the interaction's `choices`."""
        focused = {"name": option, "type": 3, "value": typed, "focused": True}
        return await self._interact(4, {"id": "1", "type": 1, "name": name, "options": [focused]}, user=user)

    async def tap(self, post: Post, label: str, *, user: int = 7) -> Interaction:
        """A person taps a button of a message."""
        token = next(token for shown, token in post.buttons if shown == label)
        return await self._interact(
            3,
            {"custom_id": token, "component_type": 2, "id": 2},
            user=user,
            group=post.channel_id == CHANNEL,
            source=post,
        )

    async def send_form(self, shown: dict[str, Any], values: dict[str, str]) -> Interaction:
        """A person sends in a form that was opened (one of `DiscordApi.modals`), with some values changed."""
        rows = [
            {"type": 18, "id": n, "component": _filled_field(each["component"], values)}
            for n, each in enumerate(shown["components"], 1)
        ]
        source: Post | None = shown["source"]
        return await self._interact(
            5,
            {"custom_id": shown["custom_id"], "components": rows},
            user=shown["user"],
            group=source is not None and source.channel_id == CHANNEL,
            source=source,
        )

    async def again(self) -> None:
        """The gateway delivers the last event once more."""
        assert self._last is not None
        await self.gateway.emit(*self._last)

    async def emit(self, event: str, data: dict[str, Any]) -> None:
        self._last = (event, data)
        await self.gateway.emit(event, data)

    async def _interact(
        self,
        kind: int,
        data: dict[str, Any],
        *,
        user: int,
        group: bool = False,
        thread: bool = False,
        source: Post | None = None,
        **changes: Any,
    ) -> Interaction:
        channel = THREAD if thread else CHANNEL if group else DIRECT + user
        held = Interaction(
            self.world.snowflake(), f"aW50ZXJhY3Rpb24.{next(_tokens)}", kind, user, channel, time.monotonic(), source
        )
        self.world.interactions[held.token] = held
        payload: dict[str, Any] = {
            "id": str(held.interaction_id),
            "application_id": str(self.world.application_id),
            "type": kind,
            "token": held.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel),
            "channel": self.world.channel(channel, user),
            "app_permissions": "0",
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10 * 1024 * 1024,
            "context": 0 if group or thread else 1,
        }
        if group or thread:
            joined = {"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}
            payload |= {
                "guild_id": str(GUILD),
                "guild": {"id": str(GUILD), "locale": "en-US", "features": []},
                "member": {**joined, "user": self.world.user(user), "permissions": "0"},
            }
        else:
            payload["user"] = self.world.user(user)
        if source is not None:
            payload["message"] = source.payload(self.world)
        payload |= changes
        held.payload = payload
        await self.emit("INTERACTION_CREATE", payload)
        return held


def _filled(options: list[dict[str, Any]], words: list[str]) -> list[dict[str, Any]]:
    """One word an option, the rest in the last; a word that is not among an option's choices goes to the next one."""
    filled = []
    for number, option in enumerate(options):
        allowed = [choice["value"] for choice in option.get("choices", [])]
        if not words or (allowed and words[0] not in allowed):
            continue
        last = number == len(options) - 1
        value, words = (" ".join(words), []) if last else (words[0], words[1:])
        filled.append({"name": option["name"], "type": 3, "value": value})
    assert not words, f"no option takes {words}"
    return filled


def _filled_field(field: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    name = field["custom_id"]
    if field["type"] == 4:
        return {"type": 4, "id": 9, "custom_id": name, "value": values.get(name, field.get("value", ""))}
    chosen = values.get(name) or next((each["value"] for each in field["options"] if each.get("default")), None)
    assert chosen in {each["value"] for each in field["options"]}
    return {"type": 3, "id": 9, "custom_id": name, "values": [chosen]}
