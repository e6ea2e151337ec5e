"""Commands and switching on every platform: command to reply, and confirmation to relay state read back.

`python -m benchmarks.control_bench [--rounds N]`. The chat, the worker's control loop, the simulated relay and the
platforms' doubles share one process here, SQLite and Redis are real; so each figure holds the work of all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from app.embedded_redis import embedded_redis
from benchmarks.table import Row, print_table
from bot.chat import ChatLimits
from jobs.work import ControlPace
from simulator.history import readings as past_readings
from simulator.history import virtual_site
from store import readings
from store.wake import Wake
from tests.bot.stages.base import Seen, Stage
from tests.conversation.house import StoredHouse, ranch_house
from tests.conversation.test_same_conversation import stage_of

PLATFORMS = ("telegram", "slack", "discord", "console")
COMMANDS = ("/status", "/solar", "/battery", "/history", "/miners", "/chart", "/help")


async def _news(stage: Stage, before: list[Seen], act: Awaitable[None]) -> float:
    """Milliseconds until something new stands there."""
    began = time.perf_counter()
    calls = _calls(stage)
    await act
    while True:
        # Reading what stands there costs more than the bot's own work: only where something was sent.
        while calls == (calls := _calls(stage)):
            await asyncio.sleep(0.001)
        if [seen for seen in stage.seen() if seen not in before]:
            return (time.perf_counter() - began) * 1000


def _calls(stage: Stage) -> int:
    """How much the bot has sent so far: calls of the platform's double, or pieces on the console's screen."""
    api = getattr(stage, "api", None) or getattr(stage, "_api", None)
    return len(api.calls) if api is not None else len(stage.screen.pieces)  # type: ignore[attr-defined]


async def _said(stage: Stage, text: str) -> float:
    return await _news(stage, stage.seen(), stage.say(text))


async def _replies_ms(stage: Stage, rounds: int) -> list[float]:
    taken = []
    for number in range(rounds):
        taken.append(await _said(stage, COMMANDS[number % len(COMMANDS)]))
        # Nobody types faster; Discord takes five messages in five seconds, and the adapter keeps to that.
        await asyncio.sleep(1.1 if stage.platform == "discord" else 0.2)
    return taken


async def _confirmed_ms(house: StoredHouse, stage: Stage, rounds: int) -> list[float]:
    """From the tap on Start to the reply that names the relay's state as read back."""
    taken = []
    for _ in range(rounds):
        await house.ranch.weather()
        await _said(stage, "/miners start s21")
        await _until(lambda: any("Start" in seen.buttons for seen in stage.seen()))
        asked = next(seen for seen in reversed(stage.seen()) if "Start" in seen.buttons)
        began = time.perf_counter()
        await stage.tap(asked, "Start")
        await _until(lambda: _count(stage, "is on, read back") > len(taken), stage)
        taken.append((time.perf_counter() - began) * 1000)
        stopped = _count(stage, "is off, read back")
        await stage.say("/miners stop s21")
        await _until(lambda stopped=stopped: _count(stage, "is off, read back") > stopped)  # type: ignore[misc]
        await asyncio.sleep(1.2)
    return taken


def _count(stage: Stage, words: str) -> int:
    return sum(words in seen.text for seen in stage.seen())


async def _until(condition: Callable[[], bool], stage: Stage | None = None) -> None:
    """Wait until something is so; with a stage it is looked at only after the bot has sent something."""
    calls = -1
    async with asyncio.timeout(30):
        while True:
            now = calls if stage is None else _calls(stage)
            if (stage is None or now != calls) and condition():
                return
            calls = now
            await asyncio.sleep(0.002)


async def measure(rounds: int) -> list[Row]:
    """The figures, platform by platform."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_redis(Path(folder)) as redis_url:
            for platform in PLATFORMS:
                wake = Wake(redis_url, f"bench-{platform}")
                place = Path(folder) / platform
                async with ranch_house(place, wake=wake, pace=ControlPace()) as house:
                    await _month(house)
                    house.chat_limits = ChatLimits(commands_per_person_per_minute=1_000_000)
                    async with stage_of(platform)(house) as stage:
                        await _said(stage, f"/start {await house.code()}")
                        await _replies_ms(stage, len(COMMANDS))  # warm
                        replies = await _replies_ms(stage, rounds)
                        confirmed = await _confirmed_ms(house, stage, max(10, rounds // 3))
                await wake.close()
                rows += [
                    Row(f"{platform}: command to reply p50", _percentile(replies, 0.5), "ms", 300),
                    Row(f"{platform}: command to reply p95", _percentile(replies, 0.95), "ms", 300),
                    Row(f"{platform}: confirmation to read-back p50", _percentile(confirmed, 0.5), "ms", 2_000),
                    Row(f"{platform}: confirmation to read-back p95", _percentile(confirmed, 0.95), "ms", 2_000),
                ]
    return rows


async def _month(house: StoredHouse) -> None:
    """Thirty days of 5-minute rows, so that history costs what it costs."""
    now = datetime.now(UTC)
    world = virtual_site(house.ranch.site, seed=1, end=now, days=30)
    rows = [row for row in past_readings(world, world.start, now) if row.device_id == "solark"]
    await readings.upsert(house.ranch.database, "home", rows)
    await house.ranch.weather()


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    """Run it and print a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=42)
    return print_table("commands and switching", asyncio.run(measure(parser.parse_args().rounds)))


if __name__ == "__main__":
    sys.exit(main())
