"""A reply tree as Telegram HTML, in parts that fit: no part ends inside a tag, an entity or a character.

Telegram counts UTF-16 units. We count the marked-up text, which is never shorter than what Telegram counts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.reply import Block, Bold, Code, CodeBlock, Inline, Lines, Paragraph, Source, Text
from bot.splitting import characters, utf16_length, words
from bot.text import clean

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    tag: str  # "" for plain text

    @property
    def overhead(self) -> int:
        return 2 * len(self.tag) + 5 if self.tag else 0


def render(blocks: Iterable[Block], *, limit: int = TEXT_LIMIT) -> list[str]:
    """HTML parts of at most `limit` UTF-16 units each; an empty list when there is nothing to say.

    A part ends after a line where one fits into a part at all, else after a word, else between two characters.
    """
    parts: list[str] = []
    current: list[_Run] = []
    for line in _lines(_runs(blocks)):
        if _length([*current, *line]) <= limit:
            current += line
            continue
        if current:
            _close(parts, current)
            current = []
        if _length(line) <= limit:
            current += line
            continue
        used = 0
        for piece in _pieces(line):
            size = _escaped_length(piece.text)
            opening = 0 if current and current[-1].tag == piece.tag else piece.overhead
            if used + size + opening > limit:
                _close(parts, current)
                current, used, opening = [], 0, piece.overhead
            current.append(piece)
            used += size + opening
    _close(parts, current)
    return parts


def fits_caption(parts: list[str]) -> bool:
    """Whether rendered parts can stand under a photo."""
    return not parts or (len(parts) == 1 and utf16_length(parts[0]) <= CAPTION_LIMIT)


def caption(text: str) -> str:
    """Plain text as a caption, cut where it would be too long."""
    parts = render((Paragraph((Text(text),)),), limit=CAPTION_LIMIT)
    return parts[0] if parts else ""


def _close(parts: list[str], runs: list[_Run]) -> None:
    markup = "".join(_markup(run) for run in _trimmed(_joined(runs)))
    if markup:
        parts.append(markup)


def _length(runs: list[_Run]) -> int:
    """UTF-16 units of the runs marked up; never too short."""
    return sum(_escaped_length(run.text) + run.overhead for run in _joined(runs))


def _joined(runs: list[_Run]) -> list[_Run]:
    """Neighbours with the same tag as one run."""
    joined: list[_Run] = []
    for run in runs:
        if joined and joined[-1].tag == run.tag:
            joined[-1] = _Run(joined[-1].text + run.text, run.tag)
        else:
            joined.append(run)
    return joined


def _lines(runs: Iterable[_Run]) -> Iterator[list[_Run]]:
    line: list[_Run] = []
    for run in runs:
        for text in run.text.splitlines(keepends=True):
            line.append(_Run(text, run.tag))
            if text.endswith("\n"):
                yield line
                line = []
    if line:
        yield line


def _trimmed(runs: list[_Run]) -> list[_Run]:
    """Telegram strips a message's ends, and refuses one that is then empty."""
    kept = list(runs)
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[0] = _Run(kept[0].text.lstrip("\n"), kept[0].tag)
        kept[-1] = _Run(kept[-1].text.rstrip(), kept[-1].tag)
    return kept


def _markup(run: _Run) -> str:
    escaped = html.escape(run.text, quote=False)
    return f"<{run.tag}>{escaped}</{run.tag}>" if run.tag else escaped


def _escaped_length(text: str) -> int:
    return utf16_length(text) + 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))


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
                    yield _Run("\n• " if number else "• ", "")
                    yield from _inline_runs(item)
            case CodeBlock(text):
                yield _Run(clean(text), "pre")
            case Source(text):
                yield _Run(clean(text), "i")


def _inline_runs(inlines: Iterable[Inline]) -> Iterator[_Run]:
    tags: dict[type[Inline], str] = {Text: "", Bold: "b", Code: "code"}
    for inline in inlines:
        yield _Run(clean(inline.text), tags[type(inline)])


def _pieces(line: Iterable[_Run]) -> Iterator[_Run]:
    """The smallest pieces that a line too long for one part is cut into: words, or characters of very long words."""
    for run in line:
        for word in words(run.text):
            if _escaped_length(word) <= 200:
                yield _Run(word, run.tag)
            else:
                yield from (_Run(character, run.tag) for character in characters(word))


def visible(markup: str) -> str:
    """Rendered HTML without its tags and entities: what a reader sees."""
    return html.unescape(re.sub(r"</?(?:b|i|code|pre)>", "", markup))
