"""Where a text that is too long for one message may be cut: after words, or between characters as readers see them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_LONGEST_CHARACTER = 64  # code points: a base with marks without end is cut all the same


def utf16_length(text: str) -> int:
    """UTF-16 units, which Telegram counts; never fewer than code points, whatever a platform counts."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def words(line: str) -> Iterator[str]:
    """The words of a line, each with the spaces after it."""
    start = 0
    for position in range(1, len(line)):
        if line[position - 1] == " " and line[position] != " ":
            yield line[start:position]
            start = position
    yield line[start:]


def characters(word: str) -> Iterator[str]:
    """What a reader takes for one character: letters with their marks, joined emoji, flags."""
    start = 0
    for position in range(1, len(word)):
        if position - start < _LONGEST_CHARACTER and _holds_on(word, start, position):
            continue
        yield word[start:position]
        start = position
    if word:
        yield word[start:]


def _holds_on(word: str, start: int, position: int) -> bool:
    before, here = word[position - 1], word[position]
    if before == _JOINER or here == _JOINER or unicodedata.combining(here) or "\ufe00" <= here <= "\ufe0f":
        return True
    if unicodedata.category(here) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= here <= "\U0001f3ff":
        return True
    # A flag is two regional indicators.
    return position - start == 1 and all("\U0001f1e6" <= c <= "\U0001f1ff" for c in (before, here))
