"""What an idle bot loads."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pandas", "statsmodels", "pvlib", "chromadb", "matplotlib", "autogen_core", "autogen_agentchat", "sklearn")
PROGRAM = """
import sys
import bot.chat, bot.platforms.console, bot.web.app
assert "telegram" not in sys.modules, "the SDK is loaded outside its platform"
import bot.platforms.telegram.ingress, bot.platforms.telegram.client
print(sorted(name for name in {heavy!r} if name in sys.modules))
"""


def test_an_idle_bot_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(heavy=HEAVY)], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


READY = """
import gc, sys
from bot.start_up import make_ready
make_ready()
assert gc.get_freeze_count() > 10_000
assert {"agents.crew", "matplotlib"} <= set(sys.modules)
print(sorted(name for name in ("pandas", "statsmodels", "pvlib", "chromadb", "sklearn") if name in sys.modules))
"""


def test_a_bot_that_is_ready_for_questions_has_the_crew_and_still_no_data_frames() -> None:
    done = subprocess.run([sys.executable, "-c", READY], capture_output=True, text=True, check=False)
    assert (done.stdout.strip().splitlines()[-1:], done.returncode) == (["[]"], 0), done.stderr
