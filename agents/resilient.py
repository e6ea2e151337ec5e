"""A model client that always ends in a usable reply: the model's, or the local model's when the model cannot.

One `ResilientClient` per question and role wraps the shared client; the question's `Ledger` counts what it cost and
remembers that the model was given up, so that one question does not wait for the same fault twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_core.tools import Tool, ToolSchema
from typing_extensions import override

from agents.answer import Mode
from agents.breaker import CircuitBreaker
from agents.clients import OneReplyClient, ToolChoice
from agents.failures import Failure, UnusableReply, classified

log = structlog.get_logger()

_LEAST_TIME_S = 0.5  # with less than this left a request is not worth its start


@dataclass(slots=True)
class Ledger:
    """What one question cost, and whether its model was given up. `deadline` is on the monotonic clock (s)."""

    deadline: float
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    given_up: Failure | None = None
    wrote: Mode = "basic"  # who wrote the latest reply
    model_wrote: bool = False  # whether any text of this question is the model's
    failures: list[str] = field(default_factory=list)

    @property
    def remaining_s(self) -> float:
        """Time left for this question."""
        return self.deadline - time.monotonic()


@dataclass(frozen=True, slots=True)
class Line:
    """A shared model client with its breaker, its time limit per request and its number of retries."""

    client: ChatCompletionClient
    breaker: CircuitBreaker
    timeout_s: float
    max_retries: int


class ResilientClient(OneReplyClient):
    """The model on `line` (None = no model is configured), else `fallback`. Never raises for the model's trouble."""

    def __init__(
        self,
        line: Line | None,
        fallback: ChatCompletionClient,
        ledger: Ledger,
        *,
        fallback_tools: Sequence[ToolSchema] = (),
    ) -> None:
        """`fallback_tools` are what the fallback may call instead of the few that a prompt has room for."""
        self._line = line
        self._fallback_tools = fallback_tools
        self._fallback = fallback
        self._ledger = ledger

    @override
    async def reply(
        self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema], tool_choice: ToolChoice
    ) -> CreateResult:
        """The model's reply, or the fallback's after a failure that a retry does not mend."""
        line, ledger = self._line, self._ledger
        if line is not None and ledger.given_up is None:
            if line.breaker.allow():
                reply = await self._ask(line, messages, tools, tool_choice)
                if reply is not None:
                    return reply
            else:
                ledger.given_up = Failure("paused", "the language model is left alone for a while after failures")
        ledger.wrote = "basic"
        offered = self._fallback_tools if tools and self._fallback_tools else tools
        return await self._fallback.create(messages, tools=offered, tool_choice=tool_choice)

    async def _ask(
        self,
        line: Line,
        messages: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema],
        tool_choice: ToolChoice,
    ) -> CreateResult | None:
        ledger = self._ledger
        attempt = 0
        while True:
            limit_s = min(line.timeout_s, ledger.remaining_s)
            try:
                if limit_s < _LEAST_TIME_S:
                    raise TimeoutError
                ledger.calls += 1
                async with asyncio.timeout(limit_s):
                    reply = await line.client.create(messages, tools=tools, tool_choice=tool_choice)
                _check(reply, text_only=tool_choice == "none" or not tools)
            except Exception as error:  # noqa: BLE001 - whatever a model does ends in one good answer
                failure = classified(error)
                log.warning(
                    "model_failed",
                    kind=failure.kind,
                    status=getattr(error, "status_code", None),
                    error_kind=type(error).__name__,
                    attempt=attempt + 1,
                )
            else:
                line.breaker.succeeded()
                ledger.prompt_tokens += reply.usage.prompt_tokens
                ledger.completion_tokens += reply.usage.completion_tokens
                ledger.wrote = "model"
                ledger.model_wrote = ledger.model_wrote or isinstance(reply.content, str)
                return reply
            ledger.failures.append(failure.kind)
            pause_s = failure.after_s if failure.after_s is not None else 0.1 * 2**attempt
            if not failure.retry or attempt >= line.max_retries or pause_s + _LEAST_TIME_S > ledger.remaining_s:
                line.breaker.failed(after_s=failure.after_s, permanent=failure.permanent)
                ledger.given_up = failure
                return None
            attempt += 1
            await asyncio.sleep(pause_s)

    @override
    def actual_usage(self) -> RequestUsage:
        return RequestUsage(self._ledger.prompt_tokens, self._ledger.completion_tokens)

    @property
    @override
    def model_info(self) -> ModelInfo:
        return self._fallback.model_info if self._line is None else self._line.client.model_info


def _check(reply: CreateResult, *, text_only: bool) -> None:
    if isinstance(reply.content, str):
        if not reply.content.strip():
            raise UnusableReply("the reply is empty")
    elif text_only or not reply.content:
        raise UnusableReply("the reply calls tools where text was asked for")
