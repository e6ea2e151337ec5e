"""The AutoGen team of one question: built fresh with only the members that it needs, and thrown away with it.

A reused team grows without bound and stays poisoned after an error, so none is. Conversations live in the store; the
last turns are given to the specialist as its context.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, TextMessage
from autogen_agentchat.teams import SelectorGroupChat
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import AssistantMessage, ChatCompletionClient, LLMMessage, UserMessage

from agents.answer import Said
from agents.clients import ManagerStandIn
from agents.models import Models
from agents.prompts import SELECTION_PROMPT, manager_prompt, specialist_prompt
from agents.resilient import Ledger, ResilientClient
from agents.selector import MANAGER, Route
from agents.selector import SPECIALISTS as ALL
from agents.specialists import SPECIALISTS
from agents.tools.desk import ToolDesk
from agents.tools.registry import TOOLS
from agents.turns import Turn
from agents.workbench import DeskWorkbench, schemas

# At INFO AutoGen logs whole prompts, figures and names included; its errors are worth having.
for _name in ("autogen_core", "autogen_agentchat"):
    logging.getLogger(_name).setLevel(logging.WARNING)

MOST_TOOL_ROUNDS = 3  # then the model must write from what it has; AutoGen's default is one round and no text


class NothingSaid(RuntimeError):
    """The team ended without a text."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Builds and runs the team of one question over its desk and ledger. `local` answers where the model does not."""

    models: Models
    local: ChatCompletionClient
    desk: ToolDesk
    ledger: Ledger

    async def answer(self, question: str, route: Route, turns: Sequence[Turn] = ()) -> Said:
        """The crew's answer. Raises RuntimeError or ValueError when AutoGen itself trips; the crew is spent then."""
        if self._is_basic():
            # The local model understands the question by itself: no choice to pay for, nothing to join.
            route = Route(route.agents[:1], True, route.because)
        speakers = [*route.agents, *([MANAGER] if route.spans_domains else [])] if route.sure else None
        # At least two members, says AutoGen; the manager costs nothing while it is silent.
        names = route.agents if route.sure else ALL
        manager_client = ResilientClient(self.models.manager, ManagerStandIn(route.agents[0]), self.ledger)
        team = SelectorGroupChat(
            [*(self._specialist(name, turns) for name in names), self._manager(manager_client)],
            model_client=manager_client,
            selector_prompt=SELECTION_PROMPT,
            selector_func=_InOrder(speakers) if speakers is not None else None,
            candidate_func=None if speakers is not None else _specialists_only,
            max_selector_attempts=1,
            max_turns=len(speakers) if speakers is not None else 1,
        )
        result = await team.run(task=TextMessage(content=question, source="user"))
        said = next((m for m in reversed(result.messages) if isinstance(m, TextMessage)), None)
        if said is None or said.source == "user" or not said.content.strip():
            raise NothingSaid("the crew ended without a text")
        return Said(said.source, said.content)

    def _is_basic(self) -> bool:
        line = self.models.default
        return line is None or self.ledger.given_up is not None or line.breaker.is_open

    def _specialist(self, name: str, turns: Sequence[Turn]) -> AssistantAgent:
        specialist = SPECIALISTS[name]
        return AssistantAgent(
            name,
            ResilientClient(self.models.default, self.local, self.ledger, fallback_tools=schemas(tuple(TOOLS))),
            workbench=DeskWorkbench(self.desk, specialist.tools, self._is_basic),
            model_context=UnboundedChatCompletionContext(initial_messages=_context(turns, name)),
            description=specialist.description,
            system_message=specialist_prompt(specialist, self.desk.scope),
            reflect_on_tool_use=True,
            max_tool_iterations=MOST_TOOL_ROUNDS,
        )

    def _manager(self, client: ResilientClient) -> AssistantAgent:
        return AssistantAgent(
            MANAGER, client, description="joins findings", system_message=manager_prompt(self.desk.scope)
        )


def _context(turns: Sequence[Turn], name: str) -> list[LLMMessage]:
    messages: list[LLMMessage] = []
    for turn in turns:
        messages += [
            UserMessage(content=turn.question, source="user"),
            AssistantMessage(content=turn.answer, source=name),
        ]
    return messages


class _InOrder:
    """A selector function that lets the speakers speak one after the other."""

    def __init__(self, speakers: list[str]) -> None:
        self._speakers = speakers

    def __call__(self, thread: Sequence[BaseAgentEvent | BaseChatMessage]) -> str:
        spoken = sum(1 for message in thread if isinstance(message, BaseChatMessage) and message.source != "user")
        return self._speakers[min(spoken, len(self._speakers) - 1)]


def _specialists_only(_: Sequence[BaseAgentEvent | BaseChatMessage]) -> list[str]:
    return list(ALL)
