"""Replies to Discord: what goes where, what stands in its place, and what each refusal means.

`Address.chat_id` is a channel's id (a direct chat is a channel too), or "user:ID" for a person whose direct chat is
not known yet: it is opened then. No reply uses embeds: they would need a permission of their own, and the flag that
keeps links from unfolding hides them.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import structlog

from bot.message import Address, Message
from bot.platforms.discord.answering import Answering
from bot.platforms.discord.client import (
    EDITS_USED_UP,
    FILE_TOO_LARGE,
    INVALID_FORM,
    MISSING_PERMISSIONS,
    NO_MENTIONS,
    PLACE_GONE,
    SUPPRESS_EMBEDS,
    TOO_LARGE,
    UNKNOWN_MESSAGE,
    Busy,
    DiscordFailure,
    NotSent,
    Refused,
    TokenRefused,
    Unanswered,
    Wire,
    file_name,
)
from bot.platforms.discord.forms import button_rows, cut
from bot.platforms.discord.interactions import Interactions
from bot.platforms.discord.parse import ANSWER_TO, PLATFORM, REPLY_TO
from bot.platforms.discord.render import CONTENT_LIMIT, escaped, render
from bot.ports import PartSent, ProgressRefs, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply
from bot.standing import StandingLines

log = structlog.get_logger()

USER = "user:"
MAX_PICTURE_BYTES = 10 * 1024 * 1024
_PICTURES = 10
_ALT = 1024
_NO_PICTURE = "(The chart could not be sent as a picture.)"
_PICTURE_REFUSED = frozenset({TOO_LARGE, FILE_TOO_LARGE, INVALID_FORM, MISSING_PERMISSIONS})
_TYPING_S = 8.0  # Discord shows it for ten
_REMEMBERED = 500
_OLD = timedelta(hours=1)  # messages of more than that are under a limit of their own for changes
_LONG_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Part:
    """One message."""

    content: str
    pictures: tuple[Picture, ...] = ()
    buttons: tuple[dict[str, Any], ...] = ()

    def body(self) -> dict[str, Any]:
        """The message as the API takes it."""
        return {
            "content": self.content,
            "components": list(self.buttons),
            "flags": SUPPRESS_EMBEDS,
            "allowed_mentions": dict(NO_MENTIONS),
            "attachments": [
                {"id": n, "filename": file_name(n, each), "description": cut(each.alt, _ALT)}
                for n, each in enumerate(self.pictures)
            ],
        }


class DiscordOutlet:
    """Sends replies with one bot account."""

    platform = PLATFORM
    local = False
    has_forms = True
    has_buttons = True

    def __init__(
        self,
        wire: Wire,
        interactions: Interactions,
        *,
        first_pause_s: float = 2.0,
        progress_refs: ProgressRefs | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        self._interactions = interactions
        self._answering = Answering(wire, interactions)
        self._first_pause_s = first_pause_s
        self._monotonic = monotonic
        self._failures = 0
        self._direct: dict[str, str] = {}  # user -> the channel of the direct chat
        self._gone: dict[str, Refused] = {}  # place -> why nothing can be sent there
        self._nonces: dict[str, str] = {}  # what is to be sent again -> the nonce that it went with
        self._typed_at: dict[str, float] = {}  # place -> when the typing indicator was last asked for
        self._standing = StandingLines(PLATFORM, progress_refs, self._remove_line)
        self._progress: dict[str, asyncio.Task[str | None]] = {}  # via -> the message that shows the step
        self._first_answers: dict[str, str] = {}  # via -> the interaction's own message, while it shows the step

    @property
    def answering(self) -> Answering:
        """What answers interactions, for the ingress."""
        return self._answering

    def heard_from(self, message: Message) -> None:
        """Somebody wrote there: it is worth trying again."""
        self._gone.pop(message.address.key, None)
        self._gone.pop(f"{PLATFORM}:{USER}{message.sender.external_id}", None)

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        """Send the parts from `from_part` on; see `Outlet.send`."""
        parts = _parts(reply, pictures)
        await self._standing.clear_left_over(address)
        confirmed, ref = True, None
        for number, part in enumerate(parts):
            if number < from_part:
                continue
            result = await self._send_part(address, part, lasting=reply.kind == "live")
            match result:
                case TryLater():
                    return replace(result, next_part=number, ref=ref)
                case Undeliverable():
                    return result
                case Sent():
                    confirmed, ref = confirmed and result.confirmed, result.ref
            if part_sent is not None and number + 1 < len(parts):
                await part_sent(number + 1)
        return Sent(confirmed, ref)

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        """Put the reply in the place of message `ref`; see `Outlet.edit`."""
        parts = _parts(reply, ())
        if len(parts) != 1:
            return Undeliverable("a message can only be changed to a text that fits into one message")
        body = parts[0].body()
        del body["attachments"]  # what is attached stays
        try:
            if not await self._answering.change_source(address.via, ref, body):
                await self._change(await self._channel(address), ref, body)
        except Refused as refusal:
            if refusal.code == EDITS_USED_UP:
                return Undeliverable(str(refusal), stands=True)
            return self._refused(address, refusal)
        except Busy as busy:
            if busy.after_s >= _LONG_PAUSE_S and _is_old(ref):  # the SDK does not say why: that limit, or a wider one
                return Undeliverable(str(busy), stands=True)
            return self._later(busy)
        except DiscordFailure as failure:  # also without an answer: changing it twice does no harm
            return self._later(failure)
        return Sent(ref=ref)

    async def pin(self, address: Address, ref: str) -> bool:
        """Pin a message; see `Outlet.pin`."""
        try:
            await self._wire.call(
                "PUT",
                "/channels/{channel_id}/messages/pins/{message_id}",
                channel_id=await self._channel(address),
                message_id=ref,
            )
        except DiscordFailure as failure:
            log.info("discord_not_pinned", reason=str(failure))
            return False
        return True

    async def unpin(self, address: Address, ref: str) -> bool:
        """See `Outlet.unpin`."""
        try:
            await self._wire.call(
                "DELETE",
                "/channels/{channel_id}/messages/pins/{message_id}",
                channel_id=await self._channel(address),
                message_id=ref,
            )
        except DiscordFailure as failure:
            log.info("discord_not_unpinned", reason=str(failure))
            return False
        return True

    async def show_working(self, address: Address) -> None:
        """ "… is thinking" under a command, the typing indicator elsewhere."""
        if address.key in self._gone or await self._answering.show_working(address.via):
            return
        now = self._monotonic()
        if now - self._typed_at.get(address.key, -_TYPING_S) >= _TYPING_S:
            _remember(self._typed_at, address.key, now)
            channel = await self._channel(address)
            try:
                await self._wire.call("POST", "/channels/{channel_id}/typing", channel_id=channel)
            except Busy as busy:
                self._typed_at[address.key] = now + busy.after_s

    async def show_progress(self, address: Address, text: str) -> None:
        """The step as a message that the answer will take the place of."""
        via, part = address.via or "", Part(escaped(text))
        if address.key in self._gone:
            return
        is_answer, ref = await self._answering.show_progress(via, part.body())
        if ref is not None and via not in self._first_answers:
            _remember(self._first_answers, via, ref)
            await self._standing.appeared(address, ref)
        if is_answer or not via.startswith((REPLY_TO, ANSWER_TO)):
            return
        task = asyncio.create_task(self._put_progress(address, part, self._progress.get(via)))
        _remember(self._progress, via, task)
        # Cancelled or not: the answer must know of a message that is on its way, to take its place.
        await asyncio.shield(task)

    async def _put_progress(self, address: Address, part: Part, before: asyncio.Task[str | None] | None) -> str | None:
        ref = await before if before is not None else None
        try:
            channel = await self._channel(address)
            if ref is not None:
                await self._change(channel, ref, part.body())
            elif (ref := await self._post(address, channel, part)) is not None:
                await self._standing.appeared(address, ref)
        except DiscordFailure as failure:
            log.debug("discord_progress_not_shown", reason=str(failure))
        return ref

    async def begin(self) -> None:
        """Take away the progress lines that an earlier run left."""
        await self._standing.begin()

    async def close(self) -> None:
        """Take away the progress lines of answers that nobody works on any more."""
        await asyncio.gather(*self._progress.values(), return_exceptions=True)
        await self._standing.close()

    async def _remove_line(self, address: Address, ref: str, words: str) -> bool:
        path = "/channels/{channel_id}/messages/{message_id}"
        try:
            channel = await self._channel(address)
            try:
                await self._wire.call("DELETE", path, channel_id=channel, message_id=ref)
            except Refused as refusal:
                if refusal.code != UNKNOWN_MESSAGE:
                    await self._change(channel, ref, Part(words).body())
        except Refused as refusal:
            log.info("discord_progress_left", reason=str(refusal))
        except DiscordFailure as failure:
            log.info("discord_progress_not_removed", reason=str(failure))
            return False
        return True

    async def _send_part(self, address: Address, part: Part, *, lasting: bool) -> SendResult:
        if (line := self._first_answers.pop(address.via or "", None)) is not None:
            await self._standing.gone(address, line)
        try:
            answered, ref = await self._answering.answer(address.via, part.body(), part.pictures, lasting=lasting)
            if not answered:
                ref = await self._to_channel(address, part)
                if line is not None:
                    await self._standing.remove(address, line)
        except Refused as refusal:
            if part.pictures and refusal.code in _PICTURE_REFUSED:
                log.warning("discord_picture_refused", reason=str(refusal))
                return await self._send_part(address, _saying_no_picture(replace(part, pictures=())), lasting=lasting)
            return self._refused(address, refusal)
        except Unanswered:
            return Sent(confirmed=False)
        except DiscordFailure as failure:
            return self._later(failure)
        self._failures = 0
        return Sent(ref=ref)

    async def _to_channel(self, address: Address, part: Part) -> str | None:
        """In the place of the progress line where there is one, else as a message of its own."""
        if address.key in self._gone:
            raise self._gone[address.key]
        channel = await self._channel(address)
        via = address.via or ""
        progress = await self._progress[via] if via in self._progress else None
        if progress is not None:
            # No line any more, from before it is the answer: a start after a kill must not take the answer away.
            await self._standing.gone(address, progress)
            try:
                await self._change(channel, progress, part.body(), part.pictures)
            except DiscordFailure as failure:
                if not isinstance(failure, Refused) or failure.code != UNKNOWN_MESSAGE:
                    if not isinstance(failure, Unanswered):
                        await self._standing.appeared(address, progress)
                    raise
                progress = None
        self._progress.pop(via, None)
        if progress is not None:
            return progress
        return await self._post(address, channel, part)

    async def _post(self, address: Address, channel: str, part: Part) -> str | None:
        """As a new message. Discord keeps one message for one nonce, so that another try cannot show it twice."""
        body, via = part.body(), address.via or ""
        what = f"{channel} {via} {part.content}"
        if what not in self._nonces:
            _remember(self._nonces, what, secrets.token_hex(12))
        body |= {"nonce": self._nonces[what], "enforce_nonce": True}
        if via.startswith(REPLY_TO):
            body["message_reference"] = {"message_id": via.removeprefix(REPLY_TO), "fail_if_not_exists": False}
        path = "/channels/{channel_id}/messages"
        try:
            message = await self._wire.call("POST", path, body, pictures=part.pictures, channel_id=channel)
        except (NotSent, Busy):
            raise  # it will be tried again, with the same nonce
        except DiscordFailure:
            self._nonces.pop(what, None)
            raise
        self._nonces.pop(what, None)
        return str(message["id"])

    async def _change(self, channel: str, ref: str, body: Any, pictures: Sequence[Picture] = ()) -> None:
        path = "/channels/{channel_id}/messages/{message_id}"
        await self._wire.call("PATCH", path, body, pictures=pictures, channel_id=channel, message_id=ref)

    async def _channel(self, address: Address) -> str:
        if address.thread is not None:
            return address.thread
        if not address.chat_id.startswith(USER):
            return address.chat_id
        user = address.chat_id.removeprefix(USER)
        if user not in self._direct:
            channel = await self._wire.call("POST", "/users/@me/channels", {"recipient_id": user})
            _remember(self._direct, user, str(channel["id"]))
        return self._direct[user]

    def _refused(self, address: Address, refusal: Refused) -> Undeliverable:
        """What will never arrive; a place where nothing will is not tried again until somebody writes from it."""
        if refusal.code == INVALID_FORM:
            log.error("discord_message_refused", reason=str(refusal))
        if refusal.code not in PLACE_GONE:
            return Undeliverable(str(refusal))
        if address.key not in self._gone:
            _remember(self._gone, address.key, refusal)
        return Undeliverable(f"{PLACE_GONE[refusal.code]} ({refusal.code})", dead=True)

    def _later(self, failure: DiscordFailure) -> TryLater:
        if isinstance(failure, Busy):
            return TryLater(failure.after_s + random.uniform(0.05, 0.25))
        if isinstance(failure, TokenRefused):
            log.error("discord_token_refused", reason=str(failure))
            return TryLater(60.0)
        self._failures += 1
        pause_s = min(60.0, self._first_pause_s * 2.0 ** min(self._failures - 1, 6))
        return TryLater(pause_s * random.uniform(0.5, 1.0))


def _is_old(ref: str) -> bool:
    return ref.isdigit() and discord.utils.snowflake_time(int(ref)) < datetime.now(UTC) - _OLD


def _saying_no_picture(part: Part) -> Part:
    return replace(part, content=f"{part.content}\n\n{_NO_PICTURE}".strip())


def _parts(reply: Reply, pictures: Sequence[Picture]) -> list[Part]:
    """The text, and with its last part the pictures and the buttons; the same for the same reply."""
    texts = render(reply.blocks, limit=CONTENT_LIMIT - len(_NO_PICTURE) - 2 if pictures else CONTENT_LIMIT)
    fitting = [each for each in pictures if len(each.png) <= MAX_PICTURE_BYTES]
    groups = [tuple(fitting[n : n + _PICTURES]) for n in range(0, len(fitting), _PICTURES)]
    parts = [Part(text) for text in texts]
    if groups:
        parts = [*parts[:-1], Part(texts[-1] if texts else "", groups[0]), *(Part("", group) for group in groups[1:])]
    if len(fitting) < len(pictures):
        parts = [*parts[:-1], _saying_no_picture(parts[-1] if parts else Part(""))]
    if parts and reply.buttons:
        parts[-1] = replace(parts[-1], buttons=tuple(button_rows(reply.buttons)))
    return parts


def _remember(known: dict[str, Any], key: str, value: Any) -> None:
    """Keep a value under a key, and not more than so many of them."""
    known.pop(key, None)
    known[key] = value
    while len(known) > _REMEMBERED:
        del known[next(iter(known))]
