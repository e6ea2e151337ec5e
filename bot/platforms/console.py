"""A chat in the terminal: lines in, text and charts out.

Where standard input is no terminal, each line is a message: it is answered, and the end of input ends the chat.
Buttons are numbered choices: "[1] Start  [2] Cancel"; the line "1" taps the first.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO

from bot.message import Address, Message, Sender
from bot.ports import Outlet, PartSent, SendResult, Sent, Undeliverable
from bot.reply import Block, Bold, Button, Code, CodeBlock, Inline, Lines, Paragraph, Picture, Reply, Source
from bot.text import clean, is_blank

PLATFORM = "console"
HERE = Address(PLATFORM, "terminal")
SOMEBODY_AT_THE_HOST = "local"  # the external id of whoever sits at the machine

_BOLD, _CODE, _DIM, _OFF = "\x1b[1m", "\x1b[36m", "\x1b[2m", "\x1b[0m"
_CHOICE = re.compile(r"\[?([0-9]{1,3})\]?")
_KITTY_CHUNK = 4096  # the protocol's own limit for one piece of base64


class Chat(Protocol):
    """Who answers."""

    async def handle(self, message: Message, outlet: Outlet) -> object:
        """Take the message on."""
        ...

    async def idle(self) -> None:
        """Wait until it is answered."""
        ...


def render(blocks: Sequence[Block], *, styled: bool) -> str:
    """The reply as text for a terminal; `styled` uses ANSI bold, colour and dim."""

    def style(code: str, text: str) -> str:
        return f"{code}{text}{_OFF}" if styled and text else text

    def line(inlines: Sequence[Inline]) -> str:
        codes = {Bold: _BOLD, Code: _CODE}
        return "".join(
            style(codes[type(inline)], clean(inline.text)) if type(inline) in codes else clean(inline.text)
            for inline in inlines
        )

    text = ""
    for block in blocks:
        match block:
            case Paragraph(inlines):
                shown = line(inlines)
            case Lines(items):
                shown = "\n".join(f"  • {line(item)}" for item in items)
            case CodeBlock(code):
                shown = "\n".join(f"    {row}" for row in clean(code).split("\n"))
            case Source(small):
                shown = style(_DIM, clean(small))
        text += ("\n" if isinstance(block, Source) else "\n\n") * bool(text) + shown
    return text


def inline_image(png: bytes, environment: Mapping[str, str]) -> str | None:
    """The picture as an escape sequence where the terminal is known to show it (kitty's or iTerm2's way), else None."""
    encoded = base64.b64encode(png).decode("ascii")
    program, term = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
    if "TMUX" in environment or term.startswith("screen"):
        return None  # multiplexers swallow both
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty"):
        pieces = [encoded[i : i + _KITTY_CHUNK] for i in range(0, len(encoded), _KITTY_CHUNK)]
        last = len(pieces) - 1
        return "".join(
            f"\x1b_G{'a=T,f=100,' if number == 0 else ''}m={int(number < last)};{piece}\x1b\\"
            for number, piece in enumerate(pieces)
        )
    if program in ("iTerm.app", "WezTerm"):
        return f"\x1b]1337;File=inline=1;size={len(png)};width=90%:{encoded}\a"
    return None


class ConsoleOutlet:
    """Writes replies to a stream, and charts as PNG files to `charts`."""

    platform = PLATFORM
    local = True
    has_forms = False
    has_buttons = True

    def __init__(
        self, charts: Path, *, stream: TextIO | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._charts = charts
        self._stream = stream if stream is not None else sys.stdout
        self._environment = environment
        self.interactive = self._stream.isatty()
        self._styled = self.interactive and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        self._progress_shown = False
        self._prompted = False
        self._printed = 0
        self._choices: tuple[Button, ...] = ()
        self._choices_of = ""  # the ref of the reply that they belong to

    async def send(
        self,
        address: Address,  # noqa: ARG002 - a terminal is one place
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,  # noqa: ARG002 - a terminal takes everything at once
        part_sent: PartSent | None = None,  # noqa: ARG002
    ) -> SendResult:
        """Print the reply; see `Outlet.send`."""
        shown = [render(reply.blocks, styled=self._styled)]
        for picture in pictures:
            path = await asyncio.to_thread(self._save, picture)
            image = inline_image(picture.png, self._environment) if self.interactive else None
            shown += [image] if image else []
            shown.append(f"chart: {path}")
        self._printed += 1
        ref = str(self._printed)
        shown += self._offered(reply.buttons, ref)
        self._clear_progress()
        self._clear_prompt()
        self._write("\n".join(shown) + "\n\n")
        if self._prompted:
            self.prompt()
        # What is printed cannot be kept up to date, so a live message has no ref.
        return Sent(ref=None if reply.kind == "live" else ref)

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        """Print the new text below; the old one's choices are gone."""
        if reply.kind == "live":
            return Undeliverable("what is printed in a terminal stays as it is")
        if ref == self._choices_of:
            self._choices = ()
        return await self.send(address, reply, ())

    def tapped(self, line: str) -> tuple[str, str] | None:
        """Token and ref of the choice whose number the line is ("1" or "[1]"); None for any other line."""
        number = _CHOICE.fullmatch(line.strip())
        if number is None or not 1 <= int(number[1]) <= len(self._choices):
            return None
        return self._choices[int(number[1]) - 1].token, self._choices_of

    async def pin(self, address: Address, ref: str) -> bool:  # noqa: ARG002
        """Nothing stays in its place in a terminal."""
        return False

    async def unpin(self, address: Address, ref: str) -> bool:  # noqa: ARG002
        """Nothing is pinned in a terminal."""
        return False

    async def show_working(self, address: Address) -> None:
        """A terminal shows what is being done instead."""

    async def show_progress(self, address: Address, text: str) -> None:  # noqa: ARG002
        """The step on a line of its own, gone when the answer comes; nothing where output is kept."""
        if self.interactive:
            self._clear_progress()
            self._write(f"{_DIM if self._styled else ''}{clean(text)[:100]}{_OFF if self._styled else ''}")
            self._progress_shown = True

    def say(self, text: str) -> None:
        """Print something that is no reply."""
        self._write(f"{clean(text)}\n\n")

    def prompt(self) -> None:
        """Invite the next line, at a terminal only."""
        if self.interactive:
            self._write("you> ")
            self._prompted = True

    def heard(self) -> None:
        """A line was typed. Until then, a notice that comes unasked takes the prompt's line."""
        self._prompted = False

    def _offered(self, rows: Sequence[Sequence[Button]], ref: str) -> list[str]:
        """The buttons as numbered choices, a line a row; they stand until a later reply offers others."""
        buttons = tuple(button for row in rows for button in row)
        if not buttons:
            return []
        self._choices, self._choices_of = buttons, ref
        labels = iter(f"[{number}] {' '.join(clean(button.label).split())}" for number, button in enumerate(buttons, 1))
        return ["", *("  ".join(next(labels) for _ in row) for row in rows if row)]

    def _clear_prompt(self) -> None:
        if self._prompted:
            self._write("\r\x1b[K" if self._styled else "\n")

    def _clear_progress(self) -> None:
        if self._progress_shown:
            self._write("\r\x1b[K")
            self._progress_shown = False

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, errors="replace").decode(encoding))
        self._stream.flush()

    def _save(self, picture: Picture) -> Path:
        self._charts.mkdir(parents=True, exist_ok=True)
        path = self._charts / f"{picture.slug}.png"
        path.write_bytes(picture.png)
        return path


