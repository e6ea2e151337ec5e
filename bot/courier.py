"""The courier: what has to be told on our own initiative goes out through the bot, which holds the connections.

An entry is claimed for a while, sent, and settled: at least once, and twice only when the process dies in between. What
is critical goes first and never waits for a platform that wants a pause: it takes the person's next way at once. A
message whose alerts changed is changed in its place, after everything new has gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from bot.drawing import drawn
from bot.message import Address
from bot.outgoing import Composed, Entry, Outgoing, Posting, Stale
from bot.pacing import CRITICAL, Pacing
from bot.ports import Outlet, Renderer, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply

log = structlog.get_logger()

LOOK_EVERY_S = 2.0  # where no wake-up arrives
BEAT_EVERY_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0
MOST_TRIES = 50
HOLD_S = 15.0  # what would wait longer for its turn is handed back: a claim is good for a minute
AT_ONCE, MORE_FOR_CRITICAL = 200, 20
CHARTS_UP_TO = 20  # in a storm texts go first; each message has a button for its chart
RENDER_TIMEOUT_S = 5.0  # an alert waits no longer for its picture
END_S = 1.5  # at the end of the process, for what is on its way
PATIENCE_S = 300.0  # how long a message that is not critical waits for its first way before it takes the next
_RANKS = {"info": 1, "warning": 2, "critical": CRITICAL}
_EDIT = 0
_SETTLE_PAUSES_S = (0.2, 1.0, 3.0)

Wait = Callable[[float], Awaitable[None]]  # returns at a wake-up, after so many seconds at the latest


class Courier:
    """Delivers until it is cancelled, by the first of a person's ways that takes the message."""

    def __init__(
        self,
        outgoing: Outgoing,
        outlets: Mapping[str, Outlet],
        wait: Wait,
        render: Renderer,
        *,
        pacing: Pacing | None = None,
        hold_s: float = HOLD_S,
    ) -> None:
        self._outgoing = outgoing
        self._outlets = outlets
        self._wait = wait
        self._render = render
        self._pacing = pacing or Pacing()
        self._hold_s = hold_s
        self._work: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._sending: set[asyncio.Task[Any]] = set()
        self._room = asyncio.Event()
        self._arrived: dict[int, Posting | None] = {}  # told, but the database did not take it
        self._begun: dict[tuple[int, str], tuple[int, str | None]] = {}  # what went in part: how many parts, its ref
        self._unsure: set[int] = set()  # critical, sent once without an answer
        self._beat_at = float("-inf")

    async def run(self) -> None:
        """Look, deliver, wait. A failure is logged and the next look comes all the same."""
        try:
            while True:
                more = False
                try:
                    more = await self.take_up()
                    await self._beat()
                except Exception:  # the database may be locked or full; what waits stays there
                    log.exception("courier_failed")
                await self._pause(more)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """What is being sent may end, or the next start would send it again; what waits for its turn comes again."""
        for task in self._work.values():
            if task not in self._sending:
                task.cancel()
        left = list(self._work.values())
        if left:
            await asyncio.wait(left, timeout=END_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def take_up(self) -> bool:
        """Claim what is due and begin to deliver it; whether more may be due."""
        room = AT_ONCE - len(self._work)
        limit = max(room, MORE_FOR_CRITICAL)
        due = await self._outgoing.due(limit, [number for kind, number in self._work if kind == "entry"])
        for entry in due:
            if ("entry", entry.outbox_id) in self._work:
                continue
            if room <= 0 and entry.level != "critical":
                await self._outgoing.later(entry.outbox_id, "much to tell", in_s=random.uniform(1.0, 3.0))
                continue
            room -= 1
            self._begin(("entry", entry.outbox_id), self._deliver(entry))
        if room > 0:
            await self._take_up_edits()
        return len(due) >= limit

    async def _take_up_edits(self) -> None:
        """Messages that show an older state; trouble with them holds up nothing that is new."""
        try:
            for stale in await self._outgoing.stale():
                self._begin(("posting", stale.posting_id), self._bring_up_to_date(stale))
        except Exception:  # the database may be locked or full; they come again
            log.exception("edits_failed")

    async def idle(self) -> None:
        """Wait until everything that was taken up is delivered, or handed back."""
        while self._work:
            await asyncio.wait(self._work.values())

    def _begin(self, key: tuple[str, int], work: Coroutine[Any, Any, None]) -> None:
        if key in self._work:  # it took longer than its claim, and came again
            work.close()
            return
        task = asyncio.create_task(work)
        self._work[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: tuple[str, int], task: asyncio.Task[None]) -> None:
        del self._work[key]
        if self._has_room:
            self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # It comes again when its claim runs out.
            log.error("courier_task_failed", what=key[0], number=key[1], exc_info=error)

    async def _pause(self, more: bool) -> None:
        """Until a wake-up, or until there is room for what is left."""
        if not more:
            await self._wait(LOOK_EVERY_S)
            return
        if self._has_room:
            return
        self._room.clear()
        waits = {asyncio.ensure_future(self._wait(LOOK_EVERY_S)), asyncio.ensure_future(self._room.wait())}
        try:
            await asyncio.wait(waits, return_when="FIRST_COMPLETED")
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    @property
    def _has_room(self) -> bool:
        return len(self._work) <= AT_ONCE - MORE_FOR_CRITICAL

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT_EVERY_S:
            await self._outgoing.beat()
            self._beat_at = time.monotonic()

    async def _deliver(self, entry: Entry) -> None:
        """By the first way that takes it; where none does now, when to come again."""
        if entry.outbox_id in self._arrived:
            await self._settle(entry.outbox_id, self._arrived[entry.outbox_id])
            return
        reasons: list[str] = []
        paused: list[Address] = []
        tried = False
        for address in entry.ways:
            outlet = self._outlets.get(address.platform)
            if outlet is None:
                reasons.append(f"{address.platform} is not connected")
                continue
            result = None if self._is_full(entry, address) else await self._sent(entry, outlet, address)
            tried = tried or result is not None
            match result:
                case Sent():
                    return
                case Undeliverable(reason, dead):
                    reasons.append(f"{address.platform}: {reason}")
                    if dead:
                        await self._outgoing.dead(entry, address, reason)
                case _:
                    reasons.append(f"{address.platform} asks for a pause")
                    paused.append(address)
                    # What has gone there in part goes on there.
                    if (entry.outbox_id, address.key) in self._begun or not self._goes_on(entry, address):
                        break
        reason = "; ".join(reasons) or "no chat of this person is known"
        if paused and not tried:
            soonest = min(paused, key=lambda address: self._pacing.wait_s(address, _RANKS[entry.level]))
            in_s = self._pacing.book_s(soonest, _RANKS[entry.level])
            await self._outgoing.later(entry.outbox_id, reason, in_s=in_s + random.uniform(0.0, 0.5))
            return
        await self._failed(entry, reason, paused)

    def _is_full(self, entry: Entry, address: Address) -> bool:
        """Whether it would wait there for longer than it can be held."""
        wait_s = self._pacing.wait_s(address, _RANKS[entry.level])
        return self._pacing.closed_s(address, _RANKS[entry.level]) > 0 or wait_s > self._hold_s

    def _goes_on(self, entry: Entry, address: Address) -> bool:
        """Whether the next way is taken while this one wants a pause: at once when it is critical."""
        return entry.level == "critical" or entry.tries >= 3 or self._pacing.troubled_s(address) > PATIENCE_S

    async def _failed(self, entry: Entry, reason: str, paused: Sequence[Address]) -> None:
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(entry.tries, 10), LONGEST_PAUSE_S)
        rank = _RANKS[entry.level]
        asked_s = min((self._pacing.closed_s(address, rank) for address in paused), default=0.0)
        pause_s = max(pause_s, asked_s) * random.uniform(1.0, 1.25)
        given_up = entry.tries + 1 >= MOST_TRIES
        log.warning("message_not_delivered", entry=entry.outbox_id, reason=reason, given_up=given_up)
        await self._outgoing.failed(entry.outbox_id, reason, again_in_s=None if given_up else pause_s)

    async def _sent(self, entry: Entry, outlet: Outlet, address: Address) -> SendResult | None:
        """Compose, draw, wait for the turn, send, settle; None where the chat was closed before its turn came."""
        charts = len(self._work) <= CHARTS_UP_TO
        try:
            composed = await self._outgoing.reply(entry, address, buttons=outlet.has_buttons, charts=charts)
            reply, pictures = await drawn(composed.reply, self._render, RENDER_TIMEOUT_S)
            if not await self._pacing.through(address, _RANKS[entry.level]):
                return None
            with self._on_its_way():
                result = await self._sent_in_parts(entry, outlet, address, reply, pictures)
                if self._may_be_lost(entry, result):
                    return Undeliverable("no answer came, so it goes out once more")
                await self._noted(entry, outlet, address, composed, result)
                return result
        except Exception as error:  # one adapter's fault must not keep the message from the person's other chats
            log.exception("message_send_failed", platform=outlet.platform)
            return Undeliverable(type(error).__name__)

    @contextlib.contextmanager
    def _on_its_way(self) -> Iterator[None]:
        """What this task does now is not to be broken off."""
        task = asyncio.current_task()
        assert task is not None
        self._sending.add(task)
        try:
            yield
        finally:
            self._sending.discard(task)

    def _may_be_lost(self, entry: Entry, result: SendResult) -> bool:
        """Whether what is critical got no answer for the first time: heard twice is better than lost."""
        if entry.level != "critical" or not isinstance(result, Sent):
            return False
        if result.confirmed or entry.outbox_id in self._unsure:
            self._unsure.discard(entry.outbox_id)
            return False
        self._unsure.add(entry.outbox_id)
        return True

    async def _noted(
        self, entry: Entry, outlet: Outlet, address: Address, composed: Composed, result: SendResult
    ) -> None:
        """What the platform said of it."""
        match result:
            case TryLater(after_s):
                self._pacing.close(address, after_s)
            case Sent(confirmed, ref):
                self._pacing.opened(address)
                if not confirmed:
                    log.warning("message_unconfirmed", entry=entry.outbox_id, platform=address.platform)
                await self._settle(entry.outbox_id, _posting(address, ref, composed, outlet))
            case _:
                pass

    async def _sent_in_parts(
        self, entry: Entry, outlet: Outlet, address: Address, reply: Reply, pictures: Sequence[Picture]
    ) -> SendResult:
        """A long one goes on where it stopped, each part in its own turn."""
        key = (entry.outbox_id, address.key)
        begun, ref = self._begun.get(key, (0, None))

        async def part_sent(count: int) -> None:
            self._begun[key] = (count, ref)
            await self._pacing.through(address, _RANKS[entry.level])

        result = await outlet.send(address, reply, pictures, from_part=begun, part_sent=part_sent)
        parts = self._begun.pop(key, (0, None))[0]
        match result:
            case TryLater(_, next_part, its_ref) if max(parts, next_part) > 0:
                self._begun[key] = (max(parts, next_part), its_ref or ref)
            case Undeliverable() if parts:  # the words are there; only a picture of theirs is not
                return Sent(ref=ref)
            case Sent(confirmed, its_ref):
                return Sent(confirmed, its_ref or ref)
            case _:
                pass
        return result

    async def _settle(self, outbox_id: int, posting: Posting | None) -> None:
        """Note that it arrived. While the database takes nothing it is kept here, so that nobody hears it twice."""
        self._arrived[outbox_id] = posting
        for pause_s in (*_SETTLE_PAUSES_S, None):
            try:
                await self._outgoing.sent(outbox_id, posting)
            except Exception:  # whatever the database says
                if pause_s is None:
                    log.exception("message_not_settled", entry=outbox_id)
                    return
                await asyncio.sleep(pause_s)
            else:
                del self._arrived[outbox_id]
                return

    async def _bring_up_to_date(self, stale: Stale) -> None:
        """Change a message in its place, when its turn comes."""
        address = stale.address
        outlet = self._outlets.get(address.platform)
        if outlet is None:
            return  # it comes again when its claim runs out
        if not outlet.has_buttons:
            await self._outgoing.unchangeable(stale.posting_id)
            return
        if self._pacing.closed_s(address) > 0 or self._pacing.wait_s(address, _EDIT) > self._hold_s:
            await self._outgoing.change_later(stale.posting_id, in_s=self._pacing.book_s(address, _EDIT))
            return
        reply = replace(await self._outgoing.stale_reply(stale), charts=())
        if not await self._pacing.through(address, _EDIT):
            await self._outgoing.change_later(stale.posting_id, in_s=self._pacing.book_s(address, _EDIT))
            return
        match await outlet.edit(address, stale.ref, reply):
            case Sent():
                await self._outgoing.shown(stale.posting_id, stale.version)
            case TryLater(after_s):
                self._pacing.close(address, after_s)
                await self._outgoing.change_later(stale.posting_id, in_s=after_s)
            case Undeliverable(reason):
                log.info("message_not_changed", platform=address.platform, reason=reason)
                await self._outgoing.unchangeable(stale.posting_id)


def _posting(address: Address, ref: str | None, composed: Composed, outlet: Outlet) -> Posting | None:
    if composed.version is None:
        return None
    return Posting(address, ref if outlet.has_buttons else None, composed.version)
