"""The desk of one question: tools are called over it, and it keeps their figures, charts, calls and results.

A tool's result is JSON text `{"facts": {...}, "text": "one plain sentence"}`; `facts` is for models to reason with,
`text` can be shown as it is. A desk serves one question and is thrown away with it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from agents.answer import Figure, ToolCall
from services.scope import Refused

if TYPE_CHECKING:
    from charts.specs import ChartSpec
    from services.scope import Scope

log = structlog.get_logger()

RESULT_LIMIT = 1_500  # characters of JSON that a model gets to read
TOOL_TIMEOUT_S = 5.0
_SHORT_TEXT = 300
_LEAST_TIMEOUT_S = 1.0
MAX_CALLS = 12  # a question that needs more is a model going round in circles
_MAX_FIGURES = 60
_MAX_CHARTS = 3
_MAX_PROPOSALS = 2

Progress = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found: facts for the model, one plain sentence, and whether it is a problem instead of a finding."""

    facts: Mapping[str, Any]
    text: str
    is_problem: bool = False

    def to_json(self) -> str:
        """The JSON text that a model reads, at most `RESULT_LIMIT` characters and always valid JSON."""
        text = self.text if len(self.text) <= RESULT_LIMIT // 2 else self.text[: RESULT_LIMIT // 2 - 1] + "…"
        encoded = _dumps({"facts": self.facts, "text": text})
        if len(encoded) <= RESULT_LIMIT:
            return encoded
        text = text if len(text) <= _SHORT_TEXT else f"{text[: _SHORT_TEXT - 1]}…"  # facts say more than their sentence
        encoded = _dumps({"facts": self.facts, "text": text})
        if len(encoded) <= RESULT_LIMIT:
            return encoded
        shortened = dict(self.facts)
        for key in sorted(shortened, key=lambda k: len(_dumps(shortened[k])), reverse=True):
            del shortened[key]
            encoded = _dumps({"facts": shortened | {"left_out": True}, "text": text})
            if len(encoded) <= RESULT_LIMIT:
                break
        return encoded


class ToolProblem(Exception):
    """A tool cannot answer for a reason that a person may read; `facts` says what would work instead."""

    def __init__(self, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.text = text
        self.facts = facts


class ToolDesk:
    """Everything that the tools of one question share. Not for concurrent questions; parallel tools are fine."""

    def __init__(
        self,
        scope: Scope,
        *,
        progress: Progress | None = None,
        timeout_s: float = TOOL_TIMEOUT_S,
        deadline: float | None = None,
        place: str | None = None,
    ) -> None:
        """`deadline` is when the question's time is up (monotonic clock, s): tools are hurried then, not left out.

        `place` is the conversation in which a proposal could be confirmed; None where there is none.
        """
        self.scope = scope
        self.timeout_s = timeout_s
        self.place = place
        self._deadline = deadline
        self.figures: list[Figure] = []
        self.charts: list[ChartSpec] = []
        self.calls: list[ToolCall] = []
        self.results: list[ToolResult] = []
        self.proposals: list[str] = []
        self._progress = progress
        self._begun = 0

    def note(self, figure: Figure) -> None:
        """Keep a figure for the answer; the same figure is kept once."""
        if len(self.figures) < _MAX_FIGURES and figure not in self.figures:
            self.figures.append(figure)

    def note_instant(
        self, name: str, value: float | str | None, unit: str, taken_at: datetime | None, source: str | None
    ) -> None:
        """Keep a figure that was true at one instant; its age counts from the scope's `as_of`."""
        age_s = None if taken_at is None else max(0.0, (self.scope.as_of - taken_at).total_seconds())
        self.note(Figure(name, value, unit, taken_at=taken_at, source=source, age_s=age_s))

    def note_chart(self, spec: ChartSpec) -> bool:
        """Keep a chart for the answer; False when the answer has as many as it may."""
        if len(self.charts) >= _MAX_CHARTS:
            return False
        self.charts.append(spec)
        return True

    def propose(self, proposal: str) -> None:
        """Keep a proposal for the answer: a control request's id, or the text of a command; the same is kept once."""
        if len(self.proposals) >= _MAX_PROPOSALS:
            raise ToolProblem("That is enough proposed at once.", problem="too_many_proposals")
        if proposal not in self.proposals:
            self.proposals.append(proposal)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Run the tool `name` and return its JSON text. Never raises for a tool's trouble: that is a result too."""
        result = await self.run(name, arguments)
        return result.to_json()

    async def run(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """As `call`, with the result as a value. The call, its time and its figures are kept on the desk."""
        from agents.tools.registry import TOOLS

        tool = TOOLS.get(name)
        if tool is None:
            return ToolResult({"problem": "unknown_tool"}, "There is no such tool.", is_problem=True)
        self._begun += 1
        if self._begun > MAX_CALLS:
            return ToolResult({"problem": "too_many_calls"}, "Enough was looked up; answer from it.", is_problem=True)
        started = time.perf_counter()
        await self._tell(tool.progress(arguments))
        result = await self._guarded(tool.run, name, arguments, tool.timeout_s)
        ms = (time.perf_counter() - started) * 1000
        self.calls.append(ToolCall(name, dict(arguments), round(ms, 2)))
        self.results.append(result)
        return result

    async def _guarded(
        self,
        run: Callable[[ToolDesk, Mapping[str, Any]], Awaitable[ToolResult]],
        name: str,
        arguments: Mapping[str, Any],
        own_limit_s: float | None,
    ) -> ToolResult:
        # The time limit sits in here, around the service call: cancelling a team from outside hangs in AutoGen.
        try:
            async with asyncio.timeout(self._limit_s(own_limit_s)):
                return await run(self, arguments)
        except ToolProblem as problem:
            return ToolResult({"problem": True} | problem.facts, problem.text, is_problem=True)
        except Refused as refusal:
            return ToolResult({"problem": "refused"}, f"That is not allowed: {refusal}.", is_problem=True)
        except TimeoutError:
            log.warning("tool_timed_out", tool=name, timeout_s=self._limit_s(own_limit_s))
            remedy = "try a shorter period" if own_limit_s is None else "try again in a minute"
            return ToolResult({"problem": "timeout"}, f"Looking that up took too long; {remedy}.", is_problem=True)
        except Exception as error:  # the boundary: hosts and paths stay in our log, never in a prompt
            log.error("tool_failed", tool=name, error_kind=type(error).__name__, exc_info=True)
            return ToolResult({"problem": "failed"}, "That could not be looked up just now.", is_problem=True)

    def _limit_s(self, own_limit_s: float | None) -> float:
        limit_s = self.timeout_s if own_limit_s is None else max(self.timeout_s, own_limit_s)
        if self._deadline is None:
            return limit_s
        return min(limit_s, max(_LEAST_TIMEOUT_S, self._deadline - time.monotonic()))

    async def _tell(self, words: str) -> None:
        if self._progress is None or not words:
            return
        try:
            await self._progress(words)
        except Exception:  # an answer is worth more than its progress line
            log.warning("progress_not_shown", exc_info=True)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
