"""The local model as AutoGen sees a model: it calls the tools that a question needs, then writes from their findings.

Deterministic and quick; no network, no state between calls, so one client serves all questions at the same time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema
from typing_extensions import override

from agents.clients import OneReplyClient, ToolChoice
from agents.local_model.compose import compose
from agents.local_model.follow_periods import on_dates
from agents.local_model.follow_up import as_answered, is_judgement, is_step
from agents.local_model.found import Found, Result
from agents.local_model.intents import Greeting, Help, Intent, Judge, NotYet, OutOfScope, Recall, Thanks, Unclear
from agents.local_model.plan import Call, calls_for
from agents.local_model.understand import understand_parts
from agents.local_model.units_asked import in_asked_units
from agents.local_model.unread import period_note, with_note
from agents.selector import route

_NAMES = re.compile(r"\[((?:'\w+'(?:, )?)+)\]")
_LAST_SAID = re.compile(r"^user: (.+)$", re.MULTILINE)
_NOW = re.compile(r"\bNow: \w+ (\d{4}-\d\d-\d\d \d\d:\d\d) local\b")
_MOST_CALLS = 8
# A turn without a subject of its own: what was talked about before it still is.
_SAYS_NOTHING = (Greeting, Help, NotYet, OutOfScope, Recall, Thanks, Unclear)


class LocalChatCompletionClient(OneReplyClient):
    """Answers in a language model's place. Every figure that it writes comes from tool results in the messages."""

    @override
    async def reply(
        self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema], tool_choice: ToolChoice
    ) -> CreateResult:
        choice = _selection(messages) if not tools else None
        if choice is not None:
            return _text(choice)
        intents = intents_of(messages)
        if tool_choice != "none":
            calls = _missing_calls(intents, messages, {_name(tool) for tool in tools})
            if calls:
                return _calls(calls, len(messages))
        found = Found(_results(messages))
        question = _questions(messages)[-1]
        answer = in_asked_units(compose(intents, found), question, found)
        return _text(with_note(answer, period_note(question, intents)))


def intents_of(messages: Sequence[LLMMessage]) -> list[Intent]:
    """What the last question of a conversation asks for, seen with what was last understood before it."""
    *earlier, last = _questions(messages)
    now, answers = _now(messages), _answers(messages)
    today = now.date() if now else None
    previous: Intent | None = None
    for question, following in pairwise([*earlier, last]):
        understood = understand_parts(question, previous)[-1]
        if previous is None:  # whatever came before it is out of sight
            understood = as_answered(question, understood, answers.get(question, ""))
        if is_judgement(question) or (previous is not None and isinstance(understood, Judge)):
            continue  # "is that good?" is about what was said, and so is what comes after it
        if not isinstance(understood, _SAYS_NOTHING):
            previous = on_dates(understood, today, fully=is_step(following))
    return understand_parts(last, previous)


def _answers(messages: Sequence[LLMMessage]) -> dict[str, str]:
    """What was answered to the questions so far."""
    return {
        str(asked.content): answer.content
        for asked, answer in pairwise(messages)
        if isinstance(asked, UserMessage) and isinstance(answer, AssistantMessage) and isinstance(answer.content, str)
    }


def _questions(messages: Sequence[LLMMessage]) -> list[str]:
    said = [str(m.content) for m in messages if isinstance(m, UserMessage) and m.source == "user"]
    return said or [str(m.content) for m in messages if isinstance(m, UserMessage)][-1:] or [""]


def _missing_calls(intents: Sequence[Intent], messages: Sequence[LLMMessage], offered: set[str]) -> list[Call]:
    made = {_key(call.name, _arguments(call)) for call in _function_calls(messages)}
    now = _now(messages)
    wanted: dict[str, Call] = {}
    for intent in intents:
        for call in calls_for(intent, now):
            if call.name in offered and _key(call.name, call.arguments) not in made:
                wanted.setdefault(_key(call.name, call.arguments), call)
    return list(wanted.values())[:_MOST_CALLS]


def _results(messages: Sequence[LLMMessage]) -> list[Result]:
    calls = {call.id: call for call in _function_calls(messages)}
    found: list[Result] = []
    for message in _this_question(messages):
        if not isinstance(message, FunctionExecutionResultMessage):
            continue
        for one in message.content:
            call = calls.get(one.call_id)
            arguments = _arguments(call) if call else {}
            found.append(Result.of_json(one.name, arguments, one.content, is_error=bool(one.is_error)))
    return found


def _function_calls(messages: Sequence[LLMMessage]) -> list[FunctionCall]:
    return [
        call
        for message in _this_question(messages)
        if isinstance(message, AssistantMessage) and isinstance(message.content, list)
        for call in message.content
    ]


def _this_question(messages: Sequence[LLMMessage]) -> Sequence[LLMMessage]:
    # Findings belong to the question that they were made for: nothing before the last question counts.
    last = max((n for n, m in enumerate(messages) if isinstance(m, UserMessage) and m.source == "user"), default=0)
    return messages[last:]


def _selection(messages: Sequence[LLMMessage]) -> str | None:
    """The agent to choose when the messages are a selector's prompt, else None."""
    text = str(messages[-1].content) if len(messages) == 1 else ""
    named = _NAMES.search(text)
    if named is None:
        return None
    names = re.findall(r"\w+", named[1])
    said = _LAST_SAID.findall(text)
    best = route(said[-1] if said else text).agents[0]
    return best if best in names else names[0]


def _now(messages: Sequence[LLMMessage]) -> datetime | None:
    """The local time that the crew's system message tells, without a zone."""
    for message in messages:
        match = _NOW.search(message.content) if isinstance(message, SystemMessage) else None
        if match:
            return datetime.fromisoformat(match[1])
    return None


def _name(tool: Tool | ToolSchema) -> str:
    return tool["name"] if isinstance(tool, Mapping) else tool.name


def _arguments(call: FunctionCall) -> dict[str, Any]:
    try:
        decoded = json.loads(call.arguments or "{}")
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _key(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name} {json.dumps({k: v for k, v in arguments.items() if v not in ('', None)}, sort_keys=True)}"


def _calls(calls: Sequence[Call], offset: int) -> CreateResult:
    content = [
        FunctionCall(id=f"local-{offset}-{number}", name=call.name, arguments=json.dumps(dict(call.arguments)))
        for number, call in enumerate(calls)
    ]
    return CreateResult(finish_reason="function_calls", content=content, usage=RequestUsage(0, 0), cached=False)


def _text(text: str) -> CreateResult:
    # No model was asked, so no tokens were used.
    return CreateResult(finish_reason="stop", content=text, usage=RequestUsage(0, 0), cached=False)
