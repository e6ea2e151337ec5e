"""A reply tree as Discord's Markdown, in parts that fit: no part ends inside a mark, an escape or a character.

Whatever comes as text is inert: names of devices cannot mention, link, hide or head anything. Discord counts
characters; we count UTF-16 units of the marked-up text, which are never fewer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.reply import Block, Bold, Code, CodeBlock, Inline, Lines, Paragraph, Source, Text
from bot.splitting import characters, words
from bot.text import clean

CONTENT_LIMIT = 2000

# A backslash before any of these makes it a plain character: emphasis, spoilers, code, links in brackets, mentions,
# time stamps and custom emoji (all "<"), @everyone.
_MARKS = re.compile(r"[\\*_~|`<>\[\]@]")
# An address becomes a link, and :name: an emoji, unless its colon is escaped.
_COLON = re.compile(r":(?=//|[\w+-]+:)")
# What begins a heading, small print, a quote or a list does so at a line's start alone.
_LINE_START = re.compile(r"^(\s*)([#>+-]|\d+(?=\.))", re.MULTILINE)
_LITERAL = {"code": 2, "pre": 8, "bullet": 0}  # styles whose text is not escaped, and what their marks take


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    style: str  # "", "bold", "code", "pre", "small", "bullet"

    @property
    def bare(self) -> int:
        """UTF-16 units of the text with its escapes, at the most; a line's start may take one more."""
        if self.style in _LITERAL:
            return _units(self.text)
        return _units(self.text) + len(_MARKS.findall(self.text)) + self.text.count(":") + self.text.count("\n")

    @property
    def marks(self) -> int:
        """UTF-16 units that the style's marks and the first line's escape take, at the most."""
        if self.style in _LITERAL:
            return _LITERAL[self.style]
        return 1 + {"": 0, "bold": 4, "small": 3}[self.style] * (self.text.count("\n") + 1)


def render(blocks: Iterable[Block], *, limit: int = CONTENT_LIMIT) -> list[str]:
    """Markdown parts of at most `limit` UTF-16 units each; an empty list when there is nothing to say.

    A part ends after a line where one fits into a part at all, else after a word, else between two characters.
    """
    parts: list[str] = []
    current: list[_Run] = []
    for line in _lines(_runs(blocks)):
        if _cost([*current, *line]) <= limit:
            current += line
            continue
        _close(parts, current)
        current = []
        if _cost(line) <= limit:
            current += line
            continue
        used = 0
        for piece in _pieces(line):
            opening = 0 if current and current[-1].style == piece.style else piece.marks
            if used + piece.bare + opening > limit:
                _close(parts, current)
                current, used, opening = [], 0, piece.marks
            current.append(piece)
            used += piece.bare + opening
    _close(parts, current)
    return parts


def escaped(text: str) -> str:
    """Text from outside as Markdown that shows it letter by letter; it may begin a line."""
    inert = _COLON.sub(r"\\:", _MARKS.sub(r"\\\g<0>", clean(text)))
    return _LINE_START.sub(_at_line_start, inert)


def _at_line_start(match: re.Match[str]) -> str:
    space, mark = match[1], match[2]
    return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"


def _units(text: str) -> int:
    return len(text) + sum(1 for character in text if character > "\uffff")


def _cost(runs: list[_Run]) -> int:
    return sum(run.bare + run.marks for run in _joined(runs))


def _joined(runs: list[_Run]) -> list[_Run]:
    """Neighbours of the same style as one run."""
    joined: list[_Run] = []
    for run in runs:
        if joined and joined[-1].style == run.style:
            joined[-1] = _Run(joined[-1].text + run.text, run.style)
        else:
            joined.append(run)
    return joined


def _close(parts: list[str], runs: list[_Run]) -> None:
    markdown = ""
    for run in _trimmed(_joined(runs)):
        markdown += _marked(run, at_line_start=not markdown or markdown.endswith(("\n", "\n- ")))
    if markdown.strip():
        parts.append(markdown)


def _trimmed(runs: list[_Run]) -> list[_Run]:
    """Discord strips a message's ends; a bullet without its item goes too."""
    kept = list(runs)
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and (kept[-1].style == "bullet" or not kept[-1].text.strip()):
        kept.pop()
    if kept:
        kept[0] = _Run(kept[0].text.lstrip("\n"), kept[0].style)
        kept[-1] = _Run(kept[-1].text.rstrip(), kept[-1].style)
    return kept


def _marked(run: _Run, *, at_line_start: bool) -> str:
    match run.style:
        case "bullet":
            return run.text
        case "code":
            return f"`{run.text}`"
        case "pre":
            text = run.text.strip("\n")
            return f"```\n{text}\n```" if text.strip() else ""
        case "small":
            return "\n".join(f"-# {escaped(line)}" if line.strip() else "" for line in run.text.split("\n"))
    shown = escaped(run.text) if at_line_start else escaped("x" + run.text)[1:]
    if run.style != "bold":
        return shown
    # marks must touch the words, and a line end between them would be none
    return re.sub(r"\S(?:[^\n]*\S)?", lambda words: f"**{words[0]}**", shown)


def _runs(blocks: Iterable[Block]) -> Iterator[_Run]:
    first = True
    for block in blocks:
        if not first:
            yield _Run("\n" if isinstance(block, Source) else "\n\n", "")
        first = False
        match block:
            case Paragraph(inlines):
                yield from _inline_runs(inlines)
            case Lines(items):
                for number, item in enumerate(items):
                    if number:
                        yield _Run("\n", "")
                    yield _Run("- ", "bullet")
                    yield from _inline_runs(item)
            case CodeBlock(text):
                # No mark inside a block of code means anything but its end.
                yield _Run(clean(text).replace("```", "ˋˋˋ").strip("\n"), "pre")
            case Source(text):
                yield _Run(clean(text), "small")


def _inline_runs(inlines: Iterable[Inline]) -> Iterator[_Run]:
    styles: dict[type[Inline], str] = {Text: "", Bold: "bold", Code: "code"}
    for inline in inlines:
        text = clean(inline.text)
        if isinstance(inline, Code):
            text = text.replace("`", "ˋ").replace("\n", " ")
        if text:
            yield _Run(text, styles[type(inline)])


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
    """The smallest pieces that a line too long for one part is cut into: words, or characters of very long words."""
    for run in line:
        for word in words(run.text):
            if _Run(word, run.style).bare <= 200:
                yield _Run(word, run.style)
            else:
                yield from (_Run(character, run.style) for character in characters(word))