async def read_lines(stream: TextIO) -> AsyncIterator[str]:
    """Lines of a blocking stream, without their ends.

    A daemon thread reads: the loop's own pipes refuse plain files, and a reader that waits for the next line must not
    keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        # ValueError and OSError: the stream was closed, the same as its end. RuntimeError: the loop has ended, and
        # nobody waits for lines any more.
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\r\n"))
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="console-reader", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


async def converse(
    chat: Chat, outlet: ConsoleOutlet, *, stdin: TextIO | None = None, name: str = "you", greeting: str = ""
) -> int:
    """Talk until the input ends (or "exit"); returns how many messages were answered."""
    session = uuid.uuid4().hex[:12]
    count = 0
    if greeting and outlet.interactive:
        outlet.say(greeting)
    outlet.prompt()
    async for line in read_lines(stdin if stdin is not None else sys.stdin):
        outlet.heard()
        if line.strip().lower() in ("exit", "quit", "/exit", "/quit"):
            break
        if not is_blank(line):
            count += 1
            await chat.handle(_message(line, f"{session}:{count}", name, outlet.tapped(line)), outlet)
            await chat.idle()
        outlet.prompt()
    return count


def _message(line: str, key: str, name: str, tapped: tuple[str, str] | None) -> Message:
    token, ref = tapped or (None, None)
    sender = Sender(PLATFORM, SOMEBODY_AT_THE_HOST, name)
    return Message(HERE, sender, "" if token else clean(line), datetime.now(UTC), key, token=token, ref=ref)
