"""A reply tree as Block Kit, in messages that fit.

The words go into `rich_text` blocks. Slack takes their text as it stands, so that no name, reading or answer can
become markup, a link or a mention, and a split never falls inside markup: there is none. Beside the blocks each message
has its text in mrkdwn, for notifications and screen readers, with `&`, `<` and `>` escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from bot.reply import FORM, Block, Bold, Button, Code, CodeBlock, Inline, Lines, Paragraph, Source, Text
from bot.splitting import characters, utf16_length
from bot.splitting import words as words_of
from bot.text import clean

PART_LIMIT = 3000  # what a section may hold; longer ones are folded away behind "Show more" at the latest
BUTTONS_PER_BLOCK = 25
LABEL_LIMIT = 75
MOST_ROWS = 20  # of at most 50 blocks; the words need two

Style = Literal["text", "bold", "code", "pre", "source"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message: its blocks without buttons, and its text for where blocks are not shown."""

    blocks: list[dict[str, Any]]
    text: str


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    style: Style


def render(blocks: Iterable[Block], *, limit: int = PART_LIMIT) -> list[Rendered]:
    """Messages of at most `limit` UTF-16 units each; an empty list when there is nothing to say.

    A message ends after a line where one fits into a message at all, else after a word, else between two characters.
    """
    parts: list[list[_Run]] = [[]]
    room = limit
    for line in _lines(_runs(blocks)):
        size = sum(utf16_length(run.text) for run in line)
        if size > room and size <= limit:
            parts.append([])
            room = limit
        pieces = line if size <= room else list(_pieces(line))
        for piece in pieces:
            if utf16_length(piece.text) > room:
                parts.append([])
                room = limit
            parts[-1].append(piece)
            room -= utf16_length(piece.text)
    return [_rendered(trimmed) for part in parts if (trimmed := _trimmed(part))]


def button_blocks(rows: Sequence[Sequence[Button]]) -> list[dict[str, Any]]:
    """The buttons, one block a row."""
    blocks: list[dict[str, Any]] = []
    for number, row in enumerate(rows[:MOST_ROWS]):
        elements = [_button(button, f"{number}.{place}") for place, button in enumerate(row[:BUTTONS_PER_BLOCK])]
        if elements:
            blocks.append({"type": "actions", "block_id": f"row{number}", "elements": elements})
    return blocks


def small_print(text: str) -> dict[str, Any]:
    """A block of small, grey text."""
    return {"type": "context", "elements": [{"type": "plain_text", "text": cut(text, PART_LIMIT), "emoji": False}]}


def words(text: str) -> dict[str, Any]:
    """A block with plain words."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": cut(text, PART_LIMIT)}]}
    return {"type": "rich_text", "elements": [section]}


def escaped(text: str) -> str:
    """Text that mrkdwn shows as it stands, apart from stars and underlines: no links, no mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """The text, at most `limit` UTF-16 units of it, ending between two characters; never empty."""
    text = clean(text).strip() or "…"
    if utf16_length(text) <= limit:
        return text
    kept, room = [], limit - 1
    for character in characters(text):
        room -= utf16_length(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def _button(button: Button, action_id: str) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        # The id tells ingress to open a form while Slack's three seconds run; the value says which.
        "action_id": f"form:{action_id}" if button.token.startswith(FORM) else f"tap:{action_id}",
        "text": {"type": "plain_text", "text": cut(button.label, LABEL_LIMIT), "emoji": False},
        "value": button.token,
    }
    return element if button.style == "plain" else element | {"style": button.style}


def _rendered(runs: list[_Run]) -> Rendered:
    blocks: list[dict[str, Any]] = []
    for small, group in groupby(runs, key=lambda run: run.style == "source"):
        members = list(group)
        if small:
            blocks.append(small_print("".join(run.text for run in members)))
        elif elements := list(_elements(members)):
            blocks.append({"type": "rich_text", "elements": elements})
    return Rendered(blocks, escaped("".join(run.text for run in runs)))


def _elements(runs: list[_Run]) -> Iterator[dict[str, Any]]:
    for fixed, group in groupby(runs, key=lambda run: run.style == "pre"):
        members = list(group)
        # The element itself is a line of its own: line ends at its edges would show as empty lines.
        joined = _edges_cut(members)
        if joined:
            kind = "rich_text_preformatted" if fixed else "rich_text_section"
            yield {"type": kind, "elements": [_text(run) for run in joined]}


def _edges_cut(runs: list[_Run]) -> list[_Run]:
    joined = [_Run("".join(run.text for run in group), style) for style, group in groupby(runs, key=lambda r: r.style)]
    while joined and not joined[0].text.strip("\n"):
        joined.pop(0)
    while joined and not joined[-1].text.strip("\n"):
        joined.pop()
    if joined:
        joined[0] = _Run(joined[0].text.lstrip("\n"), joined[0].style)
        joined[-1] = _Run(joined[-1].text.rstrip("\n"), joined[-1].style)
    return joined


def _text(run: _Run) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "text", "text": run.text}
    return element | {"style": {run.style: True}} if run.style in ("bold", "code") else element


def _trimmed(runs: list[_Run]) -> list[_Run]:
    kept = list(runs)
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[0] = _Run(kept[0].text.lstrip("\n"), kept[0].style)
        kept[-1] = _Run(kept[-1].text.rstrip(), kept[-1].style)
    return kept


def _runs(blocks: Iterable[Block]) -> Iterator[_Run]:
    first = True
    for block in blocks:
        if not first:
            yield _Run("\n" if isinstance(block, Source) else "\n\n", "text")
        first = False
        match block:
            case Paragraph(inlines):
                yield from _inline_runs(inlines)
            case Lines(items):
                for number, item in enumerate(items):
                    yield _Run("\n• " if number else "• ", "text")
                    yield from _inline_runs(item)
            case CodeBlock(text):
                yield _Run(clean(text), "pre")
            case Source(text):
                yield _Run(clean(text), "source")


def _inline_runs(inlines: Iterable[Inline]) -> Iterator[_Run]:
    styles: dict[type[Inline], Style] = {Text: "text", Bold: "bold", Code: "code"}
    for inline in inlines:
        yield _Run(clean(inline.text), styles[type(inline)])


def _lines(runs: Iterable[_Run]) -> Iterator[list[_Run]]:
    line: list[_Run] = []
    for run in runs:
        for text in run.text.splitlines(keepends=True):
            line.append(_Run(text, run.style))
            if text.endswith("\n"):
                yield line
                line = []
    if line:
        yield line


def _pieces(line: Iterable[_Run]) -> Iterator[_Run]:
    """The smallest pieces that a line too long for one message is cut into: words, or characters of long words."""
    for run in line:
        for word in words_of(run.text):
            if utf16_length(word) <= 200:
                yield _Run(word, run.style)
            else:
                yield from (_Run(character, run.style) for character in characters(word))
