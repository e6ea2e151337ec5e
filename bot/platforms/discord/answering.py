"""Interactions answered: at once where we can, else "… is thinking" first and the answer in its place.

A command called in a channel is answered so that only the person who called it sees the answer, also where an owner
opened the channel: at that moment nobody knows what the answer will hold. Whoever wants all to see it mentions the bot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from bot.platforms.discord.client import (
    ALREADY_ACKNOWLEDGED,
    EPHEMERAL,
    FOLLOW_UPS_USED_UP,
    INVALID_WEBHOOK_TOKEN,
    NO_MENTIONS,
    SUPPRESS_EMBEDS,
    UNKNOWN_INTERACTION,
    UNKNOWN_WEBHOOK,
    DiscordFailure,
    Refused,
    Unanswered,
    Wire,
)
from bot.platforms.discord.interactions import Answerable, Interactions
from bot.reply import Picture

log = structlog.get_logger()

_MESSAGE, _THINKING, _SILENT, _CHOICES, _MODAL = 4, 5, 6, 8, 9
_TOO_LATE = frozenset({UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN, FOLLOW_UPS_USED_UP})
_ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
_STANDS_BELOW = "It stands in the channel now."


class Answering:
    """The first answers and the further ones; `via` is what `Address.via` holds."""

    def __init__(self, wire: Wire, interactions: Interactions) -> None:
        self._wire = wire
        self._interactions = interactions

    async def answer(
        self, via: str | None, body: Mapping[str, Any], pictures: Sequence[Picture], *, lasting: bool
    ) -> tuple[bool, str | None]:
        """Whether the message went as an answer, and its id; False: it must go into the chat itself.

        A `lasting` message must outlive the interaction and be there for everybody in a channel.
        """
        held = self._interactions.find(via)
        if held is None:
            return False, None
        async with held.lock:
            try:
                if lasting and held.private:
                    await self._point_to_channel(held)
                    return False, None
                return True, await self._say(held, body, pictures)
            except Refused as refusal:
                if refusal.code not in _TOO_LATE:
                    raise
                log.info("discord_interaction_too_late", reason=str(refusal))
                self._interactions.close(held)
        return False, None

    async def change_source(self, via: str | None, ref: str, body: Mapping[str, Any]) -> bool:
        """Change the message whose button was tapped; False: it is to be changed as a message of the chat."""
        held = self._interactions.find(via)
        if held is None or held.source_ref != ref:
            return False
        async with held.lock:
            try:
                if held.state == "new":
                    await self._first(held, {"type": _SILENT})
                    held.state = "silent"
                if held.state == "silent":
                    await self._webhook("PATCH", _ORIGINAL, held, body)
                    return True
            except Refused as refusal:
                if refusal.code not in _TOO_LATE:
                    raise
                self._interactions.close(held)
        return False

    async def acknowledge(self, held: Answerable, *, silently: bool) -> None:
        """Say within the three seconds that we are at it, unless the answer was quicker."""
        async with held.lock:
            if held.state != "new":
                return
            kind = _SILENT if silently else _THINKING
            flags = {"data": {"flags": EPHEMERAL}} if held.private and not silently else {}
            try:
                await self._first(held, {"type": kind, **flags})
            except Refused as refusal:
                log.warning("discord_not_acknowledged", reason=str(refusal))
                if refusal.code in _TOO_LATE:
                    self._interactions.close(held)
                return
            except Unanswered as failure:
                log.warning("discord_not_acknowledged", reason=str(failure))
            except DiscordFailure as failure:
                log.warning("discord_not_acknowledged", reason=str(failure))
                return
            held.state = "silent" if silently else "thinking"

    async def show_working(self, via: str | None) -> bool:
        """Whether the interaction itself shows that we are at it."""
        held = self._interactions.find(via)
        if held is None or (held.state == "silent" and held.direct):
            return False
        await self.acknowledge(held, silently=False)
        return True

    async def show_progress(self, via: str | None, body: Mapping[str, Any]) -> tuple[bool, str | None]:
        """Put the step in the place of "… is thinking"; whether this was a matter of an interaction at all.

        And the id of the message that shows it, where it is one that stays: what one person sees alone does not.
        """
        held = self._interactions.find(via)
        if held is None:
            return False, None
        await self.acknowledge(held, silently=False)
        async with held.lock:
            if held.state != "thinking":  # answered meanwhile
                return True, None
            ref = _id(await self._webhook("PATCH", _ORIGINAL, held, body))
        return True, None if held.private else ref

    async def show_form(self, held: Answerable, form: Mapping[str, Any]) -> None:
        """Open a form: it can only be the first answer."""
        async with held.lock:
            await self._first(held, {"type": _MODAL, "data": dict(form)})
            held.state = "answered"

    async def complete(self, held: Answerable, words: Sequence[str]) -> None:
        """What may follow what somebody has typed so far."""
        async with held.lock:
            choices = [{"name": word[:100], "value": word[:100]} for word in words if word][:25]
            await self._first(held, {"type": _CHOICES, "data": {"choices": choices}})
            held.state = "answered"

    async def _say(self, held: Answerable, body: Mapping[str, Any], pictures: Sequence[Picture]) -> str | None:
        private = {**body, "flags": SUPPRESS_EMBEDS | (EPHEMERAL if held.private else 0)}
        state = held.state
        try:
            if state == "new":
                ref = await self._first(held, {"type": _MESSAGE, "data": private}, pictures)
            elif state == "thinking":
                ref = _id(await self._webhook("PATCH", _ORIGINAL, held, body, pictures))
            else:
                path = "/webhooks/{webhook_id}/{webhook_token}"
                ref = _id(await self._webhook("POST", path, held, private, pictures, {"wait": "true"}))
        except Unanswered:
            held.state = "answered"  # it may stand there: what follows must not take its place
            raise
        except Refused as refusal:
            if state != "new" or refusal.code != ALREADY_ACKNOWLEDGED:
                raise
            # Something of ours arrived though its receipt did not: this takes its place, whatever it was.
            ref = _id(await self._webhook("PATCH", _ORIGINAL, held, body, pictures))
        held.state = "answered"
        return ref

    async def _point_to_channel(self, held: Answerable) -> None:
        """End "… is thinking" where the answer stands elsewhere."""
        body = {"content": _STANDS_BELOW, "allowed_mentions": dict(NO_MENTIONS)}
        if held.state == "new":
            await self._first(held, {"type": _MESSAGE, "data": {**body, "flags": EPHEMERAL}})
        elif held.state == "thinking":
            await self._webhook("PATCH", _ORIGINAL, held, body)
        held.state = "answered"

    async def _first(self, held: Answerable, body: Mapping[str, Any], pictures: Sequence[Picture] = ()) -> str | None:
        answer = await self._wire.call(
            "POST",
            "/interactions/{webhook_id}/{webhook_token}/callback",
            body,
            pictures=pictures,
            params={"with_response": "true"},
            webhook_id=held.interaction_id,
            webhook_token=held.token,
        )
        return _id(((answer or {}).get("resource") or {}).get("message"))

    async def _webhook(
        self,
        method: str,
        path: str,
        held: Answerable,
        body: Mapping[str, Any],
        pictures: Sequence[Picture] = (),
        params: Mapping[str, str] | None = None,
    ) -> Any:
        return await self._wire.call(
            method,
            path,
            body,
            pictures=pictures,
            params=params,
            webhook_id=self._wire.application_id,
            webhook_token=held.token,
        )


def _id(message: Any) -> str | None:
    return str(message["id"]) if message else None
