"""The console for the adapter contract: a terminal with styles, fed through a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from bot.message import Address
from bot.platforms.console import HERE, SOMEBODY_AT_THE_HOST, ConsoleOutlet, converse
from tests.bot.house import House, Terminal
from tests.bot.stages.base import Failure, Lack, Native, Seen, Stage

_PROMPT = "you> "
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_CHART = re.compile(r"^chart: .*\n?", re.MULTILINE)
_CHOICE = re.compile(r"\[\d+\] (.*?)(?=  \[\d+\] |$)")
_LACKS: dict[Lack, str] = {
    "groups": "a terminal is one person's",
    "people": "whoever sits at the host is the one person here",
    "edits": "what is printed stays",
    "failures": "nothing stands between us and the screen",
    "repeats": "a line is typed once",
    "restarts": "the screen ends with the process",
}


class Screen(Terminal):
    """Keeps what was written, as a terminal shows it: what is erased is gone."""

    def __init__(self) -> None:
        super().__init__(tty=True)
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        if text.startswith("\r\x1b[K"):
            while self.pieces and not self.pieces[-1].endswith("\n"):
                self.pieces.pop()
            text = text.removeprefix("\r\x1b[K")
        if text and text != _PROMPT:
            self.pieces.append(text)
        return len(text)


class ConsoleStage:
    platform = "console"
    native = Native(bold="\x1b[1m{}\x1b[0m", code="\x1b[36m{}\x1b[0m", block="    {}")

    def __init__(self, charts: Path) -> None:
        self.lacks = _LACKS
        self.screen = Screen()
        self.outlet = ConsoleOutlet(charts, stream=self.screen, environment={"TERM": "xterm"})
        read_end, write_end = os.pipe()
        self.lines = os.fdopen(read_end, encoding="utf-8")
        self.keyboard = os.fdopen(write_end, "w", encoding="utf-8")

    def address(self, user: str = "7", *, group: bool = False) -> Address:
        return HERE

    async def say(self, text: str, *, user: str = "7", group: bool = False, name: str = "Ann") -> None:
        def type_line() -> None:
            self.keyboard.write(f"{text}\n")
            self.keyboard.flush()

        await asyncio.to_thread(type_line)

    async def command(self, text: str, *, user: str = "7", group: bool = False) -> None:
        await self.say(text)

    async def tap(self, seen: Seen, label: str, *, user: str = "7") -> None:
        await self.say(str(seen.buttons.index(label) + 1))

    async def again(self) -> None:
        raise LookupError(self.lacks["repeats"])  # a terminal has none; tests ask `needs` first

    async def restart(self) -> None:
        raise LookupError(self.lacks["restarts"])  # a terminal has none; tests ask `needs` first

    def seen(self, *, chat_id: str | None = None) -> list[Seen]:
        return [_seen(piece, str(number)) for number, piece in enumerate(self.screen.pieces, 1)]

    def fail_next(self, how: Failure) -> None:
        raise LookupError(self.lacks["failures"])  # a terminal has none; tests ask `needs` first


def _seen(piece: str, ref: str) -> Seen:
    text = _STYLE.sub("", piece)
    pictures = len(_CHART.findall(text))
    lines = _CHART.sub("", text).rstrip("\n").split("\n")
    offered = [line for line in lines if line.startswith("[1] ") or re.match(r"\[\d+\] ", line)]
    return Seen(
        text="\n".join(line for line in lines if line not in offered).rstrip("\n"),
        buttons=tuple(label for line in offered for label in _CHOICE.findall(line)),
        pictures=pictures,
        ref=ref,
        chat_id=HERE.chat_id,
        markup=piece,
    )


@contextlib.asynccontextmanager
async def stage(house: House) -> AsyncIterator[Stage]:
    house.people.known[SOMEBODY_AT_THE_HOST] = "Ann"
    with tempfile.TemporaryDirectory() as charts:
        on = ConsoleStage(Path(charts))
        chat = house.chat()
        talking = asyncio.create_task(converse(chat, on.outlet, stdin=on.lines))
        try:
            yield on
        finally:
            on.keyboard.close()
            await asyncio.wait_for(talking, 5)
            await chat.close()
            on.lines.close()
