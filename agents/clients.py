"""The parts of AutoGen's client interface that our own clients share, and the manager's stand-in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal

from autogen_core import CancellationToken
from autogen_core.models import (
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    ModelFamily,
    ModelInfo,
    RequestUsage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel
from typing_extensions import override

from agents.selector import SPECIALISTS
from agents.tokens import count_tokens

ToolChoice = Tool | Literal["auto", "required", "none"]
_WINDOW = 32_000  # tokens; prompts here are far smaller than any model's window


class OneReplyClient(ChatCompletionClient):
    """A client that replies in one piece; subclasses write `reply`."""

    component_type = "model"
    component_config_schema = BaseModel

    @abstractmethod
    async def reply(
        self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema], tool_choice: ToolChoice
    ) -> CreateResult:
        """The reply to these messages: a text, or calls of these tools."""

    @override
    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        return await self.reply(messages, tools, tool_choice)

    @override
    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        reply = await self.reply(messages, tools, tool_choice)
        if isinstance(reply.content, str):
            yield reply.content
        yield reply

    @override
    async def close(self) -> None:
        """Nothing is held open."""

    @override
    def actual_usage(self) -> RequestUsage:
        return RequestUsage(0, 0)

    @override
    def total_usage(self) -> RequestUsage:
        return self.actual_usage()

    @override
    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        return sum(count_tokens(str(message.content)) for message in messages)

    @override
    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        return _WINDOW - self.count_tokens(messages, tools=tools)

    @property
    @override
    def capabilities(self) -> Any:
        return self.model_info

    @property
    @override
    def model_info(self) -> ModelInfo:
        return ModelInfo(
            vision=False,
            function_calling=True,
            json_output=False,
            structured_output=False,
            family=ModelFamily.UNKNOWN,
        )


class ManagerStandIn(OneReplyClient):
    """The manager without a model: puts the specialists' findings one after the other, or names the best guess."""

    def __init__(self, best_guess: str) -> None:
        self._best_guess = best_guess

    @override
    async def reply(
        self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema], tool_choice: ToolChoice
    ) -> CreateResult:
        findings = [m.content for m in messages if isinstance(m, UserMessage) and m.source in SPECIALISTS]
        text = "\n".join(str(finding) for finding in findings) or self._best_guess
        return CreateResult(finish_reason="stop", content=text, usage=RequestUsage(0, 0), cached=False)
