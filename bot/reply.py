"""What is said back: a small tree that one renderer per platform turns into its dialect, with charts and buttons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from charts.specs import ChartSpec


@dataclass(frozen=True, slots=True)
class Text:
    """Plain words."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    """Words to be seen first."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Something to be typed or copied."""

    text: str


Inline = Text | Bold | Code


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; it may hold line ends."""

    inlines: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A list, one item a line."""

    items: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Text whose columns must stay aligned."""

    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the figures come from and of when they are, in small print."""

    text: str


Block = Paragraph | Lines | CodeBlock | Source

ButtonStyle = Literal["plain", "primary", "danger"]
ReplyKind = Literal["answer", "live", "live_off"]
FORM = "form:"


@dataclass(frozen=True, slots=True)
class Button:
    """Something to tap. `token` is opaque, at most 64 bytes; what it does is known on our side only.

    A token that begins with `FORM` opens the form of that name (`bot.forms`) where the platform has forms.
    """

    label: str
    token: str
    style: ButtonStyle = "plain"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its text as blocks, charts still to be rendered, and rows of buttons.

    `replaces`: it takes the place of the message whose button was tapped, where the platform can change messages.
    `kind` "live" marks the message that is kept up to date from then on, "live_off" the word that the chat's has ended.
    """

    blocks: tuple[Block, ...]
    charts: tuple[ChartSpec, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    replaces: bool = False
    kind: ReplyKind = "answer"


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered chart: PNG bytes, the text for those who do not see it, a file name without a suffix."""

    png: bytes
    alt: str
    slug: str


def say(*paragraphs: str) -> Reply:
    """A reply of plain paragraphs."""
    return Reply(tuple(Paragraph((Text(paragraph),)) for paragraph in paragraphs))


def plain(blocks: Iterable[Block]) -> str:
    """The blocks without any markup: for terminals, logs and the memory of a conversation."""
    return "\n\n".join(filter(None, (_plain_block(block) for block in blocks)))


def _plain_block(block: Block) -> str:
    match block:
        case Paragraph(inlines):
            return "".join(inline.text for inline in inlines)
        case Lines(items):
            return "\n".join("• " + "".join(inline.text for inline in item) for item in items)
        case CodeBlock(text) | Source(text):
            return text


def buttons_to_json(rows: Iterable[Iterable[Button]]) -> list[Any]:
    """Plain data from which `buttons_from_json` rebuilds the rows."""
    return [[[button.label, button.token, button.style] for button in row] for row in rows]


def buttons_from_json(data: Iterable[Any]) -> tuple[tuple[Button, ...], ...]:
    """The rows that `buttons_to_json` wrote down."""
    return tuple(tuple(Button(label, token, style) for label, token, style in row) for row in data)


_INLINES: dict[str, type[Inline]] = {"text": Text, "bold": Bold, "code": Code}
_INLINE_NAMES = {kind: name for name, kind in _INLINES.items()}


def blocks_to_json(blocks: Iterable[Block]) -> list[Any]:
    """Plain data from which `blocks_from_json` rebuilds the tree."""
    return [_block_to_json(block) for block in blocks]


def blocks_from_json(data: Iterable[Any]) -> tuple[Block, ...]:
    """The tree that `blocks_to_json` wrote down."""
    return tuple(_blocks_from_json(data))


def _block_to_json(block: Block) -> list[Any]:
    match block:
        case Paragraph(inlines):
            return ["paragraph", _inlines_to_json(inlines)]
        case Lines(items):
            return ["lines", [_inlines_to_json(item) for item in items]]
        case CodeBlock(text):
            return ["code", text]
        case Source(text):
            return ["source", text]


def _blocks_from_json(data: Iterable[Any]) -> Iterator[Block]:
    for kind, content in data:
        match kind:
            case "paragraph":
                yield Paragraph(_inlines_from_json(content))
            case "lines":
                yield Lines(tuple(_inlines_from_json(item) for item in content))
            case "code":
                yield CodeBlock(content)
            case "source":
                yield Source(content)
            case _:
                raise ValueError(f'a stored reply holds a block of kind "{kind}", which this version does not know')


def _inlines_to_json(inlines: Iterable[Inline]) -> list[list[str]]:
    return [[_INLINE_NAMES[type(inline)], inline.text] for inline in inlines]


def _inlines_from_json(data: Iterable[Any]) -> tuple[Inline, ...]:
    return tuple(_INLINES[kind](text) for kind, text in data)
