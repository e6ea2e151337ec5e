"""One question, one answer: routes it, runs the crew, and ends in words whatever the models do."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from agents.answer import Answer
from agents.selector import MANAGER, MONITOR, SPECIALISTS, Route, route
from agents.tools.desk import Progress, ToolDesk
from agents.turns import TurnLike, recent
from agents.wording import MOST_LINES, source_line, tidy

if TYPE_CHECKING:
    from autogen_core.models import ChatCompletionClient

    from agents.models import Models
    from agents.resilient import Ledger
    from services.scope import Scope

log = structlog.get_logger()

LONGEST_QUESTION = 8_000  # characters
_EXAMPLES = 'Ask me something, for example "How full is the battery?" or "What time did I hit 2500 W yesterday?"'
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Assistant:
    """Answers questions about a site with the crew. One per process; safe for concurrent questions."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._local: ChatCompletionClient | None = None

    async def answer(
        self,
        question: str,
        scope: Scope,
        *,
        turns: Sequence[TurnLike] = (),
        progress: Progress | None = None,
    ) -> Answer:
        """The answer as of `scope.as_of`. Never raises for a model's or a tool's trouble; ends within the time limit.

        `turns` are the conversation's turns before this one, oldest first; `progress` is told what is being looked up.
        """
        started = time.perf_counter()
        asked = _CONTROL.sub(" ", question).strip()
        if not asked:
            return _without_crew(scope, _EXAMPLES)
        if len(asked) > LONGEST_QUESTION:
            return _without_crew(
                scope,
                f"That is {len(asked):,} characters; I read {LONGEST_QUESTION:,} at the most. Please ask it shorter.",
            )
        desk = ToolDesk(scope, progress=progress)
        answer = await self._ask(asked, desk, turns)
        answer = replace(answer, elapsed_ms=round((time.perf_counter() - started) * 1000, 1))
        _log(answer)
        return answer

    async def close(self) -> None:
        """Close the models' connections."""
        await self._models.close()

    async def _ask(self, asked: str, desk: ToolDesk, turns: Sequence[TurnLike]) -> Answer:
        # AutoGen takes 1.5 s to import: at the first question, not at start-up.
        from agents.crew import Crew
        from agents.resilient import Ledger

        ledger = Ledger(deadline=time.monotonic() + self._models.answer_within_s)
        crew = Crew(self._models, self._local_client(), desk, ledger)
        way = route(asked)
        try:
            said = await crew.answer(asked, way, recent(turns))
            speaker, text = said.speaker, tidy(said.text, lines=MOST_LINES - 1)
        except Exception:
            # AutoGen reports what went wrong inside a team as RuntimeError text; the desk still has the findings.
            log.error("crew_failed", route=way.because, exc_info=True)
            speaker, text = way.agents[0], ""
            ledger.wrote = "basic"
        return _finished(desk, ledger, way, speaker, text or _from_desk(desk))

    def _local_client(self) -> ChatCompletionClient:
        if self._local is None:
            from agents.local_model.client import LocalChatCompletionClient

            self._local = LocalChatCompletionClient()
        return self._local


def _finished(desk: ToolDesk, ledger: Ledger, way: Route, speaker: str, text: str) -> Answer:
    basic = ledger.wrote == "basic"
    line = source_line(desk.scope, desk.figures, basic=basic)
    notes: list[str] = []
    if ledger.given_up is not None:
        notes.append(f"Basic mode: {ledger.given_up.words}.")
    return Answer(
        text=f"{text}\n{line}" if line else text,
        agent=_title(speaker if speaker in (*SPECIALISTS, MANAGER) else way.agents[0]),
        mode="basic" if basic else "model",
        as_of=desk.scope.as_of,
        tools=tuple(desk.calls),
        figures=tuple(desk.figures),
        charts=tuple(desk.charts),
        model_calls=ledger.calls,
        prompt_tokens=ledger.prompt_tokens,
        completion_tokens=ledger.completion_tokens,
        notes=tuple(notes),
    )


def _from_desk(desk: ToolDesk) -> str:
    """What the tools found, in their own sentences: the last resort."""
    found = list(dict.fromkeys(result.text for result in desk.results if not result.is_problem))
    problems = list(dict.fromkeys(result.text for result in desk.results if result.is_problem))
    text = tidy("\n".join(found[:3] or problems[:1]), lines=MOST_LINES - 1)
    return text or "I could not answer that just now. Please try again, or ask for the current state."


def _without_crew(scope: Scope, text: str) -> Answer:
    return Answer(text=text, agent=_title(MONITOR), mode="basic", as_of=scope.as_of)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _log(answer: Answer) -> None:
    log.info(
        "answered",
        agent=answer.agent,
        mode=answer.mode,
        tools=[call.name for call in answer.tools],
        figures=len(answer.figures),
        charts=len(answer.charts),
        model_calls=answer.model_calls,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        elapsed_ms=answer.elapsed_ms,
        notes=list(answer.notes),
    )
