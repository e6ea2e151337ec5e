"""One question, one answer: routes it, runs the crew, and ends in words whatever the models do."""

from __future__ import annotations

import asyncio
import importlib
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from agents.answer import Answer, Said
from agents.failures import Failure
from agents.selector import MANAGER, MONITOR, Route, route
from agents.tools.desk import Progress, ToolDesk
from agents.tools.words import clock
from agents.traced import Sources, only_traced, shown_in
from agents.turns import Turn, TurnLike, recent
from agents.wording import MOST_LINES, NOTHING_DONE, claims_an_act, source_line, tidy

if TYPE_CHECKING:
    from autogen_core.models import ChatCompletionClient

    from agents.crew import Crew
    from agents.models import Models
    from agents.resilient import Ledger
    from services.scope import Scope

log = structlog.get_logger()

LONGEST_QUESTION = 8_000  # characters
_CLOSE_WITHIN_S = 2.0
_EXAMPLES = 'Ask me something, for example "How full is the battery?" or "What time did I hit 2500 W yesterday?"'
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Assistant:
    """Answers questions about a site with the crew. One per process; safe for concurrent questions."""

    def __init__(self, models: Models, *, local: ChatCompletionClient | None = None) -> None:
        """`local` answers where no model does; without it the deterministic local model is made at the first need."""
        self._models = models
        self._local = local
        self._loaded = False
        self._running: set[asyncio.Task[Said]] = set()

    async def answer(
        self,
        question: str,
        scope: Scope,
        *,
        turns: Sequence[TurnLike] = (),
        progress: Progress | None = None,
        place: str | None = None,
    ) -> Answer:
        """The answer as of `scope.as_of`. Never raises for a model's or a tool's trouble; ends within the time limit.

        `turns` are the conversation's turns before this one, oldest first; `progress` is told what is being looked up;
        `place` is the conversation in which what is proposed can be confirmed.
        """
        asked = _CONTROL.sub(" ", question).strip()
        if not asked:
            return _without_crew(scope, _EXAMPLES)
        if len(asked) > LONGEST_QUESTION:
            return _without_crew(
                scope,
                f"That is {len(asked):,} characters; I read {LONGEST_QUESTION:,} at the most. Please ask it shorter.",
            )
        self.load()  # start-up, not this question's time
        started = time.perf_counter()
        deadline = time.monotonic() + self._models.answer_within_s
        desk = ToolDesk(scope, progress=progress, deadline=deadline, place=place)
        answer = await self._ask(asked, desk, turns, deadline)
        answer = replace(answer, elapsed_ms=round((time.perf_counter() - started) * 1000, 1))
        _log(answer)
        return answer

    def load(self) -> None:
        """Import what the first question needs (about a second): call it in a thread at start-up, so nobody waits."""
        if not self._loaded:
            importlib.import_module("agents.crew")
            self._local_client()
            self._loaded = True

    async def close(self) -> None:
        """Close the models' connections; questions that nobody waits for any more end with them."""
        await self._models.close()
        if self._running:
            await asyncio.wait(self._running, timeout=_CLOSE_WITHIN_S)

    async def _ask(self, asked: str, desk: ToolDesk, turns: Sequence[TurnLike], deadline: float) -> Answer:
        # AutoGen takes 1.5 s to import: at the first question, not at start-up.
        from agents.crew import Crew
        from agents.resilient import Ledger

        ledger = Ledger(deadline)
        crew = Crew(self._models, self._local_client(), desk, ledger)
        way, before = route(asked), recent(turns)
        said = await self._run(crew, asked, way, before)
        text, notes = said.text, list[str]()
        by_model = ledger.wrote == "model" or (said.speaker == MANAGER and ledger.model_wrote)
        if by_model and not (way.because == "knowledge" and not desk.results):
            sources = [asked, clock(desk.scope, desk.scope.as_of), *(t.question + t.answer for t in before)]
            checked = only_traced(text, Sources([*sources, *(result.to_json() for result in desk.results)]))
            text = checked.text
            if checked.left_out:
                log.warning("figures_not_traced", sentences=len(checked.left_out), agent=said.speaker)
                notes.append("Figures that could not be traced to data were left out.")
            if checked.lost_its_start:
                text = "" if not desk.results else _from_desk(desk)
                ledger.wrote = "basic"
        if by_model and claims_an_act(text):
            log.warning("act_claimed", agent=said.speaker)
            notes.append(NOTHING_DONE)
        if not text and not desk.results:
            # Figures out of the air and nothing looked up: the local model looks them up.
            ledger.given_up = ledger.given_up or Failure("untraced", "the language model gave figures without data")
            said = await self._run(crew, asked, way, before)
            text = said.text
        return _finished(desk, ledger, Said(said.speaker, text or _from_desk(desk)), notes)

    async def _run(self, crew: Crew, asked: str, way: Route, turns: Sequence[Turn]) -> Said:
        """The crew's words, tidied; empty when the crew tripped. Leaving early leaves the crew to end by itself."""
        task = asyncio.create_task(crew.answer(asked, way, turns))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            # Cancelling a team from outside hangs until its model call ends; so the wait is cancelled, not the team.
            said = await asyncio.shield(task)
            return Said(said.speaker, tidy(said.text, lines=MOST_LINES - 1))
        except asyncio.CancelledError:
            crew.ledger.deadline = time.monotonic()
            task.add_done_callback(_look_at)
            raise
        except Exception:
            # AutoGen reports what went wrong inside a team as RuntimeError text; the desk still has the findings.
            log.error("crew_failed", route=way.because, exc_info=True)
            crew.ledger.wrote = "basic"
            return Said(way.agents[0], "")

    def _local_client(self) -> ChatCompletionClient:
        if self._local is None:
            from agents.local_model.client import LocalChatCompletionClient

            self._local = LocalChatCompletionClient()
        return self._local


def _look_at(task: asyncio.Task[Said]) -> None:
    """Take notice of how a crew ended that nobody waits for any more, so that asyncio does not complain."""
    if not task.cancelled() and task.exception() is not None:
        log.info("left_crew_failed", error_kind=type(task.exception()).__name__)


def _finished(desk: ToolDesk, ledger: Ledger, said: Said, notes: list[str]) -> Answer:
    basic = ledger.wrote == "basic"
    shown = shown_in(said.text)
    spoken_of = [figure for figure in desk.figures if shown(figure.value)]
    others = [figure for figure in desk.figures if figure not in spoken_of]
    line = source_line(desk.scope, spoken_of or others, basic=basic)
    if ledger.given_up is not None:
        notes = [f"Basic mode: {ledger.given_up.words}.", *notes]
    return Answer(
        text=f"{said.text}\n{line}" if line else said.text,
        agent=_title(said.speaker),
        mode="basic" if basic else "model",
        as_of=desk.scope.as_of,
        tools=tuple(desk.calls),
        figures=(*spoken_of, *others),
        charts=tuple(desk.charts),
        model_calls=ledger.calls,
        prompt_tokens=ledger.prompt_tokens,
        completion_tokens=ledger.completion_tokens,
        notes=tuple(notes),
        proposals=tuple(desk.proposals),
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
