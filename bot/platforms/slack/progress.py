"""What Slack shows while an answer is worked on: a thread's status, and one line that changes with the steps.

Slack has no typing sign for bots. A thread has a status (`assistant.threads.setStatus`, which any app that may write
can set since March 2026); it goes by itself with our next message. Where there is no status, the line is the sign: it
comes before the first step, unless the answer is quicker.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from bot.message import Address
from bot.platforms.slack.client import Refused, SlackClient, SlackFailure
from bot.platforms.slack.parse import PLATFORM, Via
from bot.platforms.slack.render import cut, escaped, small_print
from bot.ports import ProgressRefs
from bot.standing import StandingLines

log = structlog.get_logger()

_LIMIT = 300
_STATUS = "is working on it ..."
_SIGN = "Working on it ..."
_SIGN_AFTER_S = 0.8
_GONE = frozenset({"message_not_found", "channel_not_found"})


class ProgressLines:
    """At most one line a conversation. An address here names a channel, never a person."""

    def __init__(
        self, client: SlackClient, refs: ProgressRefs | None = None, *, sign_after_s: float = _SIGN_AFTER_S
    ) -> None:
        self._client = client
        self._sign_after_s = sign_after_s
        self._lines: dict[str, str] = {}  # place -> the line's time stamp
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._has_status = True
        self.standing = StandingLines(PLATFORM, refs, self._remove)

    async def working(self, address: Address) -> None:
        """Set the thread's status; elsewhere write the line, once somebody has waited for a moment."""
        if Via.of(address) is not None:
            return
        if address.thread is not None and self._has_status:
            try:
                await self._client.ask(
                    self._client.api.assistant_threads_setStatus(
                        channel_id=address.chat_id, thread_ts=address.thread, status=_STATUS
                    )
                )
                return
            except Refused as refusal:
                self._has_status = False
                log.info("slack_status_off", reason=str(refusal))
        if address.key in self._lines or address.key in self._writing:
            return
        await asyncio.sleep(self._sign_after_s)
        if address.key not in self._lines:
            await self.show(address, _SIGN)

    async def show(self, address: Address, text: str) -> None:
        """Write the line, or change it. Whoever is cancelled here leaves a line that `clear` still knows."""
        while (before := self._writing.get(address.key)) is not None and not before.done():
            await asyncio.wait((before,))  # the platform is slower than we are
        task = asyncio.create_task(self._write(address, text))
        self._writing[address.key] = task
        task.add_done_callback(_seen)
        await asyncio.shield(task)

    async def clear(self, address: Address) -> None:
        """Take the line away; the answer comes."""
        await self.standing.clear_left_over(address)
        writing = self._writing.pop(address.key, None)
        if writing is not None:
            await asyncio.gather(writing, return_exceptions=True)
        ts = self._lines.pop(address.key, None)
        if ts is not None:
            await self.standing.remove(address, ts)

    async def close(self) -> None:
        """Take away every line, also one that is on its way."""
        await asyncio.gather(*self._writing.values(), return_exceptions=True)
        self._lines.clear()
        await self.standing.close()

    async def _remove(self, address: Address, ref: str, words: str) -> bool:
        api = self._client.api
        try:
            try:
                await self._client.ask(api.chat_delete(channel=address.chat_id, ts=ref))
            except Refused as refusal:
                if refusal.code not in _GONE:
                    await self._client.ask(
                        api.chat_update(channel=address.chat_id, ts=ref, text=words, blocks=[small_print(words)])
                    )
        except Refused as refusal:
            log.info("slack_progress_left", reason=str(refusal))
        except SlackFailure as failure:
            log.info("slack_progress_not_removed", reason=str(failure))
            return False
        return True

    async def _write(self, address: Address, text: str) -> None:
        shown: dict[str, Any] = {"text": escaped(cut(text, _LIMIT)), "blocks": [small_print(cut(text, _LIMIT))]}
        ts = self._lines.get(address.key)
        if ts is not None:
            await self._client.ask(self._client.api.chat_update(channel=address.chat_id, ts=ts, **shown))
            return
        answer = await self._client.ask(
            self._client.api.chat_postMessage(channel=address.chat_id, thread_ts=address.thread, **shown)
        )
        self._lines[address.key] = str(answer["ts"])
        await self.standing.appeared(address, str(answer["ts"]))


def _seen(task: asyncio.Task[None]) -> None:
    """Look at the task's failure, so that nobody is told that it was not looked at."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.debug("slack_progress_not_shown", reason=str(failure))
