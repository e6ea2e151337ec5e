"""Writes docs/conversation.md: the scripted conversation as people see it on each platform.

python -m tests.conversation.write_docs
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bot.stages.base import Seen
from tests.conversation.script import Talk
from tests.conversation.test_same_conversation import PLATFORMS, talked

DOCS = Path(__file__).resolve().parents[2] / "docs"
_HEAD = """# One conversation on four platforms

Written by `python -m tests.conversation.write_docs` from the messages that the platforms' doubles were sent: a
question with its chart, a command, a button, a preference, a start with its confirmation, a stop, and a start that is
refused under the minimum SOC. `tests/conversation` holds that the facts are the same everywhere. What stands there is
what a reader sees; the last part of each chapter shows one message as it goes over the wire, in the platform's dialect.
"""


def _message(seen: Seen) -> list[str]:
    pictures = [f"[picture{f': {alt}' if alt else ''}]" for alt in (seen.alt or ("",) * seen.pictures)]
    buttons = ["  ".join(f"[ {label} ]" for label in seen.buttons)] if seen.buttons else []
    return [*pictures, *seen.text.split("\n"), *buttons]


def _chapter(talk: Talk) -> str:
    lines = [f"## {talk.stage.platform.capitalize()}", "", "```text"]
    for what, seen in talk.steps:
        lines += [f"> {what if not what.startswith('/start') and '-' not in what[:6] else '(a pairing code)'}"]
        for each in seen:
            lines += _message(each)
        lines.append("")
    asked = next(seen for what, seen in talk.steps if what == "/miners start s21")[0]
    return "\n".join(
        [*lines[:-1], "```", "", "Over the wire, the question before the start:", "", "```text", asked.markup, "```"]
    )


async def main() -> None:
    """Hold the conversation on each platform and write it down."""
    with tempfile.TemporaryDirectory() as folder:
        talks = [await talked(platform, Path(folder)) for platform in PLATFORMS]
    chapters = [_chapter(talk) for talk in talks]
    (DOCS / "conversation.md").write_text("\n\n".join([_HEAD.rstrip(), *chapters]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
