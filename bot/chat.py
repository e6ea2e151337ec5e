"""Every message's way: verify, deduplicate, admit, one at a time per conversation, answer, draw, send, remember.

Each step is committed before the next begins, so a restart goes on where the last run stopped. A reply is sent twice
only when the process dies between the platform's acceptance and our commit of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from bot.answering import (
    BUSY,
    MAX_CHARACTERS,
    Delivery,
    delivery_from_json,
    delivery_to_json,
    slow_down,
    too_old,
    welcome,
)
from bot.codes import pairing_code
from bot.delivering import Delivering
from bot.lanes import Lanes
from bot.limits import ChatLimits as ChatLimits
from bot.limits import RateLimit
from bot.message import Message, message_from_json, message_to_json
from bot.ports import (
    AlreadySomebody,
    Assistant,
    Buttons,
    Commands,
    Conversations,
    Inbox,
    LiveMessages,
    Outlet,
    People,
    Person,
    Places,
    Progress,
    Renderer,
    ScopeFor,
)
from bot.reply import Picture, Reply
from bot.responding import Responder
from bot.working import working

log = structlog.get_logger()
COMMANDS, OUT = "commands", "out"  # lanes of each conversation beside the one for questions
_REMEMBERED = 2_000  # settled messages


@dataclass(frozen=True, slots=True)
class _Work:
    message: Message
    outlet: Outlet
    person: Person | None
    delivery: Delivery | None = None  # set when the answer exists already
    drawn: tuple[Reply, tuple[Picture, ...]] | None = None  # set when it only has to be sent
    resumed: bool = False  # an earlier run took it on, and may have begun to act on it


class Chat:
    """The chat, on whatever platforms; see the module's text."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        people: People,
        places: Places,
        buttons: Buttons,
        commands: Commands,
        live: LiveMessages,
        conversations: Conversations,
        assistant: Assistant,
        render: Renderer,
        scope_for: ScopeFor,
        limits: ChatLimits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._people = people
        self._places = places
        self._conversations = conversations
        self._limits = limits or ChatLimits()
        self._responder = Responder(
            people=people,
            places=places,
            buttons=buttons,
            commands=commands,
            conversations=conversations,
            assistant=assistant,
            scope_for=scope_for,
            answer_timeout_s=self._limits.answer_timeout_s,
        )
        self._delivering = Delivering(
            render=render,
            places=places,
            live=live,
            render_timeout_s=self._limits.render_timeout_s,
            give_up_after_s=self._limits.give_up_sending_after_s,
        )
        self._now = now
        self._rate = RateLimit(self._limits.per_person_per_minute, 60.0, monotonic)
        self._command_rate = RateLimit(self._limits.commands_per_person_per_minute, 60.0, monotonic)
        self._tapped: set[tuple[str, str]] = set()
        self._strangers = RateLimit(self._limits.audit_rows_per_stranger_and_hour, 3_600.0, monotonic)
        self._in_flight: set[tuple[str, str]] = set()
        self._taking_on: set[tuple[str, str]] = set()
        self._settled: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._answering = asyncio.Semaphore(self._limits.answering_at_once)
        self._lanes: Lanes[_Work] = Lanes(self._work, self._limits.waiting_per_conversation)

    async def handle(self, message: Message, outlet: Outlet) -> bool:
        """Take a message on. Returns when it is committed and queued; then the platform may forget it.

        False when nothing will be said to it: then not even a sign that something happens may be shown. An exception
        means that it was not taken on and must be handed over again.
        """
        if not _is_consistent(message, outlet) or not (message.direct or message.addressed):
            return False
        platform, sender = message.address.platform, message.sender
        person = await self._people.admit(platform, sender.external_id)
        # A longer text is refused anyway; its head is enough to refuse it again after a restart.
        kept = replace(message, text=message.text[: MAX_CHARACTERS + 1])
        taken = (platform, message.key)
        if taken in self._taking_on:
            return True
        self._taking_on.add(taken)
        try:
            is_new = await self._inbox.receive(platform, message.key, message_to_json(kept))
            if is_new or await self._is_stranded(platform, message.key):
                return await self._take_on(kept, outlet, person)
            log.debug("message_repeated", platform=platform, key=message.key)
            return True
        finally:
            self._taking_on.discard(taken)

    async def _is_stranded(self, platform: str, key: str) -> bool:
        """Whether a message was received but not taken on, since something failed in between."""
        if (platform, key) in self._in_flight:
            return False
        return any(each.key == key and each.delivery is None for each in await self._inbox.pending(platform))

    async def _take_on(self, message: Message, outlet: Outlet, person: Person | None) -> bool:
        if person is None:
            return await self._meet_stranger(message, outlet)
        if message.direct:
            await self._places.seen(person.person_id, message.address)
        if message.token is not None and (message.address.key, message.token) in self._tapped:
            await self._settle(message)  # the same button again, while the first tap is being answered
            return False
        asks = self._responder.is_question(message)
        rate, allowed = (
            (self._rate, self._limits.per_person_per_minute)
            if asks
            else (self._command_rate, self._limits.commands_per_person_per_minute)
        )
        wait_s = 0.0 if outlet.local else rate.wait_s(person.person_id)
        if wait_s > 0:
            if not rate.first_refusal(person.person_id):
                await self._settle(message)
                return False
            log.warning("person_throttled", person=person.person_id, platform=outlet.platform)
            await self._queue(_Work(message, outlet, person, Delivery(slow_down(allowed, wait_s), tells=False)))
            return True
        # A command never waits behind a question: a miner must stop now, not after the model has finished.
        await self._queue(self._fresh(_Work(message, outlet, person)), lane="" if asks else COMMANDS)
        return True

    def _fresh(self, work: _Work) -> _Work:
        """A command or a tap that waited for us too long is not acted on: the site is another one by now."""
        age = self._now() - work.message.sent_at
        if work.delivery is not None or self._responder.is_question(work.message):
            return work
        # A stop is safe whenever it comes, and two clocks may differ; but not for ever.
        stops = self._responder.is_stop(work.message)
        if age <= (self._limits.oldest_stop if stops else self._limits.oldest_command):
            return work
        log.warning("command_too_old", key=work.message.key, age_s=round(age.total_seconds()))
        return replace(work, delivery=Delivery(too_old(age, maybe_done=work.resumed), tells=False))

    async def resume(self, outlet: Outlet) -> int:
        """Take up what an earlier run received on this platform and did not finish; returns how many messages."""
        taken_up: list[_Work] = []
        for pending in await self._inbox.pending(outlet.platform):
            if self._is_ours(outlet.platform, pending.key):
                continue
            message = message_from_json(pending.message) if pending.message else None
            if message is None or message.sent_at < self._now() - self._limits.oldest_resumed:
                await self._inbox.settled(outlet.platform, pending.key)
                continue
            person = await self._people.admit(message.sender.platform, message.sender.external_id)
            delivery = delivery_from_json(pending.delivery) if pending.delivery else None
            if person is None and (delivery is None or delivery.tells):
                await self._meet_stranger(message, outlet)  # not known, or not any more: no figures for them
                continue
            taken_up.append(self._fresh(_Work(message, outlet, person, delivery, resumed=True)))
        # What this run was working on while the list was read must not be answered a second time.
        left = [work for work in taken_up if not self._is_ours(outlet.platform, work.message.key)]
        for work in left:
            self._put(work, lane=self._lane_of(work), force=True)
        if left:
            log.info("messages_resumed", platform=outlet.platform, count=len(left))
        return len(left)

    def _is_ours(self, platform: str, key: str) -> bool:
        """Whether this run has the message in hand, or is done with it."""
        return any((platform, key) in known for known in (self._in_flight, self._taking_on, self._settled))

    def _lane_of(self, work: _Work) -> str:
        if work.delivery is not None:
            return OUT
        return "" if self._responder.is_question(work.message) else COMMANDS

    async def idle(self) -> None:
        """Wait until every message that was taken on has been dealt with."""
        await self._lanes.idle()

    async def close(self, *, drain_s: float = 10.0) -> None:
        """Finish what is being worked on, for `drain_s` seconds at the most; the rest is taken up at the next start."""
        unfinished = await self._lanes.close(drain_s)
        if unfinished:
            log.info("messages_left_for_next_start", count=unfinished)

    async def _meet_stranger(self, message: Message, outlet: Outlet) -> bool:
        """Pair with a right code; anything else gets silence (False) and an audit row."""
        platform, sender = message.address.platform, message.sender
        reason = "not paired" if message.token is None else "not paired, tapped a button"
        code = pairing_code(message)
        if code is not None:
            try:
                person = await self._people.pair(platform, sender.external_id, sender.name, code)
            except AlreadySomebody:  # without a role here: then it is nobody to us, and hears nothing
                person = None
            if person is not None:
                log.info("person_paired", platform=platform, person=person.person_id)
                await self._places.seen(person.person_id, message.address)
                await self._queue(_Work(message, outlet, person, Delivery(welcome(person.name), tells=False)))
                return True
            reason = "pairing code refused"
        if self._strangers.wait_s(f"{platform}:{sender.external_id}") == 0:
            await self._people.note_stranger(platform, sender.external_id, sender.name, reason)
        await self._inbox.settled(platform, message.key)
        return False

    async def _queue(self, work: _Work, *, lane: str = "") -> None:
        # Commands are few (their rate is limited) and short: none is turned away.
        if self._put(work, lane=lane, force=lane == COMMANDS):
            return
        if self._put(replace(work, delivery=Delivery(BUSY, tells=False)), lane="busy"):
            return
        log.warning("message_turned_away", conversation=work.message.address.key)
        await self._inbox.settled(work.message.address.platform, work.message.key)

    def _put(self, work: _Work, *, lane: str = "", force: bool = False) -> bool:
        name = " ".join(filter(None, (work.message.address.key, lane)))
        if not self._lanes.put(name, work, force=force):
            return False
        self._in_flight.add((work.outlet.platform, work.message.key))
        if work.message.token is not None:
            self._tapped.add((work.message.address.key, work.message.token))
        return True

    async def _work(self, work: _Work) -> None:
        handed_on = False
        try:
            handed_on = await self._do(work)
        finally:
            if not handed_on:
                self._in_flight.discard((work.outlet.platform, work.message.key))
                if work.message.token is not None:
                    self._tapped.discard((work.message.address.key, work.message.token))

    async def _do(self, work: _Work) -> bool:
        """Answer and send; True when sending was left to the conversation's outgoing lane.

        A command's reply that waits for the platform must not hold up the command after it, which may be a stop.
        """
        if work.drawn is not None and work.delivery is not None:
            await self._send(work, work.delivery, *work.drawn)
            return False
        message, outlet, delivery = work.message, work.outlet, work.delivery
        limits = self._limits
        asks = delivery is None and self._responder.is_question(message)
        async with working(
            outlet,
            message.address,
            after_s=limits.working_shown_after_s if asks else limits.command_working_shown_after_s,
            every_s=limits.typing_every_s,
            steps_after_s=limits.steps_shown_after_s,
        ) as progress:
            if delivery is None:
                delivery = await self._respond(work, progress)
            if delivery is None:
                await self._settle(message)
                return False
            if not delivery.parts_sent:
                await self._keep(message, delivery)
            drawn = await self._delivering.drawn(delivery.reply)
        if work.delivery is None and not asks and not self._lanes.closed:
            return self._put(replace(work, delivery=delivery, drawn=drawn), lane=OUT, force=True)
        await self._send(work, delivery, *drawn)
        return False

    async def _send(self, work: _Work, delivery: Delivery, reply: Reply, pictures: tuple[Picture, ...]) -> None:
        message = work.message

        async def keep(changed: Delivery) -> None:
            await self._keep(message, changed)

        async def still_allowed() -> bool:
            return await self._may_still_hear(message, delivery)

        if work.resumed and not await still_allowed():
            log.info("reply_withheld", key=message.key, platform=work.outlet.platform)
            await self._settle(message)
            return
        if await self._delivering.deliver(message, delivery, reply, pictures, work.outlet, keep, still_allowed):
            await self._settle(message)
            if delivery.turn is not None and work.person is not None:
                await self._conversations.remember(message.address, work.person.person_id, delivery.turn)

    async def _may_still_hear(self, message: Message, delivery: Delivery) -> bool:
        """Whether what was answered a while ago may still be told: people are removed, and groups closed."""
        if not delivery.tells:
            return True
        if await self._people.admit(message.sender.platform, message.sender.external_id) is None:
            return False
        return message.direct or await self._places.is_open(message.address)

    async def _respond(self, work: _Work, progress: Progress) -> Delivery | None:
        if work.person is None:
            raise LookupError(f"message {work.message.key} has neither a person nor a reply")
        if not self._responder.is_question(work.message):
            return await self._responder.respond(work.message, work.person, work.outlet, progress)
        async with self._answering:  # commands never wait for questions
            return await self._responder.respond(work.message, work.person, work.outlet, progress)

    async def _settle(self, message: Message) -> None:
        platform, key = message.address.platform, message.key
        await self._committed("settled", message, lambda: self._inbox.settled(platform, key))
        self._settled[platform, key] = None
        if len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)

    async def _keep(self, message: Message, delivery: Delivery) -> None:
        stored = delivery_to_json(delivery)
        platform, key = message.address.platform, message.key
        await self._committed("answered", message, lambda: self._inbox.answered(platform, key, stored))

    async def _committed(self, step: str, message: Message, commit: Callable[[], Awaitable[None]]) -> None:
        """Commit a step, trying again for a while. A database that stays broken must not keep the reply back."""
        for pause_s in (0.2, 1.0, 3.0, None):
            try:
                await commit()
            except Exception:  # whatever the database says
                if pause_s is None:
                    log.exception("inbox_not_written", step=step, key=message.key)
                    return
                await asyncio.sleep(pause_s)
            else:
                return


def _is_consistent(message: Message, outlet: Outlet) -> bool:
    """Identity is (platform, id): a message whose parts name different platforms, or no id, is not believed."""
    named = {message.address.platform, message.sender.platform, outlet.platform}
    if len(named) == 1 and message.sender.external_id and message.key:
        return True
    log.error("message_inconsistent", platforms=sorted(named), key=message.key)
    return False
