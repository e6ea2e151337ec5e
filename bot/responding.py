"""What is said to a message of somebody known: a command's reply, a tap's or a form's, or the assistant's answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.answering import (
    EMPTY,
    FAILED,
    MAX_CHARACTERS,
    NOT_TEXT,
    ONLY_DIRECT,
    TOO_LONG,
    TOO_SLOW,
    Delivery,
    code_refused,
    reply_from_answer,
    turn_of,
    welcome,
)
from bot.codes import code_only, is_start, pairing_code
from bot.commands.command import STOP_WORDS, Call, Context, Origin
from bot.message import Message
from bot.ports import (
    AlreadySomebody,
    Assistant,
    Buttons,
    Commands,
    Conversations,
    Outlet,
    People,
    Person,
    Places,
    Progress,
    ScopeFor,
)
from bot.reply import FORM, Reply, say
from bot.text import is_blank

log = structlog.get_logger()

BUTTON_GONE = say("That button does nothing any more. Please send the command again.")
BUTTON_ELSEWHERE = say("That button belongs to another chat. Please send the command here.")
NOT_YOUR_BUTTON = say("That button is for the person who asked. Send the command yourself and you get your own.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """Answers one message at a time for `Chat`; `answer_timeout_s` bounds the whole of it."""

    people: People
    places: Places
    buttons: Buttons
    commands: Commands
    conversations: Conversations
    assistant: Assistant
    scope_for: ScopeFor
    answer_timeout_s: float

    def is_question(self, message: Message) -> bool:
        """Whether the assistant will be asked, which takes longer than a command."""
        if message.token is not None:
            return False
        # /start goes the way of questions too: a code in it and a bare code must not overtake each other.
        return is_start(message.text.strip()) or self.commands.find(message.text) is None

    def is_stop(self, message: Message) -> bool:
        """Whether it switches miners off and nothing else."""
        call = self.commands.find(message.text) if message.token is None else None
        first = call.arguments.lower().partition(" ")[0] if call is not None else ""
        return call is not None and call.command.name == "miners" and first in STOP_WORDS

    async def respond(self, message: Message, person: Person, outlet: Outlet, progress: Progress) -> Delivery | None:
        """The reply; None where silence is right (a button that was tapped twice)."""
        if (refusal := await self._refusal(message)) is not None:
            return refusal
        text = message.text.strip()
        if message.direct and (is_start(text) or (code_only(text) and "-" in text)):
            return Delivery(await self._greet(message, person))
        try:
            async with asyncio.timeout(self.answer_timeout_s):
                return await self._respond(message, person, outlet, progress)
        except TimeoutError:
            log.warning("answer_too_slow", key=message.key, limit_s=self.answer_timeout_s)
            return Delivery(TOO_SLOW, tells=False)
        except Exception:  # the person must hear something, whatever broke
            log.exception("answer_failed", key=message.key, platform=message.address.platform)
            return Delivery(FAILED, tells=False)

    async def _refusal(self, message: Message) -> Delivery | None:
        """What can be said without knowing who asks or what."""
        if len(message.text) > MAX_CHARACTERS:
            return Delivery(TOO_LONG, tells=False)
        if not message.direct and not await self.places.is_open(message.address):
            call = self.commands.find(message.text) if message.token is None else None
            if call is None or not call.command.in_any_group:
                return Delivery(ONLY_DIRECT, tells=False)
        if message.token is None and is_blank(message.text):
            return Delivery(NOT_TEXT if message.attachments else EMPTY, tells=False)
        return None

    async def _respond(self, message: Message, person: Person, outlet: Outlet, progress: Progress) -> Delivery | None:
        scope = await self.scope_for(person)
        if message.token is not None:
            return await self._tapped(message, message.token, person, scope, outlet)
        call = self.commands.find(message.text)
        if call is not None:
            # A group can be opened by a command in it: what that says tells nothing of the site.
            return Delivery(await self._run(call, message, scope, outlet), tells=not call.command.in_any_group)
        turns = await self.conversations.recent(message.address)
        context = _context(message, outlet, "typed")
        answer = await self.assistant.answer(
            message.text.strip(), scope, turns=turns, progress=progress, place=context.place
        )
        reply = reply_from_answer(answer)
        for proposal in answer.proposals:
            asked = await self.commands.proposal(proposal, scope, context)
            reply = replace(reply, blocks=(*reply.blocks, *asked.blocks), buttons=(*reply.buttons, *asked.buttons))
        return Delivery(reply, turn_of(message.text.strip(), answer))

    async def _run(self, call: Call, message: Message, scope: Any, outlet: Outlet) -> Reply:
        if call.command.private and not message.direct:
            return ONLY_DIRECT
        return await self.commands.run(call, scope, _context(message, outlet, "typed"))

    async def _tapped(
        self, message: Message, token: str, person: Person, scope: Any, outlet: Outlet
    ) -> Delivery | None:
        context = _context(message, outlet, "tapped")
        if token.startswith(FORM):
            if not message.direct:
                return Delivery(ONLY_DIRECT, tells=False)
            return Delivery(await self.commands.submitted(token.removeprefix(FORM), dict(message.form), scope, context))
        redeemed = await self.buttons.redeem(token, person.person_id, context.place, message.key)
        match redeemed.verdict:
            case "ok" if redeemed.action is not None:
                return Delivery(await self.commands.tapped(redeemed.action, scope, context))
            case "expired" if redeemed.action is not None and redeemed.action.get("do") == "confirm":
                # The request has run out as well: the commands answer with a fresh one and the figures of now.
                return Delivery(await self.commands.tapped(redeemed.action, scope, context))
            case "used":
                return None  # the first tap is being answered, or has been
            case "not_yours" | "elsewhere" as verdict:
                log.warning("button_refused", verdict=verdict, person=person.person_id)
                return Delivery(NOT_YOUR_BUTTON if verdict == "not_yours" else BUTTON_ELSEWHERE, tells=False)
            case _:
                return Delivery(BUTTON_GONE, tells=False)

    async def _greet(self, message: Message, person: Person) -> Reply:
        """Answer /start of somebody known; a code with it may give one more role."""
        code, sender = pairing_code(message), message.sender
        try:
            if code is None or await self.people.pair(sender.platform, sender.external_id, sender.name, code):
                return welcome(person.name)
        except AlreadySomebody as already:
            return say(str(already))
        return code_refused(person.name)


def _context(message: Message, outlet: Outlet, origin: Origin) -> Context:
    return Context(
        address=message.address,
        direct=message.direct,
        origin=origin,
        key=f"{message.address.platform}:{message.key}",
        has_forms=outlet.has_forms,
        platform=message.address.platform,
        sender_id=message.sender.external_id,
    )
