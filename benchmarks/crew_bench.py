"""What one question costs: time around a model that answers at once, questions a second, model calls, prompt tokens.

`python -m benchmarks.crew_bench`. The model is the scripted server in a process of its own. Time is
the whole of `Assistant.answer`, tools and two HTTP round trips included; "raw" is what those round trips cost alone.
"""

from __future__ import annotations

import asyncio
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
from benchmarks.table import Row, print_table
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


async def run(base_url: str, questions: list[str], rounds: int = 4) -> list[Row]:
    """The figures of this benchmark with their targets."""
    with tempfile.TemporaryDirectory() as folder:
        scope = await _scope(folder)
        assistant = Assistant(Models.build(ModelSettings(base_url=base_url, model="scripted")))
        await assistant.answer(questions[0], scope)
        raw = await _raw_ms(base_url)
        answers = await _sequential(assistant, scope, questions, rounds)
        rate = await _throughput(assistant, scope, questions, at_once=8, total=200)
        local = await _sequential(Assistant(Models()), scope, questions, rounds)
        await assistant.close()
        await scope.database.close()
    took = [a.elapsed_ms for a in answers if a.model_calls == 2]
    basic = [a.elapsed_ms for a in local]
    costs = answers[: len(questions)]
    in_model_mode = statistics.mean(a.mode == "model" for a in costs)
    return [
        Row("answer with two model calls, p50", _p(took, 0.5), "ms", 25),
        Row("answer with two model calls, p95", _p(took, 0.95), "ms", 45),
        Row("of it the two raw calls, p50", _p(raw, 0.5), "ms", 10),
        Row("answer in basic mode, p50", _p(basic, 0.5), "ms", 25),
        Row("answer in basic mode, p95", _p(basic, 0.95), "ms", 45),
        Row("questions per second, one process", rate, "1/s", 25, at_least=True),
        Row("model calls, mean", statistics.mean(a.model_calls for a in costs), "", 2),
        Row("model calls, most", max(a.model_calls for a in costs), "", 2),
        Row("prompt tokens, mean", statistics.mean(a.prompt_tokens for a in costs), "", 1_700),
        Row("prompt tokens, most", max(a.prompt_tokens for a in costs), "", 2_000),
        Row("answered by the model", 100 * in_model_mode, "%", 95, at_least=True),
    ]


def main() -> int:
    """Prints the table; 1 when a target is missed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    questions = [line for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip()]
    server = subprocess.Popen([sys.executable, "-m", "tests.doubles.openai_server"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        return print_table(f"crew, {len(questions)} owner's questions", asyncio.run(run(base_url, questions)))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
