"""From a model's words to the answer that people see: plain, short, without links, with its source line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from agents.tools.devices import SETTINGS
from agents.tools.words import age_words, clock
from energy.reading import FIELDS

if TYPE_CHECKING:
    from agents.answer import Figure
    from services.scope import Scope

MOST_LINES = 6
PROPOSES = "I propose to"  # how the sentence of a proposal begins; its question with the buttons follows in a chat
MOST_CHARACTERS = 1_200
_MOST_SOURCES = 3
_AHEAD = ("forecast issued ", "plan of ", "worked out ")
_OLD_S = 900.0

_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_ADDRESS = re.compile(r"\b(?:https?|ftp|file|data|javascript)://?\S+|\bwww\.\S+", re.IGNORECASE)
_MARKS = re.compile(r"\*\*|__|`+|^\s{0,3}#{1,6}\s+", re.MULTILINE)
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_OWN_SOURCE = re.compile(r"^\s*[(_]*\s*(?:as of|sources?)\b[^\n]{0,120}$", re.IGNORECASE | re.MULTILINE)


def tidy(text: str, *, lines: int = MOST_LINES) -> str:
    """Plain text of at most `lines` lines: no markup, addresses, thoughts or invisible characters.

    A link in an answer is a way for data to leave when a preview is fetched, so none passes; nor does a source line of
    the model's own.
    """
    plain = _HIDDEN.sub("", _THOUGHT.sub("", text).replace("\t", " ").replace("\r", ""))
    plain = _LINK.sub(r"\1", _IMAGE.sub(r"\1", plain))
    plain = _OWN_SOURCE.sub("", _MARKS.sub("", _ADDRESS.sub("(link removed)", plain)))
    kept = [re.sub(r" {2,}", " ", line).strip() for line in plain.split("\n")]
    shown = "\n".join([line for line in kept if line][:lines])
    if len(shown) <= MOST_CHARACTERS:
        return shown
    return shown[:MOST_CHARACTERS].rsplit(" ", 1)[0] + " …"


def source_line(scope: Scope, figures: Sequence[Figure], *, basic: bool) -> str:
    """The line under an answer, from its figures: "as of 14:02, Victron"; old data says its age. Empty without any."""
    parts: list[str] = []
    measured = [f for f in figures if f.source not in (None, SETTINGS) and f.value is not None]
    if measured:
        moment = _speaks_of(scope, measured)
        old = (scope.as_of - moment).total_seconds() > _OLD_S
        parts.append(f"as of {clock(scope, moment)}" + (f" ({age_words(scope, moment)} old)" if old else ""))
    sources = sorted(
        dict.fromkeys(name for f in measured for name in str(f.source).split(" + ")),
        key=lambda name: not name.startswith(_AHEAD),  # what an answer on the time to come rests on is named first
    )
    parts.extend(sources[:_MOST_SOURCES])
    if any(f.source == SETTINGS for f in figures):
        parts.append("site settings")
    line = ", ".join(parts)
    if basic:
        line = f"{line} · basic mode" if line else "basic mode"
    return line


def _speaks_of(scope: Scope, figures: Sequence[Figure]) -> datetime:
    # Current figures name their own moment; periods and past moments are known up to the moment of the question.
    current = [f.taken_at for f in figures if f.taken_at is not None and f.name in FIELDS]
    if current:
        return max(current)
    return scope.as_of


# A model that was asked to act, or told to by a text that it read, says that it did. It never can.
_ACTS = "started|stopped|switched|turned|powered|enabled|disabled|confirmed|approved"
_CLAIM = re.compile(
    rf"\b(?:i|we)(?:['’]ve| have)? (?:just |now |already )?(?:{_ACTS}|set|changed|executed|activated|removed|granted)\b"
    rf"|\b(?:is|are|have been|has been) (?:now |successfully )?(?:{_ACTS})\b"
    r"|\bnow (?:running|mining|on|off)\b|^done\b",
    re.IGNORECASE | re.MULTILINE,
)
NOTHING_DONE = "This answer switched and changed nothing; only a tap or a command does."


def claims_an_act(text: str) -> bool:
    """Whether a model's text says that something was done, which no model can do here."""
    return _CLAIM.search(text) is not None
