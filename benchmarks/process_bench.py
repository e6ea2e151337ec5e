"""Whole processes: how soon the demo chats, what a cold question costs, and how much memory the roles hold.

python -m benchmarks.process_bench             # 60 s of idling before memory is read
python -m benchmarks.process_bench --idle 5    # quicker
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row, print_table
from tests.app.running import ROOT, children_of, installation, resident_mb

QUESTIONS = (
    "What's my battery level?",
    "What time did I hit peak solar production today?",
    "How low did my battery go last night?",
    "Average solar yesterday?",
    "show me the last 24 hours",
    "Am I using grid power right now?",
    "What is the minimum SOC?",
    "What was my energy usage yesterday?",
    "What inverter model do you have?",
    "Should we run the miners tonight?",
)


def demo_ready_s() -> float:
    """Seconds that the demo itself reports between its start and its readiness, plus the interpreter's own start."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "app", "demo"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Ready after"):
                break
        taken = time.monotonic() - began
        process.communicate("exit\n", timeout=30)
    return taken


def cold_ask_s() -> float:
    """Seconds of `ask --demo` as a whole process, its 30 days of history included."""
    began = time.monotonic()
    command = [sys.executable, "-m", "app", "ask", "--demo", "How low did my battery go last night?"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert re.search(r"\d %", done.stdout), done.stdout
    return time.monotonic() - began


async def memory_mb(idle_s: float) -> dict[str, float]:
    """Resident memory of the bot and the worker of a real `run`: idle, and after ten questions."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        async with installation(Path(folder) / "data") as house, house.running() as process:
            await house.logged("worker_ready")
            await house.logged("telegram_ready")
            code = (await house.command("pair")).splitlines()[0]
            house.telegram.say(f"/start {code}")
            await house.telegram.wait_for(1)
            await asyncio.sleep(idle_s)
            assert process.pid is not None
            roles = children_of(process.pid)
            found["bot, idle"] = resident_mb(roles["bot"])
            for number, question in enumerate(QUESTIONS):
                house.telegram.say(question)
                await house.telegram.wait_for(number + 2, timeout_s=30)
            await asyncio.sleep(2)
            found["bot, after 10 questions"] = resident_mb(roles["bot"])
            found["worker"] = resident_mb(roles["worker"])
    return found


def main() -> int:
    """Measure and print; 1 when a median misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=3)
    flags = parser.parse_args()
    os.environ.pop("OPENAI_API_KEY", None)
    memory = asyncio.run(memory_mb(flags.idle))
    rows = [
        Row("demo, start to chat", statistics.median(demo_ready_s() for _ in range(flags.runs)), "s", 15),
        Row("ask --demo, cold process", statistics.median(cold_ask_s() for _ in range(flags.runs)), "s", 8),
        *(Row(f"memory of the {name}", mb, "MB", 250 if name == "worker" else 350) for name, mb in memory.items()),
    ]
    return print_table("Whole processes, medians", rows)


if __name__ == "__main__":
    sys.exit(main())
