"""Replies to Slack: what goes as blocks, what as a file, by which way, and what each refusal means."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.message import Address
from bot.platforms.slack.client import TOKEN_ERRORS, Busy, NotSent, Refused, SlackClient, SlackFailure, Unanswered
from bot.platforms.slack.parse import EPHEMERAL, PLATFORM, Via
from bot.platforms.slack.progress import ProgressLines
from bot.platforms.slack.render import Rendered, button_blocks, cut, escaped, render, small_print, words
from bot.ports import PartSent, ProgressRefs, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply

log = structlog.get_logger()

_DEAD = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
    }
)
_UNREADABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch"})
_USED_UP = frozenset({"used_url", "expired_url", "invalid_url", "http_404", "http_410", "foreign_url"})
_NO_THREAD = frozenset({"thread_not_found", "invalid_thread_ts"})
_NOTHING_UNFOLDS: dict[str, bool] = {"unfurl_links": False, "unfurl_media": False}
_NO_PICTURE = "(The chart could not be sent as a picture.)"
_ALT_LIMIT, _TITLE_LIMIT = 1000, 100


@dataclass(frozen=True, slots=True)
class _Part:
    message: Rendered | None = None
    picture: Picture | None = None


class SlackOutlet:
    """Sends replies with one bot's token. An `Address.chat_id` that is a person's id stands for the chat with them."""

    platform = PLATFORM
    local = False
    has_forms = True
    has_buttons = True

    def __init__(
        self, client: SlackClient, *, first_pause_s: float = 2.0, progress_refs: ProgressRefs | None = None
    ) -> None:
        self._client = client
        self._first_pause_s = first_pause_s
        self._progress = ProgressLines(client, progress_refs)
        self._chats: dict[str, str] = {}  # a person's id -> the channel of the chat with them
        self._failures = 0

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
        asked = address
        if reply.kind == "live":  # what stays up to date must be everybody's: nobody can change what one person sees
            address = replace(address, via=None)
        parts = _parts(reply, pictures, private=Via.of(address) is not None)
        await self._progress.clear(self._place(address))
        confirmed, ref = True, None
        for number, part in enumerate(parts):
            if number < from_part:
                continue
            result = await self._send_part(address, part)
            match result:
                case TryLater():
                    return replace(result, next_part=number, ref=ref)
                case Undeliverable():
                    if reply.kind == "live":
                        await self._say_not_here(asked, result)
                    return result
                case Sent():
                    confirmed = confirmed and result.confirmed
                    ref = result.ref if part.message is not None else ref
            if part_sent is not None and number + 1 < len(parts):
                await part_sent(number + 1)
        return Sent(confirmed, ref)

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        """Change message `ref`; see `Outlet.edit`. A message that one person sees alone changes by `Address.via`."""
        parts = _parts(reply, (), private=False)
        if len(parts) != 1 or parts[0].message is None:
            return Undeliverable("the reply does not fit into one message")
        shown = _shown(parts[0].message)
        via = Via.of(address)
        await self._progress.clear(self._place(address))
        try:
            if not ref.startswith(EPHEMERAL):
                channel = await self.channel(address.chat_id)
                await self._client.ask(self._client.api.chat_update(channel=channel, ts=ref, **shown))
            elif via is not None:
                await self._client.post(via.url, {"replace_original": True, **shown})
            else:
                return Undeliverable("only whoever tapped it could change that message")
        except Refused as refusal:
            if refusal.code in TOKEN_ERRORS:
                return self._result(refusal)
            return Undeliverable(str(refusal), dead=refusal.code in _DEAD)
        except SlackFailure as failure:
            return self._result(failure)
        self._failures = 0
        return Sent(ref=ref)

    async def pin(self, address: Address, ref: str) -> bool:
        """Pin a message; what one person sees alone cannot be pinned."""
        if ref.startswith(EPHEMERAL):
            return False
        try:
            channel = await self.channel(address.chat_id)
            await self._client.ask(self._client.api.pins_add(channel=channel, timestamp=ref))
        except Refused as refusal:
            if refusal.code != "already_pinned":
                log.info("slack_not_pinned", reason=str(refusal))
            return refusal.code == "already_pinned"
        except SlackFailure as failure:
            log.info("slack_not_pinned", reason=str(failure))
            return False
        return True

    async def unpin(self, address: Address, ref: str) -> bool:
        """See `Outlet.unpin`."""
        if ref.startswith(EPHEMERAL):
            return False
        try:
            channel = await self.channel(address.chat_id)
            await self._client.ask(self._client.api.pins_remove(channel=channel, timestamp=ref))
        except SlackFailure as failure:
            log.info("slack_not_unpinned", reason=str(failure))
            return False
        return True

    async def show_working(self, address: Address) -> None:
        """The status of a thread; in a direct chat the progress line comes early instead."""
        await self._progress.working(replace(address, chat_id=await self.channel(address.chat_id)))

    async def show_progress(self, address: Address, text: str) -> None:
        """The step, in one message that changes with the steps and goes when the answer comes.

        Not for answers that one person sees alone: the channel must not see them, and their way takes five posts.
        """
        if Via.of(address) is None:
            await self._progress.show(replace(address, chat_id=await self.channel(address.chat_id)), text)

    async def begin(self) -> None:
        """Take away the progress lines that an earlier run left."""
        await self._progress.standing.begin()

    async def close(self) -> None:
        """Take away the progress lines of answers that nobody works on any more."""
        await self._progress.close()

    def _place(self, address: Address) -> Address:
        return replace(address, chat_id=self._chats.get(address.chat_id, address.chat_id))

    async def channel(self, chat_id: str) -> str:
        """The channel of a chat; for a person's id the direct chat with them, opened where there was none yet.

        Raises SlackFailure.
        """
        if not chat_id.startswith(("U", "W")):
            return chat_id
        if chat_id not in self._chats:
            answer = await self._client.ask(self._client.api.conversations_open(users=[chat_id]))
            self._chats[chat_id] = str(answer["channel"]["id"])
        return self._chats[chat_id]

    async def _send_part(self, address: Address, part: _Part) -> SendResult:
        via = Via.of(address)
        try:
            if part.picture is not None:
                return await self._send_picture(address, part.picture, via)
            assert part.message is not None
            if via is not None:
                return await self._respond(via, part.message)
            return await self._post(address, part.message)
        except SlackFailure as failure:
            return self._result(failure)

    async def _say_not_here(self, asked: Address, refused: Undeliverable) -> None:
        """Whoever called a command where we may not write hears it all the same."""
        via = Via.of(asked)
        if via is None:
            return
        text = "I cannot write into this channel. Invite me with /invite, then send the command again."
        try:
            await self._respond(via, Rendered([words(text)], escaped(text)))
        except SlackFailure as failure:
            log.warning("slack_refusal_not_told", reason=str(failure), refused=refused.reason)

    async def _respond(self, via: Via, message: Rendered) -> SendResult:
        """Answer an interaction; when its way is used up, in the direct chat with whoever began it."""
        body = {"response_type": "ephemeral", "replace_original": False, **_NOTHING_UNFOLDS, **_shown(message)}
        try:
            await self._client.post(via.url, body)
        except Refused as refusal:
            if refusal.code not in _USED_UP:
                return self._result(refusal)
            log.info("slack_reply_goes_direct", reason=refusal.code)
            return await self._post(Address(PLATFORM, via.user_id), message)
        self._failures = 0
        return Sent()

    async def _post(self, address: Address, message: Rendered) -> SendResult:
        try:
            return await self._posted(address, _shown(message))
        except Refused as refusal:
            if refusal.code in _NO_THREAD and address.thread:
                return await self._posted(replace(address, thread=None), _shown(message))
            if refusal.code in _UNREADABLE:
                log.error("slack_blocks_refused", reason=str(refusal))
                return await self._posted(address, {"text": message.text, "blocks": None})
            raise

    async def _posted(self, address: Address, shown: dict[str, Any]) -> SendResult:
        answer = await self._client.ask(
            self._client.api.chat_postMessage(
                channel=await self.channel(address.chat_id),
                thread_ts=address.thread,
                unfurl_links=False,
                unfurl_media=False,
                **shown,
            )
        )
        self._failures = 0
        return Sent(ref=str(answer["ts"]))

    async def _send_picture(self, address: Address, picture: Picture, via: Via | None) -> SendResult:
        """A chart as a file with a text for those who do not see it. What one person sees alone holds no files."""
        place = Address(PLATFORM, via.user_id) if via is not None else address
        try:
            return await self._uploaded(place, picture)
        except Refused as refusal:
            if refusal.code in TOKEN_ERRORS | _DEAD:
                raise
            if refusal.code in _NO_THREAD and place.thread:
                return await self._uploaded(replace(place, thread=None), picture)
            log.warning("slack_picture_refused", reason=str(refusal))
            note = f"{picture.alt}\n{_NO_PICTURE}"
            return await self._post(place, Rendered([words(note)], escaped(note)))

    async def _uploaded(self, address: Address, picture: Picture) -> SendResult:
        """The three steps of the SDK's `files_upload_v2`, one by one: a failure before the last has shown nothing."""
        channel = await self.channel(address.chat_id)
        api, alt = self._client.api, cut(picture.alt, _ALT_LIMIT)
        try:
            begun = await self._client.ask(
                api.files_getUploadURLExternal(filename=f"{picture.slug}.png", length=len(picture.png), alt_txt=alt)
            )
            await self._client.post(str(begun["upload_url"]), picture.png)
        except Unanswered as failure:
            raise NotSent(str(failure)) from failure
        await self._client.ask(
            api.files_completeUploadExternal(
                files=[{"id": str(begun["file_id"]), "title": cut(picture.alt.split(". ")[0], _TITLE_LIMIT)}],
                channel_id=channel,
                thread_ts=address.thread,
            )
        )
        self._failures = 0
        return Sent()

    def _result(self, failure: SlackFailure) -> SendResult:
        match failure:
            case Unanswered():
                return Sent(confirmed=False)
            case Busy(after_s=float(after_s)):
                return TryLater(after_s + random.uniform(0.05, 0.25))
            case Refused():
                return self._refused(failure)
        self._failures += 1
        doubled = self._first_pause_s * 2.0 ** min(self._failures - 1, 6)
        return TryLater(min(60.0, doubled) * random.uniform(0.5, 1.0))

    def _refused(self, refusal: Refused) -> SendResult:
        if refusal.code in _DEAD:
            return Undeliverable(str(refusal), dead=True)
        if refusal.code in TOKEN_ERRORS:
            log.error("slack_token_refused", reason=str(refusal))
            return TryLater(60.0)
        return Undeliverable(str(refusal))


def _shown(message: Rendered) -> dict[str, Any]:
    return {"text": message.text, "blocks": message.blocks}


def _parts(reply: Reply, pictures: Sequence[Picture], *, private: bool) -> list[_Part]:
    """The words, the buttons under the last of them, then the pictures; the same for the same reply."""
    messages = render(reply.blocks)
    buttons = button_blocks(reply.buttons)
    extra = [small_print("The chart is in our direct chat.")] if private and pictures else []
    if (buttons or extra) and not messages:
        messages = [Rendered([], "…")]
    if messages:
        last = messages[-1]
        messages[-1] = Rendered([*last.blocks, *extra, *buttons], last.text)
    return [*(_Part(message=message) for message in messages), *(_Part(picture=picture) for picture in pictures)]
