"""What Slack shows while an answer is worked on: a thread's status, and one line that changes with the steps.

Slack has no typing sign for bots. A thread has a status (`assistant.threads.setStatus`, which any app that may write
can set since March 2026); it goes by itself with our next message. A chat outside threads shows nothing before the
first step.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from bot.message import Address
from bot.platforms.slack.client import Refused, SlackClient, SlackFailure
from bot.platforms.slack.parse import Via
from bot.platforms.slack.render import cut, escaped, small_print

log = structlog.get_logger()

_LIMIT = 300
_STATUS = "is working on it ..."


@dataclass(slots=True)
class _Line:
    channel: str
    ts: str | None = None


class ProgressLines:
    """At most one line a conversation."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._lines: dict[str, _Line] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._has_status = True

    async def working(self, address: Address) -> None:
        """Set the thread's status."""
        if address.thread is None or Via.of(address) is not None or not self._has_status:
            return
        try:
            await self._client.ask(
                self._client.api.assistant_threads_setStatus(
                    channel_id=address.chat_id, thread_ts=address.thread, status=_STATUS
                )
            )
        except Refused as refusal:
            self._has_status = False
            log.info("slack_status_off", reason=str(refusal))

    async def show(self, address: Address, key: str, text: str) -> None:
        """Write the line, or change it. Whoever is cancelled here leaves a line that `clear` still knows."""
        if (before := self._writing.get(key)) is not None and not before.done():
            return  # the platform is slower than the steps
        task = asyncio.create_task(self._write(address, key, text))
        self._writing[key] = task
        task.add_done_callback(_seen)
        await asyncio.shield(task)

    async def clear(self, address: Address) -> None:
        """Take the line away; the answer comes."""
        writing = self._writing.pop(address.key, None)
        if writing is not None:
            await asyncio.gather(writing, return_exceptions=True)
        line = self._lines.pop(address.key, None)
        if line is None or line.ts is None:
            return
        try:
            await self._client.ask(self._client.api.chat_delete(channel=line.channel, ts=line.ts))
        except SlackFailure as failure:
            log.info("slack_progress_left", reason=str(failure))

    async def _write(self, address: Address, key: str, text: str) -> None:
        shown: dict[str, Any] = {"text": escaped(cut(text, _LIMIT)), "blocks": [small_print(cut(text, _LIMIT))]}
        line = self._lines.get(key)
        if line is not None and line.ts is not None:
            await self._client.ask(self._client.api.chat_update(channel=line.channel, ts=line.ts, **shown))
            return
        answer = await self._client.ask(
            self._client.api.chat_postMessage(channel=address.chat_id, thread_ts=address.thread, **shown)
        )
        self._lines[key] = _Line(address.chat_id, str(answer["ts"]))


def _seen(task: asyncio.Task[None]) -> None:
    """Look at the task's failure, so that nobody is told that it was not looked at."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.debug("slack_progress_not_shown", reason=str(failure))
