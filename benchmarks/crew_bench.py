"""What one question costs: time around a model that answers at once, questions a second, model calls, prompt tokens.

`python -m benchmarks.crew_bench [--questions FILE]`. The model is the scripted server in a process of its own. Time is
the whole of `Assistant.answer`, tools and two HTTP round trips included; "raw" is what those round trips cost alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import structlog

from agents.answer import Answer
from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from services.scope import Scope
from store.database import Database, sqlite_url
from store.readings import upsert
from tests.doubles.ranch import NOW, RANCH, ranch_readings

QUESTIONS = Path(__file__).with_name("owner_questions.txt")


async def _scope(folder: str) -> Scope:
    database = await Database.open(sqlite_url(Path(folder) / "bench.db"), migrate=True)
    await upsert(database, "home", ranch_readings())
    return Scope(database, RANCH, NOW)


async def _raw_ms(base_url: str, rounds: int = 60) -> list[float]:
    """Two round trips through the vendor's client with prompts of the usual size, in ms."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="none", base_url=base_url, max_retries=0)
    messages = [{"role": "system", "content": "word " * 300}, {"role": "user", "content": "What is best practice?"}]
    taken: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(2):
            await client.chat.completions.create(model="scripted", messages=messages)  # type: ignore[arg-type]  # plain dicts
        taken.append((time.perf_counter() - started) * 1000)
    await client.close()
    return taken


async def _sequential(assistant: Assistant, scope: Scope, questions: list[str], rounds: int) -> list[Answer]:
    answers: list[Answer] = []
    for _ in range(rounds):
        for question in questions:
            answers.append(await assistant.answer(question, scope))  # noqa: PERF401 - one after the other, on purpose
    return answers


async def _throughput(assistant: Assistant, scope: Scope, questions: list[str], at_once: int, total: int) -> float:
    gate = asyncio.Semaphore(at_once)

    async def one(question: str) -> None:
        async with gate:
            await assistant.answer(question, scope)

    started = time.perf_counter()
    await asyncio.gather(*(one(questions[n % len(questions)]) for n in range(total)))
    return total / (time.perf_counter() - started)


def _p(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def run(base_url: str, questions: list[str], rounds: int = 4) -> dict[str, object]:
    """The figures of this benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        scope = await _scope(folder)
        assistant = Assistant(Models.build(ModelSettings(base_url=base_url, model="scripted")))
        started = time.perf_counter()
        await assistant.answer(questions[0], scope)
        first_ms = (time.perf_counter() - started) * 1000
        raw = await _raw_ms(base_url)
        answers = await _sequential(assistant, scope, questions, rounds)
        rate = await _throughput(assistant, scope, questions, at_once=8, total=200)
        basic = Assistant(Models())
        local = await _sequential(basic, scope, questions, 1)
        await assistant.close()
        await scope.database.close()
    took = [a.elapsed_ms for a in answers if a.model_calls == 2]
    costs = answers[: len(questions)]
    return {
        "questions": len(questions),
        "first_question_ms": round(first_ms),
        "raw_two_calls_ms_p50_p95": [round(_p(raw, 0.5), 1), round(_p(raw, 0.95), 1)],
        "two_call_answer_ms_p50_p95": [round(_p(took, 0.5), 1), round(_p(took, 0.95), 1)],
        "overhead_ms_p50_p95": [round(_p(took, s) - _p(raw, 0.5), 1) for s in (0.5, 0.95)],
        "questions_per_s": round(rate, 1),
        "model_calls_mean_max": [
            round(statistics.mean(a.model_calls for a in costs), 2),
            max(a.model_calls for a in costs),
        ],
        "prompt_tokens_mean_max": [
            round(statistics.mean(a.prompt_tokens for a in costs)),
            max(a.prompt_tokens for a in costs),
        ],
        "completion_tokens_mean": round(statistics.mean(a.completion_tokens for a in costs)),
        "model_mode_share": statistics.mean(a.mode == "model" for a in costs),
        "basic_answer_ms_p50_p95": [round(_p([a.elapsed_ms for a in local], s), 1) for s in (0.5, 0.95)],
    }


def main() -> None:
    """Run it and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    questions = [line for line in arguments.questions.read_text().splitlines() if line.strip()]
    server = subprocess.Popen([sys.executable, "-m", "tests.doubles.openai_server"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        print(json.dumps(asyncio.run(run(base_url, questions, arguments.rounds)), indent=2))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
