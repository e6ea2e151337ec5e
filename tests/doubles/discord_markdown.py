"""What Discord's client makes of a message's Markdown, written from its rules and not from our renderer."""

from __future__ import annotations

import re
from collections.abc import Callable

# In the order in which the client tries them.
_LINE_RULES = [
    ("pre", re.compile(r"```(?:[a-z0-9_+\-.#]+?\n)?\n*([^\n].*?)\n*```", re.IGNORECASE | re.DOTALL)),
    ("quote", re.compile(r">(?:>>)? ")),
    ("heading", re.compile(r"#{1,3} +")),
    ("small", re.compile(r"-# +(?=\S)")),
    ("list", re.compile(r" *(?:[*-]|\d+\.) +(?=\S)")),
]
_RULES = [
    ("pre", re.compile(r"```(?:[a-z0-9_+\-.#]+?\n)?\n*([^\n].*?)\n*```", re.IGNORECASE | re.DOTALL)),
    ("escape", re.compile(r"\\([^0-9A-Za-z\s])")),
    ("code", re.compile(r"(`+)(.*?[^`])\1(?!`)", re.DOTALL)),
    ("mention", re.compile(r"<(?:@[!&]?|#|a?:\w+:|t:|/[\w -]+:|id:)[\w:]+>|@everyone|@here")),
    ("link", re.compile(r"\[[^\]\n]+\]\([^)\s]+\)|<https?://[^\s>]+>|https?://[^\s<]+|<(?:tel|mailto):[^>]+>")),
    ("emoji", re.compile(r":[a-zA-Z][\w+-]*:|:100:|:1234:")),
    ("bold", re.compile(r"\*\*((?:\\.|[^\\])+?)\*\*(?!\*)", re.DOTALL)),
    ("underline", re.compile(r"__((?:\\.|[^\\])+?)__(?!_)", re.DOTALL)),
    ("italic", re.compile(r"\b_((?:\\.|[^\\_])+?)_\b|\*(?=\S)((?:\\.|[^\\*])+?)\*(?!\*)", re.DOTALL)),
    ("strike", re.compile(r"~~((?:\\.|[^\\])+?)~~", re.DOTALL)),
    ("spoiler", re.compile(r"\|\|(.+?)\|\|", re.DOTALL)),
]


def read(markdown: str) -> tuple[str, set[str]]:
    """The text as a reader sees it, and which kinds of markup are at work in it."""
    used: set[str] = set()
    return _read(markdown, used.add, at_line_start=True), used


def _read(text: str, use: Callable[[str], None], *, at_line_start: bool) -> str:
    shown: list[str] = []
    position = 0
    while position < len(text):
        starts_line = text[position - 1] == "\n" if position else at_line_start
        kind, match = _rule(text, position, starts_line=starts_line)
        if match is None:
            shown.append(text[position])
            position += 1
            continue
        position = match.end()
        if kind == "escape":
            shown.append(match[1])
            continue
        use(kind)
        match kind:
            case "pre":
                shown.append(match[1])
            case "code":
                shown.append(match[2])
            case "list":
                shown.append("• ")
            case "quote" | "heading" | "small":
                pass
            case "mention" | "link" | "emoji":
                shown.append(match[0])
            case _:
                inner = next(group for group in match.groups() if group is not None)
                shown.append(_read(inner, use, at_line_start=False))
    return "".join(shown)


def _rule(text: str, position: int, *, starts_line: bool) -> tuple[str, re.Match[str] | None]:
    for kind, pattern in [*(_LINE_RULES if starts_line else []), *_RULES]:
        found = pattern.match(text, position)
        if found is not None:
            return kind, found
    return "", None
