"""A question's words made regular: case, quotes, contractions, abbreviations, units and typing slips.

Only key words are corrected, and only towards a closed vocabulary; a word that people use otherwise stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from agents.local_model.vocabulary import ALIASES, KEY_WORDS, OTHER_WORDS

_CONTRACTIONS = (
    (re.compile(r"\b(what|how|where|when|who|it|that|there|here|why|today|yesterday)'?s\b(?=\s+\w)"), r"\1 is"),
    (re.compile(r"\b(i)'?m\b"), r"\1 am"),
    (re.compile(r"\b(we|they|you)'re\b"), r"\1 are"),
    (re.compile(r"\b(did|do|does|is|was|were|are|could|should|would|have|has)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(i|we|you|they)'ve\b"), r"\1 have"),
    (re.compile(r"\b(i|we|you|they|it)'ll\b"), r"\1 will"),
)
_TOKEN = re.compile(r"[a-z0-9.:/+%'-]+")


def tidy(question: str) -> str:
    """The question in lower case, single-spaced, contractions written out, key words corrected, no punctuation.

    Numbers keep their decimal point, units stand apart ("2.5 kw", "80 %"), thousands lose their comma.
    """
    text = unicodedata.normalize("NFKC", question).lower().translate(_QUOTES)
    text = re.sub(r"'{2,}", "'", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for pattern, written_out in _CONTRACTIONS:
        text = pattern.sub(written_out, text)
    text = re.sub(r"(\d)\s*(kwh|kw|w|%|v|c|f|am|pm)\b", r"\1 \2", text)
    text = re.sub(r"(\d)\s*%", r"\1 % ", text).replace("°", " ")
    text = re.sub(r"\bs\.o\.c\.?(?=\W|$)", "soc", text)
    words: list[str] = []
    for raw in _TOKEN.findall(text):
        word = raw.strip(".:'-/+") or raw
        word = word.removesuffix("'s")
        if word in ("min", "mn"):
            number = bool(words) and (words[-1].replace(".", "").isdigit() or words[-1] in ("last", "past"))
            word = "minutes" if number else "minimum"
        if any(ch.isalnum() or ch == "%" for ch in word):
            words.append(ALIASES.get(word) or corrected(word))
    return " ".join(words)


_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": " ", "”": " ", '"': " ", "\u2013": "-", "\u2014": " "})


@lru_cache(maxsize=4096)
def corrected(word: str) -> str:
    """The key word that `word` is a slip of, else `word`: one edit up to five letters, two beyond."""
    if len(word) < 4 or word in KEY_WORDS or word in OTHER_WORDS or not word.isalpha():
        return word
    allowed = 1 if len(word) <= 5 else 2
    best: tuple[int, int, int, str] | None = None
    for known in KEY_WORDS:
        if abs(len(known) - len(word)) > allowed:
            continue
        distance = edits(word, known)
        if distance > allowed or (distance == 2 and known[0] != word[0]):
            continue
        rank = (distance, known[0] != word[0], abs(len(known) - len(word)), known)
        if best is None or rank < best:
            best = rank
    return best[3] if best else word


def edits(a: str, b: str) -> int:
    """How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
