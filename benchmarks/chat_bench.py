"""What the chat adds to a model's own time: from Telegram's update to our send, and questions a second per process.

`python -m benchmarks.chat_bench [--questions N] [--basic]`. The bot runs in a process of its own, with the crew, SQLite
and Telegram's client; the Bot API double runs here, the scripted model (which answers at once) in a third process.
Time runs from the moment the double hands an update out to the moment a message arrives at it, so it holds two round
trips to the model; "model alone" is what those cost by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from app.chat_ports import StoredOffset, stored_chat
from bot.chat import ChatLimits
from bot.commands.dispatch import Commands
from bot.message import Address, Sender
from bot.platforms.telegram.client import connect
from bot.platforms.telegram.ingress import TelegramPolling
from bot.platforms.telegram.send import TelegramOutlet
from bot.start_up import make_ready
from charts.render import render
from services.people import actor_of
from services.scope import DEFAULT_ORG_ID, Scope
from store import people
from store.database import Database, sqlite_url
from store.readings import upsert
from tests.doubles.ranch import RANCH, ranch_readings
from tests.doubles.telegram_api import TelegramApi

TARGETS = {"overhead p50 ms": 35.0, "overhead p95 ms": 60.0, "questions/s": 25.0}
PEOPLE = range(100, 116)
QUESTIONS = (
    "How full is the battery?",
    "What is the solar power now?",
    "What was my average solar production yesterday?",
    "What time did I hit 2500 W of solar yesterday?",
    "What was the highest load in the last 24 hours?",
    "What is your minimum battery SOC threshold?",
    "Compare solar yesterday with the day before",
    "Should we run the miners right now?",
)


class NoLive:
    """Nothing is kept up to date here."""

    async def begin(self, address: Address, sender: Sender, ref: str) -> None:
        """Let it be."""


async def run_bot(database_url: str, api_url: str, token: str, model_url: str) -> None:
    """The bot's process."""
    database = await Database.open(database_url)
    assistant = Assistant(Models.build(ModelSettings(base_url=model_url or None, model="scripted")))

    async def scope_for(person: Any) -> Scope:
        actor = await actor_of(database, RANCH, person.person_id, person.name)
        return Scope(database, RANCH, datetime.now(UTC), actor)

    chat = stored_chat(
        database,
        RANCH,
        commands=Commands(),
        live=NoLive(),
        assistant=assistant,
        render=render,
        scope_for=scope_for,
        limits=ChatLimits(
            per_person_per_minute=1_000_000,
            commands_per_person_per_minute=1_000_000,
            waiting_per_conversation=1_000,
        ),
    )
    await asyncio.to_thread(make_ready)
    bot = connect(SecretStr(token), api_url)
    await TelegramPolling(bot, chat, TelegramOutlet(bot), offset=StoredOffset(database, "telegram")).run()


async def _prepare(url: str) -> None:
    database = await Database.open(url, migrate=True)
    await upsert(database, DEFAULT_ORG_ID, ranch_readings(datetime.now(UTC)))
    async with database.begin() as connection:
        for number in PEOPLE:
            person_id = await people.create_in(connection, DEFAULT_ORG_ID, f"Person {number}")
            account = people.Identity("telegram", str(number), f"Person {number}")
            await people.link_in(connection, DEFAULT_ORG_ID, person_id, account)
            await people.grant_in(connection, DEFAULT_ORG_ID, RANCH.id, person_id, "viewer", granted_by="host")
    await database.close()


@contextlib.contextmanager
def _scripted_model() -> Iterator[str]:
    arguments = [sys.executable, "-m", "tests.doubles.openai_server"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def _bot(*arguments: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.chat_bench", "--bot", *arguments)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _model_alone_ms(model_url: str, rounds: int = 60) -> list[float]:
    """Two round trips through the vendor's client, in ms."""
    if not model_url:
        return [0.0]
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="none", base_url=model_url, max_retries=0)
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(2):
            text = "word " * 300 + "What is best practice?"
            await client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": text}])
        taken.append((time.perf_counter() - started) * 1000)
    await client.close()
    return taken


async def _ask(api: TelegramApi, question: str, user_id: int) -> float | None:
    """Milliseconds from the update to the reply; None when the reply had a picture."""
    before = len(api.sent)
    update_id = api.say(question, user_id=user_id)
    await api.wait_for(before + 1, timeout_s=60)
    reply = api.sent[before]
    return None if reply.photo else (reply.at - api.taken_at[update_id]) * 1000


async def measure(count: int, *, basic: bool) -> dict[str, float]:
    """The figures of this benchmark."""
    with tempfile.TemporaryDirectory() as folder, _scripted_model() as model_url:
        model_url = "" if basic else model_url
        url = sqlite_url(Path(folder) / "bench.db")
        await _prepare(url)
        async with TelegramApi() as api, _bot(url, api.url, api.token, model_url):
            started = time.perf_counter()
            await _ask(api, QUESTIONS[0], PEOPLE[0])
            first_s = time.perf_counter() - started
            for question in QUESTIONS:
                await _ask(api, question, PEOPLE[0])  # warm
            alone = await _model_alone_ms(model_url)
            taken = [await _ask(api, QUESTIONS[n % len(QUESTIONS)], PEOPLE[n % 4]) for n in range(count)]
            whole = [ms for ms in taken if ms is not None]
            api.sent.clear()
            started = time.perf_counter()
            for n in range(2 * count):
                api.say(QUESTIONS[n % len(QUESTIONS)], user_id=PEOPLE[n % len(PEOPLE)])
            await api.wait_for(2 * count, timeout_s=120)
            rate = 2 * count / (time.perf_counter() - started)
            failed = sum("went wrong" in message.text for message in api.sent)
    model_ms = _percentile(alone, 0.5)
    return {
        "start and first answer s": first_s,
        "model alone p50 ms": model_ms,
        "update to send p50 ms": _percentile(whole, 0.5),
        "update to send p95 ms": _percentile(whole, 0.95),
        "overhead p50 ms": _percentile(whole, 0.5) - model_ms,
        "overhead p95 ms": _percentile(whole, 0.95) - model_ms,
        "questions/s": rate,
        "failed": failed,
    }


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def table(figures: dict[str, float]) -> str:
    """The figures with their targets."""
    rows = [f"{'':28}{'measured':>10}{'target':>10}"]
    for name, value in figures.items():
        target = TARGETS.get(name)
        sign = ">=" if name == "questions/s" else "<="
        rows.append(f"{name:28}{value:>10.1f}{f'{sign} {target:g}' if target is not None else '':>10}")
    return "\n".join(rows)


def main() -> None:
    """Run it and print a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--basic", action="store_true", help="without a model: the local one answers")
    parser.add_argument("--bot", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bot:
        asyncio.run(run_bot(*arguments.bot))
    else:
        print(table(asyncio.run(measure(arguments.questions, basic=arguments.basic))))


if __name__ == "__main__":
    main()
