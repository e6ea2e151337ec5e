"""Text from outside, made safe to show, and the little Markdown that models write, made a reply tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from bot.reply import Block, Bold, Code, CodeBlock, Inline, Lines, Paragraph, Text

# Bidirectional overrides and isolates can turn a sentence around so that it reads as something else; lone surrogates
# cannot be written as UTF-8; the rest are control characters that no chat shows.
_UNSAFE = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u2065\ufe00-\ufe0f\u3164\uffa0]"
)

_LINK = re.compile(r"!?\[([^\]\n]*)\]\(([^)\s]*)[^)\n]*\)")
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://([^\s/?#<>\"']*)[^\s<>\"']*")
# Chats make links of bare domains, of addresses and of mentions; the same text with these looks the same and is none.
_LINKING_DOT = re.compile(r"(?<=\S)[.。．｡](?=[^\W\d_])")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?=[:/]\S)")  # with a port or a path
_LINKING_AT = re.compile(r"@(?=\w)")
_LOOKALIKES = str.maketrans({".": "․", "。": "․", "．": "․", "｡": "․", "@": "＠"})
_HOST_OR_NAME = re.compile(r"(?<![\w.@/-])[\w-]+(?:\.[\w-]+)+(?![\w@-])")
_ABBREVIATION = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")  # e.g., i.e., p.m.
_FILE = re.compile(r"[\w-]+\.(?:toml|json|ya?ml|csv|txt|log|db|cfg|ini|pdf|png)", re.IGNORECASE)  # none is a domain
_EXAMPLE = re.compile(r"(?<![\w.@+-])[\w+-]+@example\.org(?![\w.-])")  # reserved: nobody can own it
_INLINE = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|__(?=\S)(.+?)(?<=\S)__|`([^`\n]+)`")
_BULLET = re.compile(r"^\s{0,3}[-*•]\s+(.*)$")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_FENCE = re.compile(r"^\s*```")


def clean(text: str) -> str:
    """The text without characters that deceive or cannot be sent; line ends become "\\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def is_blank(text: str) -> bool:
    """Whether nothing in the text can be seen (spaces, zero-width characters)."""
    return not _INVISIBLE.sub("", clean(text))


def clean_name(name: str, *, limit: int = 64) -> str:
    """A name on one line, at most `limit` characters; "somebody" when nothing visible is left."""
    single = " ".join(clean(name).split())[:limit].strip()
    return "somebody" if is_blank(single) else single


def without_foreign_links(text: str, allowed_hosts: frozenset[str] = frozenset()) -> str:
    """The text with links to hosts that are not allowed taken out.

    A link can carry data away in its address, and some clients fetch it unasked (facts: zero-click exfiltration).
    """

    def allowed(host: str) -> bool:
        return host.rpartition("@")[2].partition(":")[0].lower() in allowed_hosts

    def link(match: re.Match[str]) -> str:
        target = _URL.match(match[2])
        return f"{match[1]} ({match[2]})" if target and allowed(target[1]) else match[1]

    return _URL.sub(lambda m: m[0] if allowed(m[1]) else "[link removed]", _LINK.sub(link, text))


def inert(text: str, allowed_hosts: frozenset[str] = frozenset()) -> str:
    """The text in which no chat finds a link, an address or a mention, character for character as long as it was.

    URLs and bare names of allowed hosts stay, and so do figures, times, file names and abbreviations.
    """
    kept = [match.span() for match in (*_URL.finditer(text), *_EXAMPLE.finditer(text))]
    kept += [
        match.span()
        for match in _HOST_OR_NAME.finditer(text)
        if match[0].lower() in allowed_hosts or _ABBREVIATION.fullmatch(match[0]) or _FILE.fullmatch(match[0])
    ]
    characters = list(text)
    for pattern in (_LINKING_DOT, _LINKING_AT):
        for match in pattern.finditer(text):
            at = match.start()
            if not any(start <= at < end for start, end in kept):
                characters[at] = match[0].translate(_LOOKALIKES)
    return _IPV4.sub(lambda match: match[0].translate(_LOOKALIKES), "".join(characters))


def blocks_from_text(text: str, allowed_hosts: frozenset[str] = frozenset()) -> tuple[Block, ...]:
    """The reply tree of a text with a little Markdown: bold, code, fences, bullets, headings, paragraphs.

    Nothing in it can be tapped but URLs of allowed hosts; code stays as it was written.
    """
    lines = without_foreign_links(clean(text), allowed_hosts).strip().split("\n")
    return tuple(_inert_block(block, allowed_hosts) for block in _blocks(lines))


def _inert_block(block: Block, allowed_hosts: frozenset[str]) -> Block:
    match block:
        case Paragraph(line):
            return Paragraph(_inert_line(line, allowed_hosts))
        case Lines(items):
            return Lines(tuple(_inert_line(line, allowed_hosts) for line in items))
        case _:
            return block


def _inert_line(line: tuple[Inline, ...], allowed_hosts: frozenset[str]) -> tuple[Inline, ...]:
    # As a whole, because a chat finds a domain across bold and plain text too.
    whole = inert("".join(inline.text for inline in line), allowed_hosts)
    found: list[Inline] = []
    position = 0
    for inline in line:
        end = position + len(inline.text)
        found.append(inline if isinstance(inline, Code) else replace(inline, text=whole[position:end]))
        position = end
    return tuple(found)


def _blocks(lines: list[str]) -> Iterator[Block]:
    position = 0
    while position < len(lines):
        if _FENCE.match(lines[position]):
            end = next((i for i in range(position + 1, len(lines)) if _FENCE.match(lines[i])), len(lines))
            yield CodeBlock("\n".join(lines[position + 1 : end]))
            position = end + 1
            continue
        end = next((i for i in range(position, len(lines)) if _FENCE.match(lines[i])), len(lines))
        yield from _prose(lines[position:end])
        position = end


def _prose(lines: list[str]) -> Iterator[Block]:
    for kind, group in groupby(lines, key=_line_kind):
        members = list(group)
        if kind == "bullet":
            yield Lines(tuple(inlines(_BULLET.sub(r"\1", line)) for line in members))
        elif kind == "heading":
            yield from (Paragraph((Bold(_HEADING.sub(r"\1", line)),)) for line in members)
        elif kind == "text":
            yield Paragraph(inlines("\n".join(line.rstrip() for line in members)))


def _line_kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _BULLET.match(line):
        return "bullet"
    return "heading" if _HEADING.match(line) else "text"


def inlines(text: str) -> tuple[Inline, ...]:
    """Bold and code spans of one line or paragraph; anything unclosed stays as it was written."""
    found: list[Inline] = []
    position = 0
    for match in _INLINE.finditer(text):
        if match.start() > position:
            found.append(Text(text[position : match.start()]))
        bold = match[1] or match[2]
        found.append(Bold(bold) if bold else Code(match[3]))
        position = match.end()
    if position < len(text):
        found.append(Text(text[position:]))
    return tuple(found)
