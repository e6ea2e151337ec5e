"""A change that the plan asks for, as people see it: the question, its reason, and two buttons that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.commands.buttons import place_button
from bot.commands.saying import Line, answer, name, to_come
from bot.reply import Bold, Code, Reply
from energy.following import Wanted
from services import control, plan_answers
from services.control_words import refusal_text, result_text
from services.plan_answers import Declined, Gone
from services.plan_questions import PlanAsk, ask_from

if TYPE_CHECKING:
    from bot.commands.command import Context
    from services.scope import Scope


async def plan_reply(scope: Scope, data: Mapping[str, Any], place: str, *, buttons: bool = True) -> Reply:
    """The reply for an outbox entry of kind "plan"; without `buttons` it says what to type instead."""
    ask = ask_from(data)
    if not buttons:
        verb = "start" if ask.on else "stop"
        return answer(*_question(scope, ask), ("Reply in chat: ", Code(f"/miners {verb} {ask.miner_id}")))
    action = {"do": "plan_ask", "ask": ask.ask_id, "data": ask.to_data()}
    yes = await place_button(scope, place, "Do it", action | {"act": "yes"}, style="primary")
    no = await place_button(scope, place, "Not now", action | {"act": "no"})
    why = await place_button(scope, place, "Why", {"do": "command", "text": f"/why {ask.miner_id}"})
    return answer(*_question(scope, ask), buttons=[[yes, no, why]])


async def plan_tapped(action: Mapping[str, Any], scope: Scope, context: Context) -> Reply:
    """What a tap on the question does, with the role of whoever tapped: the question is changed to its result."""
    ask = ask_from(action["data"])
    head = _head(scope, ask)
    if action.get("act") != "yes":
        match await plan_answers.decline(scope, ask.ask_id):
            case Declined(says) | Gone(says):
                return _settled(head, says)
    match await plan_answers.approve(scope, ask.ask_id, place=context.place):
        case Gone(says):
            return _settled(head, says)
        case control.RefusedBy() as refused:
            return _settled(head, *_lines(refusal_text(refused, scope)))
        case control.Accepted(request):
            done = await control.result(scope, request.request_id, timeout_s=context.patience_s)
            if done is None:
                says = f"{name(scope.actor.name)} said yes; it is being switched. /miners shows how it stands."
                return _settled(head, says)
            await control.claim_report(scope, request.request_id)
            return _settled(head, *_lines(result_text(done, scope)))


def _settled(head: Line, *lines: str) -> Reply:
    return replace(answer(head, *[name(line, limit=400) if "/" not in line else line for line in lines]), replaces=True)


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()] or ["Done."]


def _head(scope: Scope, ask: PlanAsk) -> Line:
    return Bold(f"The plan wanted to {'start' if ask.on else 'stop'} {_name(scope, ask)}.")


def _question(scope: Scope, ask: PlanAsk) -> list[Line]:
    verb = "start" if ask.on else "stop"
    clause = Wanted(ask.on, scope.as_of, ask.until, ask.because).clause
    return [
        (
            Bold(f"Shall I {verb} {_name(scope, ask)}?"),
            f" The plan wants it {'on' if ask.on else 'off'} until {to_come(scope, ask.until)}.",
        ),
        f"Why: {name(clause, limit=300)}.",
    ]


def _name(scope: Scope, ask: PlanAsk) -> str:
    return next((name(miner.name) for miner in scope.site.miner if miner.id == ask.miner_id), name(ask.miner_id))
